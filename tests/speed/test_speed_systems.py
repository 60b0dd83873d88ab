"""Gas and solid: density, distances, sizes, and the same systems for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from assay.failures import UserError
from assay.randomness import random_stream
from assay.speed.systems import (
    helium_gas,
    make_systems,
    rattled,
    read_systems,
    supercell,
    supercell_repeats,
    write_systems,
)
from assay.structures import load_crystals

CRYSTALS = Path(__file__).resolve().parents[2] / "resources/structures/crystals.yaml"


@pytest.fixture(scope="module")
def magnesia():
    return load_crystals(CRYSTALS)["MgO"].atoms()


def nearest_A(atoms) -> float:
    edge = atoms.cell.lengths()[0]
    tree = cKDTree(atoms.get_scaled_positions() % 1.0, boxsize=1.0)
    return tree.query(tree.data, k=2)[0][:, 1].min() * edge


@pytest.mark.parametrize("count", [1, 10, 1000, 20000])
def test_the_gas_has_its_density_and_no_overlaps(count):
    gas = helium_gas(count, random_stream(1, "x"))
    assert len(gas) == count
    assert set(gas.symbols) == {"He"}
    assert count / gas.get_volume() == pytest.approx(0.033)
    if count > 1:
        assert nearest_A(gas) >= 2.0 - 1e-9


def test_the_gas_is_uniform():
    """Counts in the eight octants of the cube scatter as they do for a random gas, or less."""
    gas = helium_gas(8000, random_stream(2, "x"))
    octants = (gas.get_scaled_positions() > 0.5) @ (1, 2, 4)
    counts = np.bincount(octants, minlength=8)
    assert abs(counts - 1000).max() < 4 * np.sqrt(1000 * 7 / 8)


@pytest.mark.parametrize(
    ("size", "repeats"),
    [(1, (1, 1, 1)), (10, (1, 1, 1)), (32, (1, 2, 2)), (100, (2, 2, 3)), (512, (4, 4, 4)), (1000, (5, 5, 5))],
)
def test_supercells_are_near_to_a_cube_and_to_the_size(size, repeats):
    assert supercell_repeats(8, size) == repeats


@pytest.mark.parametrize("size", [37, 320, 5000, 100000])
def test_no_supercell_of_its_kind_is_nearer(size):
    found = np.prod(supercell_repeats(8, size)) * 8
    edges = range(1, 60)
    others = [8 * n * m * k for n in edges for m in (n, n + 1) for k in (n, n + 1)]
    assert abs(np.log(found / size)) <= min(abs(np.log(other / size)) for other in others) + 1e-12


def test_the_solid_is_dense_and_displaced(magnesia):
    perfect = supercell(magnesia, 512)
    moved = rattled(perfect, random_stream(1, "x")).positions - perfect.positions
    assert len(perfect) == 512
    assert 512 / perfect.get_volume() == pytest.approx(8 / 4.2112**3)
    assert moved.std() == pytest.approx(0.05, rel=0.1)
    assert np.array_equal(supercell(magnesia, 512).positions, perfect.positions)


def test_the_same_seed_and_path_give_the_same_systems_and_others_do_not(magnesia):
    made = [
        make_systems(path, 32, 2, 3, seed=seed, cell=magnesia).positions_A
        for path, seed in (("a", 1), ("a", 1), ("b", 1), ("a", 2))
    ]
    assert made[0].shape == (3, 2, 32, 3)
    assert np.array_equal(made[0], made[1])
    assert not np.isclose(made[0], made[2]).any() and not np.isclose(made[0], made[3]).any()


def test_repeats_and_structures_are_all_different():
    positions = make_systems("helium-10", 10, 2, 4, seed=1).positions_A.reshape(8, 10, 3)
    assert len({one.tobytes() for one in positions}) == 8


def test_more_repeats_do_not_change_the_first_ones():
    few, many = (make_systems("helium-10", 10, 1, repeats, seed=1).positions_A for repeats in (3, 5))
    assert np.array_equal(few, many[:3])


def test_systems_round_trip(tmp_path, magnesia):
    written = make_systems("MgO-8", 8, 3, 2, seed=1, cell=magnesia)
    write_systems(tmp_path / "MgO-8.npz", written)
    read = read_systems(tmp_path / "MgO-8.npz")
    assert np.array_equal(read.positions_A, written.positions_A)
    assert (read.repeats, read.structures, read.atoms_in_all) == (2, 3, 24)
    assert read.batch(1)[2].get_chemical_formula() == "Mg4O4"
    assert read.batch(0)[0].pbc.all()


def test_equal_systems_are_equal_files(tmp_path):
    for name in ("one.npz", "two.npz"):
        write_systems(tmp_path / name, make_systems("helium-10", 10, 1, 2, seed=1))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_damaged_or_missing_archive_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_systems(tmp_path / "none.npz")
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(UserError, match="not an archive of systems"):
        read_systems(tmp_path / "half.npz")
