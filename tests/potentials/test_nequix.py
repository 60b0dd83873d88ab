"""Nequix on JAX and on torch: the same numbers, and few programs that JAX has to compile."""

import json

import pytest
from test_models import ENVS, HERE, in_environment

pytestmark = pytest.mark.models

PYTHON = ENVS / "nequix" / "bin" / "python"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} is not built")
    file = tmp_path_factory.mktemp("nequix") / "weights.nqx"
    in_environment(PYTHON, HERE / "random_weights" / "nequix.py", "small", file)
    return json.loads(in_environment(PYTHON, HERE / "check_nequix.py", file))


def test_both_backends_give_the_same(report):
    deviations = report["deviations"]
    assert deviations["energy_eV_per_atom"] < 1e-5
    assert deviations["force_eV_A"] < 1e-4
    assert deviations["stress_eV_A3"] < 1e-5


def test_supercells_and_molecules_share_one_program(report):
    assert report["programs"] == 1


def test_published_weights_give_the_same_on_both_backends(shared_data):
    file = shared_data / "checkpoints" / "nequix-oam-1-pft.nqx"
    if not PYTHON.exists() or not file.exists():
        pytest.skip(f"{PYTHON} or {file} is not there")
    deviations = json.loads(in_environment(PYTHON, HERE / "check_nequix.py", file))["deviations"]
    assert deviations["energy_eV_per_atom"] < 1e-5
    assert deviations["force_eV_A"] < 1e-4
    assert deviations["stress_eV_A3"] < 1e-5
