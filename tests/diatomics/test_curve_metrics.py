from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from ase import units
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.diatomics.metrics import (
    asymptote,
    mean_absolute_deviation,
    mean_absolute_deviation_by_range,
    mean_over_distance,
    net_force,
    range_masks,
    rotational_spread,
    transverse_force,
)
from assay.diatomics.protocol import Curve, fibonacci_orientations, radial_grid
from assay.diatomics.smoothness import (
    conservation_deviation_published,
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
    highest_barrier,
    outer_barrier,
    repulsion_lost_A,
    spurious_minima,
    wavenumber_cm1,
)

CONTACT_A = 1.42
WALL_A = 0.7 * CONTACT_A
STEP_A = 0.005
PROBED = 41
ATOM_EV = -3.0
BARRIER_A = 3.0
REFERENCE_A = (*(CONTACT_A * np.array([0.7, 0.75, 0.8, 0.85, 0.9, 1.0, 1.1, 1.3])).tolist(), 2.2, BARRIER_A, 4.0)
RADII = radial_grid(80, dense_A=REFERENCE_A)
ORIENTATIONS = fibonacci_orientations(125)


@dataclass(frozen=True)
class Law:
    """A pair potential in closed form: energy, force and, where it binds, bond length, depth and force constant."""

    energy: Callable[[np.ndarray], np.ndarray]
    force: Callable[[np.ndarray], np.ndarray]
    bond_length_A: float = math.nan
    depth_eV: float = math.nan
    curvature_eV_A2: float = math.nan

    def __add__(self, other: Law) -> Law:
        return replace(
            self, energy=lambda r: self.energy(r) + other.energy(r), force=lambda r: self.force(r) + other.force(r)
        )

    @property
    def probe(self) -> np.ndarray:
        return np.column_stack([self.energy(RADII + shift) for shift in (-STEP_A, 0, STEP_A)])


def morse(depth=5.0, decay=3.0, bond=1.1) -> Law:
    def energy(r):
        return depth * (np.exp(-2 * decay * (r - bond)) - 2 * np.exp(-decay * (r - bond)))

    def force(r):
        return 2 * depth * decay * (np.exp(-2 * decay * (r - bond)) - np.exp(-decay * (r - bond)))

    return Law(energy, force, bond, depth, 2 * depth * decay**2)


def lennard_jones(depth=0.1, bond=1.5) -> Law:
    return Law(
        lambda r: depth * ((bond / r) ** 12 - 2 * (bond / r) ** 6),
        lambda r: 12 * depth / r * ((bond / r) ** 12 - (bond / r) ** 6),
        bond,
        depth,
        72 * depth / bond**2,
    )


def born_mayer(height=1000.0, length=0.3) -> Law:
    return Law(lambda r: height * np.exp(-r / length), lambda r: height / length * np.exp(-r / length))


def gaussian(height, centre, width) -> Law:
    def energy(r):
        return height * np.exp(-(((r - centre) / width) ** 2) / 2)

    return Law(energy, lambda r: (r - centre) / width**2 * energy(r))


def step(height, place) -> Law:
    """Inside of `place` the energy is lower, so that two atoms far apart are where they were."""
    return Law(lambda r: np.where(r < place, -height, 0.0), np.zeros_like)


def hole(wall: Law, turns_A, begins_A) -> Law:
    """Takes the repulsion away: the force of the sum with `wall` is zero at `turns_A` and attractive inside of it."""
    slope = wall.force(turns_A) / (begins_A - turns_A) ** 4
    return Law(
        lambda r: -slope / 5 * np.maximum(begins_A - r, 0) ** 5, lambda r: -slope * np.maximum(begins_A - r, 0) ** 4
    )


CLEAN = morse()
REPULSIVE = born_mayer()
BINDING = [CLEAN, morse(0.8, 1.2, 2.6), morse(9.9, 2.7, 1.098)]


