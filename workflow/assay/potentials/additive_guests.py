"""Energies of many guests in a fixed framework by a classical force field, from one Monte Carlo move to the next.

Interactions are pairwise, so a move needs the pairs of one molecule only. Of each walker are kept: every molecule's
energy in the framework, that of every pair of molecules, and the structure factors of the Ewald sum, which a move
changes by those of the molecule that leaves and of the one that comes (see Frenkel and Smit, Understanding Molecular
Simulation, 2nd ed., Academic Press 2002, chapter 12, doi:10.1016/B978-0-12-267351-0.X5000-7).

The sum of all parts is what `assay.potentials.lammps_energies` gives as E(host and guests) - E(host): pairs within a
molecule do not interact, pairs of a molecule and its own images do. Bonds and angles are no part of it: in the
interaction energy they cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms

from assay.cells import widths
from assay.failures import PotentialFailure
from assay.potentials.ewald_sums import ReciprocalSum
from assay.potentials.force_fields import ForceField
from assay.potentials.guest_pairs import GuestPairs
from assay.potentials.guests import NONE
from assay.potentials.host_field import HostField
from assay.potentials.pair_sums import one_torch_thread

OVERLAP_EV = 25.0
"""A molecule that comes to more than this counts as a hard overlap: a Boltzmann factor of e^-970 at room temperature.
What is left of its energy is not computed."""

ROWS_PER_BLOCK = 32
"""Structure factors of so many proposals at a time: few enough for the cache of a core."""

FLEXIBLE_A = 1.0
"""By so much a flexible guest's atoms may be further apart than in the molecule that is given."""

NEUTRAL_E = 1e-6


