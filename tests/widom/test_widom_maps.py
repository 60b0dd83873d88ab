"""Views along channels, tiles and profiles, on channels whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest
from channel_campaign import EDGE_A, HEIGHT_A, RING_A, channel
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree

from assay.projections import axis_indices, hexagonal_tiles, nearest_images, top_view, widest_spot
from assay.widom.estimators import EV_IN_KJ_MOL, KB_EV_K
from assay.widom.maps import free_energies, mean_energies, radial_profile

T = 300.0
KT = KB_EV_K * T
AREA_A2 = EDGE_A**2 * np.sqrt(3) / 2


@pytest.fixture(scope="module")
def view():
    host = channel()
    return top_view(host.cell.array, host.positions, np.array([0, 0, 1.0]))


def test_the_centre_of_the_channel_is_the_middle_of_the_ring(view):
    host = channel()
    middle = host.cell.array.sum(axis=0) / 2
    assert view.fold(view.project(middle[None])) == pytest.approx(np.zeros((1, 2)), abs=2e-3)
    assert view.radius_A == pytest.approx(RING_A, abs=5e-3)
    assert view.area_A2 == pytest.approx(AREA_A2)


def test_the_basis_is_orthonormal_and_normal_to_the_axis(view):
    assert view.basis @ view.basis.T == pytest.approx(np.eye(2), abs=1e-12)
    assert view.basis @ [0, 0, 1.0] == pytest.approx(np.zeros(2), abs=1e-12)


def test_the_view_does_not_depend_on_the_choice_of_the_cell():
    """The same crystal in sheared cells, with the atoms in other images."""
    host = channel()
    shear = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1]])
    other = host.copy()
    other.set_cell(shear @ host.cell.array)
    other.positions += np.array([1, -2, 3]) @ host.cell.array
    axis = np.array([0, 0, 2.0])
    one, sheared = (top_view(atoms.cell.array, atoms.positions, axis) for atoms in (host, other))
    assert sheared.area_A2 == pytest.approx(one.area_A2)
    assert sheared.radius_A == pytest.approx(one.radius_A, abs=1e-2)
    assert np.linalg.norm(sheared.lattice, axis=1) == pytest.approx([EDGE_A, EDGE_A])


def test_a_supercell_has_the_view_of_its_cell_with_more_channels():
    host = channel()
    twice = host.repeat((1, 1, 2))
    assert top_view(twice.cell.array, twice.positions, np.array([0, 0, 1.0])).area_A2 == pytest.approx(AREA_A2)
    wide = host.repeat((2, 1, 1))
    assert top_view(wide.cell.array, wide.positions, np.array([0, 0, 1.0])).area_A2 == pytest.approx(2 * AREA_A2)


def test_an_axis_has_to_be_a_lattice_direction():
    cell = channel().cell.array
    assert axis_indices(cell, np.array([1, 2, -1]) @ cell).tolist() == [1, 2, -1]
    assert axis_indices(cell, 0.3 * np.array([0, 2, 2]) @ cell).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="not along a lattice vector"):
        axis_indices(cell, np.array([0.123, 0.456, 0.789]))


def test_a_diagonal_channel_of_a_cubic_crystal():
    """Along [111], a simple cubic lattice is a hexagonal one; the widest spots are the centres of its triangles."""
    view = top_view(3.0 * np.eye(3), np.zeros((1, 3)), np.ones(3))
    edge = 3.0 * np.sqrt(2 / 3)
    assert np.linalg.norm(view.lattice, axis=1) == pytest.approx([edge, edge])
    # the layers of the lattice are shifted, and together they fill the triangles' corners
    assert view.area_A2 == pytest.approx(27 / (3 * np.sqrt(3)))
    assert view.radius_A == pytest.approx(edge / np.sqrt(3), abs=5e-3)


def test_the_widest_spot_of_a_square_lattice():
    centre, radius = widest_spot(np.array([[0.3, 0.4]]), 4.0 * np.eye(2))
    assert nearest_images(centre[None] - [2.3, 2.4], 4.0 * np.eye(2)) == pytest.approx(np.zeros((1, 2)), abs=5e-3)
    assert radius == pytest.approx(np.sqrt(8), abs=5e-3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(-40, 40), st.floats(-40, 40)), min_size=1, max_size=8))
def test_folded_points_are_the_nearest_images(points):
    lattice = np.array([[10.0, 0.0], [4.5, 9.0]])
    folded = nearest_images(np.array(points), lattice)
    shifts = (folded - points) @ np.linalg.inv(lattice)
    assert shifts == pytest.approx(np.round(shifts), abs=1e-9)
    far = np.array([(i, j) for i in range(-6, 7) for j in range(-6, 7)]) @ lattice
    least = np.linalg.norm(folded[:, None, :] + far, axis=2).min(axis=1)
    assert np.linalg.norm(folded, axis=1) == pytest.approx(least, abs=1e-9)


def test_replication_fills_the_window_evenly(view):
    rng = np.random.default_rng(0)
    points = rng.random((400, 2)) @ view.lattice + 77.0
    images, sources = view.replicate(points, 50.0)
    assert np.abs(images).max() <= 25.0
    assert len(images) == pytest.approx(400 * 2500 / AREA_A2, rel=0.03)
    shifts = (images - points[sources]) @ np.linalg.inv(view.lattice)
    assert shifts == pytest.approx(np.round(shifts), abs=1e-8)
    # every image that is in the window is there, and once
    assert len(np.unique(np.round(images, 6), axis=0)) == len(images)
    per_source = np.bincount(sources, minlength=400)
    assert per_source.min() >= 10 and per_source.max() <= 24


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=12),
    st.floats(1.0, 4.0),
)
def test_every_point_is_in_the_tile_whose_centre_is_nearest(points, tile_A):
    points = np.array(points)
    tiles = hexagonal_tiles(points, tile_A)
    reach = int(12 / tile_A) + 2
    grid = np.array([(i, j) for i in range(-2 * reach, 2 * reach) for j in range(-2 * reach, 2 * reach)])
    centres = tile_A * np.column_stack([grid[:, 0] + grid[:, 1] / 2, grid[:, 1] * np.sqrt(3) / 2])
    least, _ = KDTree(centres).query(points)
    own = tiles.centres_A[tiles.numbers]
    assert np.linalg.norm(points - own, axis=1) == pytest.approx(least, abs=1e-6)
    assert KDTree(centres).query(own)[0] == pytest.approx(np.zeros(len(points)), abs=1e-6)
    assert tiles.counts.sum() == len(points)


def test_tiles_are_of_one_size():
    rng = np.random.default_rng(1)
    tiles = hexagonal_tiles(rng.uniform(-10, 10, (200_000, 2)), 1.5)
    inner = np.abs(tiles.centres_A).max(axis=1) < 9
    expected = 200_000 / 400 * 1.5**2 * np.sqrt(3) / 2
    assert tiles.counts[inner].mean() == pytest.approx(expected, rel=0.01)
    assert tiles.counts[inner].std() == pytest.approx(np.sqrt(expected), rel=0.2)


def test_the_mean_energy_of_a_tile():
    energies = np.array([1.0, 3.0, np.inf, 2.0, np.nan, np.nan])
    values = mean_energies(energies, np.array([0, 0, 1, 1, 2, 0]), 4)
    assert values[:2].tolist() == [2.0, np.inf]
    assert np.isnan(values[2:]).all()


def test_the_free_energy_of_a_tile():
    energies = np.array([0.0, 0.0, -0.5, np.inf, np.inf, np.nan, -300.0])
    values, errors = free_energies(energies, np.array([0, 0, 1, 1, 2, 2, 3]), 5, T)
    assert values[:2] == pytest.approx([0.0, -0.5 + KT * np.log(2)])
    assert values[2] == np.inf
    assert values[3] == pytest.approx(-300.0)
    assert np.isnan(values[4])
    assert errors[:2] == pytest.approx([0.0, KT])
    assert np.isnan(errors[3:]).all()


def test_the_profile_of_a_cylindrical_well():
    """A well of known depth within a wall: the profile is the potential itself, whatever the number of attempts."""
    rng = np.random.default_rng(2)
    distances = 8.0 * np.sqrt(rng.random(60_000))
    energies = np.select([distances < 3.0, distances < 5.0], [-0.02, -0.10], np.inf)
    profile = radial_profile(distances, energies, T, ring_A=1.0)
    assert profile.radii_A.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]
    expected = np.array([-0.02] * 3 + [-0.10] * 2) * EV_IN_KJ_MOL
    assert profile.free_energies_kJ_mol[:5] == pytest.approx(expected)
    assert np.isinf(profile.free_energies_kJ_mol[5:]).all()
    assert profile.counts.sum() == 60_000
    assert profile.counts == pytest.approx(60_000 * (2 * np.arange(8) + 1) / 64, rel=0.1)


def test_the_effective_sample_of_a_ring_is_that_of_its_weights():
    rng = np.random.default_rng(4)
    energies = KT * rng.standard_normal(301)
    profile = radial_profile(np.append(rng.random(300), 1.5), energies, T, ring_A=1.0)
    weights = np.exp(-energies[:300] / KT)
    assert profile.n_effective == pytest.approx([weights.sum() ** 2 / (weights**2).sum(), 1.0])


def test_the_error_of_a_profile_is_the_scatter_of_profiles():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        energies = KT * rng.standard_normal(400)
        found.append(radial_profile(rng.random(400), energies, T, ring_A=1.0))
    values = [profile.free_energies_kJ_mol[0] for profile in found]
    errors = [profile.stderr_kJ_mol[0] for profile in found]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


def test_the_view_along_the_cell_of_the_channel_has_its_height():
    cell = channel().cell.array
    assert np.linalg.norm(axis_indices(cell, np.array([0, 0, 1.0])) @ cell) == HEIGHT_A
