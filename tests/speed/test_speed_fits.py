"""The fit finds what the times were made of, with errors that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from assay.speed.fits import LINEAR_SHARE, fit_scaling

SIZES = np.array([10, 32, 100, 320, 1000, 3200, 10000, 32000, 100000.0])
A, B, C = 0.02, 3e-5, 1.05
TIMES = A + B * SIZES**C


def test_exact_times_give_back_their_parameters():
    fit = fit_scaling(SIZES, TIMES, 0 * TIMES)
    assert fit.overhead_s == pytest.approx(A, rel=1e-5)
    assert fit.exponent == pytest.approx(C, rel=1e-6)
    assert fit.coefficient_s()[0] == pytest.approx(B, rel=1e-5)
    assert fit.step_s(1e6)[0] == pytest.approx(A + B * 1e6**C, rel=1e-5)


def test_cost_is_linear_where_the_overhead_is_a_tenth_of_the_rest():
    size, error = fit_scaling(SIZES, TIMES, 0 * TIMES).linear_size()
    assert B * size**C * LINEAR_SHARE == pytest.approx(A, rel=1e-4)
    assert 0 < error < size


def test_without_an_overhead_cost_is_linear_from_the_beginning():
    fit = fit_scaling(SIZES, B * SIZES, 0 * SIZES)
    assert fit.overhead_s < 1e-3 * B * SIZES[0]
    assert fit.exponent == pytest.approx(1.0, abs=1e-3)
    assert fit.linear_size()[0] < SIZES[0]


def test_errors_cover_the_truth_as_often_as_they_should():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(120):
        noisy = TIMES * np.exp(rng.normal(0, 0.03, len(TIMES)))
        fit = fit_scaling(SIZES, noisy, 0.03 * noisy)
        pairs = [
            (fit.overhead_s - A, fit.overhead_stderr_s),
            (fit.exponent - C, fit.exponent_stderr),
            (fit.coefficient_s()[0] - B, fit.coefficient_s()[1]),
            (fit.step_s(1e6)[0] - (A + B * 1e6**C), fit.step_s(1e6)[1]),
        ]
        inside.append([abs(deviation) < 1.96 * error for deviation, error in pairs])
    # 95 % within four standard errors of the share itself
    assert (np.mean(inside, axis=0) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 120)).all()


def test_scatter_beyond_the_repeats_makes_errors_larger():
    noisy = TIMES * np.exp(np.random.default_rng(1).normal(0, 0.2, len(TIMES)))
    trusted = fit_scaling(SIZES, TIMES, 0 * TIMES)
    assert fit_scaling(SIZES, noisy, 0.001 * noisy).exponent_stderr > 3 * trusted.exponent_stderr


def test_one_disturbed_size_does_not_bend_the_curve():
    disturbed = TIMES.copy()
    disturbed[4] *= 5
    fit = fit_scaling(SIZES, disturbed, 0.02 * TIMES)
    assert fit.exponent == pytest.approx(C, abs=0.06)
    assert abs(fit.exponent - C) < 2 * fit.exponent_stderr
    assert abs(fit.overhead_s - A) < 2 * fit.overhead_stderr_s


def test_too_few_sizes_are_not_fitted():
    assert fit_scaling(SIZES[:3], TIMES[:3], TIMES[:3]) is None
    assert fit_scaling([8, 8, 32, 96], [1, 1, 2, 3], [0.1] * 4) is None
    assert fit_scaling([], [], []) is None


def test_unknown_errors_count_as_the_least():
    fit = fit_scaling(SIZES, TIMES, np.full(len(SIZES), np.nan))
    assert fit.exponent == pytest.approx(C, rel=1e-6)
