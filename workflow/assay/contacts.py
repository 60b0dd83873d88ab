"""How near a guest comes to its host.

Distances are told as fractions of the sum of two atoms' covalent radii (Cordero et al., Dalton Trans. 2008, 2832,
doi:10.1039/b801115j). The tightest bonds of main-group elements are at 0.77 (N2) and 0.79 (CO); tighter ones are only
found between bare atoms of the d and f blocks, which a guest that keeps its bonds does not meet. So an insertion below
`OVERLAP_FRACTION` is one that nature forbids. Whether a model knows that is for the model to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from scipy.spatial import cKDTree

from assay.cells import periodic_images

OVERLAP_FRACTION = 0.7


@dataclass(frozen=True)
class Contacts:
    """Shortest distances between a guest and a fixed periodic host, images included.

    Attributes
    ----------
    cell_A : ndarray, shape (3, 3)
    radii_A : ndarray, shape (m,)
        Covalent radii of the guest's atoms.
    trees : sequence of (float, cKDTree)
        Covalent radius and images of the host's atoms of each element, so many that the nearest one of every point of
        the cell is among them.
    """

    cell_A: np.ndarray
    radii_A: np.ndarray
    trees: Sequence[tuple[float, cKDTree]]

    @classmethod
    def of(cls, host: Atoms, guest: Atoms) -> Contacts:
        """Of a host's cell and a guest."""
        cell = host.cell.array
        # no point is further from a lattice than half of the three vectors together
        reach = np.linalg.norm(cell, axis=1).sum() / 2
        images = periodic_images(host, reach)
        trees = [
            (covalent_radii[number], cKDTree(images[host.numbers == number].reshape(-1, 3)))
            for number in np.unique(host.numbers)
        ]
        return cls(cell, covalent_radii[guest.numbers], trees)

    def closest(self, positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest contact of every insertion.

        Parameters
        ----------
        positions_A : ndarray, shape (n, m, 3)

        Returns
        -------
        fraction, distance_A : ndarray, shape (n,)
            The least fraction of covalent radii, and the least distance (Å): not always of the same pair.
        """
        fractional = positions_A @ np.linalg.inv(self.cell_A)
        points = (fractional - np.floor(fractional)) @ self.cell_A
        distances = np.stack([tree.query(points)[0] for _, tree in self.trees])
        sums = np.array([radius for radius, _ in self.trees])[:, None] + self.radii_A
        return (distances / sums[:, None, :]).min(axis=(0, 2)), distances.min(axis=(0, 2))
