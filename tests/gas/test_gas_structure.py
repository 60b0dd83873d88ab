"""Radial distributions: an ideal gas has none, a lattice has known shells, any cell gives the same."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.gas.structure import highest_peak, inscribed_radius_A, radial_distributions

TRICLINIC = np.array([[9.0, 0, 0], [3.0, 8.0, 0], [-2.0, 1.5, 8.5]])


def ideal_gas(frames: int, atoms: int, cell: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((frames, atoms, 3)) @ cell


@pytest.mark.parametrize("cell", [np.eye(3) * 10, TRICLINIC], ids=["cube", "triclinic"])
@pytest.mark.parametrize("atoms", [3, 12])
def test_an_ideal_gas_of_few_atoms_gives_one(cell, atoms):
    repeats = [ideal_gas(4000, atoms, cell, seed) for seed in range(6)]
    n_carbon = atoms // 3
    numbers = np.array([6, 8, 8] * n_carbon)
    curves = radial_distributions(repeats, cell, numbers, bin_A=0.5)
    assert set(curves) == ({"C-C", "C-O", "O-O", "all"} if atoms > 3 else {"C-O", "O-O", "all"})
    pairs = {"C-C": n_carbon * (n_carbon - 1) / 2, "C-O": 2 * n_carbon**2, "O-O": n_carbon * (2 * n_carbon - 1)}
    pairs["all"] = sum(pairs.values())
    for name, curve in curves.items():
        width = curve.distance_A[1] - curve.distance_A[0]
        shells = 4 * np.pi * width * (curve.distance_A**2 + width**2 / 12) / abs(np.linalg.det(cell))
        # distances of an ideal gas are independent of each other: counts are Poisson's
        errors = 1 / np.sqrt(6 * 4000 * pairs[name] * shells)
        assert (((curve.mean - 1) / errors) ** 2).mean() < 1 + 5 * np.sqrt(2 / len(shells))
        assert curve.stderr.mean() == pytest.approx(errors.mean(), rel=0.6)


def test_atoms_of_the_same_molecule_are_left_out():
    centres = ideal_gas(3000, 6, np.eye(3) * 12)
    pairs = np.repeat(centres, 2, axis=1)
    pairs[:, 1::2] += [1.1, 0.0, 0.0]
    molecules, numbers = np.repeat(np.arange(6), 2), np.array([6, 8] * 6)
    inside = radial_distributions([pairs], np.eye(3) * 12, numbers, bin_A=0.2)["C-O"]
    assert highest_peak(inside).distance_A == pytest.approx(1.1, abs=0.2)
    outside = radial_distributions([pairs], np.eye(3) * 12, numbers, molecules=molecules, bin_A=0.2)
    np.testing.assert_allclose(outside["C-O"].mean[10:], 1, atol=0.1)
    # five others for every atom, whatever the molecule is made of
    shells = 4 / 3 * np.pi * np.diff(np.linspace(0, 6, 31) ** 3)
    neighbours = (outside["C-C"].mean * shells).sum() * 5 / 12**3
    direct = radial_distributions([centres], np.eye(3) * 12, np.full(6, 6), bin_A=0.2)["C-C"]
    assert neighbours == pytest.approx((direct.mean * shells).sum() * 5 / 12**3)


def test_atoms_without_a_molecule_are_alone():
    frames = ideal_gas(5, 4, np.eye(3) * 10)
    alone = radial_distributions([frames], np.eye(3) * 10, np.full(4, 2), molecules=np.full(4, -1))
    np.testing.assert_array_equal(
        alone["He-He"].blocks, radial_distributions([frames], np.eye(3) * 10, np.full(4, 2))["He-He"].blocks
    )


def test_the_shells_of_rock_salt():
    crystal = bulk("NaCl", "rocksalt", a=5.64, cubic=True).repeat(3)
    curves = radial_distributions([crystal.positions[None]], crystal.cell.array, crystal.numbers, bin_A=0.05)
    number_density = len(crystal) / 2 / crystal.get_volume()
    for pair, distance, neighbours, present in (("Na-Cl", 2.82, 6, 1.0), ("Na-Na", 3.988, 12, 107 / 108)):
        curve = curves[pair]
        edges = np.append(curve.distance_A - (curve.distance_A[1] - curve.distance_A[0]) / 2, np.inf)
        first = np.abs(curve.distance_A - distance) < 0.2
        assert highest_peak(curve).distance_A == pytest.approx(distance, abs=0.05)
        shell = 4 / 3 * np.pi * np.diff(edges**3)[first]
        assert (curve.mean[first] * shell).sum() * number_density * present == pytest.approx(neighbours)
        assert not curve.mean[curve.distance_A < distance - 0.1].any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(-3, 3))
def test_wrapping_and_images_change_nothing(seed, cells):
    frames = ideal_gas(3, 5, TRICLINIC, seed)
    moved = frames.copy()
    moved[:, 2] += cells * TRICLINIC[1] + TRICLINIC[0]
    moved += 0.37
    first, second = (radial_distributions([one], TRICLINIC, np.full(5, 18), bin_A=0.5) for one in (frames, moved))
    np.testing.assert_allclose(first["Ar-Ar"].blocks, second["Ar-Ar"].blocks, atol=1e-9)


def test_nearest_images_are_found_up_to_the_inscribed_radius():
    frames = ideal_gas(1, 20, TRICLINIC, 3)
    reach = inscribed_radius_A(TRICLINIC)
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3) @ TRICLINIC
    apart = frames[0][:, None] - frames[0][None]
    all_images = np.linalg.norm(apart[..., None, :] + shifts, axis=-1)[np.triu_indices(20, 1)]
    expected, edges = np.histogram(all_images, bins=np.linspace(0, reach, int(np.ceil(reach / 0.3)) + 1))
    curve = radial_distributions([frames], TRICLINIC, np.full(20, 18), bin_A=0.3)["Ar-Ar"]
    found = curve.mean * 190 * 4 / 3 * np.pi * np.diff(edges**3) / np.linalg.det(TRICLINIC)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_beyond_the_inscribed_radius_nothing_is_given():
    assert inscribed_radius_A(np.eye(3) * 10) == pytest.approx(5.0)
    with pytest.raises(ValueError, match=r"up to 5\.000 Å only, not up to 6\.000 Å"):
        radial_distributions([np.zeros((1, 2, 3))], np.eye(3) * 10, np.array([1, 1]), limit_A=6.0)
    for nothing in ([], [np.zeros((0, 2, 3))]):
        with pytest.raises(ValueError, match="at least one frame"):
            radial_distributions(nothing, np.eye(3) * 10, np.array([1, 1]))


@pytest.mark.parametrize(("repeats", "blocks"), [(1, 8), (2, 8), (3, 9), (4, 4), (10, 10)])
def test_few_repeats_are_cut_into_stretches(repeats, blocks):
    frames = [ideal_gas(20, 4, np.eye(3) * 10, seed) for seed in range(repeats)]
    assert len(radial_distributions(frames, np.eye(3) * 10, np.full(4, 18))["all"].blocks) == blocks
    assert len(radial_distributions(frames, np.eye(3) * 10, np.full(4, 18), stretches=5)["all"].blocks) == 5 * repeats


def test_many_frames_are_counted_in_pieces(monkeypatch):
    frames = ideal_gas(50, 6, TRICLINIC)
    whole = radial_distributions([frames], TRICLINIC, np.full(6, 18))
    monkeypatch.setattr("assay.gas.structure._DISTANCES_AT_ONCE", 40)
    np.testing.assert_array_equal(
        radial_distributions([frames], TRICLINIC, np.full(6, 18))["all"].blocks, whole["all"].blocks
    )


def test_a_lonely_atom_has_no_curves():
    assert radial_distributions([np.zeros((2, 1, 3))], np.eye(3) * 10, np.array([18])) == {}
