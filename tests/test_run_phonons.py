"""The program `run_phonons.py`: resume after a kill, damaged results, bad input."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from assay.records import write_json
from assay.structures import load_crystals

SLOW = """
import time
from ase.calculators.emt import EMT

class Slow(EMT):
    def calculate(self, *arguments, **options):
        time.sleep(0.4)
        super().calculate(*arguments, **options)
"""


@pytest.fixture
def job(tmp_path):
    """Everything that one job needs, with a calculator slow enough to be killed in the middle."""
    (tmp_path / "slow_calculator.py").write_text(SLOW)
    (tmp_path / "environment.lock").write_text("# python 3.11\n")
    entry = {
        "name": "slow",
        "package": "ase",
        "loader": {"calculator": "slow_calculator:Slow", "path": str(tmp_path)},
        "checkpoint": "none",
        "dtype": "float64",
    }
    write_json(tmp_path / "model.json", entry)
    settings = {
        "protocol": 1,
        "displacement_A": 0.01,
        "symmetry_tolerance_A": 1e-5,
        "relax": False,
        "relax_fmax_eV_A": 0.005,
        "relax_steps": 10,
        "subtract_residual_forces": True,
    }
    prepare = [
        sys.executable,
        str(ROOT / "workflow/scripts/prepare_phonons.py"),
        "Al",
        "Cu",
        "--settings",
        json.dumps(settings),
    ]
    prepare += [
        "--structures",
        str(ROOT / "resources/structures/crystals.yaml"),
        "--references",
        str(tmp_path / "none"),
    ]
    subprocess.run([*prepare, "--seed", "1", "--index", str(tmp_path / "inputs/batch-000.json")], check=True)
    return tmp_path


def command(folder, *options):
    words = [sys.executable, str(ROOT / "workflow/scripts/run_phonons.py"), "--model", str(folder / "model.json")]
    words += ["--inputs", str(folder / "inputs/batch-000.json"), "--lock", str(folder / "environment.lock")]
    return [*words, "--record", str(folder / "results/batch-000.json"), *options]


def run(folder, *options):
    return subprocess.run(command(folder, *options), capture_output=True, text=True, check=False)


def record(folder):
    return json.loads((folder / "results/batch-000.json").read_text())


def test_a_killed_job_goes_on_with_the_next_crystal(job):
    process = subprocess.Popen(command(job), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (job / "results/Al/result.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    first = (job / "results/Al/result.json").stat().st_mtime_ns
    assert not (job / "results/batch-000.json").exists()
    assert not (job / "results/Cu/result.json").exists()
    again = run(job)
    assert again.returncode == 0, again.stderr
    assert "kept from before: Al" in again.stderr
    assert (job / "results/Al/result.json").stat().st_mtime_ns == first
    assert record(job)["kept_from_before"] == ["Al"]
    assert record(job)["n_ok"] == 2
    left = [
        path.name
        for path in (job / "results").iterdir()
        if path.name.startswith(".") or path.suffix in (".work", ".progress", ".session")
    ]
    assert left == []


def test_a_damaged_result_is_computed_again_and_others_are_kept(job):
    assert run(job).returncode == 0
    path = job / "results/Cu/phonopy_params.yaml.xz"
    path.write_bytes(path.read_bytes()[:200])
    again = run(job)
    assert "missing or damaged" in again.stderr
    assert record(job)["kept_from_before"] == ["Al"]
    assert record(job)["n_ok"] == 2


def test_a_changed_model_keeps_nothing(job):
    assert run(job).returncode == 0
    entry = json.loads((job / "model.json").read_text())
    entry["loader"]["arguments"] = {"asap_cutoff": True}
    write_json(job / "model.json", entry)
    assert run(job).returncode == 0
    assert record(job)["kept_from_before"] == []


def test_the_record_says_where_numbers_come_from(job):
    assert run(job).returncode == 0
    content = record(job)
    assert content["status"] == "ok"
    assert content["device"] == "cpu"
    assert content["environment"]["packages"]["ase"]
    assert content["peak_memory"]["host_MiB"] > 10
    assert content["timings"]["evaluate_s"] > 0
    assert content["potential"]["batching"] == {"mode": "loop"}
    assert content["entry"]["name"] == "slow"
    assert "run_phonons.py" in content["command"]


def test_an_environment_that_could_not_be_built_is_a_result(job):
    (job / "environment.lock").write_text("# status: failed\n# reason: no such version\n")
    assert run(job, "--python", "/nonexistent/python").returncode == 0
    content = record(job)
    assert (content["status"], content["reason"]) == ("failed", "environment")
    assert content["cases"]["Al"]["message"] == "no such version"


@pytest.mark.parametrize("missing", ["model.json", "inputs/batch-000.json"])
def test_missing_input_is_one_sentence_and_no_record(job, missing):
    (job / missing).unlink()
    ended = run(job)
    assert ended.returncode != 0
    assert ended.stderr.strip().count("\n") == 0
    assert f"{missing}: no such file" in ended.stderr
    assert not (job / "results/batch-000.json").exists()


def test_an_unwritable_folder_is_one_sentence(job):
    (job / "results").write_text("a file where a folder should be")
    ended = run(job)
    assert ended.returncode != 0
    assert "results" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_crystals_are_described(job):
    index = json.loads((job / "inputs/batch-000.json").read_text())
    crystals = load_crystals(ROOT / "resources/structures/crystals.yaml")
    assert index["cases"]["Al"]["formula"] == "Al"
    assert index["cases"]["Al"]["structure"] == crystals["Al"].source
    assert index["cases"]["Al"]["reference"] is None
