"""Files of a run: what is read is what was written, in few bytes, by HDF5's and Parquet's own means."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.failures import UserError
from assay.gas.trajectories import (
    SCAN,
    THERMODYNAMICS,
    Trajectory,
    bytes_per_atom_frame,
    read_scan,
    read_thermodynamics,
    read_trajectory,
    repeats_of,
    write_scan,
    write_thermodynamics,
    write_trajectory,
)


def wandering(frames: int, n_atoms: int = 30, seed: int = 0, scale: float = 1.0) -> Trajectory:
    """Atoms in flight at the speed of CO2 at 400 K, with vibrations, that leave the cell."""
    random = np.random.default_rng(seed)
    velocities = random.normal(0, 0.0035, (n_atoms, 3))
    flight = random.random((n_atoms, 3)) * 15 + velocities * np.arange(frames)[:, None, None] * 10.0
    return Trajectory(
        positions_A=scale * (flight + random.normal(0, 0.05, flight.shape)),
        position_time_fs=np.arange(frames) * 10.0,
        velocities_A_fs=scale * random.normal(0, 0.006, (2 * frames, n_atoms, 3)),
        velocity_time_fs=np.arange(2 * frames) * 5.0,
        cell_A=np.diag([15.0, 15.0, 16.0]),
        numbers=np.array([6, 8, 8] * (n_atoms // 3)),
        masses_u=np.array([12.011, 15.999, 15.999] * (n_atoms // 3)),
        molecules=np.repeat(np.arange(n_atoms // 3), 3),
        sites=np.array(["C_co2", "O_co2", "O_co2"] * (n_atoms // 3)),
        timestep_fs=0.5,
    )


def test_a_trajectory_comes_back(tmp_path):
    written = {0: wandering(40), 3: wandering(17, seed=1)}
    write_trajectory(tmp_path / "trajectory.h5", written)
    assert repeats_of(tmp_path / "trajectory.h5") == [0, 3]
    for repeat, expected in written.items():
        seen = read_trajectory(tmp_path / "trajectory.h5", repeat)
        np.testing.assert_allclose(seen.positions_A, expected.positions_A, atol=0.000501)
        np.testing.assert_allclose(seen.velocities_A_fs, expected.velocities_A_fs, atol=0.000000501)
        for name in ("position_time_fs", "velocity_time_fs", "cell_A", "numbers", "masses_u", "molecules", "sites"):
            np.testing.assert_array_equal(getattr(seen, name), getattr(expected, name))
        assert seen.timestep_fs == 0.5


@settings(max_examples=20, deadline=None)
@given(frames=st.integers(1, 300), molecules=st.integers(1, 20), scale=st.floats(1e-3, 1e6), seed=st.integers(0, 99))
def test_rounding_is_half_of_the_last_decimal(tmp_path_factory, frames, molecules, scale, seed):
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    expected = wandering(frames, 3 * molecules, seed, scale)
    write_trajectory(path, {0: expected})
    seen = read_trajectory(path, 0)
    assert np.abs(seen.positions_A - expected.positions_A).max() <= 0.0005 * (1 + 1e-6) + 1e-12 * scale * 1e3
    assert np.abs(seen.velocities_A_fs - expected.velocities_A_fs).max() <= 5e-7 * (1 + 1e-6) + 1e-15 * scale


@pytest.mark.parametrize("frames", [100, 1000])
def test_an_atom_takes_less_than_seven_bytes_per_frame(tmp_path, frames):
    write_trajectory(tmp_path / "trajectory.h5", {0: wandering(frames)})
    size = bytes_per_atom_frame(tmp_path / "trajectory.h5")
    assert size["position"] < 7 and size["velocity"] < 7


def test_the_file_is_h5md(tmp_path):
    write_trajectory(tmp_path / "trajectory.h5", {0: wandering(5)})
    with h5py.File(tmp_path / "trajectory.h5") as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        particles = file["particles/repeat-00"]
        assert set(particles) == {"position", "velocity", "box", "species"}
        assert set(particles["position"]) == {"value", "step", "time"}
        assert particles["position/step"][:].tolist() == [0, 20, 40, 60, 80]
        assert particles["box"].attrs["boundary"].tolist() == ["periodic"] * 3
        units = (particles["position/value"].attrs["unit"], particles["velocity/value"].attrs["unit"])
        assert units == ("Angstrom", "Angstrom fs-1")
        assert set(file["parameters"]) == {"molecule", "masses", "site"}


def test_no_repeat_is_no_error(tmp_path):
    write_trajectory(tmp_path / "trajectory.h5", {})
    assert repeats_of(tmp_path / "trajectory.h5") == []
    assert np.isnan(bytes_per_atom_frame(tmp_path / "trajectory.h5")["position"])


def test_numbers_that_are_not_finite_are_not_written(tmp_path):
    broken = wandering(3)
    broken.positions_A[1, 2] = np.nan
    with pytest.raises(ValueError, match="position is not finite"):
        write_trajectory(tmp_path / "trajectory.h5", {0: broken})
    assert list(tmp_path.iterdir()) == []


def test_thermodynamics_come_back_in_the_order_of_time(tmp_path):
    table = pd.DataFrame(
        {
            "repeat": [1, 0, 0, 0],
            "phase": ["nvt", "nve", "nvt", "nvt"],
            "step": [0, 0, 1, 0],
            "time_fs": [0.0, 0.0, 1.0, 0.0],
            "potential_energy_eV": [-1.0, -2.0, -3.0, -4.0],
            "kinetic_energy_eV": [1.0, 2.0, 3.0, 4.0],
            "temperature_K": [100.0, 200.0, 300.0, 400.0],
        }
    )
    write_thermodynamics(tmp_path / "t.parquet", table)
    seen = read_thermodynamics(tmp_path / "t.parquet")
    assert list(seen) == THERMODYNAMICS.names
    assert seen["phase"].tolist() == ["nvt", "nvt", "nve", "nvt"] and seen["repeat"].tolist() == [0, 0, 0, 1]
    assert seen["temperature_K"].tolist() == [400.0, 300.0, 200.0, 100.0]
    assert (seen["repeat"].dtype, seen["step"].dtype) == (np.int16, np.int32)


def test_a_scan_comes_back(tmp_path):
    table = pd.DataFrame(
        {"timestep_fs": [2.0, 0.5], "repeat": 0, "step": 1, "time_fs": [2.0, 0.5], "total_energy_eV": [1.0, 2.0]}
    )
    write_scan(tmp_path / "scan.parquet", table)
    seen = read_scan(tmp_path / "scan.parquet")
    assert list(seen) == SCAN.names and seen["total_energy_eV"].tolist() == [2.0, 1.0]


def test_bad_files_are_told_in_a_sentence(tmp_path):
    (tmp_path / "bad").write_text("no")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    write_trajectory(tmp_path / "good.h5", {0: wandering(2)})
    cases = [
        (repeats_of, "missing", "no such file"),
        (repeats_of, "bad", "not readable as HDF5"),
        (repeats_of, "other.h5", "not a trajectory"),
        (read_thermodynamics, "missing", "no such file"),
        (read_scan, "bad", "not readable as Parquet"),
    ]
    for reader, name, sentence in cases:
        with pytest.raises(UserError, match=f"{name}.*{sentence}"):
            reader(tmp_path / name)
    with pytest.raises(UserError, match="no repeat 5"):
        read_trajectory(tmp_path / "good.h5", 5)
