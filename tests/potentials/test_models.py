"""Real models in their own environments (`ASSAY_ENVS`, default ``.envs``): conformance and batch = package."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from assay.runtime import recommended_environment

pytestmark = pytest.mark.models

HERE = Path(__file__).parent
ENVS = Path(os.environ.get("ASSAY_ENVS", HERE.parents[1] / ".envs"))

ENTRIES = [
    {"name": "7net-0", "package": "sevennet", "loader": {"model": "7net-0"}},
    {"name": "7net-0_22may2024", "package": "sevennet", "loader": {"model": "7net-0_22may2024"}},
    {"name": "7net-l3i5", "package": "sevennet", "loader": {"model": "7net-l3i5"}},
    {"name": "7net-mf-0-pbe", "package": "sevennet", "loader": {"model": "7net-mf-0", "modal": "PBE"}},
    {"name": "7net-mf-0-r2scan", "package": "sevennet", "loader": {"model": "7net-mf-0", "modal": "R2SCAN"}},
    {"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}},
    {"name": "chgnet-0.3.0+zbl", "package": "chgnet", "loader": {"model": "0.3.0"}, "corrections": {"zbl": {}}},
    {"name": "chgnet-0.2.0", "package": "chgnet", "loader": {"model": "0.2.0"}},
    {"name": "chgnet-r2scan", "package": "chgnet", "loader": {"model": "r2scan"}},
]

MEV_PER_ATOM, MEV_PER_A = 0.01, 0.1
"""Batch against one by one, as the project promises it: 1e-5 eV/atom and 1e-4 eV/Å."""


@pytest.fixture(scope="module", params=ENTRIES, ids=lambda entry: entry["name"])
def report(request):
    python = ENVS / request.param["package"] / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is not built")
    done = subprocess.run(
        [python, HERE / "check_model.py", json.dumps(request.param)],
        env={**os.environ, **recommended_environment(threads=1)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def test_every_law_holds(report):
    failed = [row for row in report["measurements"] if not row["passed"]]
    assert report["passed"] and not failed, failed
    assert report["answers"] == {"empty batch": True, "unsupported element": True}


def test_a_batch_gives_what_the_package_gives_one_by_one(report):
    rows = [row for row in report["measurements"] if row["law"] in ("batch = single", "batch = package")]
    assert len(rows) == 6
    worst = {row["quantity"]: row["value"] for row in rows}
    assert worst["energy_meV_per_atom"] <= MEV_PER_ATOM and worst["force_meV_A"] <= MEV_PER_A


def test_the_budget_was_probed(report):
    batching = report["batching"]
    assert (batching["mode"], batching["source"]) == ("native", "probe")
    assert batching["probe_s"] < 60 and batching["sparse_atoms_per_pass"] >= batching["atoms_per_pass"] >= 8


def test_memory_that_runs_out_halves_the_pass(report):
    assert report["little_memory"]["halvings"] >= 1
    assert report["little_memory"]["energy_eV_per_atom"] < 1e-5


def test_atoms_without_neighbours_do_not_depend_on_the_pass(report):
    assert report["isolated_eV"] < 1e-5


def test_loading_tells_what_is_wrong(report):
    loading = report["loading"]
    for state in ("missing", "empty", "truncated"):
        kind, reason, message = loading[state]
        assert (kind, reason) == ("PotentialFailure", "checkpoint"), message
        assert report["model"] in message
    assert loading["unknown"][0] == "UserError" and loading["cuda:99"][0] == "UserError"
