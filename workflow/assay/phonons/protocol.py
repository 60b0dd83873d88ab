"""Harmonic phonons by finite displacements: every model gets the same displaced supercells.

Cell, supercell, primitive cell and displacements come from the reference record where there is one, else from lattice
facts with displacements of 0.01 Å. The forces on the undisplaced supercell and the net force are subtracted; force
constants are symmetrised by phonopy. No non-analytical correction.

Methods: A. Togo, J. Phys. Soc. Jpn. 92, 012001 (2023), doi:10.7566/JPSJ.92.012001; the comparison of potentials follows
A. Loew et al., npj Comput. Mater. 11, 178 (2025), doi:10.1038/s41524-025-01650-1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from phonopy import Phonopy, load
from phonopy.structure.cells import guess_primitive_matrix

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import require_finite
from assay.potentials.relaxation import relaxed
from assay.records import atomic_path
from assay.structures import to_ase, to_phonopy
from assay.units import EV_PER_A3_IN_GPA

if TYPE_CHECKING:
    from ase import Atoms
    from phonopy.structure.atoms import PhonopyAtoms

    from assay.potentials import Potential


@dataclass(frozen=True)
class Calculation:
    """Finite-displacement forces of one crystal by one potential.

    Attributes
    ----------
    phonopy : Phonopy
        With displacements, forces (residual and net force subtracted) and energies of the supercells.
    observations : dict
        Numbers that are seen on the way, unit in the name.
    """

    phonopy: Phonopy
    observations: dict[str, float | int]


def displaced_crystal(
    atoms: Atoms, supercell_matrix: np.ndarray, *, displacement_A: float = 0.01, symmetry_tolerance_A: float = 1e-5
) -> Phonopy:
    """A crystal with the symmetry-inequivalent displacements that phonopy makes.

    Parameters
    ----------
    atoms : Atoms
        Unit cell.
    supercell_matrix : ndarray of int, shape (3, 3)
        Phonopy's convention.
    displacement_A : float
        Length of a displacement (Å).
    symmetry_tolerance_A : float
        Tolerance of the space-group search (Å).
    """
    unitcell = to_phonopy(atoms)
    primitive_matrix = guess_primitive_matrix(unitcell, symprec=symmetry_tolerance_A)
    phonopy = Phonopy(unitcell, supercell_matrix, primitive_matrix=primitive_matrix, symprec=symmetry_tolerance_A)
    phonopy.generate_displacements(distance=displacement_A)
    return phonopy


def read_displacements(path: Path) -> Phonopy:
    """Cell, supercell, primitive cell and displacements of a phonopy file, without its forces.

    No symmetry is searched for, which would take longer than the rest: displacements are given, and whoever loads the
    forces later finds the space group then.

    Raises
    ------
    UserError
        If the file cannot be read or holds no displacements.
    """
    phonopy = read_phonopy(path, produce_fc=False, is_symmetry=False)
    if not phonopy.dataset:
        raise UserError(f"{path}: holds no displacements; give a phonopy file that does, or remove it.")
    return with_displacements(phonopy, phonopy.unitcell)


def read_phonopy(
    path: Path, *, symmetry_tolerance_A: float = 1e-5, produce_fc: bool = True, is_symmetry: bool = True
) -> Phonopy:
    """Load a phonopy file, with symmetrised force constants where it holds forces and `produce_fc`.

    Raises
    ------
    UserError
        If it is missing, truncated or not phonopy's.
    """
    if not Path(path).exists():
        raise UserError(f"{path}: no such file; rerun the job that makes it.")
    try:
        return load(
            str(path),
            is_nac=False,
            produce_fc=produce_fc,
            is_symmetry=is_symmetry,
            symprec=symmetry_tolerance_A,
            is_compact_fc=True,
            log_level=0,
        )
    except Exception as error:  # phonopy, yaml and lzma raise types of their own: all mean the same here
        kind = type(error).__name__
        raise UserError(f"{path}: not readable as a phonopy file ({kind}: {error}); delete it and rerun.") from error


def with_displacements(phonopy: Phonopy, unitcell: PhonopyAtoms) -> Phonopy:
    """The same supercell, primitive cell and displacements (Å, Cartesian) on another unit cell of the same symmetry."""
    displaced = Phonopy(
        unitcell, phonopy.supercell_matrix, primitive_matrix=phonopy.primitive_matrix, is_symmetry=False
    )
    dataset = phonopy.dataset
    if "first_atoms" in dataset:
        kept = [{key: first[key] for key in ("number", "displacement")} for first in dataset["first_atoms"]]
        displaced.dataset = {"natom": len(displaced.supercell), "first_atoms": kept}
    else:
        displaced.dataset = {"displacements": dataset["displacements"]}
    return displaced


def calculate(
    potential: Potential, crystals: Mapping[str, Phonopy], settings: Mapping[str, Any]
) -> dict[str, Calculation | PotentialFailure]:
    """Forces of all displaced supercells of several crystals, evaluated together.

    Parameters
    ----------
    potential : Potential
    crystals : mapping of str to Phonopy
        Crystals with displacements, by case.
    settings : mapping
        ``relax`` (False, True, "positions"), ``relax_fmax_eV_A``, ``relax_steps``, ``subtract_residual_forces``,
        ``symmetry_tolerance_A``.

    Returns
    -------
    dict of str to Calculation or PotentialFailure
        A failure stands for its case alone: where the common evaluation fails, the crystals are evaluated one by one.
    """
    outcomes: dict[str, Calculation | PotentialFailure] = {}
    ready: dict[str, tuple[Phonopy, dict]] = {}
    for case, phonopy in crystals.items():
        try:
            ready[case] = _relaxed(potential, phonopy, settings) if settings["relax"] else (phonopy, {})
        except PotentialFailure as failure:
            outcomes[case] = failure
        except Exception as error:
            outcomes[case] = _as_failure(error, "while relaxing")
    try:
        outcomes |= _displaced_forces(potential, ready, settings)
    except Exception as error:
        if len(ready) == 1:
            outcomes |= {case: _as_failure(error) for case in ready}
        else:
            for case in ready:
                try:
                    outcomes |= _displaced_forces(potential, {case: ready[case]}, settings)
                except Exception as single_error:
                    outcomes[case] = _as_failure(single_error)
    return {case: outcomes[case] for case in crystals}


def _as_failure(error: Exception, when: str = "") -> PotentialFailure:
    """What a potential's code raised, as data. Infrastructure errors pass through."""
    if isinstance(error, PotentialFailure):
        return error
    if isinstance(error, UserError | OSError):
        raise error
    if isinstance(error, MemoryError):
        return PotentialFailure("out_of_memory", f"out of memory {when}".strip())
    return PotentialFailure("error", f"{when} {type(error).__name__}: {error}".strip())


