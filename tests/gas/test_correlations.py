"""Correlations by FFT are the sums that define them, and errors mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.gas.correlations import (
    BLOCKS,
    FEWEST_REPEATS,
    autocorrelation,
    in_blocks,
    jackknife,
    lag_count,
    statistical_inefficiency,
    velocity_correlation,
)
from assay.statistics import standard_error


@given(arrays(float, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.floats(-10, 10)))
def test_the_fft_gives_the_sums_over_all_origins(series):
    frames = len(series)
    direct = [np.mean([series[s] * series[s + lag] for s in range(frames - lag)], axis=0) for lag in range(frames)]
    np.testing.assert_allclose(autocorrelation(series), direct, atol=1e-9)


def test_an_oscillator_correlates_as_a_cosine():
    time_fs = np.arange(4000) * 2.0
    period_fs = 160.0
    velocity = np.zeros((len(time_fs), 1, 3))
    velocity[:, 0, 1] = 0.02 * np.sin(2 * np.pi * time_fs / period_fs + 0.3)
    curve = velocity_correlation([velocity], 2.0, longest_share=0.1)
    expected = 0.02**2 / 2 * np.cos(2 * np.pi * curve.time_ps * 1000 / period_fs)
    np.testing.assert_allclose(curve.mean, expected, atol=0.01 * expected[0])


def test_lags_are_in_picoseconds_and_end_at_the_share_of_the_shortest_repeat():
    curve = velocity_correlation([np.ones((11, 2, 3)), np.ones((21, 2, 3))], 4.0, longest_share=0.5)
    np.testing.assert_allclose(curve.time_ps, np.arange(6) * 0.004)
    np.testing.assert_allclose(curve.mean, 3.0)


def test_correlations_need_two_frames():
    with pytest.raises(ValueError, match="two frames"):
        lag_count([np.zeros((1, 2, 3))], 0.5)
    with pytest.raises(ValueError, match="two frames"):
        lag_count([], 0.5)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_the_inefficiency_of_an_autoregressive_series(memory):
    rng = np.random.default_rng(0)
    series = np.zeros((20_000, 8))
    for frame in range(1, len(series)):
        series[frame] = memory * series[frame - 1] + rng.normal(size=8)
    assert statistical_inefficiency(series) == pytest.approx((1 + memory) / (1 - memory), rel=0.1)


def test_a_constant_has_no_correlation():
    assert statistical_inefficiency(np.ones(50)) == 1.0
    assert statistical_inefficiency(np.array([1.0, 2.0])) == 1.0


def test_the_jackknife_of_a_mean_is_its_standard_error():
    blocks = np.random.default_rng(1).normal(size=(7, 3))
    value, stderr = jackknife(blocks, lambda mean: mean)
    np.testing.assert_allclose(value, blocks.mean(axis=0))
    np.testing.assert_allclose(stderr, [standard_error(column) for column in blocks.T])


def test_the_jackknife_knows_the_error_of_what_is_not_linear():
    rng = np.random.default_rng(2)
    errors, values = [], []
    for _ in range(400):
        value, stderr = jackknife(rng.normal(5.0, 1.0, size=(12, 1)), lambda mean: float(np.exp(mean[0])))
        values.append(value)
        errors.append(stderr)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


def test_one_block_has_no_error():
    assert np.isnan(jackknife(np.ones((1, 4)), lambda mean: float(mean.sum()))[1])
    assert np.isnan(jackknife(np.ones((1, 4)), lambda mean: mean)[1]).all()


def test_repeats_are_blocks_where_there_are_enough_of_them():
    curves = [np.full((5, 3), float(repeat)) for repeat in range(FEWEST_REPEATS)]
    np.testing.assert_array_equal(in_blocks(curves)[:, 0], range(FEWEST_REPEATS))


def test_molecules_are_grouped_where_there_are_few_repeats():
    curves = [np.arange(20.0) * np.ones((5, 1)) for _ in range(2)]
    blocks = in_blocks(curves)
    assert blocks.shape == (BLOCKS, 5)
    assert blocks.mean() == pytest.approx(np.mean(curves))
    assert in_blocks([np.ones((5, 3))]).shape == (3, 5)


@given(st.integers(1, 3), st.integers(1, 30))
def test_blocks_weigh_every_molecule_alike(repeats, particles):
    curves = list(np.random.default_rng(0).normal(size=(repeats, 4, particles)))
    np.testing.assert_allclose(in_blocks(curves).mean(axis=0), np.mean(curves, axis=(0, 2)), atol=1e-12)
