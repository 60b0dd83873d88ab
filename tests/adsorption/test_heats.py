"""Isosteric heats of ideal gases and of sites that do not know each other."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_isotherms import SITE_ENERGY_EV, lattice_gas
from scipy import constants

from assay.adsorption.heats import EV_IN_KJ_MOL, isosteric_heat

T = 298.0
RT = constants.R * T / 1000
BLOCKS = np.arange(4000) // 200


def test_an_ideal_gas_releases_rt():
    """Poisson numbers, no energy."""
    numbers = np.random.default_rng(0).poisson(10, 4000)
    heat, error = isosteric_heat(numbers, np.zeros(4000), BLOCKS, T, 200, np.random.default_rng(1))
    assert heat == pytest.approx(RT) and error == pytest.approx(0, abs=1e-9)


def test_equal_sites_release_their_energy_at_any_loading():
    for theta in (0.02, 0.5, 0.97):
        numbers = lattice_gas(theta, 0, 4000, np.random.default_rng(2))
        heat, _ = isosteric_heat(numbers, numbers * SITE_ENERGY_EV, BLOCKS, T, 100, np.random.default_rng(1))
        assert heat == pytest.approx(RT - SITE_ENERGY_EV * EV_IN_KJ_MOL)


def test_the_heat_does_not_depend_on_the_zero_of_energy():
    rng = np.random.default_rng(3)
    numbers = rng.poisson(20, 4000)
    energies = -0.3 * numbers + 0.2 * rng.normal(size=4000)
    one, other = (
        isosteric_heat(numbers, energies + zero, BLOCKS, T, 100, np.random.default_rng(1)) for zero in (0.0, 5e4)
    )
    assert one == pytest.approx(other, rel=1e-6)


def test_the_error_is_that_of_repetitions():
    rng = np.random.default_rng(4)
    heats, errors = [], []
    for _ in range(60):
        numbers = rng.poisson(10, 4000)
        energies = -0.4 * numbers + 0.3 * rng.normal(size=4000)
        heat, error = isosteric_heat(numbers, energies, BLOCKS, T, 100, rng)
        heats.append(heat)
        errors.append(error)
    truth = 0.3 / np.sqrt(10 * 4000) * EV_IN_KJ_MOL
    assert np.std(heats) == pytest.approx(truth, rel=0.3)
    assert np.mean(errors) == pytest.approx(truth, rel=0.2)
    assert np.mean(heats) == pytest.approx(RT + 0.4 * EV_IN_KJ_MOL, abs=4 * truth / np.sqrt(60))


def test_without_fluctuations_there_is_no_heat():
    rng = np.random.default_rng(5)
    assert np.isnan(isosteric_heat(np.full(40, 3), rng.normal(size=40), np.arange(40) // 10, T, 50, rng)).all()
    assert np.isnan(isosteric_heat(np.zeros(0), np.zeros(0), np.zeros(0), T, 50, rng)).all()


def test_one_block_has_no_error():
    numbers = np.random.default_rng(6).poisson(5, 100)
    heat, error = isosteric_heat(numbers, -0.1 * numbers, np.zeros(100), T, 50, np.random.default_rng(1))
    assert heat == pytest.approx(RT + 0.1 * EV_IN_KJ_MOL) and np.isnan(error)