class AdditiveGuests:
    """`assay.potentials.guests.GuestEnergies` of a force field.

    Parameters
    ----------
    force_field : ForceField
    host : Atoms
        The supercell, periodic in three directions, with the labels and charges that the force field needs.
    guest : Atoms
        One molecule, for its atoms' kinds and its size.

    Raises
    ------
    PotentialFailure
        ``unsupported_element`` for atoms that the force field does not know; ``error`` if the host is not periodic or
        holds guests, or the guest is charged.
    """

    def __init__(self, force_field: ForceField, host: Atoms, guest: Atoms) -> None:
        sites = force_field.assign_guest(guest)
        if abs(sites.charges_e.sum()) > NEUTRAL_E:
            raise PotentialFailure(
                "error",
                f"{force_field.path.name}: {guest.get_chemical_formula()} has a charge of {sites.charges_e.sum():g} e;"
                " a periodic cell can only be filled with neutral guests.",
            )
        cell = host.cell.array
        self._host = HostField.of(force_field, host, sites)
        cutoff = float(widths(cell).min()) / 2 if sites.charges_e.any() else None
        self._reciprocal = None if cutoff is None else ReciprocalSum.of(cell, cutoff)
        self._pairs = GuestPairs.of(
            force_field,
            sites.names,
            sites.charges_e,
            extent_A=guest.get_all_distances().max() + FLEXIBLE_A,
            cell_A=cell,
            alpha_1_A=None if cutoff is None else self._reciprocal.alpha_1_A,
            cutoff_A=cutoff,
        )
        self._to_fractional = np.linalg.inv(cell)
        self._charges_e = torch.from_numpy(sites.charges_e)
        self._self_eV = 0.0 if cutoff is None else self._reciprocal.self_energy(sites.charges_e)
        self.details: dict[str, Any] = {
            "mode": "additive",
            "cutoff_A": force_field.cutoff_A,
            "host_ewald_cutoff_A": self._host.cutoff_A or None,
            "guest_ewald_cutoff_A": cutoff,
            "guest_ewald_vectors": None if cutoff is None else self._reciprocal.count,
            "host_cell_atoms": self._host.n_atoms,
        }
        self.start(np.zeros((0, 0, len(guest), 3)), np.zeros(0, dtype=int))

    def start(self, positions_A: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """See `GuestEnergies.start`."""
        positions, counts = np.asarray(positions_A, dtype=float), np.array(counts, dtype=int)
        walkers, capacity = positions.shape[:2]
        if positions.shape[2:] != (len(self._charges_e), 3) or counts.shape != (walkers,) or (counts > capacity).any():
            raise ValueError(f"expected positions (walkers, slots, {len(self._charges_e)}, 3), got {positions.shape}")
        self._counts = counts
        self._fractional = np.zeros(positions.shape)
        self._single_eV = np.zeros((walkers, capacity))
        self._pair_eV = np.zeros((walkers, capacity, capacity))
        self._proposals: _Proposals | None = None
        filled = np.arange(capacity) < counts[:, None]
        self._fractional[filled] = positions[filled] @ self._to_fractional
        with one_torch_thread():
            self._single_eV[filled] = self._singles(positions[filled], self._fractional[filled])
            walker, one, other = np.nonzero(np.triu(filled[:, :, None] & filled[:, None, :], 1))
            found = self._pairs.energies(self._fractional[walker, one], self._fractional[walker, other])
            self._pair_eV[walker, one, other] = self._pair_eV[walker, other, one] = found
            energies = self._single_eV.sum(axis=1) + self._pair_eV.sum(axis=(1, 2)) / 2
            if self._reciprocal is not None:
                self._factors = np.zeros((walkers, len(self._reciprocal.roots)))
                for walker, count in enumerate(counts):
                    atoms = torch.from_numpy(self._fractional[walker, :count].reshape(1, -1, 3))
                    charges = self._charges_e.repeat(1, count)
                    self._factors[walker] = self._reciprocal.structure_factors(atoms, charges)[0]
                energies += np.vecdot(self._factors, self._factors)
        return energies

    def changes(self, walkers: np.ndarray, removed: np.ndarray, added_A: np.ndarray) -> np.ndarray:
        """See `GuestEnergies.changes`."""
        walkers, removed = np.asarray(walkers, dtype=int), np.asarray(removed, dtype=int)
        added = np.asarray(added_A, dtype=float)
        leaves, comes = removed != NONE, ~np.isnan(added).any(axis=(1, 2))
        self._check(walkers, removed, leaves, comes)
        energies, single = np.zeros((2, len(walkers)))
        fractional = np.zeros(added.shape)
        fractional[comes] = added[comes] @ self._to_fractional
        left = walkers[leaves], removed[leaves]
        energies[leaves] = -self._single_eV[left] - self._pair_eV[left].sum(axis=1)
        with one_torch_thread():
            single[comes] = self._singles(added[comes], fractional[comes])
            slots = np.arange(self._fractional.shape[1])
            others = (slots < self._counts[walkers, None]) & (slots != removed[:, None])
            row, slot = np.nonzero(others & (comes & (single < OVERLAP_EV))[:, None])
            pair = self._pairs.energies(fractional[row], self._fractional[walkers[row], slot])
            coming = single + np.bincount(row, pair, minlength=len(walkers))
            possible = coming < OVERLAP_EV
            energies += np.where(possible, coming, np.inf)
            factors = None
            if self._reciprocal is not None:
                factors = self._factor_changes(walkers, removed, leaves, comes, fractional, np.flatnonzero(possible))
                energies[possible] += np.vecdot(factors, factors + 2 * self._factors[walkers[possible]])
        self._proposals = _Proposals(
            walkers, removed, comes, fractional, energies, single, row, slot, pair, np.flatnonzero(possible), factors
        )
        return energies.copy()

    def settle(self, accepted: np.ndarray) -> None:
        """See `GuestEnergies.settle`."""
        last, self._proposals = self._proposals, None
        accepted = np.asarray(accepted, dtype=bool)
        if last is None or accepted.shape != last.energies_eV.shape:
            raise ValueError("settle: as many answers are needed as there were proposals, and once only")
        if not np.isfinite(last.energies_eV[accepted]).all():
            raise ValueError("settle: a proposal with an energy that is not finite cannot be accepted")
        places = np.where(last.removed == NONE, self._counts[last.walkers], last.removed)
        self._fill(last, accepted & last.comes, places)
        self._empty(last.walkers[accepted & ~last.comes], places[accepted & ~last.comes])
        self._counts[last.walkers[accepted]] += 1 * last.comes[accepted] - (last.removed[accepted] != NONE)
        if last.factors is not None:
            kept = accepted[last.possible]
            self._factors[last.walkers[accepted]] += last.factors[kept]

    def _fill(self, last: _Proposals, chosen: np.ndarray, places: np.ndarray) -> None:
        """Put what came into its slots."""
        walkers, slots = last.walkers[chosen], places[chosen]
        self._fractional[walkers, slots] = last.fractional[chosen]
        self._single_eV[walkers, slots] = last.single_eV[chosen]
        self._pair_eV[walkers, slots] = self._pair_eV[walkers, :, slots] = 0.0
        kept = chosen[last.row]
        walkers, slots, others = last.walkers[last.row[kept]], places[last.row[kept]], last.slot[kept]
        self._pair_eV[walkers, slots, others] = self._pair_eV[walkers, others, slots] = last.pair_eV[kept]

    def _empty(self, walkers: np.ndarray, slots: np.ndarray) -> None:
        """Put the walkers' last molecules into the slots of deleted ones."""
        ends = self._counts[walkers] - 1
        for array in (self._fractional, self._single_eV, self._pair_eV):
            array[walkers, slots] = array[walkers, ends]
            array[walkers, ends] = 0.0
        self._pair_eV[walkers, :, slots] = self._pair_eV[walkers, :, ends]
        self._pair_eV[walkers, :, ends] = self._pair_eV[walkers, slots, slots] = 0.0

    def _factor_changes(
        self,
        walkers: np.ndarray,
        removed: np.ndarray,
        leaves: np.ndarray,
        comes: np.ndarray,
        fractional: np.ndarray,
        chosen: np.ndarray,
    ) -> np.ndarray:
        """Changes of the structure factors by some of the proposals: what comes counts once, what leaves minus once."""
        old = self._fractional[walkers[chosen], removed[chosen]]
        atoms = np.concatenate((old, fractional[chosen]), axis=1)
        signs = np.stack((-1.0 * leaves[chosen], 1.0 * comes[chosen]), axis=1)
        charges = (signs[:, :, None] * self._charges_e.numpy()).reshape(len(chosen), atoms.shape[1])
        found = np.empty((len(chosen), self._factors.shape[1]))
        for start in range(0, len(chosen), ROWS_PER_BLOCK):
            part = slice(start, start + ROWS_PER_BLOCK)
            found[part] = self._reciprocal.structure_factors(
                torch.from_numpy(atoms[part]), torch.from_numpy(charges[part])
            ).numpy()
        return found

    def _singles(self, positions_A: np.ndarray, fractional: np.ndarray) -> np.ndarray:
        """Energies (eV) of molecules that belong to each of them alone: with the framework and with its own images."""
        return self._host.energies(positions_A) + self._pairs.own_energies(fractional) - self._self_eV

    def _check(self, walkers: np.ndarray, removed: np.ndarray, leaves: np.ndarray, comes: np.ndarray) -> None:
        if len(set(walkers.tolist())) < len(walkers):
            raise ValueError("changes: a walker is named twice")
        counts = self._counts[walkers]
        if (removed >= counts).any() or (removed < NONE).any() or not (leaves | comes).all():
            raise ValueError("changes: a molecule is to leave that is not there")
        if (comes & ~leaves & (counts == self._fractional.shape[1])).any():
            raise ValueError("changes: a walker is full; start anew with more slots")


@dataclass(frozen=True)
class _Proposals:
    """What `settle` has to know: k proposals, and each of their pairs with another molecule (row, slot, energy)."""

    walkers: np.ndarray
    removed: np.ndarray
    comes: np.ndarray
    fractional: np.ndarray
    energies_eV: np.ndarray
    single_eV: np.ndarray
    row: np.ndarray
    slot: np.ndarray
    pair_eV: np.ndarray
    possible: np.ndarray
    factors: np.ndarray | None
