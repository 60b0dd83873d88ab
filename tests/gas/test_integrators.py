"""Newton's equations: units, order, reversibility, conservation laws."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_potentials import (
    argon,
    moving,
    no_forces,
    smooth_lennard_jones,
    springs,
    through_potential,
    without_gradient,
)
from scipy import stats

from assay.gas.integrators import (
    ACCELERATION,
    BOLTZMANN_eV_K,
    Replicas,
    VelocityVerlet,
    kinetic_energies_eV,
    maxwell_velocities,
    temperatures_K,
)
from assay.gas.thermostats import Langevin

VERLET = VelocityVerlet()


def advance(state, forces, steps, timestep_fs=1.0) -> None:
    for _ in range(steps):
        VERLET.step(state, forces, timestep_fs, {})


def total_eV(state) -> np.ndarray:
    return state.energies_eV + state.kinetic_energies_eV


@pytest.fixture(scope="module")
def liquid():
    """Argon after a while at 80 K: forces and a state."""
    forces = through_potential(smooth_lennard_jones, argon(3))
    state = moving(forces, argon(3), 160.0, seed=3)
    streams = {0: np.random.default_rng(4)}
    for _ in range(300):
        Langevin(80.0, 200.0).step(state, forces, 5.0, streams)
    state.velocities_A_fs[0] = maxwell_velocities(state.masses_u, 80.0, np.random.default_rng(5))
    return forces, state


def test_the_units_of_time_and_energy():
    joule_per_eV, kg_per_u = units._e, units._amu
    assert pytest.approx(joule_per_eV / kg_per_u * 1e-10, rel=1e-12) == ACCELERATION
    # 1 u at 1 Å/fs
    assert kinetic_energies_eV(np.ones(1), np.array([[[1.0, 0.0, 0.0]]]))[0] == pytest.approx(
        0.5 * kg_per_u * 1e10 / joule_per_eV
    )
    assert temperatures_K(1.5 * 7 * BOLTZMANN_eV_K * 300.0, 21) == pytest.approx(300.0)


def test_a_free_particle_flies_straight():
    state = moving(no_forces, Atoms("ArHe", [[0, 0, 0], [5, 5, 5]]), 0.0)
    state.velocities_A_fs[0, 0] = [0.01, -0.02, 0.03]
    advance(state, no_forces, 1000, 2.0)
    np.testing.assert_allclose(state.positions_A[0, 0], [20.0, -40.0, 60.0])
    np.testing.assert_array_equal(state.positions_A[0, 1], [5, 5, 5])


def test_an_oscillator_keeps_its_period():
    """ω² = k/m, with Verlet's own shift: sin(ω' Δt/2) = ω Δt/2."""
    start = Atoms("O2", [[0.05, 0, 0], [5, 5, 5]])
    forces = springs(30.0, np.array([[0, 0, 0], [5, 5, 5]]))
    state = moving(forces, start, 0.0)
    omega = np.sqrt(30.0 / 15.999 * ACCELERATION)
    shifted = 2 * np.arcsin(omega / 2)
    path = [0.05]
    for _ in range(200):
        VERLET.step(state, forces, 1.0, {})
        path.append(state.positions_A[0, 0, 0])
    np.testing.assert_allclose(path, 0.05 * np.cos(shifted * np.arange(201)), atol=1e-9)


def test_argon_at_1_fs_keeps_its_energy(liquid):
    """Drift below 1e-4 meV/atom/ps, momentum zero to rounding."""
    forces, start = liquid
    state, energies = start.copy(), []
    for _ in range(1000):
        VERLET.step(state, forces, 1.0, {})
        energies.append(total_eV(state)[0])
    meV_per_atom = 1e3 * np.array(energies) / len(state.masses_u)
    drift, _ = np.polyfit(np.arange(1000) / 1000, meV_per_atom, 1)
    assert abs(drift) < 1e-4
    np.testing.assert_allclose(np.einsum("n,nx->x", state.masses_u, state.velocities_A_fs[0]), 0.0, atol=1e-10)


def test_energy_fluctuations_fall_with_the_square_of_the_time_step(liquid):
    forces, start = liquid
    timesteps_fs, fluctuations = np.array([2.0, 4.0, 8.0, 16.0]), []
    for timestep_fs in timesteps_fs:
        state, energies = start.copy(), []
        for _ in range(int(960 / timestep_fs)):
            VERLET.step(state, forces, timestep_fs, {})
            energies.append(total_eV(state)[0])
        fluctuations.append(np.std(energies))
    exponent, _ = np.polyfit(np.log(timesteps_fs), np.log(fluctuations), 1)
    assert exponent == pytest.approx(2.0, abs=0.2)


def test_forces_that_are_no_gradient_make_the_energy_drift():
    """Forces turned by 3 degrees do work, a hundred times more than the error of the time step."""
    drifts = []
    for law in (smooth_lennard_jones, without_gradient(smooth_lennard_jones, 0.05)):
        forces, energies = through_potential(law, argon(3)), []
        state = moving(forces, argon(3), 160.0, seed=6)
        for _ in range(300):
            VERLET.step(state, forces, 4.0, {})
            energies.append(total_eV(state)[0] / len(state.masses_u) * 1e3)
        drifts.append(np.polyfit(np.arange(300) * 0.004, energies, 1)[0])
    assert abs(drifts[1]) > 100 * abs(drifts[0])


def test_time_runs_backwards_when_velocities_turn(liquid):
    forces, start = liquid
    state = start.copy()
    advance(state, forces, 200, 4.0)
    assert np.abs(state.positions_A - start.positions_A).max() > 0.5
    state.velocities_A_fs *= -1
    advance(state, forces, 200, 4.0)
    np.testing.assert_allclose(state.positions_A, start.positions_A, atol=1e-8)
    np.testing.assert_allclose(state.velocities_A_fs, -start.velocities_A_fs, atol=1e-10)


def test_repeats_together_are_repeats_one_by_one():
    forces = through_potential(smooth_lennard_jones, argon(2), repeats=3)
    together = moving(forces, argon(2), 200.0, repeats=3)
    alone = [together.keep(np.arange(3) == row) for row in range(3)]
    advance(together, forces, 50, 3.0)
    for row, state in enumerate(alone):
        advance(state, forces, 50, 3.0)
        np.testing.assert_array_equal(state.positions_A[0], together.positions_A[row])
        np.testing.assert_array_equal(state.energies_eV[0], together.energies_eV[row])


@settings(max_examples=20, deadline=None)
@given(
    masses=st.lists(st.floats(1.0, 200.0), min_size=2, max_size=6),
    temperature_K=st.floats(1.0, 2000.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_drawn_velocities_have_no_momentum(masses, temperature_K, seed):
    masses = np.array(masses)
    velocities = maxwell_velocities(masses, temperature_K, np.random.default_rng(seed))
    scale = np.sqrt(masses * BOLTZMANN_eV_K * temperature_K * ACCELERATION).sum()
    assert np.abs(masses @ velocities).max() < 1e-12 * scale


def test_drawn_velocities_are_maxwell_s():
    """Kinetic energies of many draws: chi squared with 3 n - 3 degrees of freedom (Kolmogorov-Smirnov)."""
    masses, random = np.array([12.0, 16.0, 16.0, 40.0]), np.random.default_rng(7)
    draws = np.array([maxwell_velocities(masses, 350.0, random) for _ in range(4000)])
    reduced = 2 * kinetic_energies_eV(masses, draws) / (BOLTZMANN_eV_K * 350.0)
    assert stats.kstest(reduced, stats.chi2(9).cdf).pvalue > 1e-3


def test_a_copy_moves_on_its_own(liquid):
    forces, start = liquid
    before = start.positions_A.copy()
    state = start.copy()
    assert isinstance(state, Replicas)
    advance(state, forces, 3)
    np.testing.assert_array_equal(start.positions_A, before)
