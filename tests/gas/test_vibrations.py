"""Vibrational spectra: planted lines are found where they were planted, also in molecules that fly and turn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assay.gas.integrators import ACCELERATION, Replicas, VelocityVerlet, maxwell_velocities
from assay.gas.vibrations import (
    FS_IN_CM,
    highest_wavenumber_cm1,
    linear_triples,
    mode_wavenumbers,
    nyquist_cm1,
    true_wavenumber_cm1,
    vibrational_density,
)

BEND, SYMMETRIC, ANTISYMMETRIC = 667.0, 1333.0, 2349.0
NUMBERS = np.array([8, 6, 8])
MASSES_U = np.array([15.999, 12.011, 15.999])
BOND_A, BOND_EV_A2, ANGLE_EV = 1.16, 89.0, 4.82
"""A flexible CO2 with modes near those of the real one."""


def oscillation(wavenumber_cm1: float, time_fs: np.ndarray, phase: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A unit oscillation and its rate (1/fs)."""
    angular = 2 * np.pi * FS_IN_CM * wavenumber_cm1
    return np.cos(angular * time_fs + phase), -angular * np.sin(angular * time_fs + phase)


def vibrating_molecules(time_fs: np.ndarray, count: int, seed: int = 0, turning_rad_ps: float = 3.0):
    """Positions and velocities of CO2 molecules that vibrate in all modes, turn and fly, (f, 3 count, 3)."""
    rng = np.random.default_rng(seed)
    ratio = 2 * MASSES_U[0] / MASSES_U[1]
    positions, velocities = [], []
    for _ in range(count):
        body, rate = np.zeros((len(time_fs), 3, 3)), np.zeros((len(time_fs), 3, 3))
        body[:, 0, 0], body[:, 2, 0] = -1.16, 1.16
        pattern = {
            SYMMETRIC: np.array([[-1, 0, 0], [0, 0, 0], [1, 0, 0]]) * 0.03,
            ANTISYMMETRIC: np.array([[1, 0, 0], [-ratio, 0, 0], [1, 0, 0]]) * 0.02,
        }
        for wavenumber, shape in pattern.items():
            place, speed = oscillation(wavenumber, time_fs, rng.uniform(0, 2 * np.pi))
            body += place[:, None, None] * shape
            rate += speed[:, None, None] * shape
        for axis in (1, 2):
            place, speed = oscillation(BEND, time_fs, rng.uniform(0, 2 * np.pi))
            shape = np.zeros((3, 3))
            shape[:, axis] = [0.03, -0.03 * ratio, 0.03]
            body += place[:, None, None] * shape
            rate += speed[:, None, None] * shape
        spin = rng.normal(size=3)
        spin *= turning_rad_ps / 1000 / np.linalg.norm(spin)
        turn = (Rotation.from_rotvec(time_fs[:, None] * spin) * Rotation.random(rng=rng)).as_matrix()
        flight = rng.normal(0, 0.004, 3)
        place = np.einsum("fij,faj->fai", turn, body)
        velocities.append(np.einsum("fij,faj->fai", turn, rate) + np.cross(spin, place) + flight)
        positions.append(place + flight * time_fs[:, None, None] + rng.uniform(0, 20, 3))
    return np.concatenate(positions, axis=1), np.concatenate(velocities, axis=1)


def found_modes(length_fs: float, interval_fs: float = 4.0, **options):
    position_time, velocity_time = np.arange(0, length_fs, 10.0), np.arange(0, length_fs, interval_fs)
    molecules = 4
    return mode_wavenumbers(
        [vibrating_molecules(position_time, molecules)[0]],
        [position_time],
        [vibrating_molecules(velocity_time, molecules)[1]],
        [velocity_time],
        np.tile(NUMBERS, molecules),
        np.repeat(np.arange(molecules), 3),
        **options,
    )


def test_three_planted_modes_of_turning_molecules_are_found():
    modes = found_modes(8000.0)
    assert modes.reason == ""
    assert modes.resolution_cm1 == pytest.approx(1.44 / (4000 * FS_IN_CM), rel=0.01)
    for value, planted in (
        (modes.bend_cm1, BEND),
        (modes.symmetric_cm1, SYMMETRIC),
        (modes.antisymmetric_cm1, ANTISYMMETRIC),
    ):
        assert value == pytest.approx(planted, abs=modes.resolution_cm1)


