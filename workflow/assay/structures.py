"""Crystals from lattice facts, and the conversions between the structure types of ase and phonopy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from assay.failures import UserError, near_misses

if TYPE_CHECKING:
    from ase import Atoms
    from phonopy.structure.atoms import PhonopyAtoms

CRYSTAL_KEYS = {"name", "space_group", "cell", "sites", "supercell_matrix", "temperature_K", "source"}


@dataclass(frozen=True)
class Crystal:
    """A crystal as the literature gives it.

    Attributes
    ----------
    case : str
        Identifier in the campaign, such as ``Si``.
    name : str
        For people, such as ``silicon (diamond)``.
    space_group : int
        Number in the International Tables.
    cell : tuple of float
        a, b, c (Å), alpha, beta, gamma (degrees) of the conventional cell.
    sites : dict of str to sequence of float triples
        Fractional coordinates of the inequivalent atoms by element.
    supercell_matrix : ndarray of int, shape (3, 3)
        Phonopy's convention: columns are the supercell's vectors in those of the conventional cell.
    source : str
        Where the numbers were published.
    """

    case: str
    name: str
    space_group: int
    cell: tuple[float, ...]
    sites: dict[str, list[list[float]]]
    supercell_matrix: np.ndarray
    source: str

    def atoms(self) -> Atoms:
        """The conventional cell as `ase.Atoms`, made by the operations of the space group."""
        from ase.spacegroup import crystal

        symbols = [symbol for symbol, positions in self.sites.items() for _ in positions]
        basis = [position for positions in self.sites.values() for position in positions]
        atoms = crystal(symbols, basis, spacegroup=self.space_group, cellpar=self.cell, primitive_cell=False)
        atoms.info.clear()
        del atoms.arrays["spacegroup_kinds"]
        return atoms


def load_crystals(path: Path) -> dict[str, Crystal]:
    """Read a file of crystals.

    Raises
    ------
    UserError
        If the file is missing or an entry is incomplete, naming the file and the key.
    """
    try:
        entries = yaml.safe_load(Path(path).read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file of crystals; give the path of one in `structures`.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(entries, dict):
        raise UserError(f"{path}: expected a mapping of crystal names to their lattice facts.")
    return {case: _parse_crystal(path, case, entry) for case, entry in entries.items()}


def _parse_crystal(path: Path, case: str, entry: dict) -> Crystal:
    if not isinstance(entry, dict):
        raise UserError(f"{path}: {case}: expected a mapping with the keys {sorted(CRYSTAL_KEYS)}.")
    for key in entry.keys() - CRYSTAL_KEYS:
        raise UserError(f"{path}: {case}.{key}: unknown key{near_misses(key, CRYSTAL_KEYS)}")
    for key in sorted(CRYSTAL_KEYS - {"temperature_K"} - entry.keys()):
        raise UserError(f"{path}: {case}: the key {key!r} is missing; add it.")
    cell = entry["cell"]
    if len(cell) != 6:
        raise UserError(f"{path}: {case}.cell: expected a, b, c (Å), alpha, beta, gamma (degrees); got {cell!r}.")
    matrix = np.array(entry["supercell_matrix"])
    if matrix.shape == (3,):
        matrix = np.diag(matrix)
    if matrix.shape != (3, 3) or not np.issubdtype(matrix.dtype, np.integer) or round(np.linalg.det(matrix)) < 1:
        raise UserError(
            f"{path}: {case}.supercell_matrix: expected three integers or three rows of three integers"
            f" with a positive determinant; got {entry['supercell_matrix']!r}."
        )
    return Crystal(
        case=case,
        name=entry["name"],
        space_group=entry["space_group"],
        cell=tuple(float(value) for value in cell),
        sites=entry["sites"],
        supercell_matrix=matrix,
        source=entry["source"],
    )


def to_phonopy(atoms: Atoms) -> PhonopyAtoms:
    """The same crystal as phonopy's type (cell in Å, fractional coordinates, masses in u)."""
    from phonopy.structure.atoms import PhonopyAtoms

    return PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(wrap=False),
        masses=atoms.get_masses(),
    )


def to_ase(cell: PhonopyAtoms) -> Atoms:
    """The same crystal as `ase.Atoms`, periodic in three directions."""
    from ase import Atoms

    return Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
