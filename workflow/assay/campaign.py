"""A campaign: the configuration, validated, and the lists of files that the job graph is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.failures import UserError, near_misses
from assay.references.cases import FETCHED, DatabaseCases, database_cases
from assay.structures import load_crystals
from assay.validation import origin, read_schema, read_yaml, validate, with_defaults

# What describes a potential to people and changes no number: an edit reruns no calculation.
DESCRIPTIVE_KEYS = frozenset(
    {
        "charge_aware",
        "citation",
        "colour",
        "cutoff_A",
        "default_devices",
        "equivariance",
        "label",
        "level_of_theory",
        "licence",
        "neighbour_limit",
        "parameters",
        "training_data",
    }
)

# Colours told apart by colour-blind readers (Okabe and Ito), for potentials that name none.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999933", "#882255", "#44AA99", "#AA4499")

# What decides how scores are computed and shown, not what a model calculates.
PHONON_SCORE_KEYS = ("mesh_length_A", "temperatures_K", "imaginary_threshold_THz", "band_points")
PHONON_RUN_KEYS = (
    "protocol",
    "displacement_A",
    "symmetry_tolerance_A",
    "relax",
    "relax_fmax_eV_A",
    "relax_steps",
    "subtract_residual_forces",
)


@dataclass(frozen=True)
class Campaign:
    """What is to be done.

    Attributes
    ----------
    config : dict
        The configuration with its defaults filled in.
    catalogue : dict of str to dict
        Entries of the models of this campaign, in its order.
    fetched : DatabaseCases
        Crystals from a phonon database.
    """

    config: dict[str, Any]
    catalogue: dict[str, dict[str, Any]]
    fetched: DatabaseCases = field(default_factory=DatabaseCases)

    @property
    def models(self) -> list[str]:
        """Names of the potentials, in the order of tables and legends."""
        return list(self.catalogue)

    @property
    def environments(self) -> list[str]:
        """Names of the environments that the models need."""
        return sorted({self.environment(model) for model in self.models})

    def environment(self, model: str) -> str:
        """The environment in which a model runs."""
        return environment_of(self.catalogue[model])

    def entry(self, model: str) -> dict[str, Any]:
        """What of a model's entry its results depend on, with its name."""
        entry = self.catalogue[model]
        return {"name": model} | {key: entry[key] for key in sorted(entry) if key not in DESCRIPTIVE_KEYS}

    def card(self, model: str) -> dict[str, Any]:
        """What tables and figures say of a model."""
        position = self.models.index(model)
        given = {key: value for key, value in self.catalogue[model].items() if key in DESCRIPTIVE_KEYS}
        fallback = {"label": model, "colour": PALETTE[position % len(PALETTE)]}
        return {"model": model, "package": self.catalogue[model]["package"]} | fallback | given

    def device(self, model: str) -> str:
        """The devices a job may use, in order, as its command line wants them: such as ``cuda,cpu``."""
        wanted = self.config["device"]
        allowed = self.catalogue[model]["default_devices"]
        return ",".join(allowed) if wanted == "auto" else wanted

    def gpus(self, model: str) -> int:
        """How many GPUs a job of the model asks the scheduler for."""
        return int(self.device(model).startswith("cuda"))

    # phonons ---------------------------------------------------------------------------------------------------------

    @property
    def phonon_cases(self) -> list[str]:
        """All crystals: those of the file of structures, then those of the database."""
        return [*self.config["phonons"]["cases"], *self.fetched.cases]

    @property
    def phonon_batches(self) -> dict[str, list[str]]:
        """Crystals of each job, by the job's number as text (``000``, ``001``, ...).

        One job of which nothing is known yet stands for all of them while a sample has not been drawn.
        """
        if self.fetched.awaits_selection:
            return {"000": []}
        cases, size = self.phonon_cases, self.config["phonons"]["batch_size"]
        return {f"{start // size:03d}": cases[start : start + size] for start in range(0, len(cases), size)}

    @property
    def phonon_run_settings(self) -> dict[str, Any]:
        """What of the configuration the phonon calculations depend on."""
        return {key: self.config["phonons"][key] for key in PHONON_RUN_KEYS}

    @property
    def phonon_score_settings(self) -> dict[str, Any]:
        """What of the configuration the phonon tables depend on."""
        return {key: self.config["phonons"][key] for key in PHONON_SCORE_KEYS}

    @cached_property
    def database(self) -> dict[str, Any]:
        """The block on the phonon database; where there is none, that of the MDR database with its defaults."""
        schema = read_schema("config")["properties"]["phonons"]["properties"]["database"]
        return self.config["phonons"].get("database") or with_defaults({"source": "mdr"}, schema)

    def needs_mdr_index(self, case: str) -> bool:
        """Whether the index of the MDR database must be there to find a record."""
        return self.database["source"] == "mdr" and not self.database["mirror"] and case not in self.fetched.mdr_ids

    def phonon_references(self, batch: str) -> list[str]:
        """Files of the reference records of a batch: those that ship and exist, and those that are fetched.

        Raises
        ------
        UserError
            If the crystals are a sample that has not been drawn.
        """
        if self.fetched.awaits_selection:
            raise UserError(
                "phonons.database.sample: this sample has not been drawn yet; run the same command with the target"
                " select_materials first."
            )
        shipped = set(self.config["phonons"]["cases"])
        files = []
        for case in self.phonon_batches[batch]:
            folder = self.config["phonons"]["references"] if case in shipped else FETCHED
            paths = [f"{folder}/{case}/{name}" for name in ("phonopy_params.yaml.xz", "record.json")]
            files += [path for path in paths if case not in shipped or Path(path).exists()]
        return files

    def phonon_inputs(self) -> list[str]:
        """Files of prepared crystals."""
        return [f"results/inputs/phonons/batch-{batch}.json" for batch in self.phonon_batches]

    def phonon_records(self, models: Iterable[str] | None = None) -> list[str]:
        """Records of the phonon jobs of the models (all unless given)."""
        return [
            f"results/models/{model}/phonons/batch-{batch}.json"
            for model in (self.models if models is None else models)
            for batch in self.phonon_batches
        ]

    # the whole -------------------------------------------------------------------------------------------------------

    def records(self, model: str) -> list[str]:
        """Records of all chapters of one model."""
        return self.phonon_records([model])

    def summaries(self) -> list[str]:
        """The closing file of each model's branch."""
        return [f"results/models/{model}/summary.json" for model in self.models]

    def tables(self) -> list[str]:
        """Tables of all chapters."""
        if not self.phonon_batches:
            return []
        return ["results/tables/phonons.csv", "results/tables/phonons_summary.csv"]

    def figures(self) -> list[str]:
        """Figures of all chapters."""
        if not self.phonon_batches:
            return []
        names = ("deviations", "parity")
        files = [f"results/figures/phonons/{name}.{kind}" for name in names for kind in ("png", "svg")]
        return [*files, "results/figures/phonons/bands"]


