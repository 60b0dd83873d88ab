"""Geometry of periodic cells: widths, lattice vectors, images."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms

NEAREST_IMAGES = 3
"""Lattice vectors are looked for among so many multiples of the cell's vectors in either direction."""


def widths(cell_A: np.ndarray) -> np.ndarray:
    """Distances between opposite faces of a cell (Å), shape (3,)."""
    return 1.0 / np.linalg.norm(np.linalg.inv(cell_A), axis=0)


def shortest_translation(cell_A: np.ndarray) -> np.ndarray:
    """The shortest lattice vector (Å, shape (3,)); its last component that is not zero is positive."""
    span = range(-NEAREST_IMAGES, NEAREST_IMAGES + 1)
    multiples = np.array([triple for triple in product(span, repeat=3) if any(triple)])
    vectors = multiples @ cell_A
    # rounded, so that of equally long vectors the same one is taken on every machine
    shortest = vectors[np.argmin(np.linalg.norm(vectors, axis=1).round(6))]
    components = shortest[np.abs(shortest) > 1e-9]
    return shortest * np.sign(components[-1])


def supercell_repeats(cell_A: np.ndarray, cutoff_A: float) -> tuple[int, int, int]:
    """The fewest repeats whose opposite faces are twice the cut-off apart.

    Then no atom has an atom of the guest and that same atom's image as neighbours. The guest's own extent is left out
    on purpose: it would double the host for the ends of the guest and of its image, which may then share a neighbour.
    What messages carry further than one cut-off is stated (``reach_A``), not prevented.
    """
    return tuple(int(count) for count in np.ceil(2 * cutoff_A / widths(cell_A) - 1e-9).clip(1))


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
