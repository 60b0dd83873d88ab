from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.phonons.metrics import (
    imaginary_fraction,
    stability_confusion,
    zone_mean_absolute_error,
)

FREQUENCIES = arrays(float, (4, 6), elements=st.floats(-5, 40))
WEIGHTS = np.array([1, 3, 6, 2])


@given(FREQUENCIES, st.floats(-2, 2))
def test_a_rigid_shift_is_the_zone_error(frequencies, shift):
    assert zone_mean_absolute_error(frequencies + shift, frequencies, WEIGHTS) == pytest.approx(abs(shift), abs=1e-9)


@given(FREQUENCIES, FREQUENCIES)
def test_the_zone_error_is_symmetric_and_blind_to_the_order_of_branches(first, second):
    error = zone_mean_absolute_error(first, second, WEIGHTS)
    assert error == pytest.approx(zone_mean_absolute_error(second[:, ::-1], first, WEIGHTS))


def test_the_zone_error_weighs_q_points():
    frequencies = np.array([[1.0], [0.0]])
    assert zone_mean_absolute_error(frequencies, np.zeros((2, 1)), np.array([1, 3])) == pytest.approx(0.25)


def test_spectra_of_different_crystals_are_refused():
    with pytest.raises(ValueError, match="different shapes"):
        zone_mean_absolute_error(np.zeros((2, 3)), np.zeros((2, 6)), np.ones(2))


def test_imaginary_fraction_counts_modes_by_weight():
    frequencies = np.array([[-1.0, 2.0], [1.0, 2.0], [-0.01, 3.0]])
    assert imaginary_fraction(frequencies, np.array([1, 2, 1]), threshold_THz=0.05) == pytest.approx(1 / 8)


def test_stability_is_a_confusion_matrix():
    scores = stability_confusion([False, False, True, True], [False, True, False, True])
    assert scores == {
        "true_stable": 1,
        "false_stable": 1,
        "true_unstable": 1,
        "false_unstable": 1,
        "stability_F1": 0.5,
    }
    assert np.isnan(stability_confusion([], [])["stability_F1"])
