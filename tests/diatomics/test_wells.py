from __future__ import annotations

import math

import numpy as np
import pytest
from ase import units
from pair_laws import (
    BINDING,
    CLEAN,
    RADII,
    REPULSIVE,
    STEP_A,
    WALL_A,
    gaussian,
    lennard_jones,
)

from assay.diatomics.smoothness import (
    energy_jump_published,
    force_sign_flips,
    largest_energy_jump,
    largest_force_deviation,
    mean_force_deviation,
    spearman_descending_force,
    spearman_repulsive_energy,
    tortuosity,
)
from assay.diatomics.wells import (
    NOWHERE,
    attractive_wall_fraction,
    barrier_count,
    bond_minimum,
    deepest_point,
    outer_barrier,
    repulsion_lost_A,
    spurious_minima,
    wavenumber_cm1,
)


@pytest.mark.parametrize("law", [*BINDING, lennard_jones(), lennard_jones(0.01, 3.0)])
def test_bond_length_and_depth_of_laws(law):
    found = bond_minimum(RADII, law.energy(RADII), nearest_A=WALL_A)
    assert found.radius_A == pytest.approx(law.bond_length_A, rel=5e-4)
    assert found.energy_eV == pytest.approx(-law.depth_eV, rel=5e-4)


@pytest.mark.parametrize("law", BINDING)
@pytest.mark.parametrize("mass_u", [0.504, 7.0, 27.0])
def test_wavenumber_of_morse(law, mass_u):
    expected = math.sqrt(law.curvature_eV_A2 * units._e * 1e20 / (mass_u * units._amu)) / (200 * math.pi * units._c)
    assert wavenumber_cm1(RADII, law.energy(RADII), law.bond_length_A, mass_u) == pytest.approx(expected, rel=5e-3)


def test_wavenumber_of_lennard_jones():
    law = lennard_jones(0.0104, 3.8)
    expected = math.sqrt(law.curvature_eV_A2 * units._e * 1e20 / (20 * units._amu)) / (200 * math.pi * units._c)
    # the term of sixth order, which the polynomial lacks, is 1.4 % of the curvature
    assert wavenumber_cm1(RADII, law.energy(RADII), 3.8, 20.0) == pytest.approx(expected, rel=1e-2)


def test_wavenumber_on_a_coarse_grid_takes_the_six_nearest_points():
    radii = np.arange(0.6, 3.0, 0.1)
    expected = wavenumber_cm1(RADII, CLEAN.energy(RADII), CLEAN.bond_length_A, 7.0)
    found = wavenumber_cm1(radii, CLEAN.energy(radii), CLEAN.bond_length_A, 7.0)
    assert found == pytest.approx(expected, rel=0.05)


def test_no_wavenumber_without_a_well():
    assert np.isnan(wavenumber_cm1(RADII, REPULSIVE.energy(RADII), math.nan, 7.0))
    assert np.isnan(wavenumber_cm1(RADII, -CLEAN.energy(RADII), CLEAN.bond_length_A, 7.0))
    assert np.isnan(wavenumber_cm1(RADII[:5], CLEAN.energy(RADII[:5]), CLEAN.bond_length_A, 7.0))


def test_a_repulsive_curve_has_no_bond_and_no_defect():
    energy, force = REPULSIVE.energy(RADII), REPULSIVE.force(RADII)
    assert bond_minimum(RADII, energy) is NOWHERE
    assert not NOWHERE.exists
    assert outer_barrier(RADII, energy, math.nan) is NOWHERE
    assert deepest_point(RADII, energy).radius_A == RADII[-1]
    assert spurious_minima(RADII, energy, math.nan) == barrier_count(RADII, energy) == force_sign_flips(force) == 0
    assert np.isnan(repulsion_lost_A(RADII, force, WALL_A))
    assert attractive_wall_fraction(RADII, force, WALL_A) == 0
    assert tortuosity(energy) == pytest.approx(1)
    assert spearman_repulsive_energy(RADII, energy) == pytest.approx(-1)
    assert spearman_descending_force(RADII, force) == pytest.approx(-1)
    assert energy_jump_published(energy) == 0
    assert largest_energy_jump(RADII, REPULSIVE.probe, STEP_A) < 1e-4
    assert largest_force_deviation(RADII, force, REPULSIVE.probe, STEP_A) < 1e-3


