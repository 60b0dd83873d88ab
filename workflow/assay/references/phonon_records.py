"""One record of a phonon database, whichever its layout, in one internal form.

Both databases write phonopy's YAML: cells, matrices, displacements with forces. Alexandria adds force constants and
thermal properties. The file is read as data, number by number, and nothing in it is executed or used as a path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from assay.kinds import UnreadableRecord

SAME_PLACE_A = 1e-3
"""Atoms of the record's supercell and of phonopy's are the same where they lie closer than this (Å)."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class StoredThermal:
    """Thermal properties that a record brings along, per mole of primitive cells.

    Attributes
    ----------
    temperatures_K, free_energy_kJ_mol, entropy_J_K_mol, heat_capacity_J_K_mol : ndarray, shape (n_T,)
    """

    temperatures_K: np.ndarray
    free_energy_kJ_mol: np.ndarray
    entropy_J_K_mol: np.ndarray
    heat_capacity_J_K_mol: np.ndarray


@dataclass(frozen=True)
class PhononRecord:
    """A record of a phonon database.

    Attributes
    ----------
    unitcell : PhonopyAtoms
        Å, u.
    supercell_matrix, primitive_matrix : ndarray, shape (3, 3)
        Phonopy's convention.
    displaced_atoms : ndarray of int, shape (n,)
        Indices in the supercell, from 0; empty where the record holds force constants only.
    displacements_A : ndarray, shape (n, 3)
    forces_eV_A : ndarray, shape (n, n_atoms, 3), or None
    force_constants_eV_A2 : ndarray, shape (n_atoms, n_atoms, 3, 3), or None
    space_group : str
    thermal : StoredThermal or None
    energy_eV : float or None
        Of the unit cell.
    """

    unitcell: PhonopyAtoms
    supercell_matrix: np.ndarray
    primitive_matrix: np.ndarray
    displaced_atoms: np.ndarray
    displacements_A: np.ndarray
    forces_eV_A: np.ndarray | None
    force_constants_eV_A2: np.ndarray | None
    space_group: str
    thermal: StoredThermal | None
    energy_eV: float | None

    @property
    def n_atoms_supercell(self) -> int:
        """Atoms in the supercell."""
        return round(abs(np.linalg.det(self.supercell_matrix))) * len(self.unitcell)

    @property
    def elements(self) -> set[str]:
        """Symbols of the elements."""
        return set(self.unitcell.symbols)

    def phonopy(self, *, displacement_A: float = 0.01, symmetry_tolerance_A: float = 1e-5) -> Phonopy:
        """The record as phonopy holds it: displacements, and forces or else force constants.

        Parameters
        ----------
        displacement_A : float
            Length (Å) of the displacements that are made for a record that has none.
        symmetry_tolerance_A : float
        """
        phonopy = Phonopy(
            self.unitcell,
            self.supercell_matrix,
            primitive_matrix=self.primitive_matrix,
            symprec=symmetry_tolerance_A,
        )
        if len(self.displaced_atoms) == 0:
            phonopy.generate_displacements(distance=displacement_A)
        else:
            first = [
                {"number": int(atom), "displacement": displacement}
                for atom, displacement in zip(self.displaced_atoms, self.displacements_A, strict=True)
            ]
            if self.forces_eV_A is not None:
                for entry, forces in zip(first, self.forces_eV_A, strict=True):
                    entry["forces"] = forces
            phonopy.dataset = {"natom": self.n_atoms_supercell, "first_atoms": first}
        if self.forces_eV_A is None:
            phonopy.force_constants = self.force_constants_eV_A2
        return phonopy


def read_record(text: bytes, origin: str) -> PhononRecord:
    """Parse a record.

    Parameters
    ----------
    text : bytes
        phonopy's YAML.
    origin : str
        File or address, for messages.

    Raises
    ------
    UnreadableRecord
        One sentence with the origin, the key and what is wrong with it.
    """
    try:
        content = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UnreadableRecord(f"{origin}: not readable as YAML: {' '.join(str(error).split())[:200]}") from error
    try:
        if not isinstance(content, Mapping):
            raise _Wrong("top level", "expected phonopy's mapping of keys")
        return _parse(content)
    except _Wrong as wrong:
        raise UnreadableRecord(f"{origin}: {wrong}; not a record of a phonon database as Assay knows them.") from None


class _Wrong(Exception):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")


def _parse(content: Mapping[str, Any]) -> PhononRecord:
    unitcell = _cell(content, "unit_cell")
    matrix = _array(_required(content, "supercell_matrix"), (3, 3), "supercell_matrix")
    supercell_matrix = np.rint(matrix).astype(int)
    if not np.allclose(matrix, supercell_matrix) or round(np.linalg.det(supercell_matrix)) < 1:
        raise _Wrong("supercell_matrix", "expected three rows of three integers with a positive determinant")
    n_atoms = round(np.linalg.det(supercell_matrix)) * len(unitcell)
    atoms, displacements, forces = _displacements(content.get("displacements"), n_atoms)
    constants = _force_constants(content.get("force_constants"), n_atoms)
    if forces is None and constants is None:
        raise _Wrong("displacements", "there are neither forces nor force constants")
    record = PhononRecord(
        unitcell=unitcell,
        supercell_matrix=supercell_matrix,
        primitive_matrix=_array(content.get("primitive_matrix", np.eye(3).tolist()), (3, 3), "primitive_matrix"),
        displaced_atoms=atoms,
        displacements_A=displacements,
        forces_eV_A=forces,
        force_constants_eV_A2=constants,
        space_group=str((content.get("space_group") or {}).get("type", "unknown")),
        thermal=_thermal(content),
        energy_eV=_energy(content.get("energy")),
    )
    if "supercell" in content:
        _require_same_order(record, _cell(content, "supercell"))
    return record


