"""The diatomic chapter in the job graph: pairs of elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from ase.data import atomic_numbers

from assay.chapters import Chapter, Files, Models
from assay.failures import UserError, near_misses
from assay.validation import origin

REFERENCED = "referenced"
"""For `elements`: all that have a curve in the folder of references."""


@dataclass(frozen=True)
class DiatomicChapter(Chapter):
    """Curves of pairs of atoms.

    Attributes
    ----------
    pairs : tuple of str
        Such as ``N-N`` and ``C-O``.
    """

    pairs: tuple[str, ...] = ()

    name: ClassVar[str] = "diatomics"
    run_keys: ClassVar[tuple[str, ...]] = ("protocol", "stencil_A")
    score_keys: ClassVar[tuple[str, ...]] = ("wall_limit", "tail_limit", "ripple_eV")
    table_names: ClassVar[tuple[str, ...]] = ("diatomics", "diatomics_summary", "atomic_energies")
    figure_names: ClassVar[tuple[str, ...]] = ("curves", "walls", "deviations", "heatmap")

    @property
    def cases(self) -> list[str]:
        """All pairs: those of equal atoms, then the others."""
        return list(self.pairs)

    @property
    def grid_settings(self) -> dict[str, Any]:
        """What the geometries depend on."""
        return {key: self.config[key] for key in ("r_min_A", "r_max_A", "radii", "orientations", "box_A")}

    def references(self, batch: str) -> list[str]:
        """Files of the reference curves of a batch, as far as they exist."""
        paths = [reference_path(self.config["references"], pair) for pair in self.batches[batch]]
        return [str(path) for path in paths if path is not None and path.exists()]


def reference_path(folder: str | Path, pair: str) -> Path | None:
    """Where the reference curve of a pair would be; None for unequal atoms, for which there are none."""
    first, second = pair.split("-")
    return Path(folder) / f"{first}.json" if first == second else None


def diatomic_chapter(config: Mapping[str, Any], models: Models, files: Files) -> DiatomicChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If an element does not exist, a pair is there twice, there are no references where all are asked for, or the
        distances do not fit into the box.
    """
    block = config["diatomics"]
    elements = block["elements"]
    if elements == REFERENCED:
        elements = [path.stem for path in Path(block["references"]).glob("*.json")]
        elements = sorted((name for name in elements if name in atomic_numbers), key=atomic_numbers.get)
        if not elements:
            source = origin(files, ["diatomics", "references"], block["references"])
            raise UserError(
                f"{source}: diatomics.references: there is no curve in {block['references']}; name the elements."
            )
    pairs = [f"{element}-{element}" for element in elements] + list(block["pairs"])
    for key, names in (
        ("elements", elements),
        ("pairs", chain.from_iterable(pair.split("-") for pair in block["pairs"])),
    ):
        for name in names:
            if atomic_numbers.get(name, 0) == 0:
                source = origin(files, ["diatomics", key], block[key])
                hint = near_misses(name, [symbol for symbol in atomic_numbers if symbol != "X"])
                raise UserError(f"{source}: diatomics.{key}: {name!r} is not an element{hint}")
    seen: set[frozenset[str]] = set()
    for pair in pairs:
        if frozenset(pair.split("-")) in seen:
            source = origin(files, ["diatomics", "pairs"], block["pairs"])
            raise UserError(f"{source}: diatomics.pairs: {pair} is there twice; remove one.")
        seen.add(frozenset(pair.split("-")))
    if not block["r_min_A"] < block["r_max_A"] <= block["box_A"] / 2:
        source = origin(files, ["diatomics", "r_max_A"], block["r_max_A"])
        raise UserError(
            f"{source}: diatomics.r_max_A: distances go from r_min_A to r_max_A and to half the box at most; there are"
            f" {block['r_min_A']}, {block['r_max_A']} and {block['box_A']} Å."
        )
    return DiatomicChapter(block, models, tuple(pairs))