def _displaced_forces(
    potential: Potential, crystals: Mapping[str, tuple[Phonopy, dict]], settings: Mapping[str, Any]
) -> dict[str, Calculation | PotentialFailure]:
    """Evaluate the undisplaced and the displaced supercells of all crystals, each kind in one call."""
    if not crystals:
        return {}
    perfect = potential.evaluate(
        [to_ase(phonopy.supercell) for phonopy, _ in crystals.values()], ("energy", "forces", "stress")
    )
    displaced_cells = {
        case: [to_ase(cell) for cell in phonopy.supercells_with_displacements]
        for case, (phonopy, _) in crystals.items()
    }
    displaced = iter(potential.evaluate([cell for cells in displaced_cells.values() for cell in cells]))
    outcomes: dict[str, Calculation | PotentialFailure] = {}
    for undisplaced, (case, (phonopy, seen)) in zip(perfect, crystals.items(), strict=True):
        results = [next(displaced) for _ in displaced_cells[case]]
        try:
            require_finite(undisplaced, f"supercell of {case}")
            for number, result in enumerate(results, start=1):
                require_finite(result, f"displacement {number} of {case}")
        except PotentialFailure as failure:
            outcomes[case] = failure
            continue
        residual = undisplaced.forces_eV_A
        forces = np.array([result.forces_eV_A for result in results])
        if settings["subtract_residual_forces"]:
            forces = forces - residual
        drift = forces.mean(axis=1, keepdims=True)
        phonopy.forces = forces - drift
        phonopy.supercell_energies = [result.energy_eV for result in results]
        observations = {
            "n_atoms_supercell": len(phonopy.supercell),
            "n_displacements": len(results),
            "energy_eV_per_atom": undisplaced.energy_eV / len(phonopy.supercell),
            "volume_A3_per_atom": phonopy.unitcell.volume / len(phonopy.unitcell),
            "residual_force_max_eV_A": _largest_norm(residual),
            "drift_force_max_eV_A": _largest_norm(drift),
        }
        if undisplaced.stress_eV_A3 is not None:
            observations["residual_pressure_GPa"] = -undisplaced.stress_eV_A3[:3].mean() * EV_PER_A3_IN_GPA
        outcomes[case] = Calculation(phonopy, seen | observations)
    return outcomes


