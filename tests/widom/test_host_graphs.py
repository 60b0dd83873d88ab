"""Graphs of a guest in a fixed host against graphs of whole structures, real models in their environments."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase.io import write

from assay.frameworks import read_framework
from assay.runtime import recommended_environment

pytestmark = pytest.mark.models

ROOT = Path(__file__).resolve().parents[2]
ENVS = Path(os.environ.get("ASSAY_ENVS", ROOT / ".envs"))

ENTRIES = [
    {"name": "7net-0", "package": "sevennet", "loader": {"model": "7net-0"}},
    {"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}},
    {"name": "chgnet-0.3.0+zbl", "package": "chgnet", "loader": {"model": "0.3.0"}, "corrections": {"zbl": {}}},
]

EPSILON = 1e-6
"""Of float32, for positions of some Å and energies of some hundred eV."""


@pytest.fixture(scope="module", params=ENTRIES, ids=lambda entry: entry["name"])
def report(request, tmp_path_factory):
    python = ENVS / request.param["package"] / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is not built")
    # one cell, so small that the guest is within the cutoff of its own images
    host = tmp_path_factory.mktemp("host") / "host.xyz"
    write(host, read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif"), format="extxyz")
    done = subprocess.run(
        [python, ROOT / "tests/widom/check_host_graphs.py", json.dumps(request.param), host],
        env={**os.environ, **recommended_environment(threads=1)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_overlaps_and_free_places_are_both_among_the_insertions(report):
    closest = np.array(report["closest_fraction"])
    assert closest.min() < 0.1 and closest.max() > 1.2


def test_a_guest_has_the_same_neighbours(report):
    assert not any(report["edges"])


def test_energies_forces_and_stresses_differ_by_rounding_alone(report):
    scale = np.array(report["force_scale_eV_A"])
    # a position is known to 1e-6 Å, so an energy to that times the force, and a force to that times itself
    allowed = 20 * EPSILON * (1 + scale)
    assert (np.array(report["energy_eV"]) < allowed).all()
    assert (np.array(report["force_eV_A"]) < 5 * allowed).all()
    assert (np.array(report["stress_eV_A3"]) < allowed).all()


def test_soft_insertions_agree_to_a_hundredth_of_a_millielectronvolt(report):
    soft = np.array(report["force_scale_eV_A"]) < 10
    assert soft.sum() >= 3
    assert np.array(report["energy_eV"])[soft].max() < 1e-5 * 2


def test_the_number_of_layers_is_told(report):
    assert report["layers"] in (4, 5)
