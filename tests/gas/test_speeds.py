"""Speeds: Maxwell's law is recovered, another law is found out, correlated frames do not count as independent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import R

from assay.gas.speeds import compare_with_maxwell, thermal_speed_m_s

TEMPERATURE_K = 400.0
MASS_U = 44.01
SPREAD = np.sqrt(R * TEMPERATURE_K / (MASS_U / 1000)) * 1e-5


def maxwellian(frames: int, molecules: int, seed: int, memory: float = 0.0) -> np.ndarray:
    """Normal velocities (Å/fs) that keep a share of themselves from frame to frame."""
    rng = np.random.default_rng(seed)
    velocities = rng.normal(0, SPREAD, (frames, molecules, 3))
    for frame in range(1, frames):
        velocities[frame] = memory * velocities[frame - 1] + np.sqrt(1 - memory**2) * velocities[frame]
    return velocities


def test_the_thermal_speed_of_carbon_dioxide():
    assert thermal_speed_m_s(MASS_U, TEMPERATURE_K) == pytest.approx(SPREAD * 1e5, rel=1e-6)


def test_a_maxwellian_sample_is_one():
    masses = np.full(20, MASS_U)
    found = compare_with_maxwell(
        [maxwellian(400, 20, seed) for seed in range(3)], masses, TEMPERATURE_K, zero_momentum=False
    )
    assert found.distance < 2 * found.distance_expected
    assert found.p_value > 0.01
    assert found.temperature_ratio == pytest.approx(1.0, abs=0.03)
    assert found.n_speeds == 24_000
    assert found.inefficiency == pytest.approx(1.0, abs=0.1)


def test_p_values_of_correlated_maxwellian_runs_are_uniform():
    values = [
        compare_with_maxwell(
            [maxwellian(600, 5, seed, memory=0.9)], np.full(5, MASS_U), TEMPERATURE_K, zero_momentum=False
        ).p_value
        for seed in range(80)
    ]
    assert np.mean(np.array(values) < 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)
    assert np.mean(values) == pytest.approx(0.5, abs=4 / np.sqrt(12 * 80))


def test_correlation_reduces_the_number_of_independent_speeds():
    found = compare_with_maxwell([maxwellian(4000, 40, 0, memory=0.9)], np.full(40, MASS_U), TEMPERATURE_K)
    # the square of a velocity correlates as the square of its correlation
    assert found.inefficiency == pytest.approx((1 + 0.81) / (1 - 0.81), rel=0.15)
    assert found.n_independent == pytest.approx(160_000 / found.inefficiency)


def test_another_temperature_is_found_out():
    found = compare_with_maxwell([maxwellian(400, 20, 0)], np.full(20, MASS_U), 1.2 * TEMPERATURE_K)
    assert found.p_value < 1e-3
    assert found.distance > 5 * found.distance_expected


def test_another_law_with_the_same_temperature_is_found_out():
    directions = np.random.default_rng(0).normal(size=(400, 20, 3))
    velocities = SPREAD * np.sqrt(3) * directions / np.linalg.norm(directions, axis=2, keepdims=True)
    found = compare_with_maxwell([velocities], np.full(20, MASS_U), TEMPERATURE_K, zero_momentum=False)
    assert found.temperature_ratio == pytest.approx(1.0)
    assert found.distance > 0.3


def test_zero_momentum_of_few_molecules_is_accounted_for():
    masses = np.array([20.0, 40, 60, 80])
    velocities = np.random.default_rng(0).normal(size=(20_000, 4, 3)) * SPREAD * np.sqrt(MASS_U / masses)[:, None]
    velocities -= np.einsum("m,fmk->fk", masses, velocities)[:, None] / masses.sum()
    found = compare_with_maxwell([velocities], masses, TEMPERATURE_K)
    assert found.temperature_ratio == pytest.approx(1.0, abs=0.02)
    assert found.p_value > 0.01
    free = compare_with_maxwell([velocities], masses, TEMPERATURE_K, zero_momentum=False)
    assert free.temperature_ratio == pytest.approx(0.75, abs=0.02)
    assert free.distance > 10 * found.distance


def test_no_velocities_are_an_error():
    with pytest.raises(ValueError, match="no velocities"):
        compare_with_maxwell([np.zeros((0, 3, 3))], np.ones(3), 300.0)
