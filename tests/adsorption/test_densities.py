"""Maps and distances of guests that are spread evenly, and of guests at known places."""

from __future__ import annotations

import numpy as np
import pytest
from ase.data import atomic_numbers
from made_up_isotherms import HEIGHT_A, REPEATS, channel

from assay.adsorption.densities import (
    MOST_POINTS,
    Cloud,
    density_map,
    guest_elements,
    metal_distances,
    one_cell,
    read_cloud,
    stride,
    view_of,
)
from assay.adsorption.trajectories import Frames, new_trajectory

C, O = atomic_numbers["C"], atomic_numbers["O"]  # noqa: E741
N_FRAMES, PER_FRAME = 50, 400


@pytest.fixture(scope="module")
def even() -> Cloud:
    """Carbon atoms anywhere in the supercell."""
    framework = channel().repeat(REPEATS)
    rng = np.random.default_rng(0)
    count = N_FRAMES * PER_FRAME
    positions = rng.random((count, 3)) @ framework.cell.array
    return Cloud(framework, channel(), np.full(count, C), positions, N_FRAMES)


def test_an_even_gas_has_one_density_everywhere(even):
    found = density_map(even, view_of(even, [0, 0, 1]), C, 40.0, 2.0)
    expected = 1000 * PER_FRAME / even.framework.get_volume()
    assert found.densities_nm3.mean() == pytest.approx(expected, rel=0.01)
    # also at the edge of the window, whose tiles are whole
    assert found.densities_nm3.min() > 0.6 * expected and found.densities_nm3.max() < 1.5 * expected
    assert np.abs(found.centres_A).max() <= 21.0


def test_the_density_does_not_depend_on_the_size_of_the_tiles(even):
    view = view_of(even, [0, 0, 1])
    one, other = (density_map(even, view, C, 30.0, tile).densities_nm3.mean() for tile in (1.5, 3.0))
    assert one == pytest.approx(other, rel=0.03)


def test_distances_of_an_even_gas(even):
    distances, values = metal_distances(even, C)
    wide = distances > 2
    assert values[wide].mean() == pytest.approx(1.0, abs=0.03)
    assert np.abs(values[wide] - 1).max() < 0.25


def test_guests_at_a_known_distance_from_one_metal():
    """One atom 2.2 Å inwards of one of the six metals of a single cell."""
    cell = channel()
    metal = cell.positions[cell.symbols == "Mg"][0]
    inwards = (cell.cell.array.sum(axis=0) / 2 - metal) * [1, 1, 0]
    place = metal + 2.2 * inwards / np.linalg.norm(inwards)
    cloud = Cloud(cell, cell, np.array([O]), place[None], 1)
    distances, values = metal_distances(cloud, O)
    first = np.flatnonzero(values)[0]
    assert distances[first] == pytest.approx(2.2, abs=0.06)
    shell = 4 / 3 * np.pi * (2.3**3 - 2.2**3) if distances[first] > 2.2 else 4 / 3 * np.pi * (2.2**3 - 2.1**3)
    assert values[first] == pytest.approx(cell.get_volume() / (6 * shell), rel=1e-6)


def test_images_of_guests_outside_of_the_cell_count(even):
    shifted = Cloud(
        even.framework, even.cell, even.numbers, even.positions_A + even.framework.cell.array[0] * 3, N_FRAMES
    )
    assert metal_distances(shifted, C)[1] == pytest.approx(metal_distances(even, C)[1])


def test_no_metals_no_distances(even):
    bare = even.framework[even.framework.numbers != atomic_numbers["Mg"]]
    assert len(metal_distances(Cloud(bare, bare, even.numbers, even.positions_A, N_FRAMES), C)[0]) == 0
    assert len(metal_distances(even, O)[0]) == 0


def test_the_cell_of_a_supercell():
    cell = one_cell(channel().repeat(REPEATS), REPEATS)
    assert cell.cell.array == pytest.approx(channel().cell.array)
    assert cell.positions == pytest.approx(channel().positions)


def test_only_the_production_of_chains_is_read(tmp_path):
    host = channel()
    guest = host[:2]
    positions = np.full((4, 2, 2, 3), np.nan, dtype=np.float32)
    positions[:, 0] = np.arange(4)[:, None, None]
    positions[3, 1] = HEIGHT_A
    frames = Frames(np.array([10, 20, 30, 40]), np.array([1, 1, 1, 2]), positions)
    with new_trajectory(tmp_path / "t.h5", host, guest) as writer:
        writer.append(0, frames)
        writer.append(1, frames)
    cloud = read_cloud(tmp_path / "t.h5", {0: 20, 1: 40}, (1, 1, 1))
    assert cloud.n_frames == 4 and len(cloud.numbers) == 2 * (1 + 1 + 2 + 2)
    assert guest_elements(cloud) == sorted(set(guest.numbers))
    assert sorted(cloud.of(int(guest.numbers[0]))[:, 0]) == pytest.approx([1, 2, 3, 3, HEIGHT_A, HEIGHT_A])
    nobody = read_cloud(tmp_path / "t.h5", {}, (1, 1, 1))
    assert nobody.n_frames == 0 and len(nobody.numbers) == 0


def test_frames_are_left_out_where_there_are_many():
    assert stride(10, 30) == 1
    assert stride(MOST_POINTS, 30) == 30
    assert stride(0, 0) == 1
