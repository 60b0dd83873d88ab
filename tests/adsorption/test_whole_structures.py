"""Guests of any potential: interaction energies from whole structures, whatever comes, moves and goes."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from gcmc_cases import GUEST, HOST, potential, whole_energy

from assay.failures import PotentialFailure
from assay.potentials.guests import NONE
from assay.potentials.whole_structures import WholeStructures

CAPACITY = 4


def stretching(atoms: Atoms) -> float:
    """Energies that depend on everything: the host, the guests in it, and each guest's own length."""
    ends = atoms.positions[atoms.numbers == 7].reshape(-1, 2, 3)
    own = 7.0 * np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).sum()
    return -100.0 * (atoms.numbers == 6).sum() + own + whole_energy(atoms)


def expected(guests: list[np.ndarray]) -> float:
    """The interaction energy from the definition."""
    if not guests:
        return 0.0
    both = Atoms("C" + "N2" * len(guests), np.concatenate([HOST.positions, *guests]), cell=HOST.cell, pbc=True)
    lone = sum(7.0 * np.linalg.norm(one[1] - one[0]) for one in guests)
    return stretching(both) + 100.0 - lone


@pytest.mark.parametrize("rigid", [True, False])
def test_changes_add_up_to_the_definition(rigid):
    rng = np.random.default_rng(0)
    energies = WholeStructures(potential(stretching), HOST, GUEST, rigid)
    assert energies.details == {
        "mode": "whole structures",
        "host_energy_eV": -100.0,
        "guest_energy_eV": pytest.approx(7.7),
    }
    state: list[list[np.ndarray]] = [[], []]
    running = energies.start(np.full((2, CAPACITY, 2, 3), np.nan), np.zeros(2, dtype=int))
    assert running.tolist() == [0.0, 0.0]
    for _ in range(60):
        walkers = np.flatnonzero(rng.random(2) < 0.8)
        removed, added = np.full(len(walkers), NONE), np.empty((len(walkers), 2, 3))
        for place, walker in enumerate(walkers):
            count = len(state[walker])
            stretch = 1.0 if rigid else rng.uniform(0.9, 1.1)
            added[place] = rng.uniform(0, 9, 3) + stretch * GUEST.positions
            if count == CAPACITY or (count and rng.random() < 0.6):
                removed[place] = rng.integers(count)
                if rng.random() < 0.5:
                    added[place] = np.nan
        if not len(walkers):
            continue
        changes = energies.changes(walkers, removed, added)
        accepted = rng.random(len(walkers)) < 0.7
        energies.settle(accepted)
        for walker, slot, new, change in zip(
            *(array[accepted] for array in (walkers, removed, added, changes)), strict=True
        ):
            guests = state[walker]
            if slot == NONE:
                guests.append(new.copy())
            elif np.isnan(new).any():
                guests[slot] = guests[-1]
                guests.pop()
            else:
                guests[slot] = new.copy()
            running[walker] += change
        assert running == pytest.approx([expected(guests) for guests in state], abs=1e-9)
    positions = np.full((2, CAPACITY, 2, 3), np.nan)
    for walker, guests in enumerate(state):
        positions[walker, : len(guests)] = np.reshape(guests, (-1, 2, 3))
    assert energies.start(positions, np.array([len(guests) for guests in state])) == pytest.approx(running, abs=1e-9)


def test_a_host_graph_gives_the_same():
    whole = potential(stretching)
    graphs = potential(stretching)

    def prepare_in_host(host):
        return lambda guests: graphs.prepare(
            Atoms(
                np.concatenate([host.numbers, guests.numbers]),
                np.concatenate([host.positions, guests.positions]),
                cell=host.cell,
                pbc=True,
            )
        )

    graphs.prepare_in_host = prepare_in_host
    one, other = (WholeStructures(each, HOST, GUEST) for each in (whole, graphs))
    assert other.details["mode"] == "host graph"
    guests = np.random.default_rng(1).uniform(0, 9, (3, 2, 1, 3)) + GUEST.positions
    counts = np.array([0, 1, 2])
    assert one.start(guests, counts) == pytest.approx(other.start(guests, counts), abs=1e-12)


def test_what_is_no_number_is_nan_and_cannot_be_accepted():
    def crowded(atoms: Atoms) -> float:
        return np.inf if (atoms.numbers == 7).sum() > 2 else 0.0

    energies = WholeStructures(potential(crowded), HOST, GUEST)
    energies.start(GUEST.positions[None, None].repeat(CAPACITY, axis=1), np.array([1]))
    change = energies.changes(np.array([0]), np.array([NONE]), GUEST.positions[None] + 2.0)
    assert np.isnan(change[0])
    with pytest.raises(ValueError, match="not finite"):
        energies.settle(np.array([True]))


def test_slots_that_are_not_there_are_refused():
    energies = WholeStructures(potential(), HOST, GUEST)
    energies.start(np.zeros((2, 1, 2, 3)), np.array([1, 0]))
    for walkers, removed in (([0, 0], [0, 0]), ([0], [NONE]), ([1], [0])):
        with pytest.raises(ValueError):
            energies.changes(np.array(walkers), np.array(removed), np.zeros((len(walkers), 2, 3)))
    with pytest.raises(ValueError):
        energies.start(np.zeros((2, 1, 3, 3)), np.array([1, 0]))


def test_a_host_without_an_energy_is_a_failure():
    with pytest.raises(PotentialFailure, match="host C"):
        WholeStructures(potential(lambda atoms: np.nan), HOST, GUEST)
    with pytest.raises(PotentialFailure, match="guest N2"):
        WholeStructures(potential(lambda atoms: 0.0 if 6 in atoms.numbers else np.nan), HOST, GUEST)