def _largest_norm(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors.reshape(-1, 3), axis=1).max())


def _relaxed(potential: Potential, phonopy: Phonopy, settings: Mapping[str, Any]) -> tuple[Phonopy, dict]:
    """The crystal at the potential's own minimum, space group kept, with the same displacements."""
    found = relaxed(
        potential,
        to_ase(phonopy.unitcell),
        settings["relax"],
        fmax_eV_A=settings["relax_fmax_eV_A"],
        steps=settings["relax_steps"],
        symmetry_tolerance_A=settings["symmetry_tolerance_A"],
    )
    seen = {"relaxation_steps": found.steps, "relaxation_volume_change": found.volume_change}
    unitcell = phonopy.unitcell.copy()
    unitcell.cell = found.atoms.cell.array
    unitcell.scaled_positions = found.atoms.get_scaled_positions(wrap=False)
    return with_displacements(phonopy, unitcell), seen


def groups(sizes: Mapping[str, int], target_atoms: int, alone: Sequence[str] = ()) -> list[list[str]]:
    """Cases put together until their supercells hold at least `target_atoms`, in order; those of `alone` by themselves.

    Parameters
    ----------
    sizes : mapping of str to int
        Atoms of all displaced supercells by case.
    target_atoms : int
        What the potential takes per pass.
    alone : sequence of str
        Cases that are not to be put together with others.
    """
    grouped: list[list[str]] = []
    current: list[str] = []
    atoms = 0
    for case, size in sizes.items():
        if case in alone:
            grouped.append([case])
            continue
        current.append(case)
        atoms += size
        if atoms >= target_atoms:
            grouped.append(current)
            current, atoms = [], 0
    return [*grouped, current] if current else grouped


def write_displacements(path: Path, phonopy: Phonopy) -> None:
    """Write cells and displacements in phonopy's format (phonopy_disp.yaml), atomically."""
    with atomic_path(path) as temporary:
        phonopy.save(str(temporary), settings={"displacements": True, "force_sets": False, "force_constants": False})


def write_forces(path: Path, phonopy: Phonopy, *, force_constants: bool = False) -> None:
    """Write cells, displacements, forces and energies in phonopy's format (phonopy_params.yaml.xz), atomically.

    With `force_constants`, those are written in place of forces and energies.
    """
    with atomic_path(path) as temporary:
        text = temporary.with_suffix("")  # phonopy appends .xz to the name that it is given
        phonopy.save(
            str(text),
            settings={
                "displacements": True,
                "force_sets": not force_constants,
                "force_constants": force_constants,
            },
            compression="xz",
        )
