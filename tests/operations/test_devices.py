"""Which device a job computes on, and what it says where there is no GPU."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

from assay import provenance
from assay.campaign import load_campaign
from assay.failures import UserError
from assay.records import read_json
from assay.runtime import choose_device
from assay.validation import read_yaml


@pytest.fixture
def gpu(monkeypatch, request):
    monkeypatch.setattr(provenance, "gpu_name", lambda: request.param)


@pytest.mark.parametrize(
    ("gpu", "devices", "chosen"),
    [
        ("H200", ["cuda", "cpu"], "cuda"),
        ("H200", ["cpu", "cuda"], "cpu"),
        (None, ["cpu"], "cpu"),
        (None, ["cuda", "cpu"], "cpu"),
        (None, ["cuda:1"], "cuda:1"),
    ],
    indirect=["gpu"],
)
def test_the_first_device_that_is_there(gpu, devices, chosen, caplog):
    assert choose_device(devices) == chosen
    assert ("although cuda was asked for; computing on cpu" in caplog.text) == (chosen == "cpu" and devices[0] != "cpu")


@pytest.mark.parametrize("gpu", [None], indirect=True)
@pytest.mark.parametrize(("visible", "said"), [("", "''"), (None, "not set"), ("0", "'0'")])
def test_no_device_is_one_sentence_about_the_machine(gpu, monkeypatch, visible, said):
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(UserError) as caught:
        choose_device(["cuda"])
    assert f"torch sees no GPU here (CUDA_VISIBLE_DEVICES is {said})" in str(caught.value)
    assert "`device_fallback: always`" in str(caught.value)


@pytest.mark.parametrize(
    ("fallback", "wanted", "scheduled", "devices"),
    [
        ("unscheduled", "auto", False, "cuda,cpu"),
        ("unscheduled", "auto", True, "cuda"),
        ("always", "auto", True, "cuda,cpu"),
        ("never", "auto", False, "cuda"),
        ("never", "cpu", True, "cpu"),
        ("always", "cuda", False, "cuda"),
    ],
)
def test_where_another_device_may_stand_in(monkeypatch, fallback, wanted, scheduled, devices):
    monkeypatch.chdir(ROOT)
    config = read_yaml(ROOT / "config/config.yaml") | {"device_fallback": fallback, "device": wanted}
    campaign = load_campaign(config)
    assert campaign.device("chgnet-0.3.0", scheduled=scheduled) == devices
    assert campaign.gpus("chgnet-0.3.0") == int(wanted != "cpu")
    if wanted == "auto":
        assert campaign.device("co2-mof74-dft", scheduled=scheduled) == "cpu"


@pytest.mark.parametrize(("mode", "devices"), [("default", "cuda,cpu"), ("remote", "cuda")])
def test_a_job_of_a_scheduler_gets_the_gpu_or_fails(project, mode, devices):
    """The command of a job: with ``--mode remote`` snakemake is what a scheduler runs on a node."""
    for rule in ("phonons", "speed"):
        target = f"results/models/chgnet-0.3.0/{rule}/batch-000.json"
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--cores", "1", "--mode", mode]
        run = subprocess.run([*command, target], cwd=project.root, capture_output=True, text=True, check=True)
        job = next(line for line in (run.stdout + run.stderr).splitlines() if f"scripts/run_{rule}.py" in line)
        assert f"--devices {devices} " in job


@pytest.fixture
def job(project):
    """A job of the model `emt` and what it needs; the classical environment is this one."""
    config = yaml.safe_load((project.root / "tests/campaign/config.yaml").read_text())
    config |= {"models": ["emt"]}
    config["phonons"]["cases"] = ["Al"]
    (project.root / "one.yaml").write_text(yaml.safe_dump(config))
    targets = ("results/models/emt/model.json", "results/inputs/phonons/batch-000.json")
    run = project.snakemake(*targets, configfile="one.yaml")
    assert run.returncode == 0, run.stdout
    (project.root / "environment.lock").write_text("# python 3.11\n")
    command = [sys.executable, "workflow/scripts/run_phonons.py", "--model", targets[0], "--inputs", targets[1]]
    return project.root, [*command, "--lock", "environment.lock", "--record", "record/batch-000.json"]


def test_a_fall_back_is_in_log_and_record(job):
    root, command = job
    run = subprocess.run([*command, "--devices", "cuda,cpu"], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "although cuda was asked for; computing on cpu" in run.stderr
    record = read_json(root / "record/batch-000.json")
    assert (record["device"], record["devices"], record["status"]) == ("cpu", ["cuda", "cpu"], "ok")


def test_without_a_fall_back_the_job_fails_and_the_model_does_not(job):
    root, command = job
    run = subprocess.run([*command, "--devices", "cuda"], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 3
    assert "torch sees no GPU here" in run.stderr.splitlines()[-1]
    assert list((root / "record").rglob("*.*")) == [], json.dumps(run.stderr)
