"""Langmuir fits: planted parameters come back, and what the points do not determine is said to be so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adsorption.fits import fit_langmuir, langmuir, no_fit

F = np.array([0.001, 0.003, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0]) * 1e5
SINGLE = (np.array([8.0]), np.array([3e-4]))
DUAL = (np.array([7.0, 6.0]), np.array([4e-4, 1e-5]))


def noisy(planted, seed: int, share: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    exact = langmuir(F, *planted)
    return exact * (1 + share * np.random.default_rng(seed).normal(size=len(F))), share * exact


@settings(deadline=None, max_examples=15)
@given(st.floats(0.1, 100), st.floats(-7, -3))
def test_an_exact_langmuir_isotherm_comes_back(capacity, log_affinity):
    affinity = 10**log_affinity
    n = langmuir(F, np.array([capacity]), np.array([affinity]))
    single, dual = fit_langmuir(F, n, 0.001 * n)
    assert single.henry_mol_kg_Pa == pytest.approx(capacity * affinity, rel=1e-3)
    assert not dual.identified
    if affinity * F[-1] > 0.1:
        assert single.identified
        assert single.capacities_mol_kg[0] == pytest.approx(capacity, rel=1e-3)


def test_errors_of_one_kind_cover_the_truth():
    pulls = []
    for seed in range(40):
        n, errors = noisy(SINGLE, seed)
        single, _ = fit_langmuir(F, n, errors)
        pulls.append((single.henry_mol_kg_Pa - 2.4e-3) / single.henry_stderr_mol_kg_Pa)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.4)
    assert abs(np.mean(pulls)) < 0.6


def test_two_kinds_come_back_strongest_first():
    n, errors = noisy(DUAL, 1, 0.005)
    single, dual = fit_langmuir(F, n, errors)
    assert dual.identified and dual.aicc < single.aicc
    for found, stderr, planted in (
        (dual.capacities_mol_kg, dual.capacities_stderr_mol_kg, DUAL[0]),
        (dual.affinities_per_Pa, dual.affinities_stderr_per_Pa, DUAL[1]),
    ):
        assert (np.abs(np.array(found) - planted) < 4 * np.array(stderr)).all()
    assert dual.henry_mol_kg_Pa == pytest.approx((DUAL[0] * DUAL[1]).sum(), rel=0.03)
    assert dual.loading_mol_kg(F) == pytest.approx(n, rel=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_two_kinds_are_not_read_out_of_one(seed):
    single, dual = fit_langmuir(F, *noisy(SINGLE, seed))
    assert single.identified and not dual.identified


def test_a_straight_line_has_a_slope_but_no_capacity():
    f = np.array([10.0, 20.0, 40.0, 80.0])
    single, dual = fit_langmuir(f, 2e-3 * f * np.array([1.01, 0.99, 1.0, 1.005]), 0.02 * 2e-3 * f)
    assert not single.identified and not dual.identified
    assert single.henry_mol_kg_Pa == pytest.approx(2e-3, rel=0.05)


def test_too_few_points_are_no_fit():
    single, dual = fit_langmuir(F[:1], np.ones(1), np.ones(1))
    assert not single.identified and np.isnan(single.henry_mol_kg_Pa) and dual.aicc == np.inf
    single, dual = fit_langmuir(F[:3], langmuir(F[:3], *SINGLE), np.full(3, 0.01))
    assert np.isnan(dual.henry_mol_kg_Pa) and not np.isnan(single.henry_mol_kg_Pa)
    assert np.isnan(no_fit(2).loading_mol_kg(F)).all()


def test_points_without_errors_do_not_count():
    n, errors = noisy(SINGLE, 3)
    holed = errors.copy()
    holed[[2, 5]] = np.nan
    n[[2, 5]] = 1e6
    single, _ = fit_langmuir(F, n, holed)
    assert single.capacities_mol_kg[0] == pytest.approx(8.0, rel=0.05)


def test_a_bad_fit_has_wider_errors():
    n, errors = noisy(DUAL, 4)
    tight, _ = fit_langmuir(F, n, errors / 10)
    wide, _ = fit_langmuir(F, n, errors)
    assert tight.chi2_reduced == pytest.approx(100 * wide.chi2_reduced, rel=0.01)
    assert tight.henry_stderr_mol_kg_Pa == pytest.approx(wide.henry_stderr_mol_kg_Pa, rel=0.01)
