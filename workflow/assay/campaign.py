"""A campaign: the configuration, validated, and the lists of files that the job graph is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.adsorption.plan import AdsorptionChapter, adsorption_chapter
from assay.catalogue import load_catalogue
from assay.chapters import Chapter, ChapterOf
from assay.checkpoints import is_remote, local_files
from assay.conformance.plan import ConformanceChapter, conformance_chapter
from assay.diatomics.plan import DiatomicChapter, diatomic_chapter
from assay.failures import UserError, near_misses
from assay.gas.plan import GasChapter, gas_chapter
from assay.phonons.plan import PhononChapter, phonon_chapter
from assay.records import file_sha256
from assay.speed.plan import SpeedChapter, speed_chapter
from assay.validation import origin, read_schema, validate, with_defaults
from assay.widom.plan import WidomChapter, widom_chapter

# What describes a potential to people and changes no number: an edit reruns no calculation.
DESCRIPTIVE_KEYS = frozenset(
    {
        "base",
        "charge_aware",
        "citation",
        "colour",
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

# What changes numbers, and is told to people too.
SHOWN_KEYS = frozenset({"charge", "cutoff_A", "dispersion", "forces", "spin_multiplicity"})

# What loaders call the head of a model that has several, each with a level of theory of its own.
HEAD_KEYS = ("head", "modal", "task")

# Colours told apart by colour-blind readers (Okabe and Ito), for potentials that name none.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999933", "#882255", "#44AA99", "#AA4499")

CHAPTERS: dict[str, ChapterOf] = {
    "diatomics": diatomic_chapter,
    "phonons": phonon_chapter,
    "gas": gas_chapter,
    "widom": widom_chapter,
    "adsorption": adsorption_chapter,
    "speed": speed_chapter,
    "conformance": conformance_chapter,
}
"""The chapters in the order of the report."""


@dataclass(frozen=True)
class Campaign:
    """What is to be done.

    Attributes
    ----------
    config : dict
        The configuration with its defaults filled in.
    catalogue : dict of str to dict
        Entries of the models of this campaign, in its order.
    diatomics, phonons, gas, widom, adsorption, speed, conformance : Chapter
        The chapters; one that the configuration leaves out has no batches.
    """

    config: dict[str, Any]
    catalogue: dict[str, dict[str, Any]]
    diatomics: DiatomicChapter
    phonons: PhononChapter
    gas: GasChapter
    widom: WidomChapter
    adsorption: AdsorptionChapter
    speed: SpeedChapter
    conformance: ConformanceChapter

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
        """What of a model's entry its results depend on, with its name and the content of the file it may name."""
        entry = self.catalogue[model]
        parts = {"name": model} | {key: entry[key] for key in sorted(entry) if key not in DESCRIPTIVE_KEYS}
        file = entry["loader"].get("file")
        return parts | ({"file_sha256": file_sha256(Path(file))} if file else {})

    @property
    def fetched(self) -> list[str]:
        """Models whose weights have to be fetched."""
        return [model for model in self.models if is_remote(self.catalogue[model]["checkpoint"])]

    def checkpoint_files(self, model: str) -> list[str]:
        """Files that must be there before a model can be described: what was fetched, or its weights themselves."""
        if model in self.fetched:
            return [checkpoint_record(model)]
        return [str(path) for path in local_files(self.catalogue[model]["checkpoint"])]

    def card(self, model: str) -> dict[str, Any]:
        """What tables and figures say of a model."""
        position = self.models.index(model)
        entry = self.catalogue[model]
        given = {key: value for key, value in entry.items() if key in DESCRIPTIVE_KEYS | SHOWN_KEYS}
        head = next((entry["loader"][key] for key in HEAD_KEYS if key in entry["loader"]), None)
        fallback = {"label": model, "colour": PALETTE[position % len(PALETTE)]}
        shown = {"model": model, "package": entry["package"]} | fallback | given
        return shown | ({"head": head} if head is not None else {})

    def cards(self, chapter: Chapter | None = None) -> list[dict[str, Any]]:
        """The cards of a chapter's models, or of all."""
        return [self.card(model) for model in (self.models if chapter is None else chapter.models)]

    def device(self, model: str, *, scheduled: bool = False) -> str:
        """The devices a job may use, in order, as its command line wants them: such as ``cuda,cpu``.

        Parameters
        ----------
        model : str
        scheduled : bool, optional
            Whether a scheduler was asked for what the job needs: then a GPU that is not there may be an error.
        """
        wanted, fallback = self.config["device"], self.config["device_fallback"]
        allowed = self.catalogue[model]["default_devices"] if wanted == "auto" else [wanted]
        if allowed[0] == "cuda" and (fallback == "never" or (fallback == "unscheduled" and scheduled)):
            allowed = ["cuda"]
        return ",".join(allowed)

    @property
    def host_settings(self) -> str:
        """Environment variables that replace the engine's choice, as a job's command line wants them."""
        return ",".join(f"{name}={value}" for name, value in self.config["host_settings"].items())

    def gpus(self, model: str) -> int:
        """How many GPUs a job of the model asks the scheduler for."""
        return int(self.device(model).startswith("cuda"))

    @property
    def chapters(self) -> list[Chapter]:
        """The chapters that the campaign has, in the order of the report."""
        every = [getattr(self, name) for name in CHAPTERS]
        return [chapter for chapter in every if chapter.batches and chapter.models]

    def records(self, models: Iterable[str] | None = None) -> list[str]:
        """Records of all chapters of the models (all unless given)."""
        return [path for chapter in self.chapters for path in chapter.records(models)]

    def summaries(self) -> list[str]:
        """The closing file of each model's branch."""
        return [f"results/models/{model}/summary.json" for model in self.models]

    def tables(self) -> list[str]:
        """Tables of all chapters."""
        return [path for chapter in self.chapters for path in chapter.tables()]

    def accuracy_tables(self) -> list[str]:
        """Summary tables of the chapters that tell how accurate the potentials are."""
        return [path for chapter in self.chapters if chapter is not self.speed for path in chapter.summary_tables()]

    def figures(self) -> list[str]:
        """Figures of all chapters."""
        return [path for chapter in self.chapters for path in chapter.figures()]