@pytest.mark.parametrize("law", [CLEAN, lennard_jones(0.1, 1.5)])
def test_the_force_of_a_law_is_its_gradient(law):
    nearest = 0.8 * law.bond_length_A
    strongest = np.abs(law.force(np.linspace(nearest, RADII[-1], 1000))).max()
    largest = largest_force_deviation(RADII, law.force(RADII), law.probe, STEP_A, nearest_A=nearest)
    assert mean_force_deviation(RADII, law.force(RADII), law.probe, STEP_A, nearest_A=nearest) <= largest
    assert largest < 1e-4 * strongest
    assert largest_energy_jump(RADII, law.probe, STEP_A, nearest_A=nearest) < 1e-3 * law.depth_eV


def test_attraction_all_the_way_in_is_lost_repulsion_at_the_start():
    force = -REPULSIVE.force(RADII)
    assert repulsion_lost_A(RADII, force, WALL_A) == WALL_A
    assert attractive_wall_fraction(RADII, force, WALL_A) == 1
    assert np.isnan(attractive_wall_fraction(RADII, force, 0.5))
    assert bond_minimum(RADII, -REPULSIVE.energy(RADII)) is NOWHERE
    assert deepest_point(RADII, -REPULSIVE.energy(RADII)).radius_A == RADII[0]
    assert np.isnan(spearman_repulsive_energy(RADII, -REPULSIVE.energy(RADII)))


def test_a_force_that_is_attractive_just_inside_the_bond_has_not_lost_its_repulsion():
    force = np.where((RADII > 1.0) & (RADII <= 1.1), -0.1, CLEAN.force(RADII))
    assert np.isnan(repulsion_lost_A(RADII, force, 1.1))


def test_a_flat_tail_is_neither_minimum_nor_barrier_nor_flip():
    beyond = RADII > 4.5
    energy, force = np.where(beyond, 0, CLEAN.energy(RADII)), np.where(beyond, 0, CLEAN.force(RADII))
    assert spurious_minima(RADII, energy, CLEAN.bond_length_A, ripple_eV=0) == 0
    assert barrier_count(RADII, energy, ripple_eV=0) == 0
    assert outer_barrier(RADII, energy, CLEAN.bond_length_A).energy_eV == 0
    assert np.isnan(outer_barrier(RADII, energy, CLEAN.bond_length_A).radius_A)
    assert force_sign_flips(force) == 1


def test_a_curve_of_zeros_has_nothing():
    zeros = np.zeros_like(RADII)
    assert bond_minimum(RADII, zeros) is NOWHERE
    assert np.isnan(tortuosity(zeros))
    assert np.isnan(repulsion_lost_A(RADII, zeros, WALL_A))
    assert attractive_wall_fraction(RADII, zeros, WALL_A) == 0
    assert force_sign_flips(zeros) == energy_jump_published(zeros) == 0
    assert largest_energy_jump(RADII, np.zeros((len(RADII), 3)), STEP_A) == 0


def test_noise_of_single_precision_is_no_bond():
    noise = np.random.default_rng(0).normal(scale=1e-6, size=len(RADII))
    assert bond_minimum(RADII, REPULSIVE.energy(RADII) + noise) is NOWHERE


def test_a_hole_in_the_wall_is_the_deepest_point_and_not_the_bond():
    energy = (CLEAN + gaussian(-80.0, 0.7, 0.05)).energy(RADII)
    assert bond_minimum(RADII, energy, nearest_A=WALL_A).radius_A == pytest.approx(CLEAN.bond_length_A, rel=1e-3)
    assert deepest_point(RADII, energy).radius_A == pytest.approx(0.7, abs=0.02)
    assert spurious_minima(RADII, energy, CLEAN.bond_length_A) == 1


def test_barriers_are_counted():
    law = CLEAN + gaussian(0.3, 2.2, 0.1) + gaussian(0.6, 4.0, 0.15)
    energy = law.energy(RADII)
    assert barrier_count(RADII, energy, nearest_A=CLEAN.bond_length_A) == 2
    assert barrier_count(RADII, energy, nearest_A=3.0) == 1
    assert outer_barrier(RADII, energy, CLEAN.bond_length_A).radius_A == 4.0