def curve_of(law: Law) -> Curve:
    energies = np.repeat(law.energy(RADII)[:, None], len(ORIENTATIONS), axis=1)
    forces = law.force(RADII)[:, None, None] * ORIENTATIONS
    return Curve(
        radii_A=RADII,
        orientations=ORIENTATIONS,
        energies_eV=energies + 2 * ATOM_EV,
        forces_eV_A=np.stack([-forces, forces], axis=2),
        stencil_eV=law.probe[:, [0, 2]] + 2 * ATOM_EV,
        stencil_A=STEP_A,
        probed=PROBED,
        atoms_eV=np.full(2, ATOM_EV),
    )


def all_metrics(curve: Curve) -> dict[str, float]:
    radii, energy, force = curve.radii_A, curve.mean_interaction_eV, curve.mean_radial_force_eV_A
    probe = (curve.radial_forces_eV_A[:, curve.probed], curve.probe_eV, curve.stencil_A)
    bond = bond_minimum(radii, energy, nearest_A=WALL_A)
    return {
        "bond length": bond.radius_A,
        "well": bond.energy_eV,
        "wavenumber": wavenumber_cm1(radii, energy, bond.radius_A, 7.0),
        "deepest point": deepest_point(radii, energy).energy_eV,
        "repulsion lost": repulsion_lost_A(radii, force, bond.radius_A),
        "attractive wall": attractive_wall_fraction(radii, force, WALL_A),
        "spurious minima": spurious_minima(radii, energy, bond.radius_A),
        "outer barrier": outer_barrier(radii, energy, bond.radius_A).energy_eV,
        "barriers": barrier_count(radii, energy, nearest_A=bond.radius_A),
        "flips": force_sign_flips(force),
        "tortuosity": tortuosity(energy),
        "energy jump": largest_energy_jump(radii, curve.probe_eV, curve.stencil_A),
        "published energy jump": energy_jump_published(energy),
        "largest force deviation": largest_force_deviation(radii, *probe),
        "mean force deviation": mean_force_deviation(radii, *probe),
        "published conservation": conservation_deviation_published(radii, energy, force),
        "net force": net_force(curve.forces_eV_A),
        "energy spread": rotational_spread(radii, curve.interaction_eV),
        "force spread": rotational_spread(radii, curve.radial_forces_eV_A),
        "transverse force": transverse_force(radii, curve.forces_eV_A, curve.orientations),
        "asymptote": asymptote(energy),
        "spearman energy": spearman_repulsive_energy(radii, energy),
        "spearman force": spearman_descending_force(radii, force),
    }


# --- one defect at a time: the metric meant for it tells its size, the others stay where they are ---

PATTERN = ORIENTATIONS[:, 0] * ORIENTATIONS[:, 1]
PATTERN = (PATTERN - PATTERN.mean()) / PATTERN.std()
STRADDLED_A = float(RADII[np.searchsorted(RADII, 2.5)]) + 0.3 * STEP_A


def with_forces(change: np.ndarray) -> Curve:
    """The clean curve with forces changed by an array that is broadcast to radii, orientations, atoms and axes."""
    clean = curve_of(CLEAN)
    return replace(clean, forces_eV_A=clean.forces_eV_A + change)


def across() -> np.ndarray:
    """Unit vectors across the orientations."""
    vectors = np.cross(ORIENTATIONS, [0.0, 0.0, 1.0])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def turned_energy(amplitude_eV: float) -> Curve:
    clean = curve_of(CLEAN)
    return replace(
        clean,
        energies_eV=clean.energies_eV + amplitude_eV * PATTERN,
        stencil_eV=clean.stencil_eV + amplitude_eV * PATTERN[PROBED],
    )


def barrier_height(law: Law) -> float:
    radii = np.linspace(law.bond_length_A, RADII[-1], 100_000)
    energies = law.energy(radii)
    return float((energies - np.minimum.accumulate(energies[::-1])[::-1]).max())


HILL = CLEAN + gaussian(0.5, BARRIER_A, 0.15)
HOLE = CLEAN + hole(CLEAN, 0.7, 0.9)
PUBLISHED = {"published energy jump", "published conservation"}
SHIFTED = {"well", "deepest point", "published conservation"}

