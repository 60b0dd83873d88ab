"""Energies of many guests in a fixed periodic host, one Monte Carlo move at a time: what every engine offers.

A *walker* is one independent configuration of guests in the host. All walkers of a batch are advanced together: a
proposal of each is evaluated, some are accepted, and the engine brings its states up to date. The interaction energy is
E(host and guests) - E(host) - sum of E(isolated guest), with the guests' images in it, zero without guests.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

NONE = -1
"""In place of a slot: nothing leaves, the proposal is an insertion."""


class GuestEnergies(Protocol):
    """Interaction energies of guests in one fixed periodic host, for W walkers, m atoms to a guest.

    A walker's guests have the slots 0 to n - 1. Positions are Cartesian (Å) and may be of any image, but all atoms of a
    guest are of the same one.

    Attributes
    ----------
    details : dict
        How the energies are found, for the record: ``mode`` and what belongs to it.
    """

    details: dict[str, Any]

    def start(self, positions_A: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Set all walkers' states; callable again at any time, with other numbers of walkers and slots.

        Parameters
        ----------
        positions_A : ndarray, shape (W, capacity, m, 3)
            What stands in slots beyond a walker's count plays no part.
        counts : ndarray of int, shape (W,)

        Returns
        -------
        ndarray, shape (W,)
            Interaction energies (eV); infinite where molecules overlap, NaN where the potential gave no finite number.

        Raises
        ------
        ValueError
            If the shapes do not agree.
        """

    def changes(self, walkers: np.ndarray, removed: np.ndarray, added_A: np.ndarray) -> np.ndarray:
        """Changes of energy by one proposal each of some walkers; states stay as they are until `settle`.

        Parameters
        ----------
        walkers : ndarray of int, shape (k,)
            Each walker at most once.
        removed : ndarray of int, shape (k,)
            The slot that moves or is emptied; -1 for an insertion.
        added_A : ndarray, shape (k, m, 3)
            Where the atoms of what moved or was inserted are; NaN for a deletion.

        Returns
        -------
        ndarray, shape (k,)
            Energies (eV). Infinite for hard overlaps; NaN where the potential gave no finite number, which the caller
            rejects and counts.

        Raises
        ------
        ValueError
            If a walker is named twice, a slot is empty, or an insertion finds no slot: the caller starts anew with more
            of them.
        """

    def settle(self, accepted: np.ndarray) -> None:
        """Make the accepted ones of the last proposals the walkers' states.

        A moved molecule stays in its slot, an inserted one gets slot n, and slot n - 1 moves to that of a deleted one.

        Parameters
        ----------
        accepted : ndarray of bool, shape (k,)

        Raises
        ------
        ValueError
            If there is no proposal for each of them, or one of a change that is not finite is accepted.
        """
