"""The programs `prepare_gas.py` and `run_gas.py`: results, kills, resumption, failures, a real model's forces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase.io import write
from moving_potentials import argon, carbon_dioxide

from assay.gas.trajectories import read_scan, read_thermodynamics, read_trajectory, repeats_of
from assay.records import write_json

ROOT = Path(__file__).resolve().parents[2]
ENVS = Path(os.environ.get("ASSAY_ENVS", ROOT / ".envs"))

SETTINGS = {
    "protocol": 1,
    "repeats": 2,
    "equilibration_K": None,
    "equilibration_ps": 0.05,
    "production_ps": 0.1,
    "timestep_fs": 1.0,
    "thermostat": "langevin",
    "thermostat_time_fs": 50,
    "frame_interval_fs": 10,
    "velocity_interval_fs": 4,
    "timestep_scan_fs": [],
    "timestep_scan_ps": 0.02,
    "explosion_factor": 10,
    "closest_A": 0.5,
}
ARGON = {"system": "argon", "file": "argon.xyz", "temperature_K": 40}

CALCULATORS = """
import time

from ase.calculators.lj import LennardJones


class Slow(LennardJones):
    def __init__(self):
        super().__init__(epsilon=0.0103, sigma=3.405, rc=8.0, ro=6.5, smooth=True)

    def calculate(self, *arguments, **options):
        super().calculate(*arguments, **options)
        time.sleep(0.005)


class Attractive(LennardJones):
    def __init__(self):
        super().__init__(epsilon=-0.3, sigma=3.405, rc=8.0)


def nothing():
    from ase.calculators.calculator import Calculator

    class Nothing(Calculator):
        implemented_properties = ["energy", "forces"]

        def calculate(self, atoms, *arguments, **options):
            super().calculate(atoms)
            self.results = {"energy": float("nan"), "forces": 0.0 * atoms.positions}

    return Nothing()
"""
SMOOTH = {
    "package": "classical",
    "loader": {"kind": "lennard-jones", "epsilon_eV": 0.0103, "sigma_A": 3.405, "cutoff_A": 8.0, "smooth": True},
}


@pytest.fixture
def job(tmp_path):
    """Prepares a job in a folder of its own; called with a calculator's name or an entry, a plan, and settings."""

    def prepare(calculator: str | dict, plan: dict | None = None, by_model: dict | None = None, **settings) -> Path:
        write(tmp_path / "argon.xyz", argon(1).repeat((1, 1, 2)))
        write(tmp_path / "CO2.xyz", carbon_dioxide(), format="extxyz")
        (tmp_path / "calculators_of_gas.py").write_text(CALCULATORS)
        (tmp_path / "environment.lock").write_text("# python 3.11\n")
        entry = {"package": "ase", "loader": {"calculator": f"calculators_of_gas:{calculator}", "path": str(tmp_path)}}
        entry = entry if isinstance(calculator, str) else calculator
        write_json(tmp_path / "model.json", {"name": "m", "checkpoint": "none", "dtype": "float64", **entry})
        command = [sys.executable, str(ROOT / "workflow/scripts/prepare_gas.py")]
        command += ["--plan", json.dumps(plan or {"argon-40K": ARGON}), "--seed", "1"]
        command += ["--settings", json.dumps(SETTINGS | settings), "--by-model", json.dumps(by_model or {})]
        command += ["--index", str(tmp_path / "inputs/batch-000.json")]
        subprocess.run(command, check=True, cwd=tmp_path)
        return tmp_path

    return prepare


def command(folder, *options, record="results") -> list[str]:
    words = [sys.executable, str(ROOT / "workflow/scripts/run_gas.py"), "--model", str(folder / "model.json")]
    words += ["--inputs", str(folder / "inputs/batch-000.json"), "--lock", str(folder / "environment.lock")]
    return [*words, "--record", str(folder / record / "batch-000.json"), *options]


