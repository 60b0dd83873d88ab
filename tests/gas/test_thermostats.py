"""Thermostats: the canonical ensemble, and the diffusion that Langevin's friction leaves."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from moving_potentials import argon, moving, no_forces, smooth_lennard_jones, springs, through_potential
from scipy import stats

from assay.gas.integrators import ACCELERATION, BOLTZMANN_eV_K
from assay.gas.thermostats import THERMOSTATS, Bussi, Langevin

TEMPERATURE_K = 300.0


def streams(count: int) -> dict[int, np.random.Generator]:
    return {repeat: np.random.default_rng([8, repeat]) for repeat in range(count)}


def particles(count: int) -> Atoms:
    return Atoms(f"Ar{count}", np.zeros((count, 3)), cell=[50.0] * 3, pbc=True)


@pytest.mark.parametrize("name", THERMOSTATS)
def test_the_kinetic_energy_is_canonical(name):
    """Kinetic energies of free particles are chi squared distributed (Kolmogorov-Smirnov), from a cold start."""
    repeats, count = 100, 4
    state = moving(no_forces, particles(count), 1.0, repeats=repeats)
    thermostat = THERMOSTATS[name](TEMPERATURE_K, 20.0)
    noise, samples = streams(repeats), []
    for step in range(600):
        thermostat.step(state, no_forces, 4.0, noise)
        # every 100 fs, after 1200: five relaxation times apart
        if step >= 300 and step % 25 == 0:
            samples.append(state.kinetic_energies_eV)
    reduced = 2 * np.concatenate(samples) / (BOLTZMANN_eV_K * TEMPERATURE_K)
    degrees = thermostat.degrees_of_freedom(count)
    assert degrees == {"langevin": 12, "bussi": 9}[name]
    assert stats.kstest(reduced, stats.chi2(degrees).cdf).pvalue > 1e-3


def test_langevin_s_positions_on_a_spring_are_boltzmann_s():
    """BAOAB: the variance of a harmonic coordinate is kT/k at any stable time step, within 4 standard errors."""
    repeats, count, stiffness = 200, 4, 2.0
    forces = springs(stiffness, np.zeros(3))
    state = moving(forces, particles(count), TEMPERATURE_K, repeats=repeats)
    period_fs = 2 * np.pi * np.sqrt(39.948 / (stiffness * ACCELERATION))
    thermostat, noise, samples = Langevin(TEMPERATURE_K, 50.0), streams(repeats), []
    for step in range(400):
        thermostat.step(state, forces, period_fs / 8, noise)
        if step >= 50 and step % 10 == 0:
            samples.append(state.positions_A.ravel().copy())
    values = np.concatenate(samples)
    expected = BOLTZMANN_eV_K * TEMPERATURE_K / stiffness
    assert values.var() == pytest.approx(expected, abs=4 * expected * np.sqrt(2 / len(values)))


def test_an_ideal_langevin_particle_diffuses_with_kT_over_m_friction():
    """Einstein: <x²> = 2 D (t - τ (1 - exp(-t/τ))) for a thermal start, D = kT τ/m, within 4 standard errors."""
    time_fs, length_fs, count, repeats = 50.0, 2000.0, 50, 40
    state = moving(no_forces, particles(count), TEMPERATURE_K, repeats=repeats)
    noise, thermostat = streams(repeats), Langevin(TEMPERATURE_K, time_fs)
    for _ in range(60):
        thermostat.step(state, no_forces, 5.0, noise)
    origin = state.positions_A.copy()
    for _ in range(int(length_fs / 5.0)):
        thermostat.step(state, no_forces, 5.0, noise)
    squared = ((state.positions_A - origin) ** 2).ravel()
    diffusion = BOLTZMANN_eV_K * TEMPERATURE_K * ACCELERATION * time_fs / 39.948
    expected = 2 * diffusion * (length_fs - time_fs * (1 - np.exp(-length_fs / time_fs)))
    assert squared.mean() == pytest.approx(expected, abs=4 * expected * np.sqrt(2 / len(squared)))


def test_rescaling_keeps_the_momentum_at_zero_and_the_directions():
    state = moving(no_forces, particles(5), TEMPERATURE_K)
    before = state.velocities_A_fs / np.linalg.norm(state.velocities_A_fs)
    Bussi(TEMPERATURE_K, 100.0).step(state, no_forces, 1.0, streams(1))
    after = state.velocities_A_fs / np.linalg.norm(state.velocities_A_fs)
    np.testing.assert_allclose(np.abs(after), np.abs(before))
    np.testing.assert_allclose(state.velocities_A_fs[0].sum(axis=0), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", THERMOSTATS)
def test_argon_comes_to_its_temperature(name):
    """Mean temperature of a solid from a cold lattice within 5 standard errors of independent samples."""
    forces = through_potential(smooth_lennard_jones, argon(2), repeats=4)
    state = moving(forces, argon(2), 40.0, repeats=4)
    thermostat, noise, kinetic = THERMOSTATS[name](40.0, 100.0), streams(4), []
    for step in range(800):
        thermostat.step(state, forces, 5.0, noise)
        if step >= 400 and step % 40 == 0:
            kinetic.append(state.kinetic_energies_eV)
    degrees = thermostat.degrees_of_freedom(len(state.masses_u))
    temperature_K = 2 * np.array(kinetic) / (degrees * BOLTZMANN_eV_K)
    error_K = 40.0 * np.sqrt(2 / degrees) / np.sqrt(temperature_K.size)
    # slow modes make samples dependent, of which half are counted
    assert temperature_K.mean() == pytest.approx(40.0, abs=5 * np.sqrt(2) * error_K)


def test_noise_is_that_of_the_repeat():
    """A repeat feels the same noise in whatever company it is."""
    state = moving(no_forces, particles(3), TEMPERATURE_K, repeats=3)
    alone, noise = state.keep(np.array([False, False, True])), streams(3)
    Langevin(TEMPERATURE_K, 10.0).step(state, no_forces, 1.0, noise)
    Langevin(TEMPERATURE_K, 10.0).step(alone, no_forces, 1.0, streams(3))
    np.testing.assert_array_equal(alone.velocities_A_fs[0], state.velocities_A_fs[2])
