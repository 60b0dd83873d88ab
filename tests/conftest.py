"""What several test modules share: a copy of the project to run campaigns in, and snakemake as a subprocess."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT

from assay.campaign import load_campaign
from assay.runtime import recommended_environment
from assay.structures import to_ase
from assay.validation import read_yaml

ROOT = Path(__file__).resolve().parents[1]
TREE = (
    "Snakefile",
    "Makefile",
    "README.md",
    "pyproject.toml",
    "config",
    "envs",
    "profiles",
    "resources",
    "tests",
    "workflow",
)


@dataclass
class Project:
    """A copy of the project in a folder of its own."""

    root: Path

    def snakemake(self, *arguments: str, configfile: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run snakemake with the local profile; both outputs are captured together."""
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/local", "--nocolor"]
        command += ["--configfile", configfile, "--"] if configfile else []
        options = [argument for argument in arguments if argument.startswith("-")]
        targets = [argument for argument in arguments if not argument.startswith("-")]
        command = [*command[:6], *options, *command[6:], *targets]
        return subprocess.run(
            command,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1500,
            check=False,
        )

    def plan(self, *arguments: str, configfile: str | None = None) -> Counter[str]:
        """Rules that a dry run would execute, with the number of their jobs."""
        run = self.snakemake("--dry-run", "--quiet=host", *arguments, configfile=configfile)
        assert run.returncode == 0, run.stdout
        if "Nothing to be done" in run.stdout:
            return Counter()
        return job_counts(run.stdout)


def job_counts(output: str) -> Counter[str]:
    """The table of jobs in the output of a dry run."""
    lines = output.partition("Job stats:")[2].partition("total ")[0].splitlines()[3:]
    return Counter({line.split()[0]: int(line.split()[1]) for line in lines if line.strip()})


def copy_project(target: Path) -> Project:
    """Copy what a clone would hold."""
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis"))
        elif source.exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)
    return Project(target)


def with_emt_forces(phonopy):
    """The same crystal with the forces of effective-medium theory on its displaced supercells."""
    forces = []
    for cell in phonopy.supercells_with_displacements:
        atoms = to_ase(cell)
        atoms.calc = EMT()
        forces.append(atoms.get_forces())
    phonopy.forces = np.array(forces)
    return phonopy


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh copy of the project, without results or environments."""
    return copy_project(tmp_path / "project with blanks")


@pytest.fixture
def shipped_config(monkeypatch) -> dict:
    """The default campaign's configuration with its defaults."""
    monkeypatch.chdir(ROOT)
    return load_campaign(read_yaml(ROOT / "config/config.yaml")).config


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The optional folder of real records."""
    folder = Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("no folder of real records (ASSAY_SHARED)")
    return folder


def report_of(check: Path, *arguments: Path, environment: str = "lammps", timeout_s: float = 600) -> dict:
    """What a program of checks prints, as JSON, when the interpreter of a built environment runs it in one thread."""
    python = Path(os.environ.get("ASSAY_ENVS", ROOT / ".envs")) / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is not built")
    done = subprocess.run(
        [python, check, *arguments],
        env={**os.environ, **recommended_environment(threads=1)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)
