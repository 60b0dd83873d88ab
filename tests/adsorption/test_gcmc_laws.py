"""Systems whose grand-canonical averages are known in closed form or published, through the chapter's Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest
from gcmc_toys import KT, ROD, ToyGuests, lockstep, mean_and_error, production, run

from assay.adsorption.reservoir import Reservoir

EDGE = 20.0


def within(values, expected: float, *, sigmas: float = 3.0, relative_error: float = 0.02) -> None:
    """The mean is within so many standard errors of what is expected, and the error is small."""
    mean, error = mean_and_error(np.asarray(values, dtype=float))
    assert abs(mean - expected) < sigmas * error
    assert error < relative_error * abs(expected)


@pytest.mark.parametrize(("activity_volume", "loaded"), [(0.7, False), (12.0, False), (12.0, True)])
def test_an_ideal_gas_has_a_poisson_distribution_of_its_number(activity_volume, loaded):
    chains = lockstep(ToyGuests([EDGE] * 3), np.full(40, activity_volume), loaded=loaded)
    run(chains, 5000)
    counts = production(chains)
    within(counts, activity_volume)
    within((counts - activity_volume) ** 2, activity_volume, relative_error=0.05)
    expected = activity_volume * np.exp(-activity_volume)
    assert (counts == 1).mean() == pytest.approx(expected, abs=0.02)


def langmuir_box():
    """Eight wells in a cube; each has room for one guest."""
    radius, spacing, depth = 1.0, 4.2, 2 * KT

    def wells(positions):
        offsets = (positions[:, 0] + spacing / 2) % spacing - spacing / 2
        return np.where((offsets**2).sum(axis=1) < radius**2, -depth, np.inf)

    def core(squares):
        # no two points of a well are so far apart, and no two of different wells as near as this
        return np.where(squares < (2 * radius) ** 2, np.inf, 0.0)

    volume = 4 / 3 * np.pi * radius**3 * np.exp(depth / KT)
    return wells, core, 2 * spacing, volume


def test_wells_that_hold_one_guest_each_follow_langmuir():
    wells, core, edge, boltzmann_volume = langmuir_box()
    for product in (0.5, 4.0):
        activity = product / boltzmann_volume
        chains = lockstep(
            ToyGuests([edge] * 3, wells, core), np.full(40, activity * edge**3), edges_A=[edge] * 3, step_A=1.0
        )
        run(chains, 6000)
        within(production(chains), 8 * product / (1 + product), relative_error=0.03)
        assert production(chains).max() <= 8


@pytest.mark.parametrize(
    ("temperature", "density", "edge", "excess"),
    [
        # chemical potentials from the equation of Kolafa and Nezbeda, doi:10.1016/0378-3812(94)80001-4
        (1.5, 0.1, 8.0, -0.6968),
        (2.0, 0.4, 6.0, -0.9307),
    ],
)
def test_the_lennard_jones_fluid_has_its_published_density(temperature, density, edge, excess):
    """Reduced units times 3 Å; pairs are truncated at half the box, with the usual tail."""
    sigma, epsilon = 3.0, KT / temperature
    limit = (edge / 2) ** 2

    def pairs(squares):
        reduced = np.maximum(squares / sigma**2, 1e-3)
        inverse = reduced**-3.0
        return np.where(reduced < limit, 4 * epsilon * inverse * (inverse - 1), 0.0)

    ratio = (2 / edge) ** 3
    tail = 8 / 3 * np.pi * epsilon / edge**3 * (ratio**3 / 3 - ratio)
    box = [edge * sigma] * 3
    energies = ToyGuests(box, pair=pairs, each_eV=lambda count: tail * np.asarray(count, dtype=float) ** 2)
    activity_volume = density * np.exp(excess / temperature) * edge**3
    chains = lockstep(
        energies, np.full(20, activity_volume), edges_A=box, equilibration=2500, step_A=1.5, weights={"exchange": 1}
    )
    run(chains, 6500)
    within(production(chains) / edge**3, density)


def test_the_occupation_of_two_places_is_boltzmanns_and_flows_balance():
    """A step in the field: both halves are ideal, one is deeper; as many guests go as come."""
    depth = 1.3 * KT

    def step(positions):
        return np.where(positions[:, 0, 0] % EDGE < EDGE / 2, -depth, 0.0)

    chains = lockstep(
        ToyGuests([EDGE] * 3, step), np.full(40, 4.0), frame_every=20, weights={"translation": 1, "exchange": 1}
    )
    run(chains, 5000)
    frames = [frame for frame in chains.frames if frame.trial > 1000]
    left = np.array([(np.nan_to_num(f.positions_A[:, :, 0, 0], nan=EDGE) % EDGE < EDGE / 2) for f in frames])
    filled = np.array([np.isfinite(f.positions_A[:, :, 0, 0]) for f in frames])
    within((left & filled).sum(axis=2), 2.0 * np.exp(1.3), relative_error=0.03)
    within((~left & filled).sum(axis=2), 2.0, relative_error=0.03)
    within(production(chains, "energy_eV"), -depth * 2.0 * np.exp(1.3), relative_error=0.03)


def test_orientations_in_a_field_follow_langevin():
    strength = 2.0

    def dipoles(positions):
        return -strength * KT * (positions[:, 1, 2] - positions[:, 0, 2])

    chains = lockstep(ToyGuests([EDGE] * 3, dipoles), np.full(40, 5.0), guest=ROD, frame_every=20)
    run(chains, 5000)
    within(production(chains), 5.0 * np.sinh(strength) / strength)
    cosines = [f.positions_A[:, :, 1, 2] - f.positions_A[:, :, 0, 2] for f in chains.frames if f.trial > 1000]
    means = np.array([[np.nanmean(walker) for walker in frame if np.isfinite(walker).any()][:30] for frame in cosines])
    assert np.nanmean(means) == pytest.approx(1 / np.tanh(strength) - 1 / strength, abs=0.02)


def stretched_rods() -> Reservoir:
    """Rods of many lengths."""
    lengths = np.random.default_rng(3).normal(1.2, 0.1, 64)
    ends = np.zeros((64, 2, 3))
    ends[:, 0, 2], ends[:, 1, 2] = -lengths / 2, lengths / 2
    return Reservoir(ends, np.zeros(64))


def lengths_of(frames) -> np.ndarray:
    guests = np.concatenate([frame.positions_A[np.isfinite(frame.positions_A[..., 0, 0])] for frame in frames])
    return np.linalg.norm(guests[:, 1] - guests[:, 0], axis=1)


def test_flexible_guests_of_an_ideal_gas_have_the_reservoirs_lengths():
    reservoir = stretched_rods()
    chains = lockstep(ToyGuests([EDGE] * 3), np.full(40, 8.0), guest=ROD, reservoir=reservoir, frame_every=100)
    run(chains, 5000)
    within(production(chains), 8.0)
    found = lengths_of([frame for frame in chains.frames if frame.trial > 1000])
    expected = np.linalg.norm(reservoir.members_A[:, 1] - reservoir.members_A[:, 0], axis=1)
    assert found.mean() == pytest.approx(expected.mean(), abs=4 * expected.std() / np.sqrt(len(found) / 4))
    assert found.std() == pytest.approx(expected.std(), rel=0.05)
    assert chains.walkers.tally[:, 1, 4, 1].sum() > 0


def test_a_field_that_prefers_long_guests_selects_them_by_insertion_and_by_regrowth():
    reservoir, pull = stretched_rods(), 8.0

    def stretch(positions):
        return -pull * KT * np.linalg.norm(positions[:, 1] - positions[:, 0], axis=1)

    lengths = np.linalg.norm(reservoir.members_A[:, 1] - reservoir.members_A[:, 0], axis=1)
    weights = np.exp(pull * (lengths - 1.2))
    means = []
    for share in (0, 4):
        chains = lockstep(
            ToyGuests([EDGE] * 3, stretch),
            np.full(40, 6.0 * np.exp(-1.2 * pull)),
            guest=ROD,
            reservoir=reservoir,
            weights={"exchange": 1, "regrowth": share},
            frame_every=50,
        )
        run(chains, 6000)
        within(production(chains), 6.0 * weights.mean(), relative_error=0.03)
        means.append(lengths_of([frame for frame in chains.frames if frame.trial > 1000]).mean())
    assert means == pytest.approx([np.average(lengths, weights=weights)] * 2, abs=0.01)
