"""Whether a trial brings a guest into the host: from a map of the cell where that is clear, else from the distances.

A contact, as a fraction of covalent radii, changes by no more than the way to the next point of the map over the least
sum of radii. Where the map's value is further than that from the limit, the map decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from assay.cells import widths
from assay.contacts import Contacts

SPACING_A = 0.2
LARGEST_MAP = 200_000
CLEAR, TOUCHING, UNCLEAR = 0, 1, 2


@dataclass(frozen=True)
class OverlapMap:
    """What is known of the contacts of single atoms at the points of a grid in the host's cell.

    Attributes
    ----------
    fraction : float
        Contacts below it are overlaps.
    contacts : Contacts
        Of the host's cell and the guest.
    state : ndarray of int8, shape (kinds, a, b, c)
        `CLEAR`, `TOUCHING` or `UNCLEAR` by kind of atom.
    kind : ndarray of int, shape (m,)
        Of the guest's atoms.
    to_grid : ndarray, shape (3, 3)
        From Cartesian to grid coordinates.
    """

    fraction: float
    contacts: Contacts
    state: np.ndarray
    kind: np.ndarray
    to_grid: np.ndarray

    @classmethod
    def of(cls, host: Atoms, guest: Atoms, fraction: float) -> OverlapMap:
        """Of one cell of the host and a guest."""
        cell = host.cell.array
        spacing = max(SPACING_A, (host.get_volume() / LARGEST_MAP) ** (1 / 3))
        shape = np.ceil(widths(cell) / spacing).astype(int)
        points = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), axis=-1) @ cell
        half = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T @ (cell / shape[:, None])
        way_A = np.linalg.norm(half, axis=1).max()
        numbers, kind = np.unique(guest.numbers, return_inverse=True)
        state = np.full((len(numbers), *shape), UNCLEAR, dtype=np.int8)
        for place, number in enumerate(numbers):
            contacts = Contacts.of(host, Atoms([number]))
            found = contacts.closest(points.reshape(-1, 1, 3))[0].reshape(shape)
            error = way_A / (covalent_radii[number] + covalent_radii[host.numbers].min())
            state[place][found > fraction + error] = CLEAR
            state[place][found < fraction - error] = TOUCHING
        return cls(fraction, Contacts.of(host, guest), state, kind, np.linalg.inv(cell) * shape)

    def overlapping(self, positions_A: np.ndarray) -> np.ndarray:
        """Which of these guests (Å, shape (n, m, 3)) have a contact below the fraction; bool, shape (n,)."""
        places = np.rint(positions_A @ self.to_grid).astype(int) % self.state.shape[1:]
        states = self.state[self.kind, places[..., 0], places[..., 1], places[..., 2]]
        touching = (states == TOUCHING).any(axis=1)
        unclear = (states == UNCLEAR).any(axis=1) & ~touching
        if unclear.any():
            touching[unclear] = self.contacts.closest(positions_A[unclear])[0] < self.fraction
        return touching
