"""The Widom chapter in the job graph: guests in frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from assay.chapters import Chapter, Files, Models, named
from assay.failures import UserError
from assay.validation import origin


@dataclass(frozen=True)
class WidomChapter(Chapter):
    """Trial insertions of guests into frameworks.

    Attributes
    ----------
    systems : dict of str to dict
        Facts of each pair of a framework and a guest, by name.
    """

    systems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    name: ClassVar[str] = "widom"
    run_keys: ClassVar[tuple[str, ...]] = (
        *("protocol", "insertions", "sampling", "replicates", "supercell", "relax_host", "relax_fmax_eV_A"),
        *("relax_steps", "skip_overlaps", "overlap_fraction", "overlap_sample", "minima"),
    )
    score_keys: ClassVar[tuple[str, ...]] = (
        *("temperatures_K", "temperature_K", "blocks", "bootstrap", "map_window_A", "map_tile_A", "map_limit_eV"),
    )
    table_names: ClassVar[tuple[str, ...]] = ("widom", "widom_summary")
    figure_names: ClassVar[tuple[str, ...]] = (
        *("henry", "heats", "temperature", "histogram", "profile", "map_energy", "map_free_energy"),
    )

    @property
    def cases(self) -> list[str]:
        """Names of the pairs of a framework and a guest."""
        return list(self.systems)

    def plan(self, batch: str) -> dict[str, dict[str, Any]]:
        """Facts of the cases of one job by name: ``framework``, ``guest``, ``primitive``, ``axis``."""
        keys = ("framework", "guest", "primitive", "axis")
        return {case: {key: self.systems[case][key] for key in keys} for case in self.batches[batch]}

    def files(self, batch: str) -> list[str]:
        """Files of the frameworks and guests of one job."""
        return sorted({facts[key] for facts in self.plan(batch).values() for key in ("framework", "guest")})

    def experiments(self) -> dict[str, str | None]:
        """Files of measured values by case."""
        return {case: facts["experiment"] for case, facts in self.systems.items()}

    def experiment_files(self) -> list[str]:
        """Those files, each once."""
        return sorted({path for path in self.experiments().values() if path})


def widom_chapter(config: Mapping[str, Any], models: Models, files: Files) -> WidomChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If a name is there twice, a file does not exist, or the quoted temperature is not among the temperatures.
    """
    block = config["widom"]
    systems = named("widom", "cases", block["cases"], ("framework", "guest", "experiment"), files)
    chapter = WidomChapter(block, models, systems)
    if not chapter.batches:
        return chapter
    if block["temperature_K"] not in block["temperatures_K"]:
        source = origin(files, ["widom", "temperature_K"], block["temperature_K"])
        raise UserError(
            f"{source}: widom.temperature_K: {block['temperature_K']:g} K is not among widom.temperatures_K; add it."
        )
    return chapter
