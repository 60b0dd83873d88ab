"""The adsorption chapter in the job graph: frameworks, guests, temperatures and pressures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from assay.chapters import Chapter, Files, Models, named
from assay.failures import UserError
from assay.validation import origin


@dataclass(frozen=True)
class AdsorptionChapter(Chapter):
    """Grand-canonical Monte Carlo of guests in frameworks.

    Attributes
    ----------
    systems : dict of str to dict
        Facts of each pair of a framework and a guest, by name.
    """

    systems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    name: ClassVar[str] = "adsorption"
    run_keys: ClassVar[tuple[str, ...]] = (
        *("protocol", "engine", "moves", "guest", "equation_of_state", "trials", "equilibration_trials", "replicas"),
        *("sample_every", "frame_every", "supercell", "relax_host", "relax_fmax_eV_A", "relax_steps"),
        *("overlap_fraction", "shares", "max_displacement_A", "max_rotation_deg", "timestep_fs"),
        *("md_steps_per_exchange", "exchanges_per_cycle", "thermostat_fs"),
    )
    score_keys: ClassVar[tuple[str, ...]] = (
        *("blocks", "bootstrap", "min_effective_samples", "map_window_A", "map_tile_A"),
    )
    table_names: ClassVar[tuple[str, ...]] = ("adsorption", "adsorption_isotherms", "adsorption_summary")
    figure_names: ClassVar[tuple[str, ...]] = (
        *("isotherms", "isotherms_log", "molecules", "heats", "acceptance", "density", "distances"),
    )

    @property
    def isotherms(self) -> dict[str, tuple[str, float]]:
        """System and temperature (K) of each isotherm, by name."""
        return {
            f"{system}-{temperature_K:g}K": (system, temperature_K)
            for system in self.systems
            for temperature_K in self.config["temperatures_K"]
        }

    def pressures_bar(self, isotherm: str) -> dict[str, float]:
        """Pressures (bar) of the cases of an isotherm, ascending, by the case's name."""
        return {f"{isotherm}-{pressure:g}bar": pressure for pressure in sorted(self.config["pressures_bar"])}

    @property
    def cases(self) -> list[str]:
        """Names of systems at a temperature and a pressure."""
        return [case for isotherm in self.isotherms for case in self.pressures_bar(isotherm)]

    @property
    def batches(self) -> dict[str, list[str]]:
        """Cases of each job: of one isotherm, and every n-th of its pressures, since dense guests cost more."""
        size = self.config["batch_size"]
        if size is None:
            size = len(self.config["pressures_bar"]) if self.config["engine"] == "assay" else 1
        parts = []
        for isotherm in self.isotherms:
            cases = list(self.pressures_bar(isotherm))
            count = -(-len(cases) // size)
            parts += [cases[start::count] for start in range(count)]
        return {f"{number:03d}": part for number, part in enumerate(parts)}

    @property
    def settings_by_model(self) -> dict[str, dict[str, Any]]:
        """What of the settings is different for single models; not their pressures, which choose their cases."""
        return {
            model: own
            for model, given in super().settings_by_model.items()
            if (own := {key: value for key, value in given.items() if key != "pressures_bar"})
        }

    def cases_of(self, model: str) -> list[str]:
        """The cases that a model goes through: all, or those at the pressures that are its own."""
        own = self.models[model].get("pressures_bar")
        if own is None:
            return self.cases
        return [
            case
            for isotherm in self.isotherms
            for case, pressure in self.pressures_bar(isotherm).items()
            if pressure in own
        ]

    def cases_by_model(self) -> dict[str, list[str]]:
        """The cases of those models that do not go through all."""
        return {model: self.cases_of(model) for model, own in self.models.items() if "pressures_bar" in own}

    def records(self, models: Iterable[str] | None = None) -> list[str]:
        """Records of the jobs of the models (all of the chapter unless given) that have cases to calculate."""
        chosen = set(self.models if models is None else models)
        return [
            f"results/models/{model}/{self.name}/batch-{batch}.json"
            for model in self.models
            if model in chosen
            for batch, cases in self.batches.items()
            if set(cases) & set(self.cases_of(model))
        ]

    def plan(self, batch: str) -> dict[str, dict[str, Any]]:
        """Facts of a job's cases by name: files, ``critical``, ``system``, ``temperature_K``, ``pressure_bar``."""
        keys = ("framework", "guest", "primitive", "axis", "critical")
        wanted = self.batches[batch]
        return {
            case: {key: self.systems[system][key] for key in keys}
            | {"system": system, "temperature_K": temperature_K, "pressure_bar": pressure_bar}
            for isotherm, (system, temperature_K) in self.isotherms.items()
            for case, pressure_bar in self.pressures_bar(isotherm).items()
            if case in wanted
        }

    def files(self, batch: str) -> list[str]:
        """Files of the frameworks and guests of one job."""
        return sorted({facts[key] for facts in self.plan(batch).values() for key in ("framework", "guest")})

    def experiments(self) -> dict[str, str | None]:
        """Files of measured isotherms by system."""
        return {name: facts["experiment"] for name, facts in self.systems.items()}

    def experiment_files(self) -> list[str]:
        """Those files, each once."""
        return sorted({path for path in self.experiments().values() if path})


def adsorption_chapter(config: Mapping[str, Any], models: Models, files: Files) -> AdsorptionChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If a name is there twice, a file does not exist, a model's own pressure is none of the chapter's, or the
        settings do not go together.
    """
    block = config["adsorption"]
    systems = named("adsorption", "systems", block["systems"], ("framework", "guest", "experiment"), files)
    chapter = AdsorptionChapter(block, models, systems)
    if not chapter.batches:
        return chapter
    _check_engine("adsorption", block, origin(files, ["adsorption", "engine"], block["engine"]))
    source = origin(files, ["models"], config["models"])
    for model, own in models.items():
        unknown = sorted(set(own.get("pressures_bar", ())) - set(block["pressures_bar"]))
        if unknown:
            raise UserError(
                f"{source}: models: {model}.adsorption.pressures_bar: {unknown[0]:g} bar is not among"
                " adsorption.pressures_bar; add it there."
            )
        _check_engine(f"models: {model}.adsorption", {**block, **own}, source)
    return chapter


def _check_engine(where: str, settings: Mapping[str, Any], source: str) -> None:
    if settings["moves"] == "md+exchange" and settings["engine"] != "lammps":
        raise UserError(f"{source}: {where}.moves: md+exchange is what LAMMPS does; set `engine: lammps` beside it.")
    if settings["guest"] == "flexible" and settings["engine"] != "assay":
        raise UserError(
            f"{source}: {where}.guest: LAMMPS exchanges flexible molecules with a bias; set `engine: assay` beside it."
        )
