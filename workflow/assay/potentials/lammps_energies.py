"""Energies, forces and stresses of whole periodic systems with a classical force field, by LAMMPS.

LAMMPS: Thompson et al., Comput. Phys. Commun. 271, 108171 (2022), doi:10.1016/j.cpc.2021.108171.

One instance stays open for as long as the systems have the same atoms in the same cell: only positions are handed
over, and LAMMPS keeps its neighbour lists until atoms have moved too far. A molecular-dynamics loop pays for one
evaluation of forces per step and little else.

What is summed: Lennard-Jones and Buckingham interactions between guests and framework and among guests, within the
cut-off; electrostatic interactions of all atoms by an Ewald sum; bonds and angles. Pairs within a molecule interact by
bonds and angles only. The framework has no interactions of its own but the electrostatic ones, for an energy that is
constant while the framework is rigid: forces of the framework on its own atoms mean nothing, and neither does its
stress. What the guests exert is right. Within 0.001 rad of 180° the force of an angle is smaller than the gradient of
its energy: LAMMPS bounds 1/sin there.
"""

from __future__ import annotations

import ctypes
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.lammps import Prism

from assay.failures import PotentialFailure
from assay.potentials.base import Result
from assay.potentials.force_field_pairs import Buckingham
from assay.potentials.force_fields import Assignment, ForceField
from assay.potentials.lammps_input import EWALD_ACCURACY, Topology, commands, data_file
from assay.potentials.lammps_library import open_lammps

STRESS_TERMS = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")


class LammpsEvaluator:
    """Energies and their derivatives of any periodic structures with the sites of a force field.

    Parameters
    ----------
    force_field : ForceField
    ewald_accuracy : float
        Error of electrostatic forces, relative to that between two elementary charges at 1 Å.
    """

    def __init__(self, force_field: ForceField, ewald_accuracy: float = EWALD_ACCURACY) -> None:
        self.force_field = force_field
        self.ewald_accuracy = ewald_accuracy
        self._lammps = open_lammps()
        self._system: _System | None = None

    @property
    def version(self) -> int:
        """LAMMPS's version as a number, such as 20250722."""
        return self._lammps.version()

    def evaluate(self, atoms: Atoms, wanted: frozenset[str]) -> Result:
        """Energy (eV), forces (eV/Å) and stress (eV/Å³) of one structure, as far as they are wanted.

        Raises
        ------
        PotentialFailure
            ``unsupported_element`` for atoms without a site; ``error`` if the structure is not periodic in three
            directions, or LAMMPS stops.
        """
        try:
            if self._system is None or not self._system.holds(atoms):
                self._system = _System.of(self._lammps, self.force_field, atoms, self.ewald_accuracy)
            positions_A = self._system.wrapped(atoms.positions)
            walls = self._system.within_a_wall(positions_A)
            if walls != self._system.walls:
                self._system = _System.of(self._lammps, self.force_field, atoms, self.ewald_accuracy, walls=walls)
            return self._system.evaluate(positions_A, wanted)
        except PotentialFailure:
            raise
        except Exception as error:
            # LAMMPS raises plain Exceptions; afterwards the instance is in no defined state
            self._system = None
            self._lammps.close()
            self._lammps = open_lammps()
            words = " ".join(str(error).split()).rstrip(".")
            raise PotentialFailure("error", f"LAMMPS stopped on {atoms.get_chemical_formula()}: {words}.") from error