# defect: curve, {metric that tells it: planted value}, relative tolerance, metrics that it changes as well
DEFECTS = {
    # the top lies between two points of the grid, up to a thousandth of its height above both
    "barrier": (
        curve_of(HILL),
        {"outer barrier": barrier_height(HILL), "barriers": 1},
        2e-3,
        {"flips", "tortuosity", *PUBLISHED},
    ),
    "step between distances": (curve_of(CLEAN + step(0.3, 2.54)), {"energy jump": 0.3}, 1e-3, SHIFTED),
    "step inside a stencil": (curve_of(CLEAN + step(0.3, STRADDLED_A)), {"energy jump": 0.3}, 1e-3, SHIFTED),
    "scaled force": (
        with_forces(0.05 * curve_of(CLEAN).forces_eV_A),
        {
            "largest force deviation": 0.05 * np.abs(CLEAN.force(RADII)).max(),
            "mean force deviation": mean_over_distance(RADII, 0.05 * np.abs(CLEAN.force(RADII))),
        },
        1e-3,
        {"published conservation"},
    ),
    "rotated energy": (turned_energy(0.04), {"energy spread": 0.04}, 1e-9, set()),
    "rotated force": (
        with_forces(0.2 * PATTERN[:, None, None] * np.stack([-ORIENTATIONS, ORIENTATIONS], axis=1)),
        {"force spread": 0.2, "largest force deviation": 0.2 * abs(PATTERN[PROBED])},
        1e-2,
        {"mean force deviation"},
    ),
    "sideways force": (
        with_forces(0.1 * np.stack([across(), -across()], axis=1)),
        {"transverse force": 0.1},
        1e-9,
        set(),
    ),
    "net force": (with_forces(0.03 * ORIENTATIONS[:, None]), {"net force": 0.06}, 1e-9, set()),
    # the force, which is strongly curved there, is interpolated linearly over 0.05 Å
    "hole in the wall": (
        curve_of(HOLE),
        {
            "repulsion lost": 0.7,
            "attractive wall": (0.7 - RADII[0]) / (WALL_A - RADII[0]),
            "deepest point": float(HOLE.energy(RADII[0])),
            "flips": 2,
        },
        1e-2,
        {"tortuosity", "spearman energy", "spearman force", *PUBLISHED},
    ),
    "shifted atoms": (
        replace(curve_of(CLEAN), atoms_eV=np.full(2, ATOM_EV - 0.5)),
        {"asymptote": 1.0},
        1e-4,
        {"well", "deepest point"},
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_told_by_its_own_metric_and_by_no_other(defect):
    curve, planted, tolerance, also_changed = DEFECTS[defect]
    clean, found = all_metrics(curve_of(CLEAN)), all_metrics(curve)
    for name, value in planted.items():
        assert found[name] == pytest.approx(value, rel=tolerance), name
        assert found[name] != pytest.approx(clean[name], rel=0.02, abs=1e-3), name
    for name in set(clean) - set(planted) - also_changed:
        # forces in the hole reach 1000 eV/Å, slopes by differences are good to 3e-6 of that
        assert found[name] == pytest.approx(clean[name], rel=1e-5, abs=5e-3, nan_ok=True), name


def test_a_clean_curve_is_ideal():
    found = all_metrics(curve_of(CLEAN))
    ideal = {
        "bond length": CLEAN.bond_length_A,
        "well": -CLEAN.depth_eV,
        "deepest point": -CLEAN.depth_eV,
        "repulsion lost": math.nan,
        "attractive wall": 0,
        "spurious minima": 0,
        "outer barrier": 0,
        "barriers": 0,
        "flips": 1,
        "tortuosity": 1,
        "energy jump": 0,
        "largest force deviation": 0,
        "mean force deviation": 0,
        "net force": 0,
        "energy spread": 0,
        "force spread": 0,
        "transverse force": 0,
        "asymptote": 0,
        "spearman energy": -1,
        "spearman force": -1,
    }
    for name, value in ideal.items():
        tolerance = 5e-3 if name == "deepest point" else 1e-3
        assert found[name] == pytest.approx(value, abs=tolerance, nan_ok=True), name


# --- closed forms ---


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
    assert highest_barrier(RADII, energy) is NOWHERE
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


def test_barriers_are_counted_and_the_highest_is_told():
    law = CLEAN + gaussian(0.3, 2.2, 0.1) + gaussian(0.6, 4.0, 0.15)
    energy = law.energy(RADII)
    assert barrier_count(RADII, energy, nearest_A=CLEAN.bond_length_A) == 2
    assert barrier_count(RADII, energy, nearest_A=3.0) == 1
    assert highest_barrier(RADII, energy).radius_A == 4.0
    assert highest_barrier(RADII, energy).energy_eV == pytest.approx(0.6, abs=2e-3)
    assert outer_barrier(RADII, energy, CLEAN.bond_length_A).radius_A == 4.0


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


# --- deviations from a reference ---


def test_ranges_share_all_distances():
    masks = range_masks(RADII, CONTACT_A)
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    assert RADII[masks["bond"]].min() == pytest.approx(WALL_A)
    assert RADII[masks["tail"]].min() >= 1.5 * CONTACT_A > RADII[masks["bond"]].max()


def test_the_mean_over_distance_does_not_depend_on_the_density_of_points():
    dense_inside = np.concatenate([np.linspace(1, 2, 50), np.linspace(2.5, 6, 8)])
    assert mean_over_distance(dense_inside, 2 * dense_inside + 1) == pytest.approx(8)


def test_a_deviation_is_averaged_by_range():
    reference = CLEAN.energy(RADII)
    values = reference + np.where(RADII < WALL_A, -3.0, np.where(RADII < 1.5 * CONTACT_A, 0.2, 0.01))
    found = mean_absolute_deviation_by_range(RADII, values, reference, CONTACT_A)
    assert found == pytest.approx({"wall": 3.0, "bond": 0.2, "tail": 0.01})


def test_a_deviation_leaves_out_what_the_reference_does_not_know():
    radii, reference = np.array([1.0, 2.0, 3.0, 5.0]), np.array([0.0, np.nan, 0.0, 0.0])
    assert mean_absolute_deviation(radii, np.array([1.0, 99.0, 1.0, 3.0]), reference) == pytest.approx(1.5)
    assert np.isnan(mean_absolute_deviation(radii, np.array([1.0, 1.0, np.nan, 3.0]), reference))
    assert np.isnan(mean_absolute_deviation(radii, radii, np.array([np.nan, 1.0, np.nan, np.nan])))
    ranges = mean_absolute_deviation_by_range(radii, radii, reference, 1.0)
    assert np.isnan(ranges["wall"]) and np.isnan(ranges["bond"]) and ranges["tail"] > 0


def test_metrics_of_orientations_can_pass_over_the_wall():
    values = np.zeros((len(RADII), 4))
    values[RADII < WALL_A] = [1.0, -1.0, 1.0, -1.0]
    assert rotational_spread(RADII, values) == 1
    assert rotational_spread(RADII, values, nearest_A=WALL_A) == 0
    assert np.isnan(rotational_spread(RADII, values, nearest_A=7.0))
    forces = curve_of(CLEAN).forces_eV_A + np.where(RADII < WALL_A, 1.0, 0.0)[:, None, None, None]
    assert transverse_force(RADII, forces, ORIENTATIONS) > 1
    assert transverse_force(RADII, forces, ORIENTATIONS, nearest_A=WALL_A) == pytest.approx(0, abs=1e-9)
    assert np.isnan(transverse_force(RADII, forces, ORIENTATIONS, nearest_A=7.0))


# --- laws that hold for any curve ---

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
    assert barrier_count(radii, energies) == 0 or highest_barrier(radii, energies).exists
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