def harmonic_forces(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Free CO2 molecules with harmonic bonds and ``k (1 + cos)`` angles; energies are not needed here and zero."""
    molecules = positions.reshape(len(positions), -1, 3, 3)
    arms = molecules[:, :, [0, 2]] - molecules[:, :, [1]]
    lengths = np.linalg.norm(arms, axis=-1, keepdims=True)
    along = arms / lengths
    cosine = (along[:, :, 0] * along[:, :, 1]).sum(axis=-1)[..., None, None]
    outer = -BOND_EV_A2 * (lengths - BOND_A) * along - ANGLE_EV / lengths * (along[:, :, ::-1] - cosine * along)
    forces = np.stack([outer[:, :, 0], -outer.sum(axis=2), outer[:, :, 1]], axis=2)
    return np.zeros(len(positions)), forces.reshape(positions.shape)


def test_molecular_dynamics_shows_the_normal_modes_of_the_molecule():
    oxygen, carbon = MASSES_U[:2]
    per_cm = np.sqrt(ACCELERATION) / (2 * np.pi * FS_IN_CM)
    stiff = 1 / oxygen + 2 / carbon
    bend = per_cm * np.sqrt(2 * ANGLE_EV / BOND_A**2 * stiff)
    symmetric, antisymmetric = per_cm * np.sqrt(BOND_EV_A2 / oxygen), per_cm * np.sqrt(BOND_EV_A2 * stiff)
    assert (bend, symmetric, antisymmetric) == pytest.approx((667, 1230, 2350), abs=10)
    count, timestep, every = 8, 1.0, 4
    masses = np.tile(MASSES_U, count)
    start = np.zeros((1, 3 * count, 3))
    start[0, :, 0] = np.tile([-BOND_A, 0, BOND_A], count)
    state = Replicas.at_rest(masses, start, harmonic_forces)
    # cold, so that the modes hardly feel each other and the turning
    state.velocities_A_fs[0] = maxwell_velocities(masses, 30.0, np.random.default_rng(0))
    frames = []
    for step in range(8000):
        if step % every == 0:
            frames.append((state.positions_A[0].copy(), state.velocities_A_fs[0].copy()))
        VelocityVerlet().step(state, harmonic_forces, timestep, {})
    positions, velocities = (np.array(part) for part in zip(*frames, strict=True))
    time = np.arange(len(frames)) * every * timestep
    modes = mode_wavenumbers(
        [positions],
        [time],
        [velocities],
        [time],
        np.tile(NUMBERS, count),
        np.repeat(np.arange(count), 3),
        timestep_fs=timestep,
    )
    found = (modes.bend_cm1, modes.symmetric_cm1, modes.antisymmetric_cm1)
    assert found == pytest.approx((bend, symmetric, antisymmetric), abs=modes.resolution_cm1 / 2)
    assert modes.resolution_cm1 < 15


def test_modes_need_frames_that_are_dense_enough():
    modes = found_modes(8000.0, interval_fs=8.0)
    assert np.isnan(modes.antisymmetric_cm1)
    assert modes.reason == f"velocities show up to {nyquist_cm1(8.0):.0f} cm-1 only"


def test_modes_need_a_run_that_is_long_enough():
    assert "too short" in found_modes(600.0).reason
    assert "16 frames" in found_modes(40.0).reason


def test_molecules_of_another_kind_have_no_such_modes():
    time = np.arange(0, 400, 4.0)
    still = np.zeros((len(time), 2, 3)) + np.array([[0, 0, 0], [1.1, 0, 0]])[None]
    modes = mode_wavenumbers([still], [time], [still], [time], np.array([7, 7]), np.array([0, 0]))
    assert modes.reason == "there are no linear molecules of the kind XY2"
    assert np.isnan(modes.bend_cm1)


def test_linear_molecules_are_told_from_bent_ones_and_the_middle_is_second():
    positions = np.array(
        [
            [1.16, 0, 0],
            [0, 0, 0],
            [-1.16, 0, 0],
            [5, 0, 0],
            [5.8, 0.6, 0],
            [4.2, 0.6, 0],
            [9, 9, 9],
            [7, 7, 7],
            [8, 7, 7],
        ]
    )
    numbers, molecules = np.array([8, 6, 8, 8, 1, 1, 18, 7, 7]), np.array([0, 0, 0, 1, 1, 1, -1, 2, 2])
    np.testing.assert_array_equal(linear_triples(numbers, molecules, positions), [[0, 1, 2]])
    assert linear_triples(numbers[3:6], molecules[3:6], positions[3:6]).shape == (0, 3)


def test_verlet_shows_an_oscillator_too_fast_by_a_known_amount():
    timestep, angular = 1.0, 2 * np.pi * FS_IN_CM * ANTISYMMETRIC
    place, speed, speeds = 1.0, 0.0, []
    for _ in range(40_000):
        speed -= angular**2 * place * timestep / 2
        place += speed * timestep
        speed -= angular**2 * place * timestep / 2
        speeds.append(speed)
    velocities = np.zeros((40_000, 1, 3))
    velocities[:, 0, 0] = speeds
    spectrum = vibrational_density([velocities], np.ones(1), timestep)
    seen = highest_wavenumber_cm1(spectrum)
    assert seen == pytest.approx(ANTISYMMETRIC + 19, abs=1)
    assert true_wavenumber_cm1(seen, timestep) == pytest.approx(ANTISYMMETRIC, abs=0.2)


def test_the_density_counts_degrees_of_freedom_and_weighs_by_mass():
    time = np.arange(8192) * 4.0
    velocities = np.zeros((len(time), 2, 3))
    for atom, (mass, wavenumber) in enumerate(((4.0, 500.0), (1.0, 1500.0))):
        for axis in range(3):
            velocities[:, atom, axis] = oscillation(wavenumber, time, axis)[1] / (wavenumber * np.sqrt(mass))
    spectrum = vibrational_density([velocities], np.array([4.0, 1.0]), 4.0)
    step = spectrum.wavenumber_cm1[1] - spectrum.wavenumber_cm1[0]
    assert spectrum.density_cm.sum() * step == pytest.approx(3.0)
    low = spectrum.wavenumber_cm1 < 1000
    assert spectrum.density_cm[low].sum() * step == pytest.approx(1.5, rel=1e-3)
    assert spectrum.nyquist_cm1 == pytest.approx(4169.6, rel=1e-3)


@pytest.mark.parametrize("asked", [None, 40.0])
def test_the_stated_resolution_is_the_width_of_a_line(asked):
    time = np.arange(4000) * 4.0

    def spectrum_of(wavenumber: float):
        velocities = np.zeros((len(time), 1, 3))
        velocities[:, 0, 0] = oscillation(wavenumber, time)[1]
        return vibrational_density([velocities], np.ones(1), 4.0, resolution_cm1=asked)

    example = spectrum_of(1000.0)
    if asked:
        assert example.resolution_cm1 == pytest.approx(asked, rel=0.02)
    bin_ = int(np.abs(example.wavenumber_cm1 - 1000).argmin())
    offsets = np.linspace(-1, 1, 101) * example.resolution_cm1
    line = np.array([spectrum_of(example.wavenumber_cm1[bin_] + offset).density_cm[bin_] for offset in offsets])
    width = (line > line.max() / 2).sum() * (offsets[1] - offsets[0])
    assert width == pytest.approx(example.resolution_cm1, rel=0.03)


def test_repeats_of_different_lengths_are_averaged():
    time = np.arange(4000) * 4.0
    velocities = np.zeros((len(time), 1, 3))
    velocities[:, 0, 0] = oscillation(1000.0, time)[1]
    spectrum = vibrational_density([velocities, velocities[:1000]], np.ones(1), 4.0)
    assert highest_wavenumber_cm1(spectrum) == pytest.approx(1000.0, abs=2)


def test_what_is_still_has_no_spectrum():
    spectrum = vibrational_density([np.zeros((40, 2, 3))], np.ones(2), 4.0)
    assert not spectrum.density_cm.any()
    assert np.isnan(highest_wavenumber_cm1(spectrum))
    with pytest.raises(ValueError, match="eight frames"):
        vibrational_density([np.zeros((4, 2, 3))], np.ones(2), 4.0)
