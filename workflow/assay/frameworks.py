"""Porous frameworks and the molecules that enter them, as ase structures with site labels and charges.

A structure may carry ``atoms.arrays["site"]`` (what a force field calls the atom), ``atoms.arrays["molecule"]`` (the
number of the guest molecule that an atom belongs to) and ase's initial charges. Learned potentials ignore all three.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import ase.io
import numpy as np
import spglib
from ase import Atoms
from ase.build import niggli_reduce
from ase.io.cif import CIFBlock, parse_cif
from ase.neighborlist import neighbor_list

from assay.failures import UserError

SITE_TYPE = "U16"
"""Wide enough for the labels of framework and guest: ase cuts those of what is appended to the width of the first."""

SYMMETRY_TOLERANCE_A = 1e-3
"""Positions are published with five or six decimals of a lattice vector of some ten Å."""

CLOSEST_A = 0.5
"""Atoms nearer than this are a mistake of the file; the shortest bond of all, H-H, is 0.74 Å."""


def read_framework(path: Path, primitive: bool = True) -> Atoms:
    """Read a periodic framework with all its atoms.

    Parameters
    ----------
    path : Path
        A CIF, whose symmetry is applied, or anything that ase reads.
    primitive : bool
        Whether to return the Niggli-reduced primitive cell in place of the file's cell. Atoms are only equivalent by
        a translation if their elements, labels and charges are.

    Returns
    -------
    Atoms
        Periodic in three directions. ``site`` holds the label of the asymmetric atom (``_atom_site_label``; the
        element where the format has no labels), ``molecule`` is -1: no guest. Initial charges (e) are set if the file
        has ``_atom_site_charge``.

    Raises
    ------
    UserError
        If the file is missing, unreadable, without atoms or not periodic, if sites are partly occupied, if atoms are
        nearer to each other than 0.5 Å, or if a charge is not a number.
    """
    path = Path(path)
    atoms = _from_cif(path) if path.suffix.lower() == ".cif" else _from_ase(path)
    if not atoms.cell.rank == 3 or not atoms.pbc.all():
        raise UserError(f"{path}: the framework is not periodic in three directions; give a file with a cell.")
    _require_distances(atoms, path)
    framework = primitive_cell(atoms) if primitive else atoms
    framework.set_array("molecule", np.full(len(framework), -1))
    return framework


def read_molecule(path: Path) -> Atoms:
    """Read a molecule, centred at its centre of mass.

    Parameters
    ----------
    path : Path
        Anything that ase reads; extended XYZ can hold the arrays ``site`` and ``initial_charges``.

    Returns
    -------
    Atoms
        Not periodic, without a cell. ``site`` is the element where the file has no such array; ``molecule`` is 0.

    Raises
    ------
    UserError
        If the file is missing, unreadable or without atoms, or if atoms are nearer to each other than 0.5 Å.
    """
    atoms = _from_ase(Path(path))
    atoms.set_cell(None)
    atoms.set_pbc(False)
    _require_distances(atoms, Path(path))
    atoms.set_array("molecule", np.zeros(len(atoms), dtype=int))
    atoms.positions -= atoms.get_center_of_mass()
    return atoms


def primitive_cell(atoms: Atoms) -> Atoms:
    """The Niggli-reduced primitive cell of a periodic structure, with its labels and charges.

    Raises
    ------
    UserError
        If no primitive cell is found, which points to atoms on top of each other.
    """
    sites, charges = atoms.get_array("site"), atoms.get_initial_charges()
    kinds = {kind: number for number, kind in enumerate(sorted(set(_kinds(atoms))), start=1)}
    numbers = [kinds[kind] for kind in _kinds(atoms)]
    found = spglib.find_primitive(
        (atoms.cell.array, atoms.get_scaled_positions(), numbers), symprec=SYMMETRY_TOLERANCE_A
    )
    if found is None:
        raise UserError(f"the framework {atoms.get_chemical_formula()} has no primitive cell; set `primitive: false`.")
    cell, scaled, found_numbers = found
    first = {number: place for place, number in reversed(list(enumerate(numbers)))}
    origin = np.array([first[number] for number in found_numbers])
    reduced = Atoms(atoms.numbers[origin], cell=cell, scaled_positions=scaled, pbc=True)
    reduced.set_array("site", sites[origin])
    if atoms.has("initial_charges"):
        reduced.set_initial_charges(charges[origin])
    niggli_reduce(reduced)
    reduced.wrap()
    return reduced


def _kinds(atoms: Atoms) -> list[tuple[int, str, float]]:
    """What must agree for two atoms to be translations of one another: element, label without number, charge."""
    bare = [str(label).rstrip("0123456789") for label in atoms.get_array("site")]
    charges = np.round(atoms.get_initial_charges(), 4)
    return list(zip(atoms.numbers.tolist(), bare, charges.tolist(), strict=True))


def _from_cif(path: Path) -> Atoms:
    block = next(_structures(path), None)
    if block is None:
        raise UserError(f"{path}: the file holds no structure; give a CIF with a cell and `_atom_site_` entries.")
    occupancies = block.get("_atom_site_occupancy") or [1.0]
    if any(float(value) < 1 for value in occupancies if not isinstance(value, str)):
        raise UserError(f"{path}: _atom_site_occupancy: sites are partly occupied; give an ordered structure.")
    try:
        with warnings.catch_warnings():
            # such as an origin choice that the file leaves open; the checks below see what matters
            warnings.simplefilter("ignore", UserWarning)
            atoms = block.get_atoms(primitive_cell=False, subtrans_included=True)
    except Exception as error:
        raise UserError(f"{path}: no structure can be made of this CIF: {_words(error)}.") from error
    asymmetric = atoms.arrays.pop("spacegroup_kinds")
    atoms.info.clear()
    symbols = block.get_symbols()
    labels = block.get("_atom_site_label") or symbols
    atoms.set_array("site", np.array(labels, dtype=SITE_TYPE)[asymmetric])
    charges = block.get("_atom_site_charge")
    if charges is not None:
        try:
            atoms.set_initial_charges(np.array([float(value) for value in charges])[asymmetric])
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: _atom_site_charge: expected a number for every site ({error}).") from error
    return atoms


def _structures(path: Path) -> Iterator[CIFBlock]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from (block for block in parse_cif(file) if block.has_structure())
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file; give the path of a structure.") from error
    except (OSError, ValueError, RuntimeError, AssertionError, IndexError) as error:
        raise UserError(f"{path}: not readable as a CIF: {_words(error)}.") from error


def _from_ase(path: Path) -> Atoms:
    try:
        atoms = ase.io.read(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file; give the path of a structure.") from error
    except Exception as error:
        # each of ase's readers has its own exceptions
        raise UserError(f"{path}: ase cannot read this file: {_words(error)}.") from error
    if not len(atoms):
        raise UserError(f"{path}: the file holds no atoms; give a structure.")
    atoms.calc = None
    labels = atoms.arrays.pop("site", atoms.get_chemical_symbols())
    atoms.set_array("site", np.array(labels, dtype=SITE_TYPE))
    return atoms


def _words(error: Exception) -> str:
    """The message of another library's exception on one line, or its kind where it has none."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _require_distances(atoms: Atoms, path: Path) -> None:
    first, second, distances = neighbor_list("ijd", atoms, CLOSEST_A)
    if len(distances):
        place = int(np.argmin(distances))
        i, j = first[place], second[place]
        raise UserError(
            f"{path}: atoms {i + 1} ({atoms.symbols[i]}) and {j + 1} ({atoms.symbols[j]}) are"
            f" {distances[place]:.3f} Å apart; remove duplicates or disorder."
        )
