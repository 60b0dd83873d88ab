"""The programs `prepare_widom.py` and `run_widom.py`: files, kills, resumption, more insertions, failures."""

from __future__ import annotations

import json
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write
from insertion_toys import CO2, HOST, toy_settings

from assay.records import write_json

ROOT = Path(__file__).resolve().parents[2]
PREPARE = runpy.run_path(str(ROOT / "workflow/scripts/prepare_widom.py"))["main"]
FACTORIES = """
import os
import sys
import time

sys.path.insert(0, {toys!r})
from assay.widom import insertions
from insertion_toys import Pairs, lennard_jones

insertions.CHECKPOINT_s = 0.0


def quick():
    return Pairs(lennard_jones)


def slow():
    def law(distance):
        time.sleep(0.005)
        return lennard_jones(distance)

    return Pairs(law)


def lost():
    def law(distance):
        energy, slope = lennard_jones(distance)
        return energy * float("nan"), slope

    return Pairs(law)
"""


@pytest.fixture
def prepared(tmp_path):
    """Prepares inputs; called with settings of the chapter."""
    write(tmp_path / "host.cif", HOST)
    write(tmp_path / "guest.xyz", CO2, format="extxyz")
    (tmp_path / "widom_factories.py").write_text(FACTORIES.format(toys=str(Path(__file__).parent)))
    (tmp_path / "environment.lock").write_text("# python 3.11\n")

    def prepare(by_model: dict | None = None, folder: str = "inputs", **changes) -> Path:
        facts = {"framework": str(tmp_path / "host.cif"), "guest": str(tmp_path / "guest.xyz")}
        plan = {case: facts | {"primitive": True, "axis": axis} for case, axis in (("a", None), ("b", [0, 1, 0]))}
        words = [
            "--plan",
            json.dumps(plan),
            "--settings",
            json.dumps({"protocol": 1, **toy_settings(minima=1), **changes}),
        ]
        words += ["--by-model", json.dumps(by_model or {}), "--seed", "1"]
        assert PREPARE([*words, "--index", str(tmp_path / folder / "batch-000.json")]) == 0
        return tmp_path

    return prepare


def command(folder: Path, factory: str, name: str = "m", results: str = "results") -> list[str]:
    loader = {"calculator": f"widom_factories:{factory}", "path": str(folder)}
    entry = {"name": name, "package": "ase", "loader": loader, "checkpoint": "none", "cutoff_A": 3.0}
    write_json(folder / f"{factory}.json", entry)
    words = [sys.executable, str(ROOT / "workflow/scripts/run_widom.py"), "--model", str(folder / f"{factory}.json")]
    words += ["--inputs", str(folder / "inputs/batch-000.json"), "--lock", str(folder / "environment.lock")]
    return [*words, "--record", str(folder / results / "batch-000.json")]


def run(folder: Path, *arguments, **options) -> dict:
    words = command(folder, *arguments, **options)
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(Path(words[-1]).read_text()) | {"stderr": ended.stderr}


def energies(folder: Path, results: str = "results", case: str = "a") -> np.ndarray:
    with h5py.File(folder / results / case / "insertions.h5") as file:
        return file["energy_eV"][:]


def test_inputs_do_not_depend_on_how_many_insertions_there_are(prepared):
    folder = prepared()
    prepared(folder="more", by_model={"m": {"insertions": 200}})
    one, other = (json.loads((folder / name / "batch-000.json").read_text()) for name in ("inputs", "more"))
    assert (one["cases"]["a"]["n_insertions"], other["cases"]["a"]["n_insertions"]) == (60, 200)
    for case in ("a", "b"):
        assert one["cases"][case]["sha256"] == other["cases"][case]["sha256"]
    assert one["cases"]["a"]["sha256"] != one["cases"]["b"]["sha256"]
    with h5py.File(folder / "inputs/a/insertions.h5") as short, h5py.File(folder / "more/a/insertions.h5") as long:
        assert np.array_equal(short["fractional"][:], long["fractional"][:60])
        assert short["quaternions"].shape == (60, 4)
    prepared(folder="sobol", sampling="sobol")
    sobol = json.loads((folder / "sobol/batch-000.json").read_text())["cases"]["a"]
    assert sobol["sha256"] != one["cases"]["a"]["sha256"]


