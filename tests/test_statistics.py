"""Means that pass over missing values, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

from assay.statistics import finite, mean, mean_absolute_error, mean_signed_error, standard_error


def test_mean_errors_pass_over_missing_values():
    assert mean_absolute_error([1.0, np.nan, 4.0], [2.0, 5.0, 2.0]) == pytest.approx(1.5)
    assert mean_signed_error([1.0, np.nan, 4.0], [2.0, 5.0, 2.0]) == pytest.approx(0.5)
    assert np.isnan(mean_absolute_error([], []))


def test_none_and_infinity_are_missing():
    assert finite([1.0, None, np.inf, 3.0]).tolist() == [1.0, 3.0]
    assert mean([1.0, None, 3.0]) == 2.0
    assert np.isnan(mean([None]))


def test_the_standard_error_needs_two_values():
    assert standard_error([1.0, 3.0, None]) == pytest.approx(1.0)
    assert np.isnan(standard_error([1.0]))


def test_the_standard_error_is_the_spread_of_means():
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(4000, 25))
    assert np.mean([standard_error(row) for row in samples]) == pytest.approx(samples.mean(axis=1).std(), rel=0.03)
