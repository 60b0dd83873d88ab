"""Drift, fluctuation and time-step exponent of planted energies, and whether errors are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from assay.gas.energies import (
    UNKNOWN,
    Estimate,
    block_mean,
    block_means,
    combined,
    energy_conservation,
    energy_conservation_of,
    time_step_scan,
)

N_ATOMS = 30
TIME_fs = np.arange(5000.0)


def correlated_noise(rng: np.random.Generator, count: int, correlation: float) -> np.ndarray:
    """Noise of unit variance whose correlation falls by a factor at every step."""
    noise = rng.normal(size=count) * np.sqrt(1 - correlation**2)
    noise[0] /= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], noise)


@given(st.floats(-50, 50), st.floats(-1e4, 1e4))
def test_a_planted_drift_is_found_by_both_ways(drift, offset_eV):
    energy_eV = offset_eV + drift * N_ATOMS / 1000 * TIME_fs / 1000
    found = energy_conservation(TIME_fs, energy_eV, N_ATOMS)
    assert found.drift_fit.value == pytest.approx(drift, abs=1e-5)
    assert found.drift_ends.value == pytest.approx(drift, abs=1e-5)
    assert found.fluctuation.value == pytest.approx(0, abs=1e-6)


def test_a_fluctuation_of_known_size_does_not_look_like_drift():
    energy_eV = N_ATOMS / 1000 * 0.4 * np.sin(2 * np.pi * TIME_fs / 17)
    found = energy_conservation(TIME_fs, energy_eV, N_ATOMS)
    assert found.fluctuation.value == pytest.approx(0.4 / np.sqrt(2), rel=1e-3)
    assert abs(found.drift_fit.value) < 1e-3


@pytest.mark.parametrize("way", ["drift_fit", "drift_ends"])
def test_errors_cover_the_planted_drift_also_in_correlated_noise(way):
    rng = np.random.default_rng(5)
    time_fs = np.arange(1500.0)
    inside, runs = 0, 300
    for _ in range(runs):
        noise_eV = correlated_noise(rng, len(time_fs), 0.9) * N_ATOMS / 1000
        found = getattr(energy_conservation(time_fs, 2e-3 * N_ATOMS * time_fs / 1000 + noise_eV, N_ATOMS), way)
        inside += abs(found.value - 2.0) < found.stderr
    # one standard error covers 68 % of a normal distribution, 65 % of Student's with eight degrees of freedom
    assert 0.56 < inside / runs < 0.76


def test_repeats_give_the_error_and_few_repeats_at_least_their_own():
    rng = np.random.default_rng(0)
    many = combined([Estimate(value, 1.0) for value in rng.normal(3.0, 0.5, 200)])
    assert many.value == pytest.approx(3.0, abs=0.15) and many.stderr == pytest.approx(0.5 / np.sqrt(200), rel=0.2)
    two = combined([Estimate(1.0, 0.4), Estimate(1.001, 0.3)])
    assert two.stderr == pytest.approx(0.25)
    apart = combined([Estimate(0.0, 0.1), Estimate(4.0, 0.1)])
    assert apart.stderr == pytest.approx(2.0)
    assert combined([UNKNOWN, Estimate(1.0, 0.1)]) == Estimate(1.0, 0.1)
    assert np.isnan(combined([]).value)


def test_runs_are_averaged():
    runs = [energy_conservation(TIME_fs, slope * TIME_fs, 1) for slope in (1e-6, 3e-6)]
    assert energy_conservation_of(runs).drift_fit.value == pytest.approx(2.0)
    assert energy_conservation_of(runs).drift_fit.stderr == pytest.approx(1.0)


def test_a_run_of_two_steps_has_no_drift():
    assert np.isnan(energy_conservation(TIME_fs[:2], TIME_fs[:2], 1).drift_fit.value)


def test_the_mean_of_a_correlated_series_has_an_honest_error():
    rng = np.random.default_rng(1)
    means = [block_mean(correlated_noise(rng, 2000, 0.9)) for _ in range(100)]
    spread = np.std([found.value for found in means])
    assert np.mean([found.stderr for found in means]) == pytest.approx(spread, rel=0.3)
    assert np.isnan(block_mean(np.array([])).value)
    assert block_means(np.arange(25.0), 10)[[0, -1]].tolist() == [1.0, 23.5]
    assert block_means(np.arange(3.0), 10).tolist() == [0, 1, 2]


def planted(timestep_fs: float, exponent: float, remaining: float, noise: float) -> object:
    time_fs = np.arange(0, 1000, timestep_fs)
    fluctuation = 0.3 * timestep_fs**exponent * (1 + noise) * np.sin(2 * np.pi * time_fs / 13)
    drift = (remaining + 0.05 * timestep_fs**2) * time_fs / 1000
    return energy_conservation(time_fs, (fluctuation + drift) * N_ATOMS / 1000, N_ATOMS)


@pytest.mark.parametrize(("exponent", "remaining"), [(2.0, 0.0), (2.0, 1.5), (1.0, 0.0)])
def test_the_exponent_and_the_drift_without_a_time_step(exponent, remaining):
    rng = np.random.default_rng(2)
    steps_fs = [0.25, 0.5, 1.0, 2.0]
    runs = [[planted(step, exponent, remaining, noise) for noise in rng.normal(0, 0.02, 3)] for step in steps_fs]
    found = time_step_scan(steps_fs, runs)
    assert found.exponent.value == pytest.approx(exponent, abs=0.05)
    assert found.exponent.stderr < 0.05
    assert found.residual_drift.value == pytest.approx(remaining, abs=4 * found.residual_drift.stderr + 1e-3)
    assert found.residual_drift.stderr < 0.05


def test_one_time_step_has_no_exponent():
    found = time_step_scan([1.0], [[planted(1.0, 2.0, 0.0, 0.0)]])
    assert np.isnan(found.exponent.value) and np.isnan(found.residual_drift.value)
