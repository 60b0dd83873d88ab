"""The programs `prepare_speed.py` and `run_speed.py`: ladders, kills, resumption, memory and time that end."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.records import write_json
from assay.speed.plan import SpeedChapter

ROOT = Path(__file__).resolve().parents[2]

BLOCK = {
    "protocol": 1,
    "systems": ["Al"],
    "sizes": [4, 32, 108, 256],
    "repeats": 3,
    "warm_up": 1,
    "batch_system": "Al",
    "batch_cell_atoms": 4,
    "batch_sizes": [1, 2],
    "devices": ["auto"],
}

CALCULATORS = """
import os
import signal
import time

import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Zero(Calculator):
    implemented_properties = ["energy", "forces"]

    def calculate(self, atoms, properties, changes=all_changes):
        super().calculate(atoms, properties, changes)
        self.spend(len(atoms))
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3))}


class Slow(Zero):
    def spend(self, count):
        time.sleep(0.02 * count)


class Greedy(Zero):
    def spend(self, count):
        np.empty(25_000_000 * count, dtype=np.int8)


class Mortal(Zero):
    def spend(self, count):
        if count >= 108:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def job(tmp_path):
    """Prepares a job; called with the name of a calculator, or with a whole entry, and a time budget (s)."""

    def prepare(calculator: str | dict, budget_s: float = 1000.0, **block) -> Path:
        (tmp_path / "costly_calculators.py").write_text(CALCULATORS)
        (tmp_path / "environment.lock").write_text("# python 3.11\n")
        entry = {"package": "ase", "loader": {"calculator": f"costly_calculators:{calculator}", "path": str(tmp_path)}}
        entry = entry if isinstance(calculator, str) else calculator
        write_json(tmp_path / "model.json", {"name": "m", "checkpoint": "none", "dtype": "float64", **entry})
        chapter = SpeedChapter(BLOCK | block, ["m"])
        command = [sys.executable, str(ROOT / "workflow/scripts/prepare_speed.py")]
        command += ["--plan", json.dumps(chapter.plan("000")), "--settings", json.dumps(chapter.run_settings)]
        command += ["--structures", str(ROOT / "resources/structures/crystals.yaml"), "--device", "auto"]
        command += ["--budget-s", str(budget_s), "--seed", "1", "--index", str(tmp_path / "inputs/batch-000.json")]
        subprocess.run(command, check=True)
        return tmp_path

    return prepare


def command(folder) -> list[str]:
    words = [sys.executable, str(ROOT / "workflow/scripts/run_speed.py"), "--model", str(folder / "model.json")]
    words += ["--inputs", str(folder / "inputs/batch-000.json"), "--lock", str(folder / "environment.lock")]
    return [*words, "--record", str(folder / "results/batch-000.json")]


def run(folder, **options) -> dict:
    ended = subprocess.run(command(folder), capture_output=True, text=True, check=False, **options)
    assert ended.returncode == 0, ended.stderr
    return json.loads((folder / "results/batch-000.json").read_text()) | {"stderr": ended.stderr}


def reasons(record: dict) -> dict:
    return {case: result["reason"] for case, result in record["cases"].items()}


def test_a_ladder_of_a_classical_potential(job):
    folder = job({"package": "classical", "loader": {"kind": "emt"}})
    record = run(folder)
    assert record["status"] == "ok"
    assert list(record["cases"]) == ["Al-4", "Al-32", "Al-108", "Al-256", "batch-1", "batch-2"]
    seen = {case: result["observations"] for case, result in record["cases"].items()}
    assert [seen[f"Al-{size}"]["n_atoms"] for size in (4, 32, 108, 256)] == [4, 32, 108, 256]
    assert (seen["batch-2"]["n_structures"], seen["batch-2"]["n_atoms"]) == (2, 8)
    assert seen["Al-256"]["step_s"] > seen["Al-4"]["step_s"] > 0
    assert seen["Al-256"]["neighbour_s"] is None
    assert seen["Al-256"]["dtype"] == "float64"
    assert seen["Al-256"]["load_average"] >= 0
    times = json.loads((folder / "results/Al-32/times.json").read_text())
    assert (len(times["step_s"]), times["dropped"]) == (3, 1)
    assert (record["device"], record["threads"]) == ("cpu", 1)
    assert record["hardware"]["processor"] and record["timings"]["evaluate_s"] > 0


