"""States of chains: slots of guests that come and go, and where their atoms are."""

from __future__ import annotations

import numpy as np
from gcmc_toys import ROD, SHARES

from assay.adsorption.acceptance import DELETION, INSERTION
from assay.adsorption.moves import Shares, draw
from assay.adsorption.walkers import FIRST_CAPACITY, Walkers, place, propose, settle
from assay.potentials.guests import NONE
from assay.randomness import random_stream

CELL = np.array([[9.0, 0, 0], [-4.0, 8.0, 0], [1.0, 2.0, 7.0]])
MEMBERS = np.stack([ROD.positions, 1.1 * ROD.positions, 0.9 * ROD.positions])


def some_trials(count: int, walkers: int):
    return draw(
        [random_stream(1, f"walkers/{number}") for number in range(walkers)],
        count,
        shares=Shares.of(SHARES, atoms=2, internal=3),
        cell_A=CELL,
        max_displacement_A=np.full(walkers, 2.0),
        max_rotation_deg=np.full(walkers, 40.0),
        internal=3,
    )


def atoms_of(walkers: Walkers, walker: int) -> list:
    return [one.tobytes() for one in walkers.positions_A[walker, : walkers.counts[walker]]]


def test_slots_follow_the_rules_of_the_engines():
    """An inserted guest gets slot n, the last one takes the slot of a deleted one, a moved one stays."""
    walkers, active = Walkers.empty(3, 2, 2.0, 40.0), np.ones(3, dtype=bool)
    trials = some_trials(600, 3)
    model: list[list] = [[], [], []]
    rng = np.random.default_rng(0)
    for row in range(600):
        if walkers.counts.max() == walkers.capacity:
            walkers.grow(2 * walkers.capacity)
        proposals = propose(walkers, trials, row, active, MEMBERS, CELL)
        chosen = rng.random(len(proposals)) < 0.7
        for walker, slot, new in zip(
            *(array[chosen] for array in (proposals.walkers, proposals.removed, proposals.added_A)), strict=True
        ):
            guests = model[walker]
            if slot == NONE:
                guests.append(new.tobytes())
            elif np.isnan(new).any():
                guests[slot] = guests[-1]
                guests.pop()
            else:
                guests[slot] = new.tobytes()
        settle(walkers, proposals.take(chosen), np.zeros(chosen.sum()))
        assert [atoms_of(walkers, walker) for walker in range(3)] == model
    assert walkers.capacity > FIRST_CAPACITY or walkers.counts.max() < FIRST_CAPACITY
    empty = np.arange(walkers.capacity) >= walkers.counts[:, None]
    assert np.isnan(walkers.positions_A[empty]).all() and np.isfinite(walkers.positions_A[~empty]).all()


def test_atoms_follow_from_centres_rotations_and_members():
    walkers, active = Walkers.empty(2, 2, 2.0, 40.0), np.ones(2, dtype=bool)
    trials = some_trials(300, 2)
    for row in range(300):
        walkers.grow(walkers.counts.max() + 1)
        proposals = propose(walkers, trials, row, active, MEMBERS, CELL)
        settle(walkers, proposals, np.zeros(len(proposals)))
    for walker in range(2):
        filled = slice(0, walkers.counts[walker])
        positions = place(
            walkers.fractional[walker, filled],
            walkers.rotations[walker, filled],
            MEMBERS[walkers.members[walker, filled]],
            CELL,
        )
        assert np.array_equal(positions, walkers.positions_A[walker, filled])
        turns = walkers.rotations[walker, filled]
        assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-12)
        assert ((walkers.fractional[walker, filled] >= 0) & (walkers.fractional[walker, filled] <= 1)).all()


def test_an_empty_walker_proposes_insertions_alone():
    walkers = Walkers.empty(1, 2, 2.0, 40.0)
    trials = some_trials(200, 1)
    for row in range(200):
        proposals = propose(walkers, trials, row, np.ones(1, dtype=bool), MEMBERS, CELL)
        assert len(proposals) == (trials.move[row, 0] == INSERTION)


def test_what_is_stopped_proposes_nothing():
    walkers = Walkers.empty(3, 2, 2.0, 40.0)
    active = np.array([True, False, True])
    for row in range(50):
        assert 1 not in propose(walkers, some_trials(50, 3), row, active, MEMBERS, CELL).walkers


def test_energy_without_guests_is_zero_whatever_rounding_left():
    walkers, trials = Walkers.empty(1, 2, 2.0, 40.0), some_trials(200, 1)
    row = int(np.argmax(trials.move[:, 0] == INSERTION))
    settle(walkers, propose(walkers, trials, row, np.ones(1, bool), MEMBERS, CELL), np.array([0.1 + 0.2]))
    row = int(np.argmax(trials.move[:, 0] == DELETION))
    settle(walkers, propose(walkers, trials, row, np.ones(1, bool), MEMBERS, CELL), np.array([-0.3]))
    assert (walkers.counts[0], walkers.energies_eV[0]) == (0, 0.0)


def test_walkers_are_joined_taken_apart_and_kept_as_arrays():
    first, second = Walkers.empty(2, 1, 1.0, 10.0), Walkers.empty(1, 1, 3.0, 20.0)
    second.grow(50)
    together = Walkers.joined([first, second])
    assert (len(together), together.capacity) == (3, 50)
    again = Walkers.from_arrays(together.part(slice(2, 3)).arrays())
    assert again.max_displacement_A.tolist() == [3.0]
    again.counts[0] = 9
    assert together.counts[2] == 0


def test_a_guest_of_one_atom_lies_at_its_centre():
    found = place(np.array([[0.5, 0.25, 0.0]]), np.eye(3)[None], np.zeros((1, 1, 3)), CELL)
    assert np.allclose(found[0, 0], np.array([0.5, 0.25, 0.0]) @ CELL)
