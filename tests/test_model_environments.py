"""The table of models' environments: what is built, what is not, what loads, what conforms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from assay.environments import read_specification, write_failed_lock
from assay.model_environments import first_entry, look_at, needs_build, size_MB
from assay.tables import read_table

FILE = """# import: ase.build, numpy
dependencies:
  - python=3.11
  - pip:
      - ase==3.29.0
"""
ENTRY = {
    "package": "classical",
    "loader": {"kind": "emt"},
    "checkpoint": "none",
    "licence": "LGPL-2.1+",
    "level_of_theory": "none",
    "forces": "conservative",
    "dtype": "float64",
    "default_devices": ["cpu"],
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two environment files and a catalogue; `classical` is there, with the interpreter of these tests."""
    (tmp_path / "envs").mkdir()
    for name in ("classical", "absent"):
        (tmp_path / f"envs/{name}.yaml").write_text(FILE)
    binary = tmp_path / ".envs/classical/bin/python"
    binary.parent.mkdir(parents=True)
    # an interpreter by a link alone would not find its packages
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    binary.chmod(0o755)
    (tmp_path / ".envs/classical/environment.lock").write_text("# python 3.11\n")
    missing = ENTRY | {"checkpoint": {"path": str(tmp_path / "nowhere.pt")}}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"first": missing, "second": ENTRY}))
    return tmp_path


def test_an_environment_is_built_if_it_is_missing_broken_or_old(folder):
    absent, present = (read_specification(folder / f"envs/{name}.yaml") for name in ("absent", "classical"))
    lock = folder / ".envs/classical/environment.lock"
    assert needs_build(absent, folder / ".envs/absent")
    assert not needs_build(present, lock.parent)
    os.utime(present.path, (lock.stat().st_mtime + 10,) * 2)
    assert needs_build(present, lock.parent)
    os.utime(present.path, (0, 0))
    assert not needs_build(present, lock.parent)
    write_failed_lock(lock.parent, "no such version")
    assert needs_build(present, lock.parent)


def test_what_cannot_be_looked_at_says_why(folder):
    specification = read_specification(folder / "envs/absent.yaml")
    assert look_at(specification, folder / ".envs/absent", {}, timeout_s=10)["state"] == "not built"
    write_failed_lock(folder / ".envs/absent", "no such version")
    row = look_at(specification, folder / ".envs/absent", {}, timeout_s=10)
    assert (row["state"], row["message"]) == ("cannot be built", "no such version")
    (folder / "envs/classical.yaml").write_text(FILE.replace("numpy", "no_such_module"))
    row = look_at(read_specification(folder / "envs/classical.yaml"), folder / ".envs/classical", {}, timeout_s=60)
    assert row["state"] == "import fails" and "no_such_module" in row["message"]


def test_the_first_entry_whose_weights_are_there_is_chosen(folder):
    catalogue = yaml.safe_load((folder / "models.yaml").read_text())
    assert first_entry("classical", catalogue)["name"] == "second"
    assert first_entry("absent", catalogue) is None
    (folder / "nowhere.pt").write_text("weights")
    assert first_entry("classical", catalogue)["name"] == "first"
    assert first_entry("other", {"other": ENTRY | {"environment": "other"}})["name"] == "other"


def test_files_with_two_names_are_counted_once(tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4096)
    once = size_MB(tmp_path)
    os.link(tmp_path / "file", tmp_path / "same")
    assert size_MB(tmp_path) == once > 1.0


def test_the_program_prints_and_writes_the_table(folder):
    command = [sys.executable, ROOT / "workflow/scripts/models.py", "--no-build", "--catalogue", "models.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    table = read_table(folder / "results/tables/models.csv").set_index("environment")
    assert table.loc["absent", "state"] == "not built"
    row = table.loc["classical"]
    assert (row["state"], row["loads"], row["n_broken"]) == ("ok", "second", 0)
    assert row["n_passed"] == row["n_numbers"] > 50
    assert "ase 3.29.0, numpy" in row["versions"] and row["import_s"] > 0
    assert f"second  {row['n_passed']:.0f}/{row['n_numbers']:.0f}" in done.stdout
    refused = subprocess.run([*command, "--environments", "clasical"], cwd=folder, capture_output=True, text=True)
    assert refused.returncode == 1 and "did you mean 'classical'" in refused.stderr
