"""The phonon chapter in the job graph: crystals of the file of structures and of a phonon database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from assay.chapters import Chapter, Files, Models
from assay.failures import UserError, near_misses
from assay.references.cases import FETCHED, DatabaseCases, database_cases
from assay.structures import load_crystals
from assay.validation import origin, read_schema, with_defaults


@dataclass(frozen=True)
class PhononChapter(Chapter):
    """Harmonic phonons.

    Attributes
    ----------
    fetched : DatabaseCases
        Crystals from a phonon database.
    """

    fetched: DatabaseCases = field(default_factory=DatabaseCases)

    name: ClassVar[str] = "phonons"
    run_keys: ClassVar[tuple[str, ...]] = (
        "protocol",
        "displacement_A",
        "symmetry_tolerance_A",
        "relax",
        "relax_fmax_eV_A",
        "relax_steps",
        "subtract_residual_forces",
    )
    score_keys: ClassVar[tuple[str, ...]] = (
        "mesh_length_A",
        "temperatures_K",
        "imaginary_threshold_THz",
        "band_points",
    )
    table_names: ClassVar[tuple[str, ...]] = ("phonons", "phonons_summary")
    figure_names: ClassVar[tuple[str, ...]] = ("deviations", "parity")
    figure_folders: ClassVar[tuple[str, ...]] = ("bands",)

    @property
    def cases(self) -> list[str]:
        """All crystals: those of the file of structures, then those of the database."""
        return [*self.config["cases"], *self.fetched.cases]

    @property
    def batches(self) -> dict[str, list[str]]:
        """Crystals of each job, by the job's number as text.

        One job of which nothing is known yet stands for all of them while a sample has not been drawn.
        """
        return {"000": []} if self.fetched.awaits_selection else super().batches

    @cached_property
    def database(self) -> dict[str, Any]:
        """The block on the phonon database; where there is none, that of the MDR database with its defaults."""
        schema = read_schema("config")["properties"]["phonons"]["properties"]["database"]
        return self.config.get("database") or with_defaults({"source": "mdr"}, schema)

    def needs_mdr_index(self, case: str) -> bool:
        """Whether the index of the MDR database must be there to find a record."""
        return self.database["source"] == "mdr" and not self.database["mirror"] and case not in self.fetched.mdr_ids

    def references(self, batch: str) -> list[str]:
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
        shipped = set(self.config["cases"])
        files = []
        for case in self.batches[batch]:
            folder = self.config["references"] if case in shipped else FETCHED
            paths = [f"{folder}/{case}/{name}" for name in ("phonopy_params.yaml.xz", "record.json")]
            files += [path for path in paths if case not in shipped or Path(path).exists()]
        return files


def phonon_chapter(config: Mapping[str, Any], models: Models, files: Files) -> PhononChapter:
    """The chapter of a configuration; parameters as of `assay.chapters.ChapterOf`.

    Raises
    ------
    UserError
        If a crystal is not in the file of structures, or is there and in the database.
    """
    block = config["phonons"]
    fetched = database_cases(block.get("database"), files)
    if block["cases"] or fetched.cases:
        _check_cases(config, fetched, files)
    return PhononChapter(block, models, fetched)


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
