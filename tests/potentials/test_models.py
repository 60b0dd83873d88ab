"""Real models in their own environments (`ASSAY_ENVS`, default ``.envs``): conformance and batch = package.

Every file of `entries` lists what is tested of one package: an ``entry`` of the catalogue and, where its weights do not
come with the package, the kind of ``weights`` (drawn at random) that ``random_weights/PACKAGE.py KIND FILE`` makes in
the package's own format.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from assay.runtime import recommended_environment

HERE = Path(__file__).parent
ENVS = Path(os.environ.get("ASSAY_ENVS", HERE.parents[1] / ".envs"))

ALWAYS = ("sevennet", "chgnet", "nequix", "mace")
"""Packages whose environments `make test` builds; the others, and cases with ``always: false``, are tested by
`make test-models`."""

CASES = [
    pytest.param(
        case,
        id=case["entry"]["name"],
        marks=pytest.mark.models
        if case["entry"]["package"] in ALWAYS and case.get("always", True)
        else pytest.mark.other_models,
    )
    for file in sorted((HERE / "entries").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text())
]

MEV_PER_ATOM, MEV_PER_A = 0.01, 0.1
"""Batch against one by one, as the project promises it: 1e-5 eV/atom and 1e-4 eV/Å."""


def in_environment(python: Path, *arguments: str | Path) -> str:
    """What a program prints that the interpreter of a model's environment runs in one thread."""
    done = subprocess.run(
        [python, *arguments],
        env={**os.environ, **recommended_environment(threads=1)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module", params=CASES)
def report(request, tmp_path_factory):
    entry, weights = request.param["entry"], request.param.get("weights")
    python = ENVS / entry.get("environment", entry["package"]) / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is not built")
    if weights:
        file = tmp_path_factory.mktemp(entry["package"]) / f"weights{request.param.get('suffix', '.pt')}"
        in_environment(python, HERE / "random_weights" / f"{entry['package']}.py", weights, file)
        entry = {**entry, "checkpoint": {"path": str(file)}}
    # some packages print on their own before the last line
    return json.loads(in_environment(python, HERE / "check_model.py", json.dumps(entry)).splitlines()[-1])


def test_every_law_holds(report):
    failed = [row for row in report["measurements"] if not row["passed"]]
    assert report["passed"] and not failed, failed
    assert report["answers"] == {"empty batch": True, "unsupported element": True}


def test_a_batch_gives_what_the_package_gives_one_by_one(report):
    rows = [row for row in report["measurements"] if row["law"] in ("batch = single", "batch = package")]
    assert {"energy_meV_per_atom", "force_meV_A"} <= {row["quantity"] for row in rows}
    for quantity, limit in (("energy_meV_per_atom", MEV_PER_ATOM), ("force_meV_A", MEV_PER_A)):
        assert max(row["value"] for row in rows if row["quantity"] == quantity) <= limit


def test_the_budget_was_probed(report):
    batching = report["batching"]
    if batching["mode"] == "loop":
        pytest.skip("the package has no batched pass")
    assert (batching["mode"], batching["source"]) == ("native", "probe")
    assert batching["probe_s"] < 60 and batching["sparse_atoms_per_pass"] >= batching["atoms_per_pass"] >= 8


def test_memory_that_runs_out_halves_the_pass(report):
    if report["little_memory"] is None:
        pytest.skip("the package has no batched pass, or too small a model to run out of memory")
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
