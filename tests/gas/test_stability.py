"""Broken bonds, foreign molecules and bent molecules are found at the frame in which they were planted."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from assay.gas.chemistry import (
    angles_degrees,
    bond_survival,
    bonds_of,
    chemistry,
    kinds_of,
    linear_centres,
    minimum_image,
    molecule_survival,
)
from assay.gas.stability import Ending, ending, stability

CELL = np.diag([20.0, 20.0, 20.0])
SKEWED = np.array([[12.0, 0.0, 0.0], [5.0, 11.0, 0.0], [-3.0, 4.0, 13.0]])
NUMBERS = np.array([6, 8, 8] * 3)
MOLECULES = np.repeat(np.arange(3), 3)
BOND_A = 1.16
FRAMES = 20
TIME_fs = 10.0 * np.arange(FRAMES)


def three_molecules() -> np.ndarray:
    """Carbon dioxide along x at three places; the last one sits across the border of the cell."""
    centres = np.array([[3.0, 3, 3], [10.0, 10, 10], [19.5, 17, 17]])
    return (centres[:, None] + BOND_A * np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0]])).reshape(-1, 3)


def run_of(positions: np.ndarray) -> np.ndarray:
    return np.tile(positions, (FRAMES, 1, 1))


def found_in(run: np.ndarray, cell: np.ndarray = CELL, molecules: np.ndarray = MOLECULES):
    return chemistry(TIME_fs, run, cell, NUMBERS, molecules, three_molecules(), 1.5)


def test_molecules_that_stay_survive():
    found = found_in(run_of(three_molecules()))
    assert (found.bond_survival == 1).all() and (found.molecule_survival == 1).all()
    assert found.first_broken_fs is None and found.first_foreign_fs is None
    assert found.angle_mean_degrees == pytest.approx(180) and found.angle_min_degrees == pytest.approx(180)


def test_atoms_that_crossed_the_border_are_still_bound():
    run = run_of(three_molecules())
    run[5:, 0] += CELL[0]
    run[9:, 4] -= 2 * CELL[1]
    found = found_in(run)
    assert (found.bond_survival == 1).all() and (found.molecule_survival == 1).all()


def test_a_bond_broken_at_a_known_time_is_found_there():
    run = run_of(three_molecules())
    run[7:, 1, 0] += 0.6 * BOND_A
    found = found_in(run)
    assert found.first_broken_fs == 70.0
    assert found.bond_survival[6] == 1 and found.bond_survival[7] == pytest.approx(5 / 6)
    assert found.first_foreign_fs == 70.0
    assert found.molecule_survival[-1] == pytest.approx(2 / 3)


def test_a_stretched_bond_is_not_broken():
    run = run_of(three_molecules())
    run[7:, 1, 0] += 0.4 * BOND_A
    assert found_in(run).first_broken_fs is None


def test_molecules_that_exchange_atoms_are_still_carbon_dioxide():
    """Bonds are broken, but no foreign molecule is there."""
    run = run_of(three_molecules())
    run[10:, [1, 4]] = run[10:, [4, 1]]
    found = found_in(run)
    assert found.first_broken_fs == 100.0 and found.bond_survival[-1] == pytest.approx(4 / 6)
    assert found.first_foreign_fs is None


def test_molecules_that_stick_together_are_foreign():
    run = run_of(three_molecules())
    run[12:, 3:6] += run[0, 1] + [0.9, 0.9, 0] - run[0, 5]
    found = found_in(run)
    assert found.first_broken_fs is None
    assert found.first_foreign_fs == 120.0
    assert found.molecule_survival[-1] == pytest.approx(1 / 3)


def test_the_same_formula_with_other_neighbours_is_foreign():
    """C-O-O in place of O-C-O."""
    positions = three_molecules()
    prepared = kinds_of(positions, NUMBERS, CELL)
    assert prepared.total() == 3 and len(prepared) == 1
    positions[2] = positions[1] + [1.2, 0, 0]
    assert molecule_survival(positions[None], NUMBERS, CELL, prepared) == pytest.approx([2 / 3])


def test_bonds_are_those_inside_the_molecules():
    bonds = bonds_of(three_molecules(), NUMBERS, MOLECULES, CELL)
    assert bonds.pairs.tolist() == [[0, 1], [0, 2], [3, 4], [3, 5], [6, 7], [6, 8]]
    assert bonds.lengths_A == pytest.approx(BOND_A)
    alone = bonds_of(three_molecules(), NUMBERS, np.full(9, -1), CELL)
    assert len(alone.pairs) == 0


@pytest.mark.parametrize("molecules", [np.full(9, -1), np.arange(9)])
def test_without_molecules_nothing_is_counted(molecules):
    found = found_in(run_of(three_molecules()), molecules=molecules)
    assert np.isnan(found.bond_survival).all() and np.isnan(found.molecule_survival).all()
    assert found.first_broken_fs is None and found.first_foreign_fs is None


def test_the_angle_of_a_bent_molecule():
    positions = three_molecules()
    triples = linear_centres(positions, bonds_of(positions, NUMBERS, MOLECULES, CELL), CELL)
    assert triples.tolist() == [[1, 0, 2], [4, 3, 5], [7, 6, 8]]
    positions[1] = positions[0] + BOND_A * np.array([np.cos(np.radians(60)), np.sin(np.radians(60)), 0])
    assert angles_degrees(positions[None], triples, CELL)[0] == pytest.approx([120, 180, 180])
    assert found_in(run_of(positions)).angle_min_degrees == pytest.approx(120)


def test_water_is_not_linear_and_has_two_bonds():
    water = Atoms("OH2", [[0, 0, 0], [0.757, 0.586, 0], [-0.757, 0.586, 0]], cell=[10] * 3, pbc=True)
    bonds = bonds_of(water.positions, water.numbers, np.zeros(3, int), np.array(water.cell))
    assert len(bonds.pairs) == 2
    assert not len(linear_centres(water.positions, bonds, np.array(water.cell)))


@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3),
    st.lists(st.integers(-3, 3), min_size=3, max_size=3),
    st.sampled_from([CELL, SKEWED]),
)
def test_nearest_images_of_short_vectors_are_found_in_any_cell(direction, shifts, cell):
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    vector = np.array(direction) / np.sqrt(3) * 0.499 * heights.min()
    assert minimum_image(vector + np.array(shifts) @ cell, cell) == pytest.approx(vector, abs=1e-9)


@given(st.floats(1.01, 3.0))
def test_a_bond_survives_up_to_its_limit(stretch):
    positions = three_molecules()
    bonds = bonds_of(positions, NUMBERS, MOLECULES, CELL)
    positions[1] = positions[0] + [stretch * BOND_A, 0, 0]
    expected = 1.0 if stretch < 1.5 else 5 / 6
    assert bond_survival(positions[None], CELL, bonds, 1.5) == pytest.approx([expected])


@given(st.integers(0, 10_000), st.sampled_from([CELL, SKEWED, np.diag([5.0, 6.0, 7.0])]), st.floats(0.01, 1.0))
def test_molecules_that_meet_are_found_whatever_their_steps(seed, cell, step_A):
    """The list of pairs that is kept between frames gives what counting every frame anew gives."""
    random = np.random.default_rng(seed)
    run = three_molecules() + np.cumsum(step_A * random.normal(size=(FRAMES, 9, 3)), axis=0)
    prepared = kinds_of(three_molecules(), NUMBERS, CELL)
    anew = [(kinds_of(frame, NUMBERS, cell) & prepared).total() / 3 for frame in run]
    assert molecule_survival(run, NUMBERS, cell, prepared) == pytest.approx(anew)


def test_the_first_event_ends_a_run():
    run = run_of(three_molecules())
    run[7:, 1, 0] += 5.0
    found = found_in(run)
    assert ending(0.2, found, None) == Ending(0.07, "broken bond")
    assert ending(0.2, found, (50.0, "explosion (temperature)")) == Ending(0.05, "explosion (temperature)")
    assert ending(0.2, found, (90.0, "explosion (temperature)")).cause == "broken bond"
    assert ending(0.2, found_in(run_of(three_molecules())), None) == Ending(0.2, None)
    assert ending(0.2, None, (3.0, "not finite"), reached=False) == Ending(0.0, "equilibration: not finite")


def test_runs_that_lasted_make_the_time_a_lower_bound():
    found = stability([Ending(10.0, None), Ending(4.0, "broken bond"), Ending(1.0, "broken bond")])
    assert (found.n_stable, found.n_repeats, found.censored, found.cause) == (1, 3, True, "broken bond")
    assert found.time_ps == pytest.approx(5.0) and found.time_stderr_ps == pytest.approx(np.sqrt(7))
    assert not stability([Ending(1.0, "broken bond")]).censored