def test_a_killed_job_goes_on_with_the_next_size(job):
    folder = job("Slow", sizes=[4, 8, 32], batch_sizes=[])
    process = subprocess.Popen(command(folder), stderr=subprocess.DEVNULL)
    path = folder / "results/Al-8/result.json"
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    first = path.stat().st_mtime_ns
    assert not (folder / "results/Al-32/result.json").exists()
    record = run(folder)
    assert record["n_ok"] == record["n_total"] == 3
    assert record["kept_from_before"] == ["Al-4", "Al-8"]
    assert path.stat().st_mtime_ns == first


def test_what_would_break_the_budget_ends_after_a_step_and_a_larger_one_times_only_that(job):
    # 4 and 8 atoms take 4 x 0.08 s and 4 x 0.16 s, 32 atoms 4 x 0.64 s
    block = {"sizes": [4, 8, 32, 108], "batch_sizes": []}
    record = run(folder := job("Slow", budget_s=2.4, **block))
    assert reasons(record) == {"Al-4": None, "Al-8": None, "Al-32": "timeout", "Al-108": "not_reached"}
    assert "a step of 32 atoms takes 0.6" in record["cases"]["Al-32"]["message"]
    assert record["status"] == "partial"
    times = (folder / "results/Al-8/times.json").read_bytes()
    job("Slow", budget_s=8.0, **block)
    record = run(folder)
    assert record["kept_from_before"] == ["Al-4", "Al-8"]
    assert reasons(record) == {"Al-4": None, "Al-8": None, "Al-32": None, "Al-108": "timeout"}
    assert (folder / "results/Al-8/times.json").read_bytes() == times


def test_running_out_of_memory_is_survived_and_ends_the_ladder(job):
    limit = 2 * 10**9
    record = run(job("Greedy"), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))
    assert reasons(record) == {
        "Al-4": None,
        "batch-1": None,
        "batch-2": None,
        "Al-32": None,
        "Al-108": "out_of_memory",
        "Al-256": "not_reached",
    }
    assert "108 atoms does not fit into the memory of cpu" in record["cases"]["Al-108"]["message"]
    assert "ended at Al-108 (out_of_memory)" in record["cases"]["Al-256"]["message"]
    assert record["timings"]["child_processes"] == 1


def test_a_size_that_brings_the_process_down_ends_the_ladder(job):
    record = run(job("Mortal"))
    assert reasons(record)["Al-108"] == "crashed"
    assert reasons(record)["Al-256"] == "not_reached"
    assert "SIGKILL" in record["cases"]["Al-108"]["message"]
    assert "ended at Al-108, which brought the process to its end" in record["cases"]["Al-256"]["message"]
    assert record["n_ok"] == 4
    assert record["timings"]["child_processes"] == 2


def test_an_unknown_element_is_a_row_of_every_size(job):
    record = run(job({"package": "classical", "loader": {"kind": "emt"}}, systems=["helium", "Al"], sizes=[10, 32]))
    assert reasons(record)["helium-10"] == reasons(record)["helium-32"] == "unsupported_element"
    assert reasons(record)["Al-32"] is None


def test_all_devices_get_the_same_systems(job, tmp_path):
    chapter = SpeedChapter(BLOCK | {"devices": ["cpu", "cuda"]}, ["m"])
    indexes = []
    for batch, device in enumerate(chapter.config["devices"]):
        command = [sys.executable, str(ROOT / "workflow/scripts/prepare_speed.py")]
        command += ["--plan", json.dumps(chapter.plan(f"00{batch}")), "--settings", json.dumps(chapter.run_settings)]
        command += ["--structures", str(ROOT / "resources/structures/crystals.yaml"), "--device", device]
        command += ["--budget-s", "9", "--seed", "1", "--index", str(tmp_path / f"inputs/batch-00{batch}.json")]
        subprocess.run(command, check=True)
        indexes.append(json.loads((tmp_path / f"inputs/batch-00{batch}.json").read_text())["cases"])
    assert [facts["sha256"] for facts in indexes[0].values()] == [facts["sha256"] for facts in indexes[1].values()]
    assert next(iter(indexes[1])) == "Al-4-cuda"
    assert {facts["device_asked"] for facts in indexes[1].values()} == {"cuda"}