def environment_of(entry: Mapping[str, Any]) -> str:
    """The environment that a catalogue entry names, or that of its package."""
    return entry.get("environment", entry["package"])


def load_campaign(config: Mapping[str, Any], files: Sequence[Path | str] = ()) -> Campaign:
    """Validate a configuration and read the catalogue it names.

    Parameters
    ----------
    config : mapping
        The merged configuration.
    files : sequence of path
        The files that it was merged from, for messages.

    Raises
    ------
    UserError
        One sentence with the file, the key and the remedy.
    """
    schema = read_schema("config")
    validate(config, schema, files)
    config = with_defaults(config, schema)

    catalogue_path = Path(config["catalogue"])
    for key in ("catalogue", "structures"):
        if not Path(config[key]).is_file():
            raise UserError(
                f"{origin(files, [key], config[key])}: {key}: there is no file {config[key]}; correct the path."
            )
    catalogue = load_catalogue(catalogue_path)
    for model in config["models"]:
        if model not in catalogue:
            source = origin(files, ["models"], config["models"])
            raise UserError(f"{source}: models: {model!r} is not in {catalogue_path}{near_misses(model, catalogue)}")
        environment = Path("envs") / f"{environment_of(catalogue[model])}.yaml"
        if not environment.exists():
            known = [path.stem for path in Path("envs").glob("*.yaml")]
            hint = near_misses(environment.stem, known)
            raise UserError(f"{catalogue_path}: {model}: there is no environment file {environment}{hint}")

    fetched = database_cases(config["phonons"].get("database"), files)
    if config["phonons"]["cases"] or fetched.cases:
        _check_cases(config, fetched, files)
    return Campaign(dict(config), {model: catalogue[model] for model in config["models"]}, fetched)


def _check_cases(config: Mapping[str, Any], fetched: DatabaseCases, files: Sequence[Path | str]) -> None:
    """Every name of a crystal is one of the file of structures, or one of the database, and not both."""
    crystals = load_crystals(Path(config["structures"]))
    from_database = set(fetched.cases)
    for case in fetched.cases:
        if case in crystals:
            raise UserError(
                f"{config['structures']}: {case}: phonons.database has a crystal of that name too; rename this one."
            )
    for key, known in (("cases", crystals), ("band_figures", crystals.keys() | from_database)):
        names = config["phonons"][key]
        for case in names if isinstance(names, list) else ():
            if case not in known:
                hint = near_misses(case, sorted(known))
                source = origin(files, ["phonons", key], names)
                raise UserError(f"{source}: phonons.{key}: {case!r} is not in {config['structures']}{hint}")


def load_catalogue(path: Path) -> dict[str, dict[str, Any]]:
    """Read and validate a catalogue.

    Raises
    ------
    UserError
        One sentence with the file, the entry, the key and the remedy.
    """
    catalogue = read_yaml(path)
    validate(catalogue, read_schema("models"), [path])
    return catalogue
