"""Metrics of the literature on simulations beside a reference: closed forms and planted failures."""

from __future__ import annotations

import numpy as np
import pytest

from assay.gas.comparison import diffusivity_m2_s, rdf_error_A, rdf_stability
from assay.gas.structure import radial_distributions

CELL_A = np.eye(3) * 8.0
NUMBERS = np.array([3, 16] * 4)
INTERVAL_FS = 20.0
LIMIT_A = 4.0


def vibrating_crystal(frames: int, seed: int) -> np.ndarray:
    sites = np.stack(np.meshgrid(*[[0.0, 4.0]] * 3), axis=-1).reshape(-1, 3)
    return sites + np.random.default_rng(seed).normal(0, 0.2, (frames, 8, 3))


def reference_curves(*pairs: str, bin_A: float = 0.2) -> dict[str, np.ndarray]:
    curves = radial_distributions([vibrating_crystal(3000, 99)], CELL_A, NUMBERS, limit_A=LIMIT_A, bin_A=bin_A)
    return {pair: curves[pair].mean for pair in pairs}


def test_the_error_of_a_curve_is_the_area_between():
    distance = np.linspace(0.05, 9.95, 100)
    assert rdf_error_A(distance, np.ones(100), np.zeros(100)) == pytest.approx(10.0)
    curve, reference = np.exp(-((distance - 4) ** 2)), np.exp(-((distance - 6) ** 2))
    assert rdf_error_A(distance, curve, reference) == pytest.approx(2 * np.sqrt(np.pi) * 0.8427, rel=1e-3)
    assert rdf_error_A(distance, curve, curve) == 0
    with pytest.raises(ValueError, match="different lengths"):
        rdf_error_A(distance, curve, reference[1:])


@pytest.mark.parametrize("pairs", [("all",), ("Li-S", "Li-Li", "S-S")])
def test_the_time_of_a_collapse_is_found(pairs):
    frames, collapse = 400, 250
    positions = vibrating_crystal(frames, 0)
    positions[collapse:] *= 0.6
    stable = rdf_stability(
        positions, INTERVAL_FS, CELL_A, NUMBERS, reference_curves(*pairs), limit_A=LIMIT_A, bin_A=0.2, threshold_A=1.0
    )
    assert not stable.stable
    # the window of 1 ps sees it before it is full of it
    assert collapse * INTERVAL_FS / 1000 - 1.0 <= stable.time_ps <= collapse * INTERVAL_FS / 1000
    assert stable.largest_deviation > 1.0


def test_what_stays_is_stable_to_the_end():
    stable = rdf_stability(
        vibrating_crystal(400, 1), INTERVAL_FS, CELL_A, NUMBERS, reference_curves("all"), limit_A=LIMIT_A, bin_A=0.2
    )
    assert stable.stable
    assert stable.time_ps == pytest.approx(8.0)
    assert 0 < stable.largest_deviation < 1.0


def test_windows_are_stretches_of_the_run():
    """One window as long as the run deviates as the g(r) of the run does."""
    positions = vibrating_crystal(40, 2)
    reference = reference_curves("Li-S")
    stable = rdf_stability(positions, INTERVAL_FS, CELL_A, NUMBERS, reference, limit_A=LIMIT_A, bin_A=0.2)
    curve = radial_distributions([positions], CELL_A, NUMBERS, limit_A=LIMIT_A, bin_A=0.2)["Li-S"]
    assert stable.largest_deviation == pytest.approx(
        rdf_error_A(curve.distance_A, curve.mean, reference["Li-S"]), rel=1e-9
    )


def test_a_pair_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no pairs P-S in this system; it has Li-Li"):
        rdf_stability(
            vibrating_crystal(60, 0), INTERVAL_FS, CELL_A, NUMBERS, {"P-S": np.zeros(20)}, limit_A=LIMIT_A, bin_A=0.2
        )


def test_a_run_of_one_frame_has_a_stability():
    stable = rdf_stability(
        vibrating_crystal(1, 0),
        INTERVAL_FS,
        CELL_A,
        NUMBERS,
        reference_curves("all"),
        limit_A=LIMIT_A,
        bin_A=0.2,
        threshold_A=100.0,
    )
    assert stable.stable and stable.time_ps == pytest.approx(0.02)


def test_diffusivity_is_the_displacement_over_six_times_the_lag():
    steps = np.random.default_rng(0).normal(0, 0.1, (4000, 60, 3))
    found = diffusivity_m2_s(np.cumsum(steps, axis=0), INTERVAL_FS, np.arange(60) < 50, lag_ps=0.4)
    # 0.01 Å² per step and direction, 1/50 of it lost with the centre
    assert found == pytest.approx(0.01 / 2 / (INTERVAL_FS / 1000) * 1e-8 * 49 / 50, rel=0.03)


def test_common_motion_does_not_diffuse():
    positions = np.arange(50)[:, None, None] * np.ones((1, 4, 3)) + np.arange(4)[:, None]
    assert diffusivity_m2_s(positions, INTERVAL_FS, np.arange(4)) == pytest.approx(0, abs=1e-20)
    with pytest.raises(ValueError, match="a lag of 100 frames in a run of 50"):
        diffusivity_m2_s(positions, INTERVAL_FS, np.arange(4), lag_ps=2.0)