@dataclass(frozen=True)
class _System:
    """The atoms and the cell that a LAMMPS instance holds.

    `rotation` turns vectors (rows) into LAMMPS's axes, in which the cell is triangular; `reduced_A` is the cell there
    with the shortest edges of the same lattice. `cores` has pairs of atoms with Buckingham interactions and the
    distances (Å) inside of which these are walls; `walls` tells whether LAMMPS knows of them.
    """

    lammps: Any
    rotation: np.ndarray
    reduced_A: np.ndarray
    to_fractional: np.ndarray
    identity: tuple[bytes, ...]
    cores: tuple[np.ndarray, np.ndarray, np.ndarray]
    walls: bool

    @classmethod
    def of(
        cls, lammps: Any, force_field: ForceField, atoms: Atoms, ewald_accuracy: float, walls: bool = False
    ) -> _System:
        if not atoms.pbc.all() or atoms.cell.rank < 3:
            raise PotentialFailure(
                "error",
                f"{force_field.path.name} needs a structure that is periodic in three directions, which"
                f" {atoms.get_chemical_formula()} is not.",
            )
        assignment = force_field.assign(atoms)
        topology = Topology.of(force_field, assignment)
        prism = Prism(atoms.cell.array, pbc=True, reduce_cell=True)
        to_fractional = prism.rot_mat @ np.linalg.inv(prism.cell)
        system = cls(
            lammps=lammps,
            rotation=prism.rot_mat,
            reduced_A=prism.cell,
            to_fractional=to_fractional,
            identity=_identity(atoms),
            cores=_cores(force_field, assignment),
            walls=walls,
        )
        lammps.command("clear")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "system.data"
            path.write_text(data_file(topology, assignment, system.wrapped(atoms.positions), prism.get_lammps_prism()))
            for command in commands(
                force_field, topology, assignment, path, ewald_accuracy=ewald_accuracy, walls=walls
            ):
                lammps.command(command)
        return system

    def holds(self, atoms: Atoms) -> bool:
        """Whether these are the same atoms in the same cell."""
        return self.identity == _identity(atoms)

    def wrapped(self, positions_A: np.ndarray) -> np.ndarray:
        """Positions (Å) in LAMMPS's axes and its cell."""
        fractional = positions_A @ self.to_fractional
        return (fractional - np.floor(fractional)) @ self.reduced_A

    def within_a_wall(self, positions_A: np.ndarray) -> bool:
        """Whether any two atoms, or their images, are nearer to each other than the maximum of their interaction.

        The nearest image is found by rounding, which is exact for distances below half the cell's smallest width.
        """
        one, other, cores_A = self.cores
        if not len(one):
            return False
        fractional = (positions_A[one] - positions_A[other]) @ np.linalg.inv(self.reduced_A)
        vectors = (fractional - np.round(fractional)) @ self.reduced_A
        return bool((np.einsum("ij,ij->i", vectors, vectors) < cores_A**2).any())

    def evaluate(self, positions_A: np.ndarray, wanted: frozenset[str]) -> Result:
        """The numbers at positions in LAMMPS's cell."""
        positions = np.ascontiguousarray(positions_A)
        self.lammps.scatter_atoms("x", 1, 3, positions.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
        # a step without integration: LAMMPS renews its lists where they are stale and evaluates the forces
        self.lammps.command("run 1 pre no post no")
        forces = stress = None
        if "forces" in wanted:
            turned = np.ctypeslib.as_array(self.lammps.gather_atoms("f", 1, 3)).reshape(positions.shape)
            forces = turned @ self.rotation.T
        if "stress" in wanted:
            xx, yy, zz, yz, xz, xy = (-self.lammps.get_thermo(term) * units.bar for term in STRESS_TERMS)
            tensor = self.rotation @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ self.rotation.T
            stress = tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        return Result(float(self.lammps.get_thermo("pe")), forces, stress)


def _cores(force_field: ForceField, assignment: Assignment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of atoms of different molecules with Buckingham interactions, and the distances (Å) of their maxima."""
    names = np.array(assignment.names)
    found = []
    for one, other in itertools.combinations_with_replacement(sorted(set(assignment.names)), 2):
        pair = force_field.pair(one, other)
        if isinstance(pair, Buckingham):
            places = np.array(list(itertools.product(np.flatnonzero(names == one), np.flatnonzero(names == other))))
            apart = assignment.molecules[places[:, 0]] != assignment.molecules[places[:, 1]]
            found += [(i, j, pair.core_A) for i, j in places[apart]]
    one, other, cores_A = np.array(found).reshape(-1, 3).T
    return one.astype(int), other.astype(int), cores_A


def _identity(atoms: Atoms) -> tuple[bytes, ...]:
    """All but the positions that an energy depends on."""
    labels = [atoms.arrays[key] for key in ("site", "molecule", "initial_charges") if key in atoms.arrays]
    # an array of objects, as texts are in a file that was read, holds addresses
    kept = [(repr(array.tolist()).encode() if array.dtype == object else array.tobytes()) for array in labels]
    return (atoms.numbers.tobytes(), atoms.cell.array.tobytes(), atoms.pbc.tobytes(), *kept)
