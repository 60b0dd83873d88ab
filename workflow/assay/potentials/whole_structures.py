"""Energies of guests in a host by any potential: host and guests are evaluated as one structure.

The host's own energy is evaluated once, the isolated guest's once or, if guests are flexible, once for every internal
configuration that comes. Energies are differences of such sums each time, so that no rounding adds up; what a model's
batches round is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from assay.hosts import guest_at, joined
from assay.potentials.base import require_finite
from assay.potentials.guests import NONE

if TYPE_CHECKING:
    from assay.potentials.base import Potential

BOX_A = 40.0
"""Edge of the periodic cube in which a guest is isolated: not every calculator takes molecules without a cell."""


def isolated(guest: Atoms, positions_A: np.ndarray) -> Atoms:
    """One guest with its atoms at these positions, far from its images."""
    atoms = guest.copy()
    atoms.set_cell([BOX_A] * 3)
    atoms.pbc = True
    atoms.positions = positions_A
    return atoms


@dataclass
class WholeStructures:
    """See `assay.potentials.guests.GuestEnergies`.

    Attributes
    ----------
    potential : Potential
    host : Atoms
        Periodic in three directions; it does not move.
    guest : Atoms
        One isolated molecule.
    rigid : bool
        Whether all guests have the internal configuration of `guest`.
    details : dict
        ``mode``: ``host graph`` where the host's part of the structures is made once, else ``whole structures``;
        ``host_energy_eV``, ``guest_energy_eV``.

    Raises
    ------
    PotentialFailure
        ``unsupported_element``; ``non_finite`` if the energy of the host or of the guest is.
    """

    potential: Potential
    host: Atoms
    guest: Atoms
    rigid: bool = True
    details: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        potential, host, guest = self.potential, self.host, self.guest
        potential.require_elements([host, guest])
        (alone,) = potential.evaluate([host], ("energy",))
        require_finite(alone, f"host {host.get_chemical_formula()}")
        (single,) = potential.evaluate([isolated(guest, guest.positions)], ("energy",))
        require_finite(single, f"guest {guest.get_chemical_formula()}")
        self._in_host = potential.prepare_in_host(host) if potential.prepare_in_host else None
        self.details = {
            "mode": "whole structures" if self._in_host is None else "host graph",
            "host_energy_eV": alone.energy_eV,
            "guest_energy_eV": single.energy_eV,
        }

    def start(self, positions_A: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Set all walkers' states; returns interaction energies (eV), shape (W,)."""
        positions_A, counts = np.array(positions_A, dtype=float), np.array(counts, dtype=int)
        if positions_A.ndim != 4 or positions_A.shape[2:] != (len(self.guest), 3) or len(counts) != len(positions_A):
            raise ValueError(f"positions of shape {positions_A.shape} for {len(counts)} walkers of {len(self.guest)}")
        guests = [molecules[:count] for molecules, count in zip(positions_A, counts, strict=True)]
        self._positions_A, self._counts = positions_A, counts
        self._isolated_eV = np.zeros(positions_A.shape[:2])
        filled = np.arange(positions_A.shape[1]) < counts[:, None]
        self._isolated_eV[filled] = self._isolated(positions_A[filled])
        self._energies_eV = self._interaction(guests, self._isolated_eV.sum(axis=1))
        return self._energies_eV.copy()

    def changes(self, walkers: np.ndarray, removed: np.ndarray, added_A: np.ndarray) -> np.ndarray:
        """Changes of energy (eV) by one proposal each of some walkers, shape (k,)."""
        if len(np.unique(walkers)) < len(walkers):
            raise ValueError("a walker makes two proposals")
        counts, capacity = self._counts[walkers], self._positions_A.shape[1]
        inserting = removed == NONE
        if (counts[inserting] >= capacity).any() or (removed >= counts).any():
            raise ValueError("a proposal for a slot that is not there or empty")
        coming = np.isfinite(added_A).all(axis=(1, 2))
        brought = np.zeros(len(walkers))
        brought[coming] = self._isolated(added_A[coming])
        isolated_eV = self._isolated_eV[walkers].sum(axis=1) + brought
        isolated_eV -= np.where(inserting, 0.0, self._isolated_eV[walkers, removed])
        guests = []
        for walker, count, slot, new, comes in zip(walkers, counts, removed, added_A, coming, strict=True):
            kept = self._positions_A[walker, :count]
            if slot != NONE:
                kept = np.delete(kept, slot, axis=0)
            guests.append(np.concatenate([kept, new[None]]) if comes else kept)
        found = self._interaction(guests, isolated_eV)
        self._proposed = (walkers, removed, added_A, coming, brought, found)
        return found - self._energies_eV[walkers]

    def settle(self, accepted: np.ndarray) -> None:
        """Make the accepted ones of the last proposals the walkers' states."""
        for walker, slot, new, comes, lone_eV, energy in zip(
            *(array[accepted] for array in self._proposed), strict=True
        ):
            if not np.isfinite(energy):
                raise ValueError("a change that is not finite was accepted")
            if slot == NONE:
                slot = self._counts[walker]
                self._counts[walker] += 1
            elif not comes:
                last = self._counts[walker] - 1
                new, lone_eV = self._positions_A[walker, last].copy(), self._isolated_eV[walker, last]
                self._isolated_eV[walker, last] = 0.0
                self._counts[walker] = last
            self._positions_A[walker, slot] = new
            # the last one of all had no other to take its slot
            self._isolated_eV[walker, slot] = lone_eV if slot < self._counts[walker] else 0.0
            self._energies_eV[walker] = energy

    def _interaction(self, guests: list[np.ndarray], isolated_eV: np.ndarray) -> np.ndarray:
        """Interaction energies (eV) of the host with these guests, shape (n, m, 3) each; NaN if there is no number."""
        energies = np.zeros(len(guests))
        occupied = [number for number, molecules in enumerate(guests) if len(molecules)]
        structures = [self._together(guests[number]) for number in occupied]
        if self._in_host is None:
            results = self.potential.evaluate([joined(self.host, many) for many in structures], ("energy",))
        else:
            results = self.potential.evaluate(structures, ("energy",), prepare=self._in_host)
        for number, result in zip(occupied, results, strict=True):
            energy = result.energy_eV - self.details["host_energy_eV"] - isolated_eV[number]
            energies[number] = energy if np.isfinite(energy) else np.nan
        return energies

    def _isolated(self, positions_A: np.ndarray) -> np.ndarray:
        """Energies (eV) of isolated guests, shape (n,)."""
        if self.rigid or not len(positions_A):
            return np.full(len(positions_A), self.details["guest_energy_eV"])
        alone = [isolated(self.guest, one) for one in positions_A]
        return np.array([result.energy_eV for result in self.potential.evaluate(alone, ("energy",))])

    def _together(self, molecules_A: np.ndarray) -> Atoms:
        """All guests of a walker in the host's cell; each molecule has a number of its own."""
        count, atoms = molecules_A.shape[:2]
        many = self.guest[np.tile(np.arange(atoms), count)]
        if "molecule" in many.arrays:
            many.arrays["molecule"] = np.repeat(np.arange(count), atoms)
        return guest_at(many, molecules_A.reshape(-1, 3), self.host)