def run(folder, *options, record="results") -> dict:
    ended = subprocess.run(command(folder, *options, record=record), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads((folder / record / "batch-000.json").read_text())


def test_a_job_leaves_tables_trajectories_and_a_record(job):
    folder = job(SMOOTH, by_model={"m": {"repeats": 3, "timestep_scan_fs": [2.0]}})
    record = run(folder)
    result = record["cases"]["argon-40K"]
    assert (record["status"], result["status"]) == ("ok", "ok")
    assert set(result["files"]) == {"thermodynamics.parquet", "trajectory.h5", "scan.parquet"}
    seen = result["observations"]
    assert (seen["n_atoms"], seen["repeats"], seen["advanced"], seen["exploded"]) == (8, 3, "apart", [])
    assert seen["deterministic_resume"] is True and seen["resumed"] == 0 and seen["n_steps"] == 3 * (50 + 10 + 100)
    assert 0 < seen["seconds_per_step"] < 1
    case = folder / "results/argon-40K"
    assert sorted(path.name for path in case.iterdir()) == [
        "result.json",
        "scan.parquet",
        "thermodynamics.parquet",
        "trajectory.h5",
    ]
    assert repeats_of(case / "trajectory.h5") == [0, 1, 2]
    assert len(read_thermodynamics(case / "thermodynamics.parquet")) == 3 * (51 + 101)
    assert len(read_scan(case / "scan.parquet")) == 3 * 11


def test_velocities_are_the_same_for_all_models(job):
    """Kinetic energies at the starts of both phases, of two potentials."""
    starts = []
    for epsilon_eV in (0.0103, 0.005):
        entry = SMOOTH | {"loader": SMOOTH["loader"] | {"epsilon_eV": epsilon_eV}}
        folder = job(entry, equilibration_ps=0.01, production_ps=0.01)
        run(folder, record=str(epsilon_eV))
        table = read_thermodynamics(folder / str(epsilon_eV) / "argon-40K/thermodynamics.parquet")
        starts.append(table.loc[table["step"] == 0, "kinetic_energy_eV"].to_numpy())
    np.testing.assert_array_equal(*starts)
    assert len(set(starts[0])) == 4


def test_a_job_that_is_killed_goes_on_bit_for_bit(job):
    folder = job("Slow")
    expected = run(folder, record="whole")["cases"]["argon-40K"]["observations"]
    killed = subprocess.Popen(
        command(folder, "--checkpoint-s", "0.2"), stderr=subprocess.DEVNULL, start_new_session=True
    )
    head = folder / "results/argon-40K/checkpoint/head.npz"
    deadline = time.monotonic() + 60
    while not head.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    # the child goes with its parent
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert head.exists() and not (folder / "results/argon-40K/result.json").exists()
    record = run(folder)
    seen = record["cases"]["argon-40K"]["observations"]
    assert (expected["resumed"], seen["resumed"]) == (0, 1) and seen["deterministic_resume"] is True
    assert not head.parent.exists()
    whole, resumed = (folder / name / "argon-40K" for name in ("whole", "results"))
    tables = [read_thermodynamics(path / "thermodynamics.parquet") for path in (whole, resumed)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    for repeat in range(2):
        first, second = (read_trajectory(path / "trajectory.h5", repeat) for path in (whole, resumed))
        np.testing.assert_array_equal(first.positions_A, second.positions_A)
        np.testing.assert_array_equal(first.velocities_A_fs, second.velocities_A_fs)
    names = ("thermodynamics.parquet", "trajectory.h5")
    assert all((whole / name).read_bytes() == (resumed / name).read_bytes() for name in names)


def test_a_finished_case_is_kept(job):
    folder = job(SMOOTH, equilibration_ps=0.01, production_ps=0.02)
    run(folder)
    assert run(folder)["kept_from_before"] == ["argon-40K"]


def test_an_explosion_is_a_result(job):
    result = run(job("Attractive", explosion_factor=50))["cases"]["argon-40K"]
    assert result["status"] == "ok"
    exploded = result["observations"]["exploded"]
    assert sorted(one["repeat"] for one in exploded) == [0, 1]
    assert {one["cause"] for one in exploded} <= {"temperature", "closest_distance"}
    assert all(one["time_fs"] >= 0 and one["message"] for one in exploded)


def test_a_potential_without_numbers_has_failed(job):
    record = run(job("nothing"))
    assert (record["status"], record["reason"]) == ("failed", "non_finite")


@pytest.mark.models
@pytest.mark.parametrize(
    ("environment", "entry"),
    [
        ("chgnet", {"package": "chgnet", "loader": {"model": "0.3.0"}, "checkpoint": "bundled", "dtype": "float32"}),
        (
            "sevennet",
            {"package": "sevennet", "loader": {"model": "7net-0"}, "checkpoint": "bundled", "dtype": "float32"},
        ),
    ],
)
def test_a_real_model_goes_on_bit_for_bit(job, environment, entry):
    """Killed once in production: the same thermodynamics, to the last bit, and the same trajectory."""
    python = ENVS / environment / "bin/python"
    if not python.exists():
        pytest.skip(f"{python} is not built")
    plan = {"CO2-400K": {"system": "CO2", "molecule": "CO2.xyz", "count": 3, "box_A": 12.0, "temperature_K": 400}}
    folder = job(entry, plan, equilibration_ps=0.02, production_ps=0.06)
    options = ("--python", str(python), "--checkpoint-s", "0.2", "--batching", "together")
    run(folder, *options, record="whole")
    killed = subprocess.Popen(command(folder, *options), stderr=subprocess.DEVNULL, start_new_session=True)
    segment = folder / "results/CO2-400K/checkpoint/segment-00003.npz"
    deadline = time.monotonic() + 120
    while not segment.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert segment.exists()
    seen = run(folder, *options)["cases"]["CO2-400K"]["observations"]
    assert seen["resumed"] == 1 and seen["deterministic_resume"] is True
    whole, resumed = (
        read_thermodynamics(folder / name / "CO2-400K/thermodynamics.parquet") for name in ("whole", "results")
    )
    pd.testing.assert_frame_equal(whole, resumed, check_exact=True)


def test_a_run_needs_neither_pandas_nor_torch():
    """Models' environments have h5py and pyarrow; the potential brings its own."""
    code = "import sys; sys.modules.update(pandas=None, torch=None); import assay.gas.case"
    subprocess.run([sys.executable, "-c", code], check=True)
