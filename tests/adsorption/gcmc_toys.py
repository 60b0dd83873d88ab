"""Guests whose grand-canonical averages are known, and lockstep runs of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms
from scipy import constants

from assay.adsorption.insertion_bias import InsertionBias
from assay.adsorption.monte_carlo import Conditions, Lockstep
from assay.adsorption.moves import Shares
from assay.adsorption.overlaps import OverlapMap
from assay.adsorption.reservoir import Reservoir, rigid_reservoir
from assay.adsorption.walkers import Walkers
from assay.contacts import Contacts
from assay.potentials.guests import NONE
from assay.randomness import random_stream

T = 300.0
KT = constants.k / constants.e * T
ATOM = Atoms("He")
ROD = Atoms("HeHe", [(0, 0, -0.5), (0, 0, 0.5)])
SHARES = {"translation": 1, "rotation": 1, "exchange": 2, "regrowth": 1}


def nothing(positions_A: np.ndarray) -> np.ndarray:
    """No field: the energy of guests (n, m, 3) is zero."""
    return np.zeros(len(positions_A))


def no_pairs(squares_A2: np.ndarray) -> np.ndarray:
    """No interaction of guests."""
    return np.zeros_like(squares_A2)


class ToyGuests:
    """Guests in an external field that interact by their centres, with the nearest images in a rectangular cell."""

    def __init__(
        self,
        edges_A: np.ndarray,
        field: Callable[[np.ndarray], np.ndarray] = nothing,
        pair: Callable[[np.ndarray], np.ndarray] | None = None,
        each_eV: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.edges_A, self.field, self.pair = np.asarray(edges_A, dtype=float), field, pair
        self.each_eV = each_eV
        self.details = {"mode": "toy"}
        self.starts = 0

    def start(self, positions_A, counts):
        self.starts += 1
        self.positions, self.counts = np.array(positions_A), np.array(counts)
        return np.array([self.total(walker) for walker in range(len(counts))])

    def total(self, walker: int) -> float:
        guests = self.positions[walker, : self.counts[walker]]
        energy = self.field(guests).sum() if len(guests) else 0.0
        centres = guests.mean(axis=1)
        for number in range(1, len(guests) if self.pair else 0):
            energy += self.pair(self.squares(centres[:number], centres[number])).sum()
        return energy + (self.each_eV(np.array([len(guests)]))[0] if self.each_eV else 0.0)

    def squares(self, centres, centre):
        vectors = centres - centre
        vectors -= self.edges_A * np.round(vectors / self.edges_A)
        return (vectors**2).sum(axis=-1)

    def changes(self, walkers, removed, added_A):
        assert len(np.unique(walkers)) == len(walkers)
        inserting, deleting = removed == NONE, np.isnan(added_A[:, 0, 0])
        old = self.positions[walkers, np.where(inserting, 0, removed)]
        changes = np.zeros(len(walkers))
        for chosen, guests, sign in ((~deleting, added_A, 1), (~inserting, old, -1)):
            if not chosen.any():
                continue
            changes[chosen] += sign * self.field(guests[chosen])
            if self.pair:
                centres = self.positions[walkers[chosen]].mean(axis=2)
                squares = self.squares(centres, guests[chosen].mean(axis=1)[:, None])
                slots = np.arange(centres.shape[1])
                others = (slots < self.counts[walkers[chosen], None]) & (slots != removed[chosen, None])
                changes[chosen] += sign * np.where(others, self.pair(np.where(others, squares, 1e9)), 0.0).sum(axis=1)
        if self.each_eV:
            after = self.counts[walkers] + inserting - deleting
            changes += self.each_eV(after) - self.each_eV(self.counts[walkers])
        self.proposed = walkers, removed, added_A
        return changes

    def settle(self, accepted):
        for walker, slot, new in zip(*(array[accepted] for array in self.proposed), strict=True):
            if slot == NONE:
                slot = self.counts[walker]
                self.counts[walker] += 1
            elif np.isnan(new).any():
                self.counts[walker] -= 1
                new = self.positions[walker, self.counts[walker]].copy()
            self.positions[walker, slot] = new


def host(edges_A, symbol: str = "He") -> Atoms:
    """One atom in the corner of a rectangular cell."""
    return Atoms(symbol, cell=edges_A, pbc=True)


def lockstep(
    energies,
    activity_volume,
    *,
    guest: Atoms = ATOM,
    edges_A=(20.0, 20.0, 20.0),
    reservoir: Reservoir | None = None,
    weights: dict | None = None,
    seed: int = 1,
    first: int = 0,
    overlap_fraction: float = 0.0,
    equilibration: int = 1000,
    sample_every: int = 50,
    frame_every: int = 10**9,
    loaded: bool = False,
    step_A: float = 2.0,
    symbol: str = "He",
    bias: InsertionBias | None = None,
) -> Lockstep:
    """One walker for every value of beta f V; walker number i takes the stream of replica ``first + i``."""
    activity_volume = np.atleast_1d(np.asarray(activity_volume, dtype=float))
    reservoir = reservoir or rigid_reservoir(guest)
    frame = host(edges_A, symbol)
    conditions = Conditions(
        cell_A=frame.cell.array,
        temperature_K=T,
        reservoir=reservoir,
        shares=Shares.of(weights or SHARES, atoms=len(guest), internal=len(reservoir)),
        contacts=Contacts.of(frame, guest),
        overlaps=OverlapMap.of(frame, guest, overlap_fraction) if overlap_fraction else None,
        equilibration_trials=equilibration,
        sample_every=sample_every,
        frame_every=frame_every,
        bias=bias,
    )
    count = len(activity_volume)
    return Lockstep(
        conditions,
        energies,
        Walkers.empty(count, len(guest), step_A, 60.0),
        [random_stream(seed, f"toy/{first + number}") for number in range(count)],
        np.log(activity_volume),
        np.full(count, loaded),
    )


def run(chains: Lockstep, trials: int, block: int = 500) -> np.ndarray:
    """Advance; returns numbers of molecules of all samples, shape (samples, walkers)."""
    while chains.done < trials:
        chains.advance(trials, block)
        if chains.done % block == 0:
            chains.refresh()
    return np.array([sample.n_molecules for sample in chains.samples])


def production(chains: Lockstep, name: str = "n_molecules") -> np.ndarray:
    """What was sampled after equilibration, shape (samples, walkers)."""
    first = chains.conditions.equilibration_trials
    return np.array([getattr(sample, name) for sample in chains.samples if sample.trial > first])


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean over samples and walkers of equal conditions; the error from the spread of the walkers' means."""
    means = values.mean(axis=0)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))
