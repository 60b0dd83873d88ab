"""The program `run_adsorption.py`: files, kills, resumption, more trials, failures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gcmc_cases import fugacity_Pa, settings, system
from gcmc_toys import T

from assay.adsorption import raw
from assay.adsorption.checkpoints import FOLDER, HEAD
from assay.adsorption.trajectories import read_frames
from assay.hosts import write_system
from assay.records import fingerprint, write_json

ROOT = Path(__file__).resolve().parents[2]
FACTORIES = """
import sys
import time

sys.path.insert(0, {tests!r})
from ase.calculators.calculator import Calculator, all_changes
from gcmc_cases import whole_energy

import assay.adsorption.simulation as simulation

simulation.REFRESH_EVERY = {{True: 10, False: 10}}


class Toy(Calculator):
    implemented_properties = ["energy", "forces"]

    def __init__(self, pause_s=0.0, lost=False):
        super().__init__()
        self.pause_s, self.lost = pause_s, lost

    def calculate(self, atoms, properties, changes=all_changes):
        super().calculate(atoms, properties, changes)
        time.sleep(self.pause_s)
        energy = whole_energy(atoms)
        if self.lost and {{6, 7}} <= set(atoms.numbers.tolist()):
            energy = float("nan")
        self.results = {{"energy": energy, "forces": 0.0 * atoms.positions}}


def quick():
    return Toy()


def slow():
    return Toy(pause_s=0.01)


def lost():
    return Toy(lost=True)
"""
CASES = {"toy-1": 1.0, "toy-3": 3.0}


@pytest.fixture
def prepared(tmp_path):
    """Prepares inputs; called with settings of the chapter."""
    (tmp_path / "gcmc_factories.py").write_text(FACTORIES.format(tests=str(Path(__file__).parent)))
    (tmp_path / "environment.lock").write_text("# python 3.11\n")
    paths = write_system(tmp_path / "inputs/toy", system())

    def prepare(by_model: dict | None = None, **changes) -> Path:
        shared = {"system": "toy", "temperature_K": T, "pressure_bar": 1.0, "guest_mass_u": 28.0}
        shared |= {part: f"toy/{path.name}" for part, path in paths.items()}
        cases = {
            case: shared | {"fugacity_Pa": fugacity_Pa(number), "sha256": fingerprint(case)}
            for case, number in CASES.items()
        }
        chosen = {"protocol": 1, "engine": "assay", **settings(trials=100, equilibration_trials=20, **changes)}
        index = {"settings": chosen, "seed": 1, "by_model": by_model or {}, "cases": cases}
        write_json(tmp_path / "inputs/batch-000.json", index)
        return tmp_path

    return prepare


def command(folder: Path, factory: str, results: str = "results", *options: str) -> list[str]:
    loader = {"calculator": f"gcmc_factories:{factory}", "path": str(folder)}
    entry = {"name": "m", "package": "ase", "loader": loader, "checkpoint": "none", "cutoff_A": 3.5}
    write_json(folder / f"{factory}.json", entry)
    words = [sys.executable, str(ROOT / "workflow/scripts/run_adsorption.py"), "--model"]
    words += [str(folder / f"{factory}.json"), "--inputs", str(folder / "inputs/batch-000.json")]
    words += ["--lock", str(folder / "environment.lock"), *options]
    return [*words, "--record", str(folder / results / "batch-000.json")]


def run(folder: Path, *arguments: str) -> dict:
    words = command(folder, *arguments)
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(Path(words[-1]).read_text()) | {"stderr": ended.stderr}


def samples(folder: Path, results: str = "results", case: str = "toy-3") -> dict[str, np.ndarray]:
    return raw.read_sample_columns(folder / results / case / raw.SAMPLES_FILE)


def test_a_run_leaves_its_files_and_observations(prepared):
    folder = prepared()
    record = run(folder, "quick")
    assert (record["status"], record["n_ok"]) == ("ok", 2)
    result = record["cases"]["toy-3"]
    assert set(result["files"]) == {"samples.parquet", "moves.parquet", "trajectory.h5"}
    seen = result["observations"]
    assert (seen["engine"], seen["mode"], seen["resume"]) == ("assay", "whole structures", "statistically equivalent")
    assert seen["n_trials"] == 100 and seen["guest_energy_eV"] == 0.0 and seen["host_residual_force_max_eV_A"] == 0.0
    assert samples(folder)["trial"].tolist() == [20, 40, 60, 80, 100] * 2
    assert len(read_frames(folder / "results/toy-3/trajectory.h5", 0)) == 3
    assert "100 of 100 trials" in record["stderr"]
    assert run(folder, "quick")["kept_from_before"] == ["toy-1", "toy-3"]


def test_a_killed_job_goes_on_where_it_was(prepared):
    folder = prepared()
    process = subprocess.Popen(command(folder, "slow", "results", "--checkpoint-s", "0"), stderr=subprocess.DEVNULL)
    heads = [folder / "results" / case / FOLDER / HEAD for case in CASES]
    deadline = time.monotonic() + 60
    while not all(head.exists() for head in heads) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "results/toy-3/result.json").exists()
    again = run(folder, "slow")
    assert again["n_ok"] == 2 and "going on at trial" in again["stderr"]
    run(folder, "slow", "fresh")
    for name, values in samples(folder).items():
        assert np.array_equal(values, samples(folder, "fresh")[name], equal_nan=True)


def test_more_trials_extend_what_is_there(prepared):
    folder = prepared()
    run(folder, "quick")
    short = samples(folder)
    prepared(by_model={"m": {"trials": 160}})
    record = run(folder, "quick")
    assert record["cases"]["toy-3"]["observations"]["n_trials"] == 160
    assert "going on at trial 100 of 160" in record["stderr"]
    long = samples(folder)
    assert len(long["trial"]) == 16
    for replica in range(2):
        first = long["n_molecules"][long["replica"] == replica][:5]
        assert np.array_equal(first, short["n_molecules"][short["replica"] == replica])


def test_other_settings_begin_anew(prepared):
    folder = prepared()
    run(folder, "quick")
    prepared(max_displacement_A=0.5)
    record = run(folder, "quick")
    assert "belongs to a run with other settings" in record["stderr"]


def test_a_potential_without_numbers_is_a_failure_of_its_cases(prepared):
    record = run(prepared(), "lost")
    assert record["status"] == "failed" and record["reason"] == "non_finite"
    assert "have no finite energy" in record["cases"]["toy-3"]["message"]


def test_dynamics_are_another_engines(prepared):
    folder = prepared(moves="md+exchange")
    ended = subprocess.run(command(folder, "quick"), capture_output=True, text=True, check=False)
    assert ended.returncode != 0 and "adsorption.moves" in ended.stderr.strip().splitlines()[-1]
    assert not (folder / "results/batch-000.json").exists()
