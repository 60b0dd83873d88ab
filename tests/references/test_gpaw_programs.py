"""The programs from the command line: help, bad input in one sentence, and a real run of GPAW where it is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from reference_stubs import ROOT

GPAW_PYTHON = ROOT / ".envs" / "gpaw" / "bin" / "python"
CRYSTALS = "resources/structures/crystals.yaml"


def run(program, *arguments, python=sys.executable):
    return subprocess.run(
        [str(python), f"workflow/scripts/{program}.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )


def diatomics(folder, **changes):
    options = {"element": "H", "settings": "quick", "output": folder / "H.json", "workdir": folder / "work", **changes}
    return run("reference_diatomics", *(word for key, value in options.items() for word in (f"--{key}", value)))


def phonons(folder, **changes):
    options = {"crystals": CRYSTALS, "case": "Si", "output": folder / "phonopy_params.yaml.xz"}
    options |= {"record": folder / "record.json", "workdir": folder / "work", **changes}
    return run("reference_phonons", *(word for key, value in options.items() for word in (f"--{key}", value)))


@pytest.mark.parametrize("program", ["reference_diatomics", "reference_phonons", "check_references"])
def test_help(program):
    result = run(program, "--help")
    assert result.returncode == 0
    assert "--workdir" in result.stdout


@pytest.mark.parametrize(
    "program, change, sentence",
    [
        (diatomics, {"element": "Sii"}, "element 'Sii': no such element; did you mean 'Si'"),
        (
            diatomics,
            {"settings": "quik"},
            "settings 'quik': no such settings of GPAW for diatomics; did you mean 'quick'?",
        ),
        (phonons, {"case": "SiX"}, f"{CRYSTALS}: there is no crystal 'SiX'; did you mean 'Si'"),
        (phonons, {"settings": "thesis"}, "settings 'thesis': no such settings of GPAW for phonons; known: 'quick', "),
        (phonons, {"crystals": "none.yaml"}, "none.yaml: there is no such file of crystals"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, program, change, sentence):
    result = program(tmp_path, **change)
    assert result.returncode == 1
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_without_gpaw_the_remedy_is_named(tmp_path):
    if subprocess.run([sys.executable, "-c", "import gpaw"], capture_output=True, check=False).returncode == 0:
        pytest.skip("this interpreter has GPAW")
    result = diatomics(tmp_path)
    assert result.returncode == 1
    assert "build its environment with `snakemake .envs/gpaw/environment.lock`" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.gpaw
def test_gpaw_computes_a_hydrogen_molecule(tmp_path):
    if not GPAW_PYTHON.exists():
        pytest.skip("the environment of GPAW is not built: snakemake .envs/gpaw/environment.lock")
    code = f"""
from pathlib import Path
from assay.references.gpaw_code import Gpaw
from assay.references.gpaw_diatomics import make_curve
from assay.references.gpaw_settings import diatomic_settings
folder = Path({str(tmp_path)!r})
make_curve("H", diatomic_settings("quick"), Gpaw(), workdir=folder, output=folder / "H.json",
           distances_A=[0.65, 0.7, 0.75, 0.8, 0.9])
"""
    result = subprocess.run([str(GPAW_PYTHON), "-c", code], capture_output=True, text=True, timeout=850, check=False)
    assert result.returncode == 0, result.stderr
    from assay.references.curves import load_curve, well_of_record

    record = load_curve(tmp_path / "H.json")
    assert all(record["converged"])
    assert well_of_record(record).bond_length_A == pytest.approx(0.750, abs=0.01)
    assert well_of_record(record).depth_eV == pytest.approx(4.54, abs=0.15)
    assert record["atom"]["magnetic_moment"] == pytest.approx(1.0, abs=1e-3)
