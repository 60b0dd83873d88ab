from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pair_laws import (
    CLEAN,
    RADII,
    STEP_A,
    WALL_A,
    step,
)

from assay.diatomics.smoothness import (
    conservation_deviation_published,
    energy_jump_published,
    force_sign_flips,
    largest_energy_jump,
    largest_force_deviation,
    spearman_descending_force,
    spearman_repulsive_energy,
    tortuosity,
)
from assay.diatomics.wells import (
    attractive_wall_fraction,
    barrier_count,
    bond_minimum,
    outer_barrier,
    repulsion_lost_A,
    spurious_minima,
    wavenumber_cm1,
)


def test_the_published_energy_jump_is_blind_to_a_step_along_the_slope():
    assert energy_jump_published(np.array([3.0, 2.0, 0.5, 0.0])) == 0
    assert energy_jump_published(np.array([3.0, 1.0, 2.0, 0.0])) == pytest.approx(2 + 1 + 1 + 2)
    assert energy_jump_published(np.array([1.0, 0.0, 0.0005, 0.5])) == pytest.approx(1 + 0.4995)


def test_the_published_conservation_deviation_takes_a_step_for_a_wrong_force():
    law = CLEAN + step(0.3, 2.54)
    clean = conservation_deviation_published(RADII, CLEAN.energy(RADII), CLEAN.force(RADII))
    assert conservation_deviation_published(RADII, law.energy(RADII), law.force(RADII)) > clean + 0.02


def test_rank_correlations_end_at_the_lowest_point():
    radii, values = np.arange(6.0), np.array([3.0, 5.0, 1.0, 0.0, 7.0, 8.0])
    assert spearman_repulsive_energy(radii, values) == spearman_descending_force(radii, values) == pytest.approx(-0.8)


MILLIELECTRONVOLTS = st.integers(-50_000, 50_000).map(lambda value: value / 1000)
VALUES = arrays(float, 20, elements=MILLIELECTRONVOLTS)
PLATEAUS = arrays(float, 12, elements=st.integers(-2, 2).map(float))


@pytest.mark.filterwarnings("error")
@settings(deadline=None)
@given(PLATEAUS | arrays(float, 12, elements=MILLIELECTRONVOLTS), arrays(float, (12, 3), elements=MILLIELECTRONVOLTS))
def test_every_curve_has_its_metrics(energies, probe):
    radii = np.linspace(0.5, 6, 12)
    bond = bond_minimum(radii, energies, nearest_A=1.0)
    assert radii[0] < bond.radius_A < radii[-1] or not bond.exists
    assert spurious_minima(radii, energies, bond.radius_A) >= 0
    assert outer_barrier(radii, energies, bond.radius_A).energy_eV >= 0 or not bond.exists
    assert barrier_count(radii, energies) <= (len(radii) - 1) // 2
    assert not 0 < repulsion_lost_A(radii, energies, 3.0) < 0.5
    assert 0 <= attractive_wall_fraction(radii, energies, 3.0) <= 1
    assert not abs(spearman_repulsive_energy(radii, energies)) > 1 + 1e-12
    assert not largest_energy_jump(radii, probe, STEP_A) < 0
    assert not largest_force_deviation(radii, energies, probe, STEP_A) < 0
    assert not wavenumber_cm1(radii, energies, bond.radius_A, 1.0) <= 0


@given(VALUES, st.floats(0.1, 10), st.floats(-100, 100))
def test_tortuosity_has_no_scale_and_no_zero(energies, scale, shift):
    assume(energies[0] + energies[-1] - 2 * energies.min() > 0.01)
    expected = tortuosity(energies)
    assert expected >= 1 - 1e-12
    assert tortuosity(scale * energies + shift) == pytest.approx(expected, rel=1e-6)
    assert tortuosity(energies[::-1]) == pytest.approx(expected)


@given(VALUES, st.floats(1, 100))
def test_flips_have_no_scale_and_no_direction(forces, scale):
    flips = force_sign_flips(forces, threshold_eV_A=0.0101)
    assert force_sign_flips(scale * forces, threshold_eV_A=0.0101 * scale) == flips
    assert force_sign_flips(-forces[::-1], threshold_eV_A=0.0101) == flips


@given(st.floats(0.01, 3), st.sampled_from([-1, 1]), st.floats(WALL_A, 5.5))
def test_the_energy_jump_is_the_height_of_a_step_wherever_it_is(height, sign, place):
    law = CLEAN + step(sign * height, place)
    assert largest_energy_jump(RADII, law.probe, STEP_A) == pytest.approx(height, rel=1e-2, abs=5e-4)
    deviation = largest_force_deviation(RADII, law.force(RADII), law.probe, STEP_A, nearest_A=WALL_A)
    assert deviation < 1e-2


@given(st.floats(0.51, 0.99))
def test_the_repulsion_is_lost_where_the_force_is_zero(place):
    force = (RADII - place) * (1.5 - RADII)
    assert repulsion_lost_A(RADII, force, 1.5, threshold_eV_A=0) == pytest.approx(place, abs=2e-3)
    share = (place - RADII[0]) / (WALL_A - RADII[0])
    assert attractive_wall_fraction(RADII, force, WALL_A, threshold_eV_A=0) == pytest.approx(share, abs=4e-3)
