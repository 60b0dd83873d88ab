"""Insertions that prefer some places and directions: the averages are those of uniform ones."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from gcmc_toys import ATOM, KT, ROD, ToyGuests, lockstep, mean_and_error, production, run

from assay.adsorption.insertion_bias import InsertionBias, own_frame

EDGE = 12.0
REPEATS = (2, 1, 3)


def uneven(guest: Atoms = ROD, seed: int = 0) -> InsertionBias:
    weights = np.exp(3 * np.random.default_rng(seed).normal(size=(4, 5, 6, 3, 5)))
    return InsertionBias.of_weights(weights, REPEATS, own_frame(guest))


def drawn(bias: InsertionBias, count: int = 200_000):
    rng = np.random.default_rng(1)
    return bias.draw(rng.random(count), rng.random((count, 3)), rng.random((count, 3)))


def test_guests_have_the_density_that_is_told():
    bias = uneven()
    places, rotations = drawn(bias)
    assert places.min() >= 0 and places.max() < 1
    # the mean of 1/b is one, and each repeat gets its share
    inverse = np.exp(-bias.log_density(places, rotations))
    assert inverse.mean() == pytest.approx(1, abs=4 * inverse.std() / np.sqrt(len(inverse)))
    shares = np.bincount((places[:, 2] * 3).astype(int), minlength=3) / len(places)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.005)
    # of uneven functions of place and direction, the reweighted means are the uniform ones
    axis = rotations @ (ROD.positions[1] - ROD.positions[0])
    values = {0.5: np.cos(2 * np.pi * places[:, 0]) ** 2, 1 / 3: axis[:, 0] ** 2, 0.0: axis[:, 2] * places[:, 1]}
    for expected, found in values.items():
        assert np.average(found, weights=inverse) == pytest.approx(expected, abs=0.01)


def test_rotations_are_rotations_and_uniform_about_the_axis():
    bent = Atoms("OHH", [(0, 0, 0), (0.6, 0.8, 0), (0.6, -0.8, 0)])
    frame = own_frame(bent)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1)
    _, rotations = drawn(uneven(bent), 20_000)
    np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (20_000, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    axis, second = rotations @ frame[0], rotations @ frame[1]
    # against the direction in which the axis rises fastest, the second vector has any angle
    up = np.array([0, 0, 1.0]) - axis[:, 2:] * axis
    cosines = (second * up).sum(axis=1) / np.linalg.norm(up, axis=1)
    assert (cosines**2).mean() == pytest.approx(0.5, abs=0.02)
    assert cosines.mean() == pytest.approx(0, abs=0.02)


def test_the_density_is_normalised_and_nowhere_zero():
    bias = uneven()
    assert np.exp(bias.log_ratio).mean() == pytest.approx(1)
    assert np.exp(bias.log_ratio).min() > 0.33


def test_deep_places_and_directions_get_most_and_overlaps_the_least():
    def well(positions_A):
        middle = positions_A.mean(axis=1)
        distances = np.linalg.norm(middle - 6.0, axis=1)
        upright = np.abs(positions_A[:, 1, 2] - positions_A[:, 0, 2])
        return np.where(distances < 1.0, -0.4 * upright, np.where(distances < 4, 0.0, np.inf))

    host = Atoms("He", cell=[EDGE] * 3, pbc=True)
    bias = InsertionBias.of(well, host, ROD, (1, 1, 1), KT, np.random.default_rng(0))
    places = np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.7], [0.05, 0.05, 0.05]])
    lying = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    upright, flat, free, outside = bias.log_density(places, np.array([np.eye(3), lying, np.eye(3), np.eye(3)]))
    assert upright > flat > free > outside
    assert outside == pytest.approx(np.log(1 / 3))


@pytest.mark.parametrize(("guest", "activity_volume"), [(ATOM, 0.7), (ROD, 12.0)])
def test_an_ideal_gas_does_not_notice(guest, activity_volume):
    chains = lockstep(
        ToyGuests([EDGE] * 3), np.full(40, activity_volume), guest=guest, edges_A=[EDGE] * 3, bias=uneven(guest)
    )
    run(chains, 5000)
    mean, error = mean_and_error(production(chains).astype(float))
    assert abs(mean - activity_volume) < 3 * error
    assert error < 0.05 * activity_volume


@pytest.mark.parametrize("guest", [ATOM, ROD])
def test_wells_are_filled_as_langmuir_says_and_with_fewer_trials(guest):
    radius, depth, product = 1.0, 6 * KT, 1.5

    def well(positions_A):
        return np.where((((positions_A.mean(axis=1) - 6.0) ** 2).sum(axis=1)) < radius**2, -depth, np.inf)

    def core(squares):
        return np.where(squares < (2 * radius) ** 2, np.inf, 0.0)

    host = Atoms("He", cell=[EDGE] * 3, pbc=True)
    bias = InsertionBias.of(well, host, guest, (1, 1, 1), KT, np.random.default_rng(0))
    activity = product / (4 / 3 * np.pi * radius**3 * np.exp(depth / KT))
    errors = {}
    for name, chosen in (("uniform", None), ("biased", bias)):
        chains = lockstep(
            ToyGuests([EDGE] * 3, well, core),
            np.full(60, activity * EDGE**3),
            guest=guest,
            edges_A=[EDGE] * 3,
            bias=chosen,
        )
        run(chains, 4000)
        mean, errors[name] = mean_and_error(production(chains).astype(float))
        assert abs(mean - product / (1 + product)) < 3 * errors[name]
    assert errors["biased"] < errors["uniform"] / 2


def test_rods_in_a_field_have_the_alignment_of_the_field_and_not_of_the_bias():
    strength = 2.0

    def field(positions_A):
        axis = positions_A[:, 1] - positions_A[:, 0]
        return -strength * KT * (axis[:, 2] / np.linalg.norm(axis, axis=1)) ** 2

    heights = np.linspace(0, 1, 20_001)
    factors = np.exp(strength * heights**2)
    chains = lockstep(ToyGuests([EDGE] * 3, field), np.full(40, 4.0), guest=ROD, edges_A=[EDGE] * 3, bias=uneven())
    run(chains, 5000)
    mean, error = mean_and_error(production(chains).astype(float))
    assert abs(mean - 4.0 * factors.mean()) < 3 * error
    energy, spread = mean_and_error(production(chains, "energy_eV") / KT)
    alignment = (heights**2 * factors).sum() / factors.sum()
    assert abs(energy + strength * alignment * 4.0 * factors.mean()) < 3 * spread
    assert max(error / mean, spread / -energy) < 0.05
