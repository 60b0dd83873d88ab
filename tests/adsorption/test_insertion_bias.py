"""Insertions that prefer some places: the averages are those of uniform ones."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from gcmc_toys import ATOM, KT, ToyGuests, lockstep, mean_and_error, production, run

from assay.adsorption.insertion_bias import InsertionBias

EDGE = 12.0
REPEATS = (2, 1, 3)


def uneven(seed: int = 0) -> InsertionBias:
    weights = np.exp(3 * np.random.default_rng(seed).normal(size=(4, 5, 6)))
    return InsertionBias.of_weights(weights, REPEATS)


def test_places_have_the_density_that_is_told():
    bias = uneven()
    rng = np.random.default_rng(1)
    places = bias.place(rng.random(200_000), rng.random((200_000, 3)))
    assert places.min() >= 0 and places.max() < 1
    # the mean of 1/b over places is the volume, and each repeat gets its share
    inverse = np.exp(-bias.log_density(places))
    assert inverse.mean() == pytest.approx(1, abs=4 * inverse.std() / np.sqrt(len(inverse)))
    shares = np.bincount((places[:, 2] * 3).astype(int), minlength=3) / len(places)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.005)
    # of an uneven function of the place, the reweighted mean is the uniform one
    values = np.cos(2 * np.pi * places[:, 0]) ** 2 + places[:, 1]
    assert np.average(values, weights=inverse) == pytest.approx(1.0, abs=0.01)


def test_the_density_is_normalised_and_nowhere_zero():
    bias = uneven()
    assert np.exp(bias.log_ratio).mean() == pytest.approx(1)
    assert np.exp(bias.log_ratio).min() > 0.33


def test_deep_places_get_most_and_overlaps_the_least():
    def well(positions_A):
        distances = np.linalg.norm(positions_A[:, 0] - 6.0, axis=1)
        return np.where(distances < 1.0, -0.4, np.where(distances < 4, 0.0, np.inf))

    host = Atoms("He", cell=[EDGE] * 3, pbc=True)
    bias = InsertionBias.of(well, host, ATOM, (1, 1, 1), KT, np.random.default_rng(0))
    inside, free, outside = bias.log_density(np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.7], [0.05, 0.05, 0.05]]))
    assert inside > free > outside
    assert outside == pytest.approx(np.log(1 / 3))


@pytest.mark.parametrize("activity_volume", [0.7, 12.0])
def test_an_ideal_gas_does_not_notice(activity_volume):
    chains = lockstep(ToyGuests([EDGE] * 3), np.full(40, activity_volume), edges_A=[EDGE] * 3, bias=uneven())
    run(chains, 5000)
    mean, error = mean_and_error(production(chains).astype(float))
    assert abs(mean - activity_volume) < 3 * error
    assert error < 0.05 * activity_volume


def test_wells_are_filled_as_langmuir_says_and_with_fewer_trials():
    radius, depth, product = 1.0, 6 * KT, 1.5

    def well(positions_A):
        return np.where((((positions_A[:, 0] - 6.0) ** 2).sum(axis=1)) < radius**2, -depth, np.inf)

    def core(squares):
        return np.where(squares < (2 * radius) ** 2, np.inf, 0.0)

    host = Atoms("He", cell=[EDGE] * 3, pbc=True)
    bias = InsertionBias.of(well, host, ATOM, (1, 1, 1), KT, np.random.default_rng(0))
    activity = product / (4 / 3 * np.pi * radius**3 * np.exp(depth / KT))
    errors = {}
    for name, chosen in (("uniform", None), ("biased", bias)):
        chains = lockstep(
            ToyGuests([EDGE] * 3, well, core), np.full(60, activity * EDGE**3), edges_A=[EDGE] * 3, bias=chosen
        )
        run(chains, 4000)
        mean, errors[name] = mean_and_error(production(chains).astype(float))
        assert abs(mean - product / (1 + product)) < 3 * errors[name]
    assert errors["biased"] < errors["uniform"] / 2
