"""Insertion energies are exact pair sums, whatever the blocks, the supercell, and where a run was stopped."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from insertion_toys import (
    CO2,
    CUTOFF_A,
    HOST,
    as_interaction,
    lennard_jones,
    pair_potential,
    pair_sum,
    toy_settings,
    toy_system,
)

from assay.cells import shortest_translation, supercell_repeats, widths
from assay.failures import PotentialFailure, UserError
from assay.hosts import guest_at, joined, make_system, placed
from assay.potentials.host_pairs import HostPairs
from assay.potentials.hosts import host_for
from assay.widom import insertions
from assay.widom.attempts import FILE
from assay.widom.insertions import inserter
from assay.widom.protocol import far_field_offset, insert_case
from assay.widom.sampling import draw_insertions

DRAWN = draw_insertions(200, seed=1, path="insertions")


class Stopped(Exception):
    """A kill."""


def run(folder, potential, stop_after: int | None = None, **changes):
    def report(done, total, seconds):
        if stop_after is not None and done >= stop_after:
            raise Stopped

    given = toy_settings(minima=0, **changes)
    stream = repr({key: value for key, value in given.items() if key != "insertions"})
    return insert_case(potential, toy_system(), DRAWN, given, folder, stream=stream, report=report)


def read(folder) -> dict:
    with h5py.File(folder / FILE) as file:
        return {name: values[:] for name, values in file.items()}


def test_energies_are_sums_over_pairs(tmp_path):
    seen = run(tmp_path, pair_potential())
    kept = read(tmp_path)
    positions = placed(CO2, DRAWN.first(60).fractional @ HOST.cell.array, DRAWN.first(60).quaternions)
    expected = [pair_sum(HOST, CO2, one, lennard_jones) for one in positions]
    # eV; overlaps reach 1e6 eV
    assert kept["energy_eV"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert kept["position_A"] == pytest.approx(DRAWN.first(60).fractional @ HOST.cell.array)
    assert seen["supercell"] == [2, 1, 1] and seen["n_atoms"] == 2 * 3 + 3
    assert seen["mode"] == "whole structures" and seen["n_non_finite"] == 0
    assert seen["cutoff_A"] == seen["reach_A"] == CUTOFF_A
    assert seen["image_distance_A"] >= 2 * CUTOFF_A


def test_one_at_a_time_gives_the_same_as_a_batch_and_as_an_interaction():
    potential = pair_potential()
    host = HOST.repeat((2, 1, 1))
    how, additive = inserter(potential, host, CO2), inserter(as_interaction(potential), HOST, CO2)
    positions = placed(CO2, DRAWN.fractional[:20] @ HOST.cell.array, DRAWN.quaternions[:20])
    together = how.energies(positions)
    assert np.array_equal(together, np.concatenate([how.energies(one[None]) for one in positions]))
    assert additive.mode == "interaction"
    assert together == pytest.approx(additive.energies(positions), rel=1e-9, abs=1e-9)


def test_a_larger_supercell_changes_nothing_for_an_additive_potential(tmp_path):
    run(tmp_path / "a", pair_potential())
    run(tmp_path / "b", pair_potential(), supercell=[3, 2, 1])
    assert read(tmp_path / "a")["energy_eV"] == pytest.approx(read(tmp_path / "b")["energy_eV"], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("skip", [False, True])
def test_a_run_that_was_stopped_goes_on_and_gives_the_same_file(tmp_path, monkeypatch, skip):
    options = {"insertions": 150, "skip_overlaps": skip}
    whole = run(tmp_path / "whole", pair_potential(), **options)
    monkeypatch.setattr(insertions, "CHECKPOINT_s", 0.0)
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", pair_potential(), stop_after=64, **options)
    stopped = read(tmp_path / "stopped")
    assert 0 < len(stopped["energy_eV"]) < 150
    again = run(tmp_path / "stopped", pair_potential(), **options)
    one, other = read(tmp_path / "whole"), read(tmp_path / "stopped")
    for name in one:
        assert np.array_equal(one[name], other[name]), name
    timings = {"seconds_per_insertion": None}
    assert whole | timings == again | timings


def test_what_is_known_is_not_computed_again(tmp_path):
    short = run(tmp_path / "a", pair_potential(), insertions=50)
    calls = []
    counting = pair_potential()
    forward = counting.forward
    longer = run(
        tmp_path / "a",
        replace(counting, forward=lambda graphs, wanted: calls.append(len(graphs)) or forward(graphs, wanted)),
        insertions=120,
    )
    # residual forces, host, far field; and two structures for each new insertion
    assert sum(calls) == 1 + 1 + 3 + 2 * 70
    run(tmp_path / "b", pair_potential(), insertions=120)
    for name, values in read(tmp_path / "b").items():
        assert np.array_equal(values, read(tmp_path / "a")[name]), name
    assert (short["n_insertions"], longer["n_insertions"]) == (50, 120)
    run(tmp_path / "a", pair_potential(), insertions=30)
    assert np.array_equal(read(tmp_path / "a")["energy_eV"], read(tmp_path / "b")["energy_eV"][:30])


def test_a_file_of_other_settings_or_a_damaged_one_is_not_gone_on_with(tmp_path):
    run(tmp_path / "a", pair_potential(), overlap_fraction=0.5)
    run(tmp_path / "a", pair_potential(lambda distance: (0 * distance, 0 * distance)))
    assert (read(tmp_path / "a")["energy_eV"] == 0).all()
    (tmp_path / "a" / FILE).write_bytes(b"nonsense")
    run(tmp_path / "a", pair_potential())
    assert len(read(tmp_path / "a")["energy_eV"]) == 60


def test_the_far_field_of_a_potential_of_the_whole_system_is_found():
    host = HOST.repeat((2, 1, 1))
    assert far_field_offset(pair_potential(), host, CO2, 5.0) == pytest.approx(0.0, abs=1e-12)
    # a energy of c N**2 leaves c ((N + n)**2 - N**2 - n**2), at any distance
    offset = far_field_offset(pair_potential(whole_eV=1e-3), host, CO2, 5.0)
    assert offset == pytest.approx(1e-3 * 2 * 6 * 3)


def test_the_offset_is_in_the_energies_and_is_not_subtracted(tmp_path):
    seen = run(tmp_path / "a", pair_potential(whole_eV=1e-3))
    run(tmp_path / "b", pair_potential())
    shift = read(tmp_path / "a")["energy_eV"] - read(tmp_path / "b")["energy_eV"]
    assert shift == pytest.approx(seen["far_field_offset_eV"], abs=1e-7 * 1e3)
    assert seen["far_field_distance_A"] == CUTOFF_A + 1.0


def test_the_guest_is_as_far_from_the_slab_as_it_is_said():
    seen = []

    def evaluate(batch, properties):
        seen.extend(batch)
        return pair_potential().evaluate(batch, properties)

    class Watched:
        pass

    watched = Watched()
    watched.evaluate = evaluate
    far_field_offset(watched, HOST.repeat((2, 1, 1)), CO2, 7.0)
    together = seen[0]
    distances = together.get_all_distances(mic=True)[-3:, :-3]
    assert distances.min() >= 7.0 - 1e-9


def test_forces_on_the_host_are_observed_and_can_be_relaxed(tmp_path):
    def spring(distance):
        return 0.5 * (distance - 2.0) ** 2 * (distance < 2.6), (distance - 2.0) * (distance < 2.6)

    # the host's own pairs: an oxygen 0.2 Å off its place beside the magnesium
    host = Atoms("MgO", [(0, 0, 0), (2.2, 0, 0)], cell=[8.0] * 3, pbc=True)
    given = toy_settings(supercell=[1, 1, 1])
    for relax in (False, "positions"):
        found, seen = host_for(pair_potential(spring), host, given | {"relax_host": relax}, None, chapter="widom")
        assert seen["host_residual_force_max_eV_A"] == pytest.approx(0.2)
        assert found.cell.get_distance(0, 1) == pytest.approx(2.0 if relax else 2.2, abs=0.02)
        assert seen["host_relaxed"] == relax
    with pytest.raises(PotentialFailure, match="after 1 steps"):
        host_for(
            pair_potential(spring), host, given | {"relax_host": "positions", "relax_steps": 1}, None, chapter="widom"
        )


def test_a_cutoff_that_nobody_knows_is_asked_for():
    silent = replace(pair_potential(), details={})
    with pytest.raises(UserError, match=r"models: toy\.cutoff_A: not given"):
        host_for(silent, HOST, toy_settings(), None, chapter="widom")
    assert host_for(silent, HOST, toy_settings(), 3.0, chapter="widom")[0].repeats == (2, 1, 1)


def test_mg_mof_74_is_doubled_along_its_channel_for_cutoffs_of_5_and_6():
    # the primitive cell of doi:10.1021/acs.jpcc.6b03393 (Å)
    cell = np.array([[6.91674, 0, 0], [-2.30558, 15.07669, 0], [-2.30558, -7.53835, 13.0568]])
    assert supercell_repeats(cell, 5.0) == supercell_repeats(cell, 6.0) == (2, 1, 1)
    assert shortest_translation(cell) == pytest.approx([6.91674, 0, 0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), cutoff=st.floats(1.0, 8.0))
def test_repeats_are_the_fewest_that_are_wide_enough(seed, cutoff):
    cell = np.random.default_rng(seed).uniform(-2, 2, (3, 3)) + np.diag([4, 7, 11])
    repeats = supercell_repeats(cell, cutoff)
    assert (widths(np.array(repeats)[:, None] * cell) >= 2 * cutoff - 1e-6).all()
    for axis in range(3):
        fewer = np.array(repeats)
        fewer[axis] -= 1
        assert fewer[axis] == 0 or widths(fewer[:, None] * cell)[axis] < 2 * cutoff
    # what wide enough is for: nothing is within the cutoff of an atom and its image
    assert np.linalg.norm(shortest_translation(np.array(repeats)[:, None] * cell)) >= 2 * cutoff - 1e-6


def test_labels_survive_the_union_of_host_and_guest():
    host, guest = HOST.copy(), CO2.copy()
    host.arrays["site"], guest.arrays["site"] = np.array(["Mg", "Mg", "Ne"]), np.array(["C_co2", "O_co2", "O_co2"])
    host.set_initial_charges([1.0, -0.5, -0.5])
    both = joined(host, guest_at(guest, guest.positions, host))
    assert both.arrays["site"].tolist() == ["Mg", "Mg", "Ne", "C_co2", "O_co2", "O_co2"]
    assert both.get_initial_charges().tolist() == [1.0, -0.5, -0.5, 0, 0, 0]
    with pytest.raises(UserError, match="periodic in three directions"):
        make_system(Atoms("Mg", cell=[5.0] * 3), CO2)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), cutoff=st.floats(1.0, 9.0))
def test_neighbours_of_a_guest_are_those_of_the_whole_structure(seed, cutoff):
    from matscipy.neighbours import neighbour_list

    rng = np.random.default_rng(seed)
    host = Atoms("Mg4", cell=rng.uniform(-1, 1, (3, 3)) + np.diag([4, 5, 6]), pbc=True)
    host.set_scaled_positions(rng.uniform(-1, 2, (4, 3)))
    guest = guest_at(CO2, CO2.positions + rng.uniform(-20, 20, 3), host)
    pairs = HostPairs.of(host, cutoff)
    inserted, hosting, outwards = pairs.with_host(guest.positions)
    first, second, within = pairs.with_itself(guest.positions)
    rows = [(4 + i, j, *v) for i, j, v in zip(inserted, hosting, outwards, strict=True)]
    rows += [(j, 4 + i, *-v) for i, j, v in zip(inserted, hosting, outwards, strict=True)]
    rows += [(4 + i, 4 + j, *v) for i, j, v in zip(first, second, within, strict=True)]
    rows += [(4 + j, 4 + i, *-v) for i, j, v in zip(first, second, within, strict=True)]
    i, j, vectors = neighbour_list("ijD", joined(host, guest), cutoff)
    new = (i >= 4) | (j >= 4)
    expected = np.column_stack([i, j, vectors])[new]
    found = np.array(rows).reshape(-1, 5)
    assert len(found) == len(expected)
    assert ordered(found) == pytest.approx(ordered(expected), abs=1e-9)


def ordered(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.round(6).T)]
