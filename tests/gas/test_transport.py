"""Diffusion: closed forms of motion whose displacement is known, and the regime in which a number may be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import erfc

from assay.gas.correlations import Curves, velocity_correlation
from assay.gas.persistence import fit_persistent_walk, persistent_displacement_A2
from assay.gas.transport import (
    A2_PER_PS_IN_M2_PER_S,
    YEH_HUMMER,
    centres_of_mass,
    diffusion_from_displacements,
    diffusion_from_velocities,
    displacement_curve,
    mean_squared_displacements,
    molecular_masses,
    running_diffusion_m2_s,
    yeh_hummer_shift_m2_s,
)

INTERVAL_FS = 20.0
TAU_PS = 0.2
SPEED2_A2_FS2 = 1e-5
"""Mean square of one component of the velocity; D of the persistent walk is this times tau."""
DIFFUSION_M2_S = SPEED2_A2_FS2 * 1e6 * TAU_PS * A2_PER_PS_IN_M2_PER_S


def langevin(frames: int, particles: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Free Langevin particles at equal intervals, exactly (Chandrasekhar 1943, doi:10.1103/RevModPhys.15.1)."""
    rng = np.random.default_rng(seed)
    tau = TAU_PS * 1000
    left = np.exp(-INTERVAL_FS / tau)
    both = SPEED2_A2_FS2 * np.array(
        [
            [1 - left**2, tau * (1 - left) ** 2],
            [tau * (1 - left) ** 2, tau**2 * (2 * INTERVAL_FS / tau - 3 + 4 * left - left**2)],
        ]
    )
    kicks = rng.multivariate_normal([0, 0], both, size=(frames, particles, 3), method="cholesky")
    velocity = np.empty((frames, particles, 3))
    position = np.zeros((frames, particles, 3))
    velocity[0] = rng.normal(0, np.sqrt(SPEED2_A2_FS2), (particles, 3))
    for frame in range(1, frames):
        velocity[frame] = left * velocity[frame - 1] + kicks[frame, ..., 0]
        position[frame] = position[frame - 1] + tau * (1 - left) * velocity[frame - 1] + kicks[frame, ..., 1]
    return position, velocity


def brownian(frames: int, particles: int, seed: int, diffusion_A2_ps: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, np.sqrt(2 * diffusion_A2_ps * INTERVAL_FS / 1000), (frames, particles, 3))
    return np.cumsum(steps, axis=0)


@given(arrays(float, st.tuples(st.integers(1, 15), st.integers(1, 2), st.just(3)), elements=st.floats(-100, 100)))
def test_the_fft_gives_the_mean_over_all_origins(positions):
    frames = len(positions)
    direct = np.array(
        [((positions[lag:] - positions[: frames - lag]) ** 2).sum(axis=2).mean(axis=0) for lag in range(frames)]
    )
    np.testing.assert_allclose(mean_squared_displacements(positions), direct, atol=1e-7)


def test_far_from_the_origin_displacements_keep_their_digits():
    positions = brownian(50, 2, 0)
    np.testing.assert_allclose(
        mean_squared_displacements(positions + 1e6), mean_squared_displacements(positions), rtol=1e-6, atol=1e-8
    )


def test_free_flight_is_ballistic_and_has_no_diffusion():
    velocity = np.random.default_rng(0).normal(0, 0.003, (10, 3))
    time_fs = np.arange(101) * INTERVAL_FS
    curve = displacement_curve([time_fs[:, None, None] * velocity], INTERVAL_FS)
    np.testing.assert_allclose(curve.mean, (velocity**2).sum(axis=1).mean() * (curve.time_ps * 1000) ** 2, rtol=1e-9)
    found = diffusion_from_displacements(curve)
    assert np.isnan(found.value_m2_s)
    assert found.slope == pytest.approx(2.0)
    assert found.reason.startswith("ballistic: slope 2.00")


def test_brownian_motion_diffuses_from_the_first_lag_on():
    paths = [brownian(1000, 40, seed) for seed in range(8)]
    found = diffusion_from_displacements(displacement_curve(paths, INTERVAL_FS))
    assert found.start_ps == pytest.approx(INTERVAL_FS / 1000)
    assert found.slope == pytest.approx(1.0, abs=4 * found.slope_stderr)
    assert found.reason == ""
    assert found.value_m2_s == pytest.approx(1e-8, abs=3 * found.stderr_m2_s)
    assert found.stderr_m2_s < 0.05e-8


