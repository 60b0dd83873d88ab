"""How near a guest comes to its host, and what may be left out where it comes too near.

Distances are told as fractions of the sum of two atoms' covalent radii (Cordero et al., Dalton Trans. 2008, 2832,
doi:10.1039/b801115j). The tightest bonds of main-group elements are at 0.77 (N2) and 0.79 (CO); tighter ones are only
found between bare atoms of the d and f blocks, which a guest that keeps its bonds does not meet. So an insertion below
`OVERLAP_FRACTION` is one that nature forbids. Whether a model knows that is for the model to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from scipy.spatial import cKDTree

from assay.widom.systems import widths

OVERLAP_FRACTION = 0.7
REPULSIVE_eV = 1.0
"""An insertion energy above which the Boltzmann factor is nothing: 2e-17 at 300 K, 8e-11 at 500 K."""


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


def periodic_images(atoms: Atoms, reach_A: float) -> np.ndarray:
    """Positions (Å) of atoms and those of their images that may be within `reach_A` of a point of the cell.

    Returns
    -------
    ndarray, shape (n, images, 3)
    """
    cell = atoms.cell.array
    fractional = atoms.get_scaled_positions(wrap=True)
    counts = np.ceil(reach_A / widths(cell)).astype(int)
    shifts = np.array(list(product(*(range(-count, count + 1) for count in counts))))
    return (fractional[:, None, :] + shifts) @ cell


def repulsive_everywhere(energies_eV: np.ndarray) -> tuple[bool, str]:
    """Whether a random sample of overlaps allows to leave the others out, and why or why not.

    Parameters
    ----------
    energies_eV : ndarray, shape (n,)
        Insertion energies of the sample; NaN where the model gave no number.

    Returns
    -------
    allowed : bool
    reason : str
        For people. All n repulsive means, with 95 % confidence, that fewer than 3/n of all overlaps are not; how much
        weight those carry, the sample cannot tell.
    """
    count = len(energies_eV)
    unknown = int(np.isnan(energies_eV).sum())
    if count == 0:
        return False, "there are no overlaps"
    if unknown:
        return False, f"{unknown} of {count} sampled overlaps have no finite energy: all are evaluated"
    low = float(energies_eV.min())
    if low <= REPULSIVE_eV:
        return False, f"the lowest of {count} sampled overlaps has {low:.3g} eV: all are evaluated"
    return True, f"all of {count} sampled overlaps are above {REPULSIVE_eV:g} eV (lowest: {low:.3g} eV)"
