"""The synthetic data on disk: one extended-XYZ file, whose structures say which part they belong to."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from assay.failures import UserError
from assay.records import atomic_path
from assay.training.nbody import NBodyPotential, make_potential
from assay.training.sampling import sample

PARTS = ("training", "validation", "test")


def potential_of(settings: Mapping[str, Any], seed: int) -> NBodyPotential:
    """The n-body potential of the configuration's block ``training``."""
    return make_potential(
        settings["elements"],
        body_order=settings["body_order"],
        terms=settings["terms"],
        cutoff_A=settings["cutoff_A"],
        seed=seed,
    )


def make_structures(settings: Mapping[str, Any], seed: int) -> list[Atoms]:
    """Structures of all parts, as many as ``structures`` of the block ``training`` asks for."""
    potential = potential_of(settings, seed)
    made = []
    for part in PARTS:
        for atoms in sample(potential, settings["structures"][part], seed, part):
            atoms.info["part"] = part
            made.append(atoms)
    return made


def write_structures(path: Path, structures: Sequence[Atoms]) -> None:
    """Write structures with their results as extended XYZ, atomically."""
    with atomic_path(path) as temporary:
        ase.io.write(temporary, structures, format="extxyz")


def read_structures(path: Path) -> dict[str, list[Atoms]]:
    """Structures with energies and forces, by part.

    Raises
    ------
    UserError
        If the file is missing, not extended XYZ, or a structure has no part, energy or forces.
    """
    try:
        with warnings.catch_warnings():
            # names of columns that ase reserves
            warnings.simplefilter("ignore", UserWarning)
            structures = ase.io.read(path, index=":", format="extxyz")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; `snakemake {path}` makes it.") from error
    except Exception as error:
        # ase's reader raises whatever goes wrong in it
        raise UserError(f"{path}: not readable as extended XYZ ({error}); delete it and rerun.") from error
    parts: dict[str, list[Atoms]] = {part: [] for part in PARTS}
    for number, atoms in enumerate(structures, start=1):
        results = getattr(atoms.calc, "results", {})
        if atoms.info.get("part") not in parts or not {"energy", "forces"} <= results.keys():
            raise UserError(f"{path}: structure {number} has no part, energy or forces; delete the file and rerun.")
        parts[atoms.info["part"]].append(atoms)
    return parts
