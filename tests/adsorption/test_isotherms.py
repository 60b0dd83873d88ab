"""Amounts, excess, productions and initial slopes against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_isotherms import ADAPTATION, REDRAWN, SITES, coverage, lattice_gas
from scipy import constants

from assay.adsorption.isotherms import (
    Samples,
    excess,
    gas_molecules,
    initial_slope,
    loading_mol_kg,
    production,
)

positive = st.floats(1e-3, 1e3)


def samples_of(chains: list[np.ndarray], sample_every: int = 10) -> Samples:
    trials = [(np.arange(len(chain)) + 1) * sample_every for chain in chains]
    numbers = np.concatenate(chains)
    return Samples(
        np.repeat(np.arange(len(chains)), [len(chain) for chain in chains]),
        np.concatenate(trials),
        numbers,
        -0.4 * numbers,
        np.zeros(len(numbers), dtype=int),
        np.ones(len(numbers)),
    )


def test_one_guest_per_mass_of_the_host():
    """18 guests in a host of 18 kg/mol."""
    assert loading_mol_kg(18, 18_000) == pytest.approx(1.0)


def test_the_excess_is_less_by_the_gas_of_the_pores():
    n_gas = gas_molecules(1e5 / (constants.R * 298), 1e6)
    assert n_gas == pytest.approx(1e5 * 1e-24 / (constants.k * 298))
    number, error = excess(10.0, 0.3, n_gas, 0.7, 0.01)
    assert number == pytest.approx(10.0 - 0.7 * n_gas) and number < 10
    assert error == pytest.approx(np.hypot(0.3, 0.01 * n_gas))


def test_the_mean_of_a_lattice_gas():
    """Binomial; the inefficiency of its chain is (2 - a)/a where a share a of the sites is drawn anew."""
    rng = np.random.default_rng(3)
    theta = coverage(0.1)
    found = production(samples_of([lattice_gas(theta, 0, 3000, rng) for _ in range(3)]), 300, 10, 20)
    assert found.verdict.equilibrated
    mean, error = found.mean(found.samples.n_molecules)
    inefficiency = (2 - REDRAWN) / REDRAWN
    expected = np.sqrt(SITES * theta * (1 - theta) * inefficiency / len(found.samples.trials))
    assert error == pytest.approx(expected, rel=0.6)
    assert mean == pytest.approx(SITES * theta, abs=4 * expected)


def test_the_part_in_which_moves_adapt_never_counts():
    rng = np.random.default_rng(4)
    chains = [lattice_gas(0.5, 18, 1000, rng) for _ in range(2)]
    found = production(samples_of(chains, 20), ADAPTATION, 10, 20)
    assert found.samples.trials.min() > ADAPTATION
    assert all(start > ADAPTATION for start in found.start_trials.values()) and set(found.start_trials) == {0, 1}
    assert len(found.blocks) == len(found.samples.trials)


def test_the_larger_error_is_quoted():
    """Chains that stay at different numbers: blocks of either know nothing of it."""
    rng = np.random.default_rng(5)
    chains = [10 + rng.integers(0, 2, 1000), 20 + rng.integers(0, 2, 1000)]
    found = production(samples_of(chains), 0, 10, 20)
    assert not found.verdict.equilibrated
    _, error = found.mean(found.samples.n_molecules)
    assert error == pytest.approx(5.0, rel=0.2)


def test_nothing_sampled_is_no_number():
    found = production(samples_of([np.ones(5, dtype=int)]), 1000, 10, 20)
    assert not found.verdict.equilibrated and found.start_trials == {}
    assert np.isnan(found.mean(found.samples.n_molecules)).all()


@given(positive, positive, positive, st.floats(1.1, 100))
def test_the_slope_of_a_langmuir_isotherm_is_exact(capacity, affinity, fugacity, ratio):
    f = np.array([fugacity, ratio * fugacity, 3 * ratio * fugacity])
    n = capacity * affinity * f / (1 + affinity * f)
    if n[1] > n[0] * (1 + 1e-6):
        slope = initial_slope(f, n, 0.01 * n)
        assert slope.henry_mol_kg_Pa == pytest.approx(capacity * affinity, rel=1e-4)
        assert slope.correction == pytest.approx(1 + affinity * f[0], rel=1e-4)
        assert slope.loading_mol_kg == n[0]


def test_the_error_of_the_slope_is_that_of_repetitions():
    rng = np.random.default_rng(0)
    f = np.array([100.0, 300.0])
    n = 8 * 5e-4 * f / (1 + 5e-4 * f)
    errors = 0.03 * n
    values = [initial_slope(f, n + errors * rng.normal(size=2), errors).henry_mol_kg_Pa for _ in range(2000)]
    assert initial_slope(f, n, errors).stderr_mol_kg_Pa == pytest.approx(np.std(values), rel=0.1)


def test_points_without_a_loading_or_an_error_are_no_start():
    slope = initial_slope([1.0, 2.0, 4.0], [0.0, 2.0, 4.0], [np.nan, 0.1, np.nan])
    assert (slope.henry_mol_kg_Pa, slope.stderr_mol_kg_Pa, slope.correction) == pytest.approx((1.0, 0.05, 1.0))
    assert np.isnan(initial_slope([], [], []).henry_mol_kg_Pa)
