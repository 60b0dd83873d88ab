"""A host's cell in LAMMPS's axes, and molecules that are carried there and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism


@dataclass(frozen=True)
class Axes:
    """How a host's cell lies in LAMMPS, whose cells are triangular; the same lattice, with its shortest edges.

    Attributes
    ----------
    rotation : ndarray, shape (3, 3)
        Vectors (rows) of the host times it are vectors in LAMMPS's axes.
    cell_A : ndarray, shape (3, 3)
        In LAMMPS's axes.
    box_A : ndarray, shape (6,)
        Edges and tilts of it: lx, ly, lz, xy, xz, yz.
    """

    rotation: np.ndarray
    cell_A: np.ndarray
    box_A: np.ndarray

    @cached_property
    def to_fractional(self) -> np.ndarray:
        """Positions in LAMMPS's axes times it are multiples of the cell's vectors."""
        return np.linalg.inv(self.cell_A)

    @classmethod
    def of(cls, host: Atoms) -> Axes:
        """Of a host that is periodic in three directions."""
        prism = Prism(host.cell.array, pbc=True, reduce_cell=True)
        return cls(prism.rot_mat, prism.cell, np.array(prism.get_lammps_prism()))

    def to_lammps(self, positions_A: np.ndarray) -> np.ndarray:
        """Molecules in LAMMPS's axes, shape (n, m, 3): whole, their first atoms in the cell."""
        turned = positions_A @ self.rotation
        shifts = np.floor(turned[..., :1, :] @ self.to_fractional)
        return turned - shifts @ self.cell_A

    def whole(self, positions_A: np.ndarray) -> np.ndarray:
        """Molecules in LAMMPS's axes, shape (n, m, 3), each atom by the image that is nearest to the first one's."""
        arms = (positions_A - positions_A[:, :1]) @ self.to_fractional
        return positions_A - np.round(arms) @ self.cell_A

    def to_host(self, positions_A: np.ndarray) -> np.ndarray:
        """Positions in the host's axes."""
        return positions_A @ self.rotation.T

    def vectors_to_lammps(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (rows) in LAMMPS's axes."""
        return vectors @ self.rotation

    def same(self, one_A: np.ndarray, other_A: np.ndarray, tolerance_A: float) -> bool:
        """Whether positions in LAMMPS's axes agree up to lattice vectors."""
        if one_A.shape != other_A.shape:
            return False
        fractional = (one_A - other_A) @ self.to_fractional
        return bool(np.abs((fractional - np.round(fractional)) @ self.cell_A).max(initial=0.0) < tolerance_A)