def test_errors_of_diffusion_cover_the_truth_as_often_as_they_should():
    inside = []
    for seed in range(60):
        paths = [brownian(200, 10, 1000 * seed + repeat) for repeat in range(8)]
        found = diffusion_from_displacements(displacement_curve(paths, INTERVAL_FS, longest_share=0.2), tolerance=0.3)
        # 95 % of Student's distribution with 7 degrees of freedom
        inside.append(abs(found.value_m2_s - 1e-8) < 2.36 * found.stderr_m2_s)
    assert np.mean(inside) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(inside))


def test_all_routes_agree_for_langevin_particles():
    runs = [langevin(1500, 30, seed) for seed in range(8)]
    displacement = displacement_curve([position for position, _ in runs], INTERVAL_FS, longest_share=0.3)
    einstein = diffusion_from_displacements(displacement)
    walk = fit_persistent_walk(displacement)
    kubo = diffusion_from_velocities(
        velocity_correlation([velocity for _, velocity in runs], INTERVAL_FS, longest_share=0.1)
    )
    assert einstein.value_m2_s == pytest.approx(DIFFUSION_M2_S, abs=3 * einstein.stderr_m2_s)
    assert walk.diffusion_m2_s == pytest.approx(DIFFUSION_M2_S, abs=3 * walk.diffusion_stderr_m2_s)
    assert walk.persistence_time_ps == pytest.approx(TAU_PS, abs=3 * walk.persistence_time_stderr_ps)
    assert kubo.value_m2_s == pytest.approx(DIFFUSION_M2_S, abs=3 * kubo.stderr_m2_s + 0.01 * DIFFUSION_M2_S)
    for error in (einstein.stderr_m2_s, walk.diffusion_stderr_m2_s, kubo.stderr_m2_s):
        assert 0 < error < 0.05 * DIFFUSION_M2_S
    # the logarithmic slope of Fürth's curve is 1.2 at six persistence times
    assert 3 * TAU_PS < einstein.start_ps < 8 * TAU_PS
    assert 2 * TAU_PS < kubo.start_ps < 4 * TAU_PS


def test_a_short_run_has_no_diffusive_regime_but_a_persistent_walk():
    runs = [langevin(81, 50, seed)[0] for seed in range(20)]
    curve = displacement_curve(runs, INTERVAL_FS)
    einstein = diffusion_from_displacements(curve)
    assert np.isnan(einstein.value_m2_s)
    assert "slope 1." in einstein.reason and "0.8 ps" in einstein.reason
    walk = fit_persistent_walk(curve)
    assert walk.diffusion_m2_s == pytest.approx(DIFFUSION_M2_S, abs=3 * walk.diffusion_stderr_m2_s)
    assert walk.misfit < 0.1


def test_flight_shorter_than_the_persistence_time_gives_nothing():
    positions, velocities = zip(*(langevin(12, 50, seed) for seed in range(4)), strict=True)
    walk = fit_persistent_walk(displacement_curve(positions, INTERVAL_FS))
    assert np.isnan(walk.diffusion_m2_s)
    assert "persistence times" in walk.reason
    kubo = diffusion_from_velocities(velocity_correlation(velocities, INTERVAL_FS))
    assert np.isnan(kubo.value_m2_s)
    assert "no plateau" in kubo.reason


def test_a_bound_particle_does_not_diffuse():
    wells = [np.random.default_rng(seed).normal(0, 0.1, (400, 10, 3)) for seed in range(4)]
    found = diffusion_from_displacements(displacement_curve(wells, INTERVAL_FS))
    assert np.isnan(found.value_m2_s)
    assert found.reason.startswith("no diffusive regime: slope")
    assert found.slope == pytest.approx(0.0, abs=0.1)


def test_noise_at_long_lags_does_not_hide_the_plateau():
    found = []
    for seed in range(40):
        curve = velocity_correlation([langevin(300, 8, 10 * seed + run)[1] for run in range(2)], INTERVAL_FS)
        found.append(diffusion_from_velocities(curve))
    values = np.array([one.value_m2_s for one in found])
    assert np.isfinite(values).mean() > 0.8
    # what is left out at the plateau's start is a few percent
    spread = np.nanstd(values)
    assert np.nanmean(values) == pytest.approx(DIFFUSION_M2_S, abs=3 * spread / np.sqrt(40) + 0.05 * DIFFUSION_M2_S)
    assert np.nanmean([one.stderr_m2_s for one in found]) == pytest.approx(spread, rel=0.3)


