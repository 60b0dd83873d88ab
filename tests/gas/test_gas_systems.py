"""Starts: no overlaps, uniform, the same for every model, different in every repeat."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write
from moving_potentials import argon, carbon_dioxide

from assay.failures import UserError
from assay.gas.systems import (
    MINIMUM_DISTANCE_A,
    file_frames,
    gas_frames,
    random_gas,
    read_frames,
    read_structure,
    system_facts,
    write_frames,
)
from assay.randomness import random_stream

ROOT = Path(__file__).resolve().parents[2]


def test_molecules_are_rigid_copies_without_overlaps():
    gas = random_gas(carbon_dioxide(), 50, random_stream(1, "x"), box_A=25.0)
    assert len(gas) == 150 and gas.pbc.all()
    own = gas.arrays["molecule"]
    distances = gas.get_all_distances(mic=True)
    assert distances[own[:, None] != own].min() >= MINIMUM_DISTANCE_A
    np.testing.assert_allclose(np.linalg.norm(gas.positions[1::3] - gas.positions[0::3], axis=1), 1.16)
    assert gas.arrays["site"][:3].tolist() == ["C_co2", "O_co2", "O_co2"]
    np.testing.assert_allclose(gas.get_initial_charges()[:3], [0.7, -0.35, -0.35])


def test_places_and_orientations_are_uniform():
    """First and second moments within 4 standard errors."""
    gas = random_gas(carbon_dioxide(), 200, random_stream(2, "x"), box_A=200.0)
    places = gas.positions[0::3] / 200.0
    assert np.abs(places.mean(axis=0) - 0.5).max() < 4 * np.sqrt(1 / 12 / 200)
    axes = (gas.positions[1::3] - gas.positions[0::3]) / 1.16
    assert np.abs(axes.mean(axis=0)).max() < 4 * np.sqrt(1 / 3 / 200)
    assert np.abs((axes**2).mean(axis=0) - 1 / 3).max() < 4 * np.sqrt(4 / 45 / 200)


def test_a_repeat_does_not_depend_on_how_many_there_are():
    three, one = (gas_frames("CO2", carbon_dioxide(), count=5, box_A=15.0, repeats=n, seed=4) for n in (3, 1))
    np.testing.assert_array_equal(three[0].positions, one[0].positions)
    assert np.abs(three[0].positions - three[1].positions).max() > 1.0


@pytest.mark.parametrize(
    ("count", "box_A", "sentence"), [(60, 10.0, "60 × CO2 do not fit into a cube of 10 Å"), (1, 4.0, "its own image")]
)
def test_what_does_not_fit_is_told(count, box_A, sentence):
    with pytest.raises(UserError, match=sentence):
        random_gas(carbon_dioxide(), count, random_stream(0, "x"), box_A=box_A)


def test_the_molecule_that_ships_is_carbon_dioxide():
    molecule = read_structure(ROOT / "resources/molecules/CO2.xyz")
    assert molecule.get_chemical_formula() == "CO2" and len(set(molecule.arrays["site"])) == 2
    assert sorted(molecule.get_all_distances()[molecule.numbers == 6].ravel()) == [0.0, 1.16, 1.16]


def test_frames_come_back(tmp_path):
    frames = gas_frames("CO2", carbon_dioxide(), count=4, box_A=12.0, repeats=3, seed=1)
    write_frames(tmp_path / "CO2.xyz", frames)
    seen = read_frames(tmp_path / "CO2.xyz", 2)
    assert len(seen) == 2
    np.testing.assert_allclose(seen[1].positions, frames[1].positions, atol=1e-7)
    for name in ("molecule", "site", "initial_charges"):
        np.testing.assert_array_equal(seen[1].arrays[name], frames[1].arrays[name])
    with pytest.raises(UserError, match="3 structures for 4 repeats"):
        read_frames(tmp_path / "CO2.xyz", 4)


def test_a_file_is_any_solid_or_liquid(tmp_path):
    write(tmp_path / "argon.xyz", [argon(1), argon(2)])
    frames = file_frames(tmp_path / "argon.xyz", -1, 2)
    assert [len(atoms) for atoms in frames] == [32, 32]
    assert frames[0].arrays["molecule"].tolist() == list(range(32))
    facts = system_facts(frames[0], None)
    assert facts["density_g_cm3"] == pytest.approx(4 * 39.948 * 1.66053907 / 5.5**3)
    assert (facts["n_molecules"], facts["molecule"]) == (32, None)


def test_bad_files_of_systems_are_told_in_a_sentence(tmp_path):
    write(tmp_path / "molecule.xyz", carbon_dioxide(), format="extxyz")
    write(tmp_path / "one.xyz", Atoms("Ar", cell=[5] * 3, pbc=True), format="extxyz")
    (tmp_path / "bad.xyz").write_text("nothing\nof\nthis")
    cases = [("missing.xyz", 0, "no such file"), ("bad.xyz", 0, "cannot read"), ("molecule.xyz", 7, "no frame 7")]
    cases += [("molecule.xyz", 0, "not periodic"), ("one.xyz", 0, "one atom")]
    for name, frame, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            file_frames(tmp_path / name, frame, 1)
    assert len(read_structure(tmp_path / "molecule.xyz")) == 3


@pytest.fixture
def prepare(tmp_path):
    write(tmp_path / "CO2.xyz", carbon_dioxide(), format="extxyz")
    write(tmp_path / "argon.xyz", argon(1))

    def run(plan: dict, by_model: dict | None = None, seed: int = 1, check: bool = True):
        command = [sys.executable, str(ROOT / "workflow/scripts/prepare_gas.py"), "--plan", json.dumps(plan)]
        command += ["--settings", json.dumps({"repeats": 2}), "--by-model", json.dumps(by_model or {})]
        command += ["--seed", str(seed), "--index", str(tmp_path / "inputs/batch-000.json")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        if not check:
            return ended
        assert ended.returncode == 0, ended.stderr
        return json.loads((tmp_path / "inputs/batch-000.json").read_text())

    return run


GAS = {"system": "CO2", "molecule": "CO2.xyz", "count": 4, "box_A": 12.0}
SOLID = {"system": "argon", "file": "argon.xyz", "reference": "argon.xyz", "temperature_K": 40}


def test_the_index_names_all_cases(prepare, tmp_path):
    plan = {f"CO2-{t}K": GAS | {"temperature_K": t} for t in (300, 400)} | {"argon-40K": SOLID}
    index = prepare(plan, {"m": {"repeats": 5}})
    assert list(index) == ["settings", "seed", "by_model", "cases"] and index["by_model"] == {"m": {"repeats": 5}}
    first, second, solid = index["cases"].values()
    assert first["file"] == second["file"] == "CO2.xyz" and first["sha256"] != second["sha256"]
    assert (first["n_atoms"], first["n_molecules"], first["molecule"], first["volume_A3"]) == (
        12,
        4,
        "CO2",
        pytest.approx(1728),
    )
    assert (solid["molecule"], solid["reference"]) == (None, "argon.xyz") and solid["reference_sha256"]
    assert len(read(tmp_path / "inputs/CO2.xyz", index=":")) == 5


def test_more_repeats_of_one_model_leave_the_identity_of_a_case(prepare):
    identities = [
        prepare({"CO2-300K": GAS | {"temperature_K": 300}}, by_model, seed)["cases"]["CO2-300K"]["sha256"]
        for by_model, seed in (({}, 1), ({"m": {"repeats": 4}}, 1), ({}, 2))
    ]
    assert identities[0] == identities[1] != identities[2]


def test_prepare_tells_what_is_wrong_in_a_sentence(prepare):
    ended = prepare({"CO2-300K": GAS | {"temperature_K": 300, "box_A": 5.5}}, check=False)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1 and "do not fit" in ended.stderr
