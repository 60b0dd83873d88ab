"""Trajectories with a varying number of molecules: what is written is read, and cut, and small."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from ase import Atoms

from assay.adsorption import trajectories
from assay.adsorption.trajectories import (
    Frames,
    continued_trajectory,
    iterate_frames,
    new_trajectory,
    read_frames,
    read_framework,
    read_guest_numbers,
    replicas_of,
)
from assay.failures import UserError

HOST = Atoms("Mg2O2", scaled_positions=np.arange(12).reshape(4, 3) / 13, cell=[9.0, 10.0, 11.0], pbc=True)
CO2 = Atoms("CO2", [(0, 0, 0), (0, 0, 1.16), (0, 0, -1.16)])


def wandering(count: int, slots: int, seed: int, first: int = 0, moved: float = 0.3) -> Frames:
    """Frames in which one molecule or so moves, comes or goes."""
    rng = np.random.default_rng(seed)
    state, n = rng.uniform(0, 10, (slots, 3, 3)), slots // 2
    positions, counts = np.full((count, slots, 3, 3), np.nan, dtype=np.float32), np.zeros(count, dtype=int)
    for frame in range(count):
        n = int(np.clip(n + rng.integers(-1, 2), 0, slots))
        if rng.random() < moved:
            state[rng.integers(slots)] = rng.uniform(0, 10, (3, 3))
        counts[frame], positions[frame, :n] = n, state[:n]
    return Frames(10 * (first + 1 + np.arange(count)), counts, positions)


def write(path, parts: dict[int, list[Frames]]) -> None:
    with new_trajectory(path, HOST, CO2) as trajectory:
        for replica, frames in parts.items():
            for part in frames:
                trajectory.append(replica, part)


def assert_same(found: Frames, *parts: Frames) -> None:
    assert np.array_equal(found.trial, np.concatenate([part.trial for part in parts]))
    assert np.array_equal(found.n_molecules, np.concatenate([part.n_molecules for part in parts]))
    first = 0
    for part in parts:
        slots = part.positions_A.shape[1]
        block = found.positions_A[first : first + len(part)]
        assert np.allclose(block[:, :slots], part.positions_A, atol=0.00051, equal_nan=True)
        assert np.isnan(block[:, slots:]).all()
        first += len(part)


def test_what_is_written_is_read(tmp_path):
    first, second = wandering(1500, 6, 1), wandering(700, 9, 2, first=1500)
    other = wandering(40, 3, 3)
    write(tmp_path / "t.h5", {0: [first, second], 1: [other]})
    assert replicas_of(tmp_path / "t.h5") == [0, 1]
    assert_same(read_frames(tmp_path / "t.h5", 0), first, second)
    assert_same(read_frames(tmp_path / "t.h5", 1), other)
    framework = read_framework(tmp_path / "t.h5")
    assert np.allclose(framework.positions, HOST.positions) and np.array_equal(framework.numbers, HOST.numbers)
    assert framework.pbc.all() and read_guest_numbers(tmp_path / "t.h5").tolist() == [6, 8, 8]


def test_some_of_the_frames_can_be_read_a_chunk_at_a_time(tmp_path):
    frames = wandering(3000, 4, 1)
    write(tmp_path / "t.h5", {0: [frames]})
    parts = list(iterate_frames(tmp_path / "t.h5", 0, first_trial=5000, every=7))
    assert len(parts) == 3
    chosen = np.flatnonzero(frames.trial >= 5000)[::7]
    assert np.array_equal(np.concatenate([part.trial for part in parts]), frames.trial[chosen])
    assert np.array_equal(np.concatenate([part.n_molecules for part in parts]), frames.n_molecules[chosen])


def test_a_trajectory_goes_on_where_it_counts_and_forgets_what_came_later(tmp_path):
    first, lost, then = wandering(50, 4, 1), wandering(30, 8, 2, first=50), wandering(60, 5, 3, first=50)
    write(tmp_path / "t.h5", {0: [first, lost]})
    with continued_trajectory(tmp_path / "t.h5", 500) as trajectory:
        trajectory.append(0, then)
    assert_same(read_frames(tmp_path / "t.h5", 0), first, then)


def test_frames_can_be_read_after_a_flush(tmp_path):
    frames = wandering(20, 4, 1)
    with new_trajectory(tmp_path / "t.h5", HOST, CO2) as trajectory:
        trajectory.append(0, frames)
        trajectory.flush()
        size = len(trajectory.file["particles/guests-0/position/value"])
    assert size == 20


def test_the_file_is_h5md(tmp_path):
    frames = wandering(30, 4, 1)
    write(tmp_path / "t.h5", {0: [frames]})
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        group = file["particles/guests-0"]
        assert group["position/value"].shape == (30, 12, 3) and group["species"][:].tolist() == [6, 8, 8] * 4
        # an element's own list of steps, or a link to another's
        assert group["id/step"] == group["position/step"]
        there = group["id/value"][:] != trajectories.NOBODY
        assert group["id/value"].fillvalue == trajectories.NOBODY
        assert np.array_equal(there.sum(axis=1), 3 * frames.n_molecules)
        assert np.array_equal(np.isfinite(group["position/value"][:]).all(axis=2), there)
        assert group["box"].attrs["dimension"] == 3
        assert np.allclose(group["box/edges"][:], HOST.cell.array)
        assert file["particles/framework/position"].shape == (4, 3)
        assert np.array_equal(file["observables/guests-0/n_molecules/value"][:], frames.n_molecules)


def test_frames_that_hardly_differ_cost_little(tmp_path):
    frames = wandering(2048, 40, 1)
    write(tmp_path / "t.h5", {0: [frames]})
    raw = frames.n_molecules.sum() * 9 * 4
    assert (tmp_path / "t.h5").stat().st_size < raw / 12


def test_no_frames_and_no_molecules(tmp_path):
    empty = Frames(np.array([10, 20]), np.zeros(2, dtype=int), np.full((2, 0, 3, 3), np.nan, dtype=np.float32))
    write(tmp_path / "t.h5", {0: [empty]})
    found = read_frames(tmp_path / "t.h5", 0)
    assert found.n_molecules.tolist() == [0, 0] and not np.isfinite(found.positions_A).any()
    assert len(read_frames(tmp_path / "t.h5", 0, first_trial=30)) == 0


def test_what_is_no_trajectory_is_told(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_frames(tmp_path / "t.h5", 0)
    (tmp_path / "t.h5").write_text("no")
    with pytest.raises(UserError, match="not readable as HDF5"):
        replicas_of(tmp_path / "t.h5")
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["particles/x"] = 1
    with pytest.raises(UserError, match="not a trajectory of ours"):
        read_framework(tmp_path / "t.h5")
    write(tmp_path / "t.h5", {0: [wandering(3, 4, 1)]})
    with pytest.raises(UserError, match="no replica 5"):
        read_frames(tmp_path / "t.h5", 5)
