"""A campaign with potentials whose weights are fetched, given, and made by a rule."""

from __future__ import annotations

import json
import sys

import pytest
import yaml
from conftest import copy_project
from file_server import WeightsServer

from assay.diatomics.protocol import read_curve
from assay.records import read_json

SIGMA_A = {"remote": 2.0, "trained": 2.2, "local": 2.4}
TRAINING = """

rule train:
    input: "training.json"
    output: "results/trained/weights.json"
    shell: "cp {input} {output}"
"""


def weights(sigma_A: float) -> str:
    return json.dumps({"epsilon": 0.4, "sigma": sigma_A})


def make_project(folder, url):
    """Pairs of aluminium by potentials that have weights, in the running interpreter's environment."""
    project = copy_project(folder)
    entry = yaml.safe_load((project.root / "tests/campaign/models.yaml").read_text())["emt-through-ase"]
    loader = {"calculator": "weighted_potentials:lennard_jones", "path": "tests/checkpoints"}
    entry |= {"loader": loader | {"arguments": {"weights": "{checkpoint}"}}}
    places = {"remote": {"url": url}, "trained": {"path": "results/trained/weights.json"}}
    places["local"] = {"path": "local.json"}
    models = {name: entry | {"checkpoint": place} for name, place in places.items()}
    (project.root / "models.yaml").write_text(yaml.safe_dump(models))
    config = yaml.safe_load((project.root / "tests/campaign/config.yaml").read_text())
    config |= {"catalogue": "models.yaml", "models": list(models), "checkpoints": {"folder": "site"}}
    config["diatomics"] |= {"elements": ["Al"]}
    config |= {"gas": {"systems": []}, "widom": {"cases": []}, "adsorption": {"systems": []}, "speed": {"systems": []}}
    config["phonons"] = {"cases": []}
    (project.root / "campaign.yaml").write_text(yaml.safe_dump(config))
    with open(project.root / "Snakefile", "a") as stream:
        stream.write(TRAINING)
    (project.root / "training.json").write_text(weights(SIGMA_A["trained"]))
    python = project.root / ".envs/classical/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (project.root / ".envs/classical/environment.lock").write_text("# python\n")
    return project


def run(project, *arguments):
    """Start the campaign, without its tables and figures."""
    done = project.snakemake("models", *arguments, configfile="campaign.yaml")
    assert done.returncode == 0, done.stdout
    return done.stdout


def record(project, model) -> dict:
    return read_json(project.root / f"results/models/{model}/diatomics/batch-000.json")


def result(project, model) -> dict:
    return record(project, model)["cases"]["Al-Al"]


def sigma_A(project, model) -> float:
    """From the distance of least energy, which is 2^(1/6) sigma."""
    curve = read_curve(project.root / f"results/models/{model}/diatomics/Al-Al/curve.h5")
    return float(curve.radii_A[curve.mean_interaction_eV.argmin()] / 2 ** (1 / 6))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """The campaign after a start at which two of three weights are not there."""
    server = WeightsServer()
    project = make_project(tmp_path_factory.mktemp("weights") / "campaign", f"{server.url}/weights.json")
    run(project)
    yield project, server
    server.close()


def test_weights_that_are_not_there_stop_nothing_and_are_told(campaign):
    project, _ = campaign
    assert result(project, "trained")["status"] == "ok"
    assert sigma_A(project, "trained") == pytest.approx(SIGMA_A["trained"], rel=0.05)
    for model in ("remote", "local"):
        assert (result(project, model)["status"], result(project, model)["reason"]) == ("failed", "checkpoint")
    message = result(project, "remote")["message"]
    assert "there is no such file (HTTP 404); correct remote.checkpoint.url" in message
    assert result(project, "local")["message"] == "local: the checkpoint local.json does not exist."
    assert read_json(project.root / "results/checkpoints/remote.json")["message"] == message


def test_weights_may_come_late_and_from_elsewhere(campaign):
    project, server = campaign
    fetched = project.root / "results/checkpoints/remote.json"

    # what failed is tried again at each start that calculates; a dry run says so and removes nothing
    plan = project.plan("models", configfile="campaign.yaml")
    assert plan["fetch_checkpoint"] == plan["describe_model"] == plan["run_diatomics"] == 1
    assert "fetch_checkpoint" not in project.plan("tables", configfile="campaign.yaml")
    assert fetched.exists() and len(server.requests) == 1

    server.files["/weights.json"] = weights(SIGMA_A["remote"]).encode()
    (project.root / "local.json").write_text(weights(SIGMA_A["local"]))
    run(project)
    for model, expected_A in SIGMA_A.items():
        assert sigma_A(project, model) == pytest.approx(expected_A, rel=0.05)
    assert (read_json(fetched)["status"], read_json(fetched)["attempt"]) == ("ok", 2)
    assert read_json(fetched)["path"] == str(project.root / "site/127.0.0.1/weights.json")
    assert project.plan("models", configfile="campaign.yaml") == {}
    assert len(server.requests) == 2

    # the same weights from another place change no result; others do
    mirror = project.root / "mirror"
    mirror.mkdir()
    (mirror / "weights.json").write_bytes(server.files["/weights.json"])
    fetched.unlink()
    config = yaml.safe_load((project.root / "campaign.yaml").read_text())
    config["checkpoints"]["mirror"] = "mirror"
    (project.root / "campaign.yaml").write_text(yaml.safe_dump(config))
    (project.root / "training.json").write_text(weights(2.6))
    run(project, "--forcerun=fetch_checkpoint")
    assert read_json(fetched)["path"] == str(mirror / "weights.json")
    assert len(server.requests) == 2
    assert record(project, "remote")["kept_from_before"] == ["Al-Al"]
    assert record(project, "trained")["kept_from_before"] == []
    assert sigma_A(project, "trained") == pytest.approx(2.6, rel=0.05)
