"""The conformance chapter in the job graph: one case per law, measured on structures of elements that a model knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from assay.chapters import Chapter, Files, Models
from assay.failures import UserError, near_misses
from assay.potentials.law_titles import TITLES
from assay.validation import origin


@dataclass(frozen=True)
class ConformanceChapter(Chapter):
    """Deviations from the laws that any potential obeys."""

    name: ClassVar[str] = "conformance"
    run_keys: ClassVar[tuple[str, ...]] = ("protocol",)
    score_keys: ClassVar[tuple[str, ...]] = ()
    table_names: ClassVar[tuple[str, ...]] = ("conformance", "conformance_summary")
    figure_names: ClassVar[tuple[str, ...]] = ("laws",)

    @property
    def cases(self) -> list[str]:
        """Names of the laws."""
        asked = self.config["laws"]
        return list(TITLES) if asked == "all" else list(asked)


def conformance_chapter(config: Mapping[str, Any], models: Models, files: Files) -> ConformanceChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If a law is none.
    """
    chapter = ConformanceChapter(config["conformance"], models)
    for law in chapter.cases:
        if law not in TITLES:
            source = origin(files, ["conformance", "laws"], config["conformance"]["laws"])
            raise UserError(f"{source}: conformance.laws: {law!r} is not a law{near_misses(law, TITLES)}")
    return chapter
