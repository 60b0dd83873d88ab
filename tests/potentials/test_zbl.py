"""The Ziegler-Biersack-Littmark wall: closed forms, smoothness, derivatives, sums over pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.potentials import zbl
from assay.potentials.close_pairs import Batch, ClosePairs

ELEMENTS = st.integers(1, 96)
EVERYTHING = frozenset({"energy", "forces", "stress"})


def universal_repulsion_eV(first: int, second: int, distance_A: float) -> float:
    """The formula as it is printed, for one pair; e²/(4πε₀) = 14.399645 eV Å."""
    a = 0.46850 / (first**0.23 + second**0.23)
    x = distance_A / a
    phi = 0.18175 * math.exp(-3.19980 * x) + 0.50986 * math.exp(-0.94229 * x)
    phi += 0.28022 * math.exp(-0.40290 * x) + 0.02817 * math.exp(-0.20162 * x)
    return 14.399645 * first * second / distance_A * phi


def derivative(function, x: float, step: float) -> float:
    """Central difference with an error of the fourth power of the step."""
    values = [function(x + multiple * step) for multiple in (-2, -1, 1, 2)]
    return float(values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)


def dimer(first: int, second: int, distance_A: float) -> ClosePairs:
    """A pair of atoms in a cube of 1000 Å³, with radii of 0.5 and 1 Å."""
    vectors, radii = np.array([[distance_A, 0, 0], [-distance_A, 0, 0]]), np.ones(2)
    numbers, ends = np.array([first, second]), np.array([0, 1])
    return ClosePairs(numbers, ends, ends[::-1], vectors, 0.5 * radii, radii, 1000.0)


@given(ELEMENTS, ELEMENTS, st.floats(0.01, 3.0))
def test_the_repulsion_is_the_printed_formula(first, second, distance):
    energy, _ = zbl.repulsion(distance, first, second)
    assert energy == pytest.approx(universal_repulsion_eV(first, second, distance), rel=1e-6)


def test_two_silicon_nuclei_at_one_angstrom():
    # a = 0.46850 / (2 · 1.83489) = 0.127665 Å, r / a = 7.83302, phi = 0.000318 + 0.011937 + 0.005806 = 0.018061
    energy, _ = zbl.repulsion(1.0, 14, 14)
    assert energy == pytest.approx(14.3996 * 196 * 0.018061, rel=1e-4)


@given(ELEMENTS, ELEMENTS)
def test_bare_nuclei_repel_by_coulombs_law(first, second):
    energy, slope = zbl.repulsion(1e-7, first, second)
    assert energy == pytest.approx(14.399645 * first * second / 1e-7, rel=1e-5)
    assert slope == pytest.approx(-energy / 1e-7, rel=1e-5)


@given(ELEMENTS, ELEMENTS, st.floats(0.05, 3.0))
def test_the_slope_of_the_repulsion_is_its_derivative(first, second, distance):
    _, slope = zbl.repulsion(distance, first, second)
    difference = derivative(lambda r: zbl.repulsion(r, first, second)[0], distance, 1e-3 * distance)
    assert slope == pytest.approx(difference, rel=1e-8)


def test_the_switch_and_two_derivatives_are_continuous_at_both_ends():
    inner, outer, step = 0.7, 1.2, 1e-5
    for end, value in ((inner, 1.0), (outer, 0.0)):
        for side in (-step, 0.0, step):
            share, slope = zbl.switch(end + side, inner, outer)
            curvature = derivative(lambda r: zbl.switch(r, inner, outer)[1], end + side, step / 10)
            assert share == pytest.approx(value, abs=1e-12)
            assert slope == pytest.approx(0.0, abs=1e-6)
            assert curvature == pytest.approx(0.0, abs=1e-1)
    assert zbl.switch(0.5 * (inner + outer), inner, outer)[0] == pytest.approx(0.5)


@given(st.floats(0.0, 3.0), st.floats(0.2, 1.0), st.floats(0.1, 1.0))
def test_the_integral_of_the_switch_is_its_integral(distance, inner, width):
    outer = inner + width
    # Gauss-Legendre is exact for the polynomial between the radii and for the constant inside
    nodes, weights = np.polynomial.legendre.leggauss(4)
    expected = 0.0
    for left, right in ((min(distance, inner), inner), (max(distance, inner), outer)):
        half = max(right - left, 0.0) / 2
        expected += half * (weights * zbl.switch(left + half * (nodes + 1), inner, outer)[0]).sum()
    assert zbl.switch_integral(distance, inner, outer) == pytest.approx(expected, abs=1e-12)


def test_nothing_is_left_of_the_integral_at_the_outer_radius():
    distances = np.linspace(1.2, 3.0, 50)
    assert not zbl.switch_integral(distances, 0.7, 1.2).any()


@given(ELEMENTS, ELEMENTS, st.floats(0.05, 1.5))
def test_the_wall_repels_and_its_slope_is_its_derivative(first, second, distance):
    radii = 0.5, 1.2
    energy, slope = zbl.wall(distance, first, second, *radii)
    difference = derivative(lambda r: zbl.wall(r, first, second, *radii)[0], distance, 1e-4 * distance)
    assert energy >= 0 and slope <= 0
    assert slope == pytest.approx(difference, rel=1e-6, abs=1e-6)


def test_the_wall_is_whole_inside_and_exactly_zero_outside():
    assert zbl.wall(0.59, 6, 8, 0.6, 1.0)[0] == zbl.repulsion(0.59, 6, 8)[0]
    assert zbl.wall(1.0, 6, 8, 0.6, 1.0) == (0.0, 0.0)


def test_a_pair_acts_on_both_atoms_and_on_the_cell():
    distance = 0.6
    (result,) = zbl.evaluate(Batch.of([dimer(14, 8, distance)]), EVERYTHING)
    energy, slope = zbl.wall(distance, 14, 8, 0.5, 1.0)
    assert result.energy_eV == pytest.approx(energy)
    assert np.allclose(result.forces_eV_A, [[slope, 0, 0], [-slope, 0, 0]])
    assert np.allclose(result.stress_eV_A3, [slope * distance / 1000, 0, 0, 0, 0, 0])


def test_many_structures_are_each_as_if_alone():
    structures = [dimer(1, 1, 0.3), dimer(14, 8, 0.6), dimer(29, 29, 5.0), dimer(79, 3, 0.9)]
    for alone, together in zip(structures, zbl.evaluate(Batch.of(structures), EVERYTHING), strict=True):
        (single,) = zbl.evaluate(Batch.of([alone]), EVERYTHING)
        assert single.energy_eV == together.energy_eV
        assert np.array_equal(single.forces_eV_A, together.forces_eV_A)
        assert np.array_equal(single.stress_eV_A3, together.stress_eV_A3)


def test_only_what_is_wanted_is_computed():
    (result,) = zbl.evaluate(Batch.of([dimer(1, 1, 0.3)]), frozenset({"energy"}))
    assert result.forces_eV_A is None and result.stress_eV_A3 is None


def test_atoms_in_the_same_place_have_no_finite_energy():
    (result,) = zbl.evaluate(Batch.of([dimer(1, 1, 0.0)]), EVERYTHING)
    assert not result.finite
