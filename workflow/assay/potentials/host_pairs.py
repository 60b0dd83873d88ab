"""Neighbours of a guest in a fixed periodic host, for adapters that make the host's part of a graph once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from assay.cells import widths


@dataclass(frozen=True)
class HostPairs:
    """The images of a host's atoms that a guest anywhere in the cell may have as neighbours.

    Attributes
    ----------
    cutoff_A : float
    cell_A : ndarray, shape (3, 3)
    atoms : ndarray of int, shape (k,)
        The host's atom of each image.
    tree : cKDTree
        Positions of the images (Å).
    """

    cutoff_A: float
    cell_A: np.ndarray
    atoms: np.ndarray
    tree: cKDTree

    @classmethod
    def of(cls, host: Atoms, cutoff_A: float) -> HostPairs:
        """Of a host.

        Raises
        ------
        ValueError
            If the host is not periodic in three directions.
        """
        if not host.pbc.all():
            raise ValueError(f"{host.get_chemical_formula()}: a host has to be periodic in three directions")
        cell = host.cell.array
        margins = cutoff_A / widths(cell)
        fractional = host.positions @ np.linalg.inv(cell)
        fractional -= np.floor(fractional)
        shifts = np.array(list(product(*(range(-count, count + 1) for count in np.ceil(margins).astype(int)))))
        images = fractional[None, :, :] + shifts[:, None, :]
        # a neighbour of a point of the cell is no further from its faces than the cutoff
        near = ((images > -margins - 1e-9) & (images < 1 + margins + 1e-9)).all(axis=2)
        atoms = np.broadcast_to(np.arange(len(host)), near.shape)[near]
        return cls(cutoff_A, cell, atoms, cKDTree(images[near] @ cell))

    def with_host(self, positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of a guest's and a host's atom within the cutoff, images included.

        Parameters
        ----------
        positions_A : ndarray, shape (m, 3)
            The guest's atoms, in any image of the cell.

        Returns
        -------
        guest, host : ndarray of int, shape (k,)
            The atoms of each pair.
        vectors_A : ndarray, shape (k, 3)
            From the guest's to the host's atom (Å).
        """
        fractional = positions_A @ np.linalg.inv(self.cell_A)
        points = (fractional - np.floor(fractional)) @ self.cell_A
        found = self.tree.query_ball_point(points, self.cutoff_A, return_sorted=True)
        guest = np.repeat(np.arange(len(points)), [len(images) for images in found])
        images = np.concatenate(found).astype(np.int64)
        vectors = self.tree.data[images] - points[guest]
        within = np.linalg.norm(vectors, axis=1) < self.cutoff_A
        return guest[within], self.atoms[images[within]], vectors[within]

    def with_itself(self, positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of the guest's own atoms within the cutoff, images included, each pair in one direction.

        Returns
        -------
        first, second : ndarray of int, shape (k,)
        vectors_A : ndarray, shape (k, 3)
            From the first to the (image of the) second (Å).
        """
        between = positions_A[None, :, :] - positions_A[:, None, :]
        longest = np.linalg.norm(between, axis=2).max()
        margins = (self.cutoff_A + longest) / widths(self.cell_A)
        shifts = np.array(list(product(*(range(-count, count + 1) for count in np.ceil(margins).astype(int)))))
        vectors = between[None] + (shifts @ self.cell_A)[:, None, None, :]
        count = len(positions_A)
        order = np.arange(count)
        # of a pair and its reverse, one: by atoms, and of an atom and its own images by the first half of the shifts
        kept = np.broadcast_to(order[:, None] < order, (len(shifts), count, count)).copy()
        kept[: len(shifts) // 2, order, order] = True
        kept &= np.linalg.norm(vectors, axis=3) < self.cutoff_A
        _, first, second = np.nonzero(kept)
        return first, second, vectors[kept]