def _require_same_order(record: PhononRecord, supercell: PhonopyAtoms) -> None:
    """Forces belong to atoms by their place in the record's supercell: phonopy must build the same one."""
    built = Phonopy(
        record.unitcell, record.supercell_matrix, primitive_matrix=record.primitive_matrix, is_symmetry=False
    ).supercell
    same = len(built) == len(supercell) and built.symbols == supercell.symbols
    if same:
        apart = built.scaled_positions - supercell.scaled_positions
        apart = (apart - np.rint(apart)) @ built.cell
        same = float(np.linalg.norm(apart, axis=1).max()) < SAME_PLACE_A
    if not same:
        raise _Wrong("supercell", "its atoms are in another order than phonopy makes them, so the forces have no place")


def _required(content: Mapping[str, Any], key: str) -> Any:
    if key not in content:
        raise _Wrong(key, "the key is missing")
    return content[key]


def _array(value: Any, shape: tuple[int, ...], key: str) -> np.ndarray:
    """Nested lists of numbers as an array, once they are seen to have the shape."""
    _check_shape(value, shape, shape, key)
    array = np.array(value, dtype=float)
    if not np.isfinite(array).all():
        raise _Wrong(key, "there are numbers that are not finite")
    return array


def _check_shape(value: Any, shape: tuple[int, ...], whole: tuple[int, ...], key: str) -> None:
    if not shape:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _Wrong(key, f"expected numbers, got {str(value)[:40]!r}")
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise _Wrong(key, f"expected {' x '.join(map(str, whole))} numbers")
    for item in value:
        _check_shape(item, shape[1:], whole, key)


def _cell(content: Mapping[str, Any], key: str) -> PhonopyAtoms:
    cell = _required(content, key)
    if not isinstance(cell, Mapping) or not isinstance(cell.get("points"), list) or not cell["points"]:
        raise _Wrong(key, "expected a lattice and points")
    lattice = _array(_required(cell, "lattice"), (3, 3), f"{key}.lattice")
    if abs(np.linalg.det(lattice)) < 1e-6:
        raise _Wrong(f"{key}.lattice", "the cell has no volume")
    symbols, positions, masses, moments = [], [], [], []
    for point in cell["points"]:
        if not isinstance(point, Mapping) or not isinstance(point.get("symbol"), str):
            raise _Wrong(f"{key}.points", "expected a symbol and coordinates")
        symbols.append(point["symbol"])
        positions.append(_array(point.get("coordinates"), (3,), f"{key}.points.coordinates").tolist())
        masses.append(point.get("mass"))
        moments.append(point.get("magnetic_moment"))
    known = all(isinstance(mass, int | float) and mass > 0 for mass in masses)
    try:
        return PhonopyAtoms(
            symbols=symbols,
            cell=lattice,
            scaled_positions=positions,
            masses=masses if known else None,
            magnetic_moments=moments if all(isinstance(moment, int | float) for moment in moments) else None,
        )
    except (KeyError, RuntimeError, ValueError) as error:
        raise _Wrong(f"{key}.points", f"phonopy does not accept them ({error})") from error


def _displacements(entries: Any, n_atoms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Indices of atoms, displacements (Å) and forces (eV/Å; None if not all displacements have them)."""
    if not entries:
        return np.zeros(0, int), np.zeros((0, 3)), None
    if not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):
        raise _Wrong("displacements", "expected one displaced atom each")
    atoms, displacements, forces = [], [], []
    for entry in entries:
        atom = entry.get("atom")
        if not isinstance(atom, int) or not 1 <= atom <= n_atoms:
            raise _Wrong("displacements.atom", f"expected a number from 1 to {n_atoms}, got {atom!r}")
        atoms.append(atom - 1)
        displacements.append(_array(entry.get("displacement"), (3,), "displacements.displacement"))
        if "forces" in entry:
            forces.append(_array(entry["forces"], (n_atoms, 3), "displacements.forces"))
    if forces and len(forces) != len(atoms):
        raise _Wrong("displacements", f"only {len(forces)} of {len(atoms)} have forces")
    return np.array(atoms), np.array(displacements), np.array(forces) if forces else None


def _force_constants(value: Any, n_atoms: int) -> np.ndarray | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or value.get("format", "full") != "full":
        raise _Wrong("force_constants", "expected format `full` with its elements")
    elements = value.get("elements")
    flat = _array(elements, (n_atoms * n_atoms, 3, 3), "force_constants.elements")
    return flat.reshape(n_atoms, n_atoms, 3, 3)


def _thermal(content: Mapping[str, Any]) -> StoredThermal | None:
    keys = ("temperatures", "free_e", "entropy", "heat_capacity")
    if not all(key in content for key in keys):
        return None
    length = len(content["temperatures"]) if isinstance(content["temperatures"], list) else 0
    return StoredThermal(*(_array(content[key], (length,), key) for key in keys))


def _energy(value: Any) -> float | None:
    """The energy, or None: the PBEsol files of Alexandria say NaN."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
