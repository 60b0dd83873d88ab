"""Checkpoints: a run that is stopped anywhere and goes on ends with the same bits; a bad checkpoint is not taken."""

from __future__ import annotations

import numpy as np
import pytest
from moving_potentials import argon, make_potential, smooth_lennard_jones

from assay.gas.case import observations, prepare_simulation, write_records
from assay.gas.checkpoints import HEAD, Checkpoint, load_checkpoint
from assay.gas.protocol import GasProtocol
from assay.gas.trajectories import read_scan, read_thermodynamics, read_trajectory

PROTOCOL = GasProtocol(
    repeats=2,
    equilibration_ps=0.02,
    production_ps=0.04,
    timestep_fs=2.0,
    thermostat_time_fs=20.0,
    frame_interval_fs=10.0,
    timestep_scan_fs=(1.0, 4.0),
    timestep_scan_ps=0.02,
)
EVALUATIONS = 1 + 1 + 10 + 20 + 5 + 20
"""At the start twice, then one per step: NVT, scan, NVE."""


class Stopped(BaseException):
    """Not an exception that anybody would catch."""


class Counting:
    """A law that stops the run at an evaluation."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, atoms):
        self.calls += 1
        if self.stop_at is not None and self.calls > 2 * self.stop_at:
            raise Stopped
        return smooth_lennard_jones(atoms)


def prepare(folder, law, identity="run", batching="together"):
    return prepare_simulation(
        "argon-40K",
        [argon(1) for _ in range(PROTOCOL.repeats)],
        make_potential(law),
        PROTOCOL,
        system="argon",
        temperature_K=40.0,
        seed=3,
        checkpoint_folder=folder,
        identity=identity,
        checkpoint_s=0.0,
        batching=batching,
    )


def finish(folder, law, **options):
    simulation = prepare(folder, law, **options)
    return simulation, simulation.run()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    law = Counting()
    simulation, records = finish(tmp_path_factory.mktemp("whole") / "checkpoint", law)
    assert law.calls == 2 * EVALUATIONS
    return simulation, records


# in the first step, after it, in NVT, in the scan, at its end, in NVE, before the last step
@pytest.mark.parametrize("stop_at", [2, 3, 8, 13, 30, 37, 40, EVALUATIONS - 1])
def test_a_run_that_is_stopped_and_goes_on_ends_with_the_same_bits(tmp_path, uninterrupted, stop_at):
    expected_simulation, expected = uninterrupted
    with pytest.raises(Stopped):
        finish(tmp_path / "checkpoint", Counting(stop_at))
    simulation, records = finish(tmp_path / "checkpoint", Counting())
    assert set(records) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(records[name], values)
    np.testing.assert_array_equal(simulation.state.velocities_A_fs, expected_simulation.state.velocities_A_fs)
    assert simulation.facts["resumed"] == (1 if stop_at > 2 else 0)
    assert simulation.facts["nondeterministic"] is None
    assert simulation.facts["replica_steps"] == 2 * (EVALUATIONS - 2)


def test_a_run_that_is_stopped_twice_ends_with_the_same_bits(tmp_path, uninterrupted):
    for stop_at in (15, 20):
        with pytest.raises(Stopped):
            finish(tmp_path / "checkpoint", Counting(stop_at))
    simulation, records = finish(tmp_path / "checkpoint", Counting())
    assert simulation.facts["resumed"] == 2
    np.testing.assert_array_equal(records["energy"], uninterrupted[1]["energy"])


def test_a_run_that_ended_before_its_result_was_written_only_reads(tmp_path, uninterrupted):
    finish(tmp_path / "checkpoint", Counting())
    law = Counting()
    _, records = finish(tmp_path / "checkpoint", law)
    assert law.calls == 2
    np.testing.assert_array_equal(records["energy"], uninterrupted[1]["energy"])


def test_explosions_are_remembered(tmp_path):
    class Fragile(Counting):
        def __call__(self, atoms):
            energy, forces = super().__call__(atoms)
            return (np.nan if self.calls == 2 * 6 else energy), forces

    law = Fragile()
    law.stop_at = 25
    with pytest.raises(Stopped):
        finish(tmp_path / "checkpoint", law)
    simulation, records = finish(tmp_path / "checkpoint", Counting())
    (explosion,) = simulation.explosions
    assert (explosion.repeat, explosion.phase) == (1, "nvt")
    assert np.isfinite(records["energy"][-1]).all(axis=1).tolist() == [True, False]


def test_a_potential_with_other_bits_is_told(tmp_path):
    class Noisy(Counting):
        def __call__(self, atoms):
            energy, forces = super().__call__(atoms)
            return energy, forces + 1e-9 * self.calls

    simulation = prepare(tmp_path / "checkpoint", Noisy())
    assert "not deterministic" in simulation.facts["nondeterministic"]
    with pytest.raises(Stopped):
        finish(tmp_path / "other", Counting(20))
    resumed = prepare(tmp_path / "other", Noisy())
    assert "the process that resumed the run" in resumed.facts["nondeterministic"]


def test_a_checkpoint_of_another_run_is_not_taken(tmp_path, caplog):
    with pytest.raises(Stopped):
        finish(tmp_path / "checkpoint", Counting(20))
    simulation = prepare(tmp_path / "checkpoint", Counting(), identity="another")
    assert simulation.steps_done == 0 and "other settings" in caplog.text


@pytest.mark.parametrize("name", [HEAD, "segment-00001.npz"])
@pytest.mark.parametrize("damage", ["cut", "gone", "text"])
def test_a_damaged_checkpoint_is_not_taken(tmp_path, uninterrupted, caplog, name, damage):
    with pytest.raises(Stopped):
        finish(tmp_path / "checkpoint", Counting(20))
    path = tmp_path / "checkpoint" / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-40] if damage == "cut" else b"text")
    simulation, records = finish(tmp_path / "checkpoint", Counting())
    assert simulation.facts["resumed"] == 0
    if (name, damage) != (HEAD, "gone"):
        assert "damaged" in caplog.text
    np.testing.assert_array_equal(records["energy"], uninterrupted[1]["energy"])


def test_what_was_saved_comes_back(tmp_path):
    checkpoint = Checkpoint.new(tmp_path / "c", "x")
    checkpoint.save({"step": 1, "large": 2**127 + 1}, {"a": np.arange(3)}, {"r": np.array([[1.0]])})
    checkpoint.save({"step": 2, "large": 2**127 + 1}, {"a": np.arange(4)}, {"r": np.array([[2.0], [3.0]])})
    loaded, facts, arrays = load_checkpoint(tmp_path / "c", "x")
    assert facts == {"step": 2, "large": 2**127 + 1} and arrays["a"].tolist() == [0, 1, 2, 3]
    assert loaded.records()["r"].ravel().tolist() == [1.0, 2.0, 3.0]
    # a save that did not come to its end left a segment
    (tmp_path / "c" / "segment-00002.npz").write_bytes(b"half")
    loaded, *_ = load_checkpoint(tmp_path / "c", "x")
    loaded.save({"step": 3}, {}, {"r": np.array([[4.0]])})
    assert loaded.records()["r"].ravel().tolist() == [1.0, 2.0, 3.0, 4.0]
    loaded.remove()
    assert load_checkpoint(tmp_path / "c", "x") is None


def test_the_files_of_a_run(tmp_path, uninterrupted):
    simulation, records = uninterrupted
    start = argon(1)
    start.set_array("molecule", np.arange(len(start)))
    files = write_records(tmp_path, simulation.stages, records, start)
    assert [file.name for file in files] == ["thermodynamics.parquet", "trajectory.h5", "scan.parquet"]
    table = read_thermodynamics(files[0])
    counts = table.groupby(["repeat", "phase"], observed=True)["step"].count()
    assert counts.to_dict() == {(0, "nvt"): 11, (0, "nve"): 21, (1, "nvt"): 11, (1, "nve"): 21}
    trajectory = read_trajectory(files[1], 1)
    assert trajectory.positions_A.shape == (5, 4, 3) and trajectory.velocities_A_fs.shape == (11, 4, 3)
    assert trajectory.position_time_fs.tolist() == [0, 10, 20, 30, 40]
    scan = read_scan(files[2])
    assert scan.groupby(["timestep_fs", "repeat"])["step"].count().to_dict() == {
        (1.0, 0): 21,
        (1.0, 1): 21,
        (4.0, 0): 6,
        (4.0, 1): 6,
    }
    # scan and production start from the same state
    first = scan[scan["step"] == 0].groupby("repeat")["total_energy_eV"].agg(["min", "max"])
    nve = table[(table["phase"] == "nve") & (table["step"] == 0)].set_index("repeat")
    total = nve["potential_energy_eV"] + nve["kinetic_energy_eV"]
    np.testing.assert_array_equal(first["min"], total)
    np.testing.assert_array_equal(first["max"], total)
    facts = {"n_atoms": 4, "n_molecules": 4, "temperature_K": 40.0}
    seen = observations(simulation, PROTOCOL, facts, tmp_path)
    assert seen["exploded"] == [] and seen["deterministic_resume"] is True and seen["advanced"] == "together"
    assert seen["n_steps"] == 2 * (EVALUATIONS - 2) and seen["equilibration_K"] == 40.0