def checkpoint_record(model: str) -> str:
    """Where it is recorded what became of fetching a model's weights."""
    return f"results/checkpoints/{model}.json"


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
    mirror = config["checkpoints"]["mirror"]
    if mirror and not Path(mirror).is_dir():
        raise UserError(
            f"{origin(files, ['checkpoints', 'mirror'], mirror)}: checkpoints.mirror: there is no folder {mirror};"
            " correct the path."
        )
    source = origin(files, ["models"], config["models"])
    models = _chapters_by_model(config["models"])
    for model in models:
        if model not in catalogue:
            raise UserError(f"{source}: models: {model!r} is not in {catalogue_path}{near_misses(model, catalogue)}")
        file = catalogue[model]["loader"].get("file")
        if file and not Path(file).is_file():
            raise UserError(f"{catalogue_path}: {model}.loader.file: there is no file {file}; correct the path.")
        environment = Path("envs") / f"{environment_of(catalogue[model])}.yaml"
        if not environment.exists():
            known = [path.stem for path in Path("envs").glob("*.yaml")]
            hint = near_misses(environment.stem, known)
            raise UserError(f"{catalogue_path}: {model}: there is no environment file {environment}{hint}")

    def chosen(chapter: str) -> dict[str, Mapping[str, Any]]:
        return {
            model: {} if chapters is None else chapters[chapter]
            for model, chapters in models.items()
            if chapters is None or chapter in chapters
        }

    campaign = Campaign(
        dict(config),
        {model: catalogue[model] for model in models},
        **{name: chapter_of(config, chosen(name), files) for name, chapter_of in CHAPTERS.items()},
    )
    if not campaign.chapters:
        raise UserError(
            f"{source}: there is nothing to do; give diatomics.elements, phonons.cases, gas.systems, widom.cases,"
            " adsorption.systems, speed.systems or conformance.laws."
        )
    for model in models:
        if not campaign.records([model]):
            raise UserError(f"{source}: models: {model!r} is in none of this campaign's chapters; remove it.")
    return campaign


def _chapters_by_model(
    models: Sequence[str | Mapping[str, Sequence[str] | Mapping[str, Mapping[str, Any]]]],
) -> dict[str, dict[str, Mapping[str, Any]] | None]:
    """The chapters that each potential is put through with its settings, in the order of the list; None for all."""
    named: dict[str, dict[str, Mapping[str, Any]] | None] = {}
    for item in models:
        for name, chapters in {item: None}.items() if isinstance(item, str) else item.items():
            listed = isinstance(chapters, Sequence)
            named[name] = {chapter: {} for chapter in chapters} if listed else chapters
    return named