def test_a_correlation_that_is_all_noise_has_no_plateau():
    blocks = np.random.default_rng(0).normal(0, 1, (8, 100))
    blocks[:, 0] = 1.0
    found = diffusion_from_velocities(Curves(np.arange(100) * 0.01, blocks))
    assert found.reason.startswith("too noisy: the velocity correlation is known to")


def test_what_does_not_move_says_so():
    still = [np.zeros((20, 3, 3))]
    assert diffusion_from_displacements(displacement_curve(still, 1.0)).reason == "nothing moved"
    assert diffusion_from_velocities(velocity_correlation(still, 1.0)).reason == "nothing moved"
    assert "nothing moved" in fit_persistent_walk(displacement_curve(still, 1.0)).reason


@pytest.mark.parametrize("frames", [2, 3, 5])
def test_a_few_frames_give_a_reason_and_no_number(frames):
    paths = [brownian(frames, 4, seed) for seed in range(2)]
    curve = displacement_curve(paths, INTERVAL_FS)
    assert diffusion_from_displacements(curve).reason
    assert np.isnan(fit_persistent_walk(curve).diffusion_m2_s) or len(curve.time_ps) > 3
    assert diffusion_from_velocities(velocity_correlation(paths, INTERVAL_FS)).reason


def test_a_few_noisy_paths_are_not_called_diffusive():
    time = np.arange(200) * 0.01
    slopes = 1 + np.array([-0.6, -0.2, 0.2, 0.6])[:, None] * np.log(np.fmax(time, 0.01) / 0.3)
    blocks = 6 * time * slopes
    assert diffusion_from_displacements(Curves(time, blocks)).reason.startswith("too noisy")


def test_the_running_integral_of_an_exponential():
    time_ps = np.linspace(0, 4, 4001)
    running = running_diffusion_m2_s(time_ps, 3 * SPEED2_A2_FS2 * np.exp(-time_ps / TAU_PS))
    np.testing.assert_allclose(running, DIFFUSION_M2_S * -np.expm1(-time_ps / TAU_PS), rtol=1e-5, atol=1e-14)


def test_a_persistent_walk_flies_first_and_diffuses_later():
    assert persistent_displacement_A2(1e-6, 1e-8, 1.0) == pytest.approx(3e-12, rel=1e-5)
    assert persistent_displacement_A2(1e6, 1e-8, 1.0) == pytest.approx(6e6, rel=1e-5)


def test_centres_of_mass_and_masses_of_molecules():
    positions = np.array([[[0.0, 0, 0], [3.0, 0, 0], [9.0, 9, 9], [1.0, 1, 1]]])
    masses, molecules = np.array([1.0, 2.0, 5.0, 4.0]), np.array([1, 1, -1, 0])
    np.testing.assert_allclose(centres_of_mass(positions, masses, molecules), [[[1, 1, 1], [2, 0, 0], [9, 9, 9]]])
    np.testing.assert_allclose(molecular_masses(masses, molecules), [4, 3, 5])


def test_atoms_without_molecules_are_their_own_centres():
    positions = np.random.default_rng(0).normal(size=(2, 4, 3))
    np.testing.assert_allclose(centres_of_mass(positions, np.arange(1.0, 5), np.full(4, -1)), positions)


def test_the_constant_of_yeh_and_hummer_is_that_of_a_cubic_lattice_of_charges():
    spread = 2.0
    cells = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(cells[cells.any(axis=1)], axis=1)
    waves = 2 * np.pi * distance
    potential = (
        (erfc(spread * distance) / distance).sum()
        + (4 * np.pi / waves**2 * np.exp(-((waves / (2 * spread)) ** 2))).sum()
        - np.pi / spread**2
        - 2 * spread / np.sqrt(np.pi)
    )
    assert pytest.approx(-potential, abs=1e-6) == YEH_HUMMER


def test_the_shift_of_a_periodic_cube():
    """Water at 298 K in a box of 20 Å, 0.9 mPa s: 3.4e-10 m²/s from the formula by hand."""
    by_hand = 2.837297 * 1.380649e-23 * 298 / (6 * np.pi * 0.9e-3 * 20e-10)
    assert yeh_hummer_shift_m2_s(298, 0.9e-3, 20.0) == pytest.approx(by_hand, rel=1e-6)
    assert yeh_hummer_shift_m2_s(298, 0.9e-3, 40.0) == pytest.approx(by_hand / 2, rel=1e-6)
