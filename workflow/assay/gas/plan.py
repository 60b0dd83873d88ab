"""The gas chapter in the job graph: fluids at temperatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from assay.chapters import Chapter, Files, Models, named
from assay.failures import UserError
from assay.validation import origin


@dataclass(frozen=True)
class GasChapter(Chapter):
    """Molecular dynamics of fluids at one or more temperatures.

    Attributes
    ----------
    systems : dict of str to dict
        Facts of each fluid by name: a molecule, how many of it, and their box, or a file.
    """

    systems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    name: ClassVar[str] = "gas"
    run_keys: ClassVar[tuple[str, ...]] = (
        *("protocol", "repeats", "equilibration_K", "equilibration_ps", "production_ps", "timestep_fs", "thermostat"),
        *("thermostat_time_fs", "frame_interval_fs", "velocity_interval_fs", "timestep_scan_fs", "timestep_scan_ps"),
        *("explosion_factor", "closest_A"),
    )
    score_keys: ClassVar[tuple[str, ...]] = ("bond_limit", "experiments")
    table_names: ClassVar[tuple[str, ...]] = ("gas", "gas_summary")
    figure_names: ClassVar[tuple[str, ...]] = (
        *("energies", "drift", "msd", "diffusion", "rdf", "speeds", "vibrations", "survival"),
    )

    @property
    def cases(self) -> list[str]:
        """Names of the systems at their temperatures, such as ``CO2-400K``."""
        return list(self._facts())

    def plan(self, batch: str) -> dict[str, dict[str, Any]]:
        """Facts of the cases of one job by name: the system's own, its name, and ``temperature_K``."""
        every = self._facts()
        return {case: every[case] for case in self.batches[batch]}

    def _facts(self) -> dict[str, dict[str, Any]]:
        return {
            f"{system}-{temperature:g}K": {"system": system, "temperature_K": temperature, **facts}
            for system, facts in self.systems.items()
            for temperature in self.config["temperatures_K"]
        }

    @property
    def yardsticks(self) -> list[str]:
        """Models that the others are compared with: one or none."""
        return [model for model, own in self.models.items() if own.get("yardstick")]

    @property
    def score_settings(self) -> dict[str, Any]:
        """What of the configuration the tables depend on."""
        return super().score_settings | {"yardstick": next(iter(self.yardsticks), "")}

    def files(self, batch: str) -> list[str]:
        """Files that the systems of one job are made from."""
        keys = ("molecule", "file", "reference")
        return sorted({facts[key] for facts in self.plan(batch).values() for key in keys if facts.get(key)})

    def experiment_files(self) -> list[str]:
        """The file of measured values, if there is one."""
        return [self.config["experiments"]] if self.config["experiments"] else []


def gas_chapter(config: Mapping[str, Any], models: Models, files: Files) -> GasChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If a name is there twice, a file does not exist, an interval is not a number of time steps, or there are
        two yardsticks.
    """
    block = config["gas"]
    systems = named("gas", "systems", block["systems"], ("molecule", "file", "reference"), files)
    chapter = GasChapter(block, models, systems)
    if not chapter.batches:
        return chapter
    if block["experiments"] and not Path(block["experiments"]).is_file():
        source = origin(files, ["gas", "experiments"], block["experiments"])
        raise UserError(f"{source}: gas.experiments: there is no file {block['experiments']}; correct the path.")
    for key in ("frame_interval_fs", "velocity_interval_fs"):
        steps = block[key] / block["timestep_fs"]
        if abs(steps - round(steps)) > 1e-9 or round(steps) < 1:
            source = origin(files, ["gas", key], block[key])
            raise UserError(f"{source}: gas.{key}: {block[key]:g} fs is not a whole number of time steps; change it.")
    if len(chapter.yardsticks) > 1:
        raise UserError(
            f"{origin(files, ['models'])}: models: {' and '.join(chapter.yardsticks)} cannot both be yardstick."
        )
    return chapter
