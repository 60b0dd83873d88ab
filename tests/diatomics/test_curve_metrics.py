from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pair_laws import (
    ATOM_EV,
    BARRIER_A,
    CLEAN,
    CONTACT_A,
    ORIENTATIONS,
    PATTERN,
    PROBED,
    RADII,
    STRADDLED_A,
    WALL_A,
    Law,
    across,
    all_metrics,
    curve_of,
    gaussian,
    hole,
    step,
    turned_energy,
    with_forces,
)

from assay.diatomics.metrics import (
    mean_absolute_deviation,
    mean_absolute_deviation_by_range,
    mean_over_distance,
    range_masks,
    rotational_spread,
    transverse_force,
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