def test_facts_of_a_system(prepared):
    folder = prepared()
    cases = json.loads((folder / "inputs/batch-000.json").read_text())["cases"]
    host, guest = read(folder / "inputs" / cases["a"]["host"]), read(folder / "inputs" / cases["a"]["guest"])
    assert (len(host), len(guest), cases["a"]["guest_formula"]) == (3, 3, "CO2")
    assert guest.get_center_of_mass() == pytest.approx(np.zeros(3), abs=1e-7)
    assert cases["a"]["volume_A3"] == pytest.approx(HOST.get_volume(), rel=1e-4)
    mass = 2 * 24.305 + 20.1797
    assert cases["a"]["host_mass_u"] == pytest.approx(mass)
    assert cases["a"]["density_kg_m3"] == pytest.approx(mass * 1.66053907e-27 / (HOST.get_volume() * 1e-30), rel=1e-4)
    assert np.linalg.norm(cases["a"]["axis"]) == pytest.approx(1.0)
    assert cases["b"]["axis"] == pytest.approx(list(host.cell[1] / np.linalg.norm(host.cell[1])))


def test_a_run_leaves_energies_minima_and_observations(prepared):
    folder = prepared()
    record = run(folder, "quick")
    assert (record["status"], record["n_ok"]) == ("ok", 2)
    seen = record["cases"]["a"]["observations"]
    assert (seen["n_insertions"], seen["supercell"], seen["mode"]) == (60, [2, 1, 1], "whole structures")
    assert seen["far_field_offset_eV"] == pytest.approx(0.0, abs=1e-9)
    assert seen["host_residual_force_max_eV_A"] == 0 and seen["seconds_per_insertion"] > 0
    with h5py.File(folder / "results/a/insertions.h5") as file:
        assert {"energy_eV", "closest_fraction", "closest_A", "skipped", "position_A", "replicate"} <= set(file)
        assert file.attrs["n_insertions"] == 60 and file.attrs["sampling"] == "random"
    (minimum,) = seen["minima"]
    atoms = read(folder / "results/a/minima.xyz")
    assert atoms.info["energy_eV"] == pytest.approx(minimum["energy_eV"]) and len(atoms) == 9
    assert "60 of 60 insertions" in record["stderr"]
    assert run(folder, "quick")["kept_from_before"] == ["a", "b"]


def test_a_killed_job_goes_on_where_it_was(prepared):
    folder = prepared(insertions=96)
    process = subprocess.Popen(command(folder, "slow"), stderr=subprocess.DEVNULL)
    path = folder / "results/a/insertions.h5"
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(energies(folder))
    assert 0 < done < 96
    first = energies(folder)
    again = run(folder, "slow")
    assert again["n_ok"] == 2
    whole = energies(folder)
    assert np.array_equal(whole[:done], first)
    run(folder, "slow", results="fresh")
    assert np.array_equal(whole, energies(folder, "fresh"))


def test_more_insertions_extend_what_is_there(prepared):
    folder = prepared()
    run(folder, "quick")
    short = energies(folder)
    path = folder / "results/a/insertions.h5"
    # a mark: what is known is not computed again
    with h5py.File(path, "a") as file:
        file["energy_eV"][0] = 1234.5
    prepared(by_model={"m": {"insertions": 100}})
    record = run(folder, "quick")
    assert record["cases"]["a"]["observations"]["n_insertions"] == 100
    long = energies(folder)
    assert len(long) == 100 and long[0] == 1234.5
    assert np.array_equal(long[1:60], short[1:])


def test_a_potential_without_numbers_is_a_failure_of_its_case(prepared):
    record = run(prepared(), "lost")
    assert record["status"] == "failed" and record["reason"] == "non_finite"
    assert "no finite energy" in record["cases"]["a"]["message"] or "not finite" in record["cases"]["a"]["message"]


def test_a_host_that_is_a_molecule_is_refused(tmp_path, capsys):
    write(tmp_path / "lone.xyz", Atoms("Mg"))
    write(tmp_path / "guest.xyz", CO2, format="extxyz")
    facts = {"framework": str(tmp_path / "lone.xyz"), "guest": str(tmp_path / "guest.xyz"), "primitive": True}
    words = ["--plan", json.dumps({"a": facts | {"axis": None}}), "--settings", json.dumps(toy_settings())]
    assert PREPARE([*words, "--seed", "1", "--index", str(tmp_path / "x/batch-000.json")]) == 1
    message = capsys.readouterr().err.strip()
    assert "periodic" in message and len(message.splitlines()) == 1
    assert not (tmp_path / "x/batch-000.json").exists()
