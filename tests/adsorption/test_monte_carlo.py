"""Chains in lockstep: the same as one by one, steps that freeze, overlaps, energies that are no numbers, drift."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from gcmc_toys import KT, ROD, T, ToyGuests, host, lockstep, production, run

from assay.adsorption.acceptance import INSERTION, TRANSLATION, activity_volume
from assay.adsorption.monte_carlo import ADAPT_EVERY
from assay.adsorption.overlaps import OverlapMap
from assay.adsorption.stability import most_molecules, runaway, too_many_lost
from assay.adsorption.walkers import ACCEPTED, ATTEMPTED, EVALUATED, NON_FINITE, OVERLAPS
from assay.contacts import Contacts
from assay.failures import PotentialFailure

EDGE = 12.0
VALUES = np.array([0.5, 3.0, 9.0])


def waves(positions):
    return KT * np.sin(2 * np.pi * positions[:, :, 0] / EDGE).sum(axis=1)


def soft(squares):
    return np.where(squares < 9.0, 0.5 * KT * (1 - squares / 9.0), 0.0)


def energies() -> ToyGuests:
    return ToyGuests([EDGE] * 3, waves, soft)


def chains(values=VALUES, **options):
    return lockstep(energies(), values, guest=ROD, edges_A=[EDGE] * 3, frame_every=100, **options)


def test_chains_in_lockstep_are_the_same_as_one_by_one():
    together = chains()
    counts = run(together, 2000)
    for number, value in enumerate(VALUES):
        alone = chains([value], first=number)
        assert np.array_equal(run(alone, 2000)[:, 0], counts[:, number])
        for one, many in zip(alone.frames, together.frames, strict=True):
            seen = one.positions_A[0, : one.n_molecules[0]]
            assert np.array_equal(seen, many.positions_A[number, : many.n_molecules[number]])
        assert np.array_equal(alone.walkers.tally[0], together.walkers.tally[number])


@pytest.mark.parametrize("block", [50, 100, 250])
def test_chains_do_not_depend_on_how_trials_are_drawn(block):
    one, other = chains(), chains()
    assert np.array_equal(run(one, 1500, block=500), run(other, 1500, block=block))


def test_steps_adapt_to_the_target_and_then_stay():
    def rough(positions):
        return 3 * KT * np.sin(2 * np.pi * positions[:, :, 0] / 2.0).sum(axis=1)

    toy = lockstep(
        ToyGuests([EDGE] * 3, rough), np.full(4, 30.0), guest=ROD, edges_A=[EDGE] * 3, equilibration=6000, step_A=5.0
    )
    run(toy, 6000)
    frozen = toy.walkers.max_displacement_A.copy()
    assert (frozen < 5.0).all()
    run(toy, 10_000)
    assert np.array_equal(frozen, toy.walkers.max_displacement_A)
    tally = toy.walkers.tally[:, 1, TRANSLATION].sum(axis=0)
    assert 0.35 < tally[ACCEPTED] / tally[ATTEMPTED] < 0.55


def test_steps_do_not_shrink_where_there_is_nothing_to_move():
    toy = lockstep(ToyGuests([EDGE] * 3), np.full(4, 0.02), edges_A=[EDGE] * 3, equilibration=2000, step_A=2.0)
    run(toy, 2000)
    assert (toy.walkers.max_displacement_A >= 2.0).all()


def test_a_rise_of_the_fugacity_at_the_start_is_forgotten():
    loaded = lockstep(ToyGuests([EDGE] * 3), np.full(10, 3.0), equilibration=4 * ADAPT_EVERY, loaded=True)
    counts = run(loaded, 6000)
    half = 2 * ADAPT_EVERY // 50
    assert counts[half - 1].mean() > 20
    assert counts[-40:].mean() == pytest.approx(3.0, abs=0.5)


def test_rejecting_what_the_energy_forbids_anyway_changes_nothing():
    fraction = 0.8
    contacts = Contacts.of(host([EDGE] * 3, "C"), ROD)

    def wall(positions):
        return np.where(contacts.closest(positions)[0] < fraction, np.inf, 0.0)

    # a field of a host that nobody may enter: with the map, without it, the same chains
    runs = []
    for limit in (0.0, fraction):
        toy = lockstep(
            ToyGuests([EDGE] * 3, wall), np.full(3, 6.0), guest=ROD, edges_A=[EDGE] * 3, symbol="C",
            overlap_fraction=limit,
        )  # fmt: skip
        counts = run(toy, 3000)
        runs.append((counts, toy.walkers.tally))
    assert np.array_equal(runs[0][0], runs[1][0])
    assert np.array_equal(runs[0][1][..., ACCEPTED], runs[1][1][..., ACCEPTED])
    assert runs[0][1][..., OVERLAPS].sum() == 0 < runs[1][1][..., OVERLAPS].sum()
    assert (runs[0][1][..., EVALUATED] == (runs[1][1][..., EVALUATED] + runs[1][1][..., OVERLAPS])).all()


def test_the_map_of_overlaps_agrees_with_the_distances():
    cell = np.array([[7.0, 0, 0], [-3.0, 6.5, 0], [1.0, 2.0, 8.0]])
    frame = Atoms("MgCO", scaled_positions=[(0.1, 0.2, 0.3), (0.6, 0.1, 0.8), (0.4, 0.7, 0.5)], cell=cell, pbc=True)
    guest = Atoms("CO2", [(0, 0, 0), (0, 0, 1.16), (0, 0, -1.16)])
    rng = np.random.default_rng(0)
    positions = rng.uniform(-20, 20, (4000, 1, 3)) + guest.positions[rng.permutation(3)]
    for fraction in (0.3, 0.6, 1.0):
        expected = Contacts.of(frame, guest).closest(positions)[0] < fraction
        assert np.array_equal(OverlapMap.of(frame, guest, fraction).overlapping(positions), expected)
        assert 0 < expected.sum() < 4000


def test_energies_that_are_no_numbers_are_rejected_and_counted():
    def lost(positions):
        return np.where(positions[:, 0, 0] % EDGE < EDGE / 4, np.nan, 0.0)

    toy = lockstep(ToyGuests([EDGE] * 3, lost), np.full(6, 4.0), edges_A=[EDGE] * 3)
    run(toy, 3000)
    tally = toy.walkers.tally.sum(axis=(0, 1))
    assert tally[INSERTION, NON_FINITE] == pytest.approx(tally[INSERTION, EVALUATED] / 4, rel=0.1)
    # an ideal gas in what is left of the cell
    assert production(toy).mean() == pytest.approx(3.0, abs=0.35)
    assert tally[..., ATTEMPTED].sum() == 6 * 3000


def test_slots_grow_when_they_are_full():
    toy = lockstep(ToyGuests([30.0] * 3), [60.0], edges_A=[30.0] * 3)
    run(toy, 3000)
    assert toy.walkers.capacity >= 64 and production(toy).mean() == pytest.approx(60, abs=8)


def test_energies_that_do_not_add_up_are_an_error():
    toy = chains()
    run(toy, 500)
    toy.walkers.energies_eV += 1e-3
    with pytest.raises(PotentialFailure, match=r"differ by 0\.001 eV"):
        toy.refresh()


def test_running_energies_are_those_of_the_guests():
    toy = chains()
    run(toy, 1900)
    found = energies().start(toy.walkers.positions_A, toy.walkers.counts)
    assert toy.walkers.energies_eV == pytest.approx(found, abs=1e-12)
    assert np.allclose(toy.samples[-1].energy_eV, found, atol=1e-12)


def test_contacts_of_samples_are_those_of_the_guests():
    toy = chains()
    run(toy, 1000)
    sample, walkers = toy.samples[-1], toy.walkers
    for walker in range(3):
        guests = walkers.positions_A[walker, : walkers.counts[walker]]
        if len(guests):
            closest = toy.conditions.contacts.closest(guests)[0]
            assert sample.closest_fraction[walker] == closest.min()
            assert sample.n_inside[walker] == (closest < 0.7).sum()
        else:
            assert np.isnan(sample.closest_fraction[walker]) and sample.n_inside[walker] == 0


def test_a_stopped_chain_stays_where_it_is():
    toy = chains()
    run(toy, 500)
    before = toy.walkers.tally[1].copy()
    toy.stop(slice(1, 2))
    run(toy, 1000)
    assert np.array_equal(toy.walkers.tally[1], before)
    assert toy.samples[-1].active.tolist() == [True, False, True]


def test_the_activity_is_that_of_an_ideal_gas():
    # at 1 bar and 300 K a mole has 24.94 dm3
    assert activity_volume(1e5, T, 24.943387854e27 / 6.02214076e23) == pytest.approx(1.0, rel=1e-9)


def test_what_ends_a_case():
    co2 = Atoms("CO2")
    most = most_molecules(co2, 20_000.0)
    # dry ice has one molecule in 47 Å3
    assert 20_000 / 47 < most < 4 * 20_000 / 47
    assert runaway(np.array([3, most]), np.zeros(2, int), most) is None
    assert "close-packed" in runaway(np.array([3, most + 1]), np.zeros(2, int), most)
    assert runaway(np.array([30, 40]), np.array([4, 19]), most) is None
    assert "20 of 40 molecules are inside" in runaway(np.array([30, 40]), np.array([4, 20]), most)
    assert too_many_lost(1000, 10) is None and too_many_lost(5, 5) is None and too_many_lost(6, 6)
    assert "11 of 1000" in too_many_lost(1000, 11)
