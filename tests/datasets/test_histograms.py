import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.datasets.figures import force_figure, pair_figure, pair_table
from assay.datasets.histograms import Bins, Histograms, count_frames, density_per_A, percentile_A, write_histograms
from assay.failures import UserError


def with_forces(atoms: Atoms, force_eV_A: float) -> Atoms:
    forces = np.zeros((len(atoms), 3))
    forces[:, 0] = force_eV_A
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=forces)
    return atoms


def counted(*frames: Atoms, cutoff_A: float = 6.0) -> Histograms:
    histograms = Histograms(Bins(cutoff_A=cutoff_A))
    for atoms in frames:
        histograms.add(atoms)
    return histograms


def test_a_dimer_is_one_pair():
    histograms = counted(with_forces(Atoms("OC", [(0, 0, 0), (0, 0, 1.13)]), 0.5))
    carbon, oxygen = atomic_numbers["C"], atomic_numbers["O"]
    assert histograms.pairs.sum() == 1 and histograms.pairs[carbon, oxygen, 22] == 1
    assert histograms.shortest_A[carbon, oxygen] == pytest.approx(1.13)
    column = int(np.searchsorted(histograms.bins.force_edges_eV_A, 0.5)) - 1
    assert histograms.forces[22, column] == histograms.forces.sum() == 2


def test_shells_of_a_crystal_are_counted_with_their_images():
    # fcc: 12 neighbours at a / sqrt(2), 6 at a, 24 at a sqrt(3/2); every pair belongs to two atoms
    histograms = counted(bulk("Cu", "fcc", 3.6), cutoff_A=4.6)
    counts = histograms.pairs.sum(axis=(0, 1))
    edges = histograms.bins.distance_edges_A
    places = [int(distance / 0.05) for distance in (3.6 / np.sqrt(2), 3.6, 3.6 * np.sqrt(1.5))]
    assert [counts[place - 1 : place + 2].sum() for place in places] == [6, 3, 12]
    assert counts.sum() == 21 and histograms.frames_without_forces == 1
    assert (density_per_A(counts, edges) * np.diff(edges)).sum() == pytest.approx(1.0)


def test_repeating_a_cell_repeats_its_counts():
    crystal = bulk("MgO", "rocksalt", 4.21, cubic=True)
    crystal.positions += np.random.default_rng(1).normal(0, 0.1, crystal.positions.shape)
    one, eight = counted(with_forces(crystal, 1.0)), counted(with_forces(crystal.repeat(2), 1.0))
    assert np.array_equal(8 * one.pairs, eight.pairs)
    assert np.array_equal(8 * one.forces, eight.forces)


def test_no_force_and_a_huge_force_have_bins_and_lone_atoms_are_told_apart():
    pair = Atoms("H2", [(0, 0, 0), (0, 0, 0.7)])
    histograms = counted(with_forces(pair.copy(), 0.0), with_forces(pair.copy(), 1e6), with_forces(Atoms("He"), 0.0))
    assert histograms.forces[:, 0].sum() == histograms.forces[:, -1].sum() == 2
    assert (histograms.atoms, histograms.atoms_alone, histograms.frames) == (5, 1, 3)
    assert histograms.largest_force_eV_A == 1e6


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=4, max_size=12).filter(any), st.floats(1, 99))
def test_a_percentile_has_its_share_below(counts, percent):
    counts = np.array(counts)
    edges = np.linspace(0, 3, len(counts) + 1)
    place = percentile_A(counts, edges, percent)
    share = np.interp(place, edges, np.concatenate([[0], np.cumsum(counts)])) / counts.sum()
    assert share == pytest.approx(percent / 100, abs=1e-9)


def test_nothing_counted_has_no_density_and_says_so_in_figures():
    histograms = counted(Atoms("He"))
    assert np.isnan(density_per_A(histograms.pairs.sum(axis=(0, 1)), histograms.bins.distance_edges_A)).all()
    for draw, words in ((pair_figure, "no two atoms"), (force_figure, "no frame has forces")):
        assert any(words in text.get_text() for text in draw("gas", histograms).axes[0].texts)
    row = pair_table("gas", histograms).iloc[0]
    assert row["n_pairs"] == 0 and np.isnan(row["distance_min_A"]) and row["n_atoms_alone"] == 1


def test_frames_that_cannot_be_counted_are_named(tmp_path):
    broken = Atoms("C", [(np.nan, 0, 0)])
    path = tmp_path / "data.xyz"
    with pytest.raises(UserError, match=r"frame 2 is malformed .*not finite"):
        count_frames(path, iter([Atoms("C"), broken]), Histograms(), lambda counted: None)
    with pytest.raises(UserError, match="no frame"):
        count_frames(path, iter([]), Histograms(), lambda counted: None)


def test_what_is_written_holds_the_counts(tmp_path):
    histograms = counted(with_forces(bulk("MgO", "rocksalt", 4.21), 0.1))
    write_histograms(tmp_path / "h.h5", histograms)
    with h5py.File(tmp_path / "h.h5") as file:
        assert sorted(file["pair_distances"]) == ["Mg-Mg", "O-Mg", "O-O"]
        assert file["pair_distances/O-Mg"].attrs["shortest_A"] == pytest.approx(2.105)
        assert file["nearest_distance_and_force"][()].sum() == 2 == file.attrs["atoms"]
        assert np.array_equal(file["bins/distance_edges_A"], histograms.bins.distance_edges_A)
