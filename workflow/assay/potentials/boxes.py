"""Periodic boxes for models that only know crystals."""

from __future__ import annotations

import numpy as np
from ase import Atoms


def boxed(atoms: Atoms, cutoff_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions and a cell, to be taken as periodic in three directions, in which the same pairs are neighbours.

    Directions that are not periodic become ones with a vacuum wider than the cutoff.

    Parameters
    ----------
    atoms : Atoms
        Not empty; periodic in none to three directions.
    cutoff_A : float
        The model's cutoff (Å).

    Returns
    -------
    positions : ndarray, shape (n, 3)
        Å, as they are.
    cell : ndarray, shape (3, 3)
        Å, vectors as rows.

    Raises
    ------
    ValueError
        If a periodic direction has no cell vector, or the periodic vectors are linearly dependent.
    """
    periodic = atoms.pbc
    cell = atoms.cell.array
    # numpy before 2 knows no rank of an array without rows
    if periodic.any() and np.linalg.matrix_rank(cell[periodic]) < periodic.sum():
        raise ValueError(
            f"{atoms.get_chemical_formula()} is periodic along {periodic.sum()} directions but its cell does not"
            f" span them: {cell.tolist()}"
        )
    if periodic.all():
        return atoms.positions, cell
    kept = atoms.cell.copy()
    kept[~periodic] = 0.0
    complete = kept.complete().array.copy()
    # the added vectors are unit vectors, orthogonal to the periodic ones and to each other
    for direction in np.flatnonzero(~periodic):
        along = atoms.positions @ complete[direction]
        complete[direction] *= np.ptp(along) + 1.1 * cutoff_A
    return atoms.positions, complete
