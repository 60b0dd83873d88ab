"""Two heads, two processes of one job, and what killed ones leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import copy_project

from assay.locks import campaign_lock, job_lock, take_campaign
from assay.records import atomic_path, read_json, remove_partial

SLOW = """
import os, time
from ase.calculators.emt import EMT

class Slow(EMT):
    def calculate(self, *arguments, **options):
        with open(os.environ["CALLS"], "a") as calls:
            calls.write("x")
        while not os.path.exists(os.environ["GO"]):
            time.sleep(0.02)
        super().calculate(*arguments, **options)
"""
MODEL, INPUTS = "results/models/slow/model.json", "results/inputs/phonons/batch-000.json"
RECORD = "results/models/slow/phonons/batch-000.json"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A campaign of one slow potential and two crystals, prepared by snakemake."""
    project = copy_project(tmp_path_factory.mktemp("orphans") / "campaign")
    root = project.root
    (root / "slow_potential.py").write_text(SLOW)
    entry = yaml.safe_load((root / "tests/campaign/models.yaml").read_text())["emt-through-ase"]
    entry |= {"loader": {"calculator": "slow_potential:Slow", "path": "."}}
    (root / "slow.yaml").write_text(yaml.safe_dump({"slow": entry}))
    config = yaml.safe_load((root / "tests/campaign/config.yaml").read_text())
    config |= {"models": [{"slow": ["phonons"]}], "catalogue": "slow.yaml"}
    config["phonons"] |= {"cases": ["Al", "Si"]}
    (root / "one.yaml").write_text(yaml.safe_dump(config))
    run = project.snakemake(MODEL, INPUTS, configfile="one.yaml")
    assert run.returncode == 0, run.stdout
    (root / "environment.lock").write_text("# python 3.11\n")
    return project


@pytest.fixture
def root(template, monkeypatch, tmp_path):
    monkeypatch.chdir(template.root)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    subprocess.run(["rm", "-rf", "results/models/slow/phonons"], check=True)
    return template.root


def start(*options) -> subprocess.Popen:
    command = [sys.executable, "workflow/scripts/run_phonons.py", "--model", MODEL, "--inputs", INPUTS]
    command += ["--lock", "environment.lock", "--record", RECORD, *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def calls() -> int:
    path = os.environ["CALLS"]
    return os.path.getsize(path) if os.path.exists(path) else 0


def hidden(root) -> list[str]:
    return [path.name for path in (root / "results").rglob(".*") if path.name != ".snakemake_timestamp"]


def test_a_second_process_of_a_job_waits_and_keeps_all_of_it(root):
    first = start()
    while not calls():
        time.sleep(0.02)
    second = start()
    said = ""
    while "waiting" not in said:
        said = second.stderr.readline()
    assert f"the same job runs elsewhere (process {first.pid} on " in said
    Path(os.environ["GO"]).touch()
    _, first_log = first.communicate(timeout=60)
    _, second_log = second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), first_log + second_log
    assert "kept from before: Al, Si" in second_log
    assert "waiting" not in second_log
    # silicon, which EMT does not know, failed once and was not tried again
    record = read_json(root / RECORD)
    assert record["kept_from_before"] == ["Al", "Si"]
    assert record["cases"]["Si"]["reason"] == "error"
    once = calls()
    subprocess.run(["rm", "-rf", "results/models/slow/phonons"], check=True)
    assert start().wait(60) == 0
    assert calls() == 2 * once
    assert hidden(root) == []


def test_a_killed_process_gives_way_and_is_cleaned_up_after(root):
    first = start()
    while not calls():
        time.sleep(0.02)
    first.kill()
    Path(os.environ["GO"]).touch()
    first.wait()
    folder = root / "results/models/slow/phonons"
    assert job_lock(root / RECORD).exists()
    (folder / "Al").mkdir(exist_ok=True)
    own = [
        folder / ".partial-batch-000.json-x.json",
        folder / ".partial-batch-000.work-x.work",
        folder / "batch-000.session",
    ]
    own += [folder / "Al/.partial-result.json-x.json"]
    foreign = folder / ".partial-batch-001.json-x.json"
    for path in (*own, foreign):
        path.write_text("half")
    second = start()
    _, log = second.communicate(timeout=60)
    assert second.returncode == 0, log
    assert "runs elsewhere" not in log
    assert [path for path in own if path.exists()] == []
    assert hidden(root) == [foreign.name]
    foreign.unlink()


def test_a_second_head_is_refused_and_looking_is_not(root, template):
    lock = take_campaign(root / "results")
    try:
        run = template.snakemake("--forcerun=describe_model", MODEL, configfile="one.yaml")
        assert run.returncode == 1
        assert f"another snakemake runs this campaign (process {os.getpid()} on " in run.stdout
        assert "then rerun." in run.stdout
        assert "Traceback" not in run.stdout
        for option in ("--dry-run", "--summary"):
            assert template.snakemake(option, configfile="one.yaml").returncode == 0, option
    finally:
        lock.release()


def test_a_head_clears_what_a_killed_one_left(root, template):
    left = ["tables/.partial-phonons.csv-x.csv", "inputs/phonons/.partial-batch-000.json-x.json"]
    left += ["models/slow/.partial-model.json-x.json", "references/a/.partial-record.json-x.json"]
    shared = root / "results/references/a/.partial-young.json-x.json"
    for name in left:
        (root / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "results" / name).write_text("half")
    shared.write_text("somebody else may be writing this")
    os.utime(root / "results" / left[-1], (0, 0))
    campaign_lock(root / "results").write_text(json.dumps({"host": "gone", "pid": 1, "since": "then"}))
    run = template.snakemake("--forcerun=describe_model", MODEL, configfile="one.yaml")
    assert run.returncode == 0, run.stdout
    assert hidden(root) == [shared.name]
    shared.unlink()


def test_a_job_on_its_own_is_not_a_head(root, template):
    """What a scheduler starts on a node while the head holds the campaign."""
    lock = take_campaign(root / "results")
    try:
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--cores",
            "1",
            "--configfile",
            "one.yaml",
            "--mode",
            "subprocess",
        ]
        command += ["--nolock", "--no-hooks", "--force", "--target-jobs", "describe_model:model=slow", "--", MODEL]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    finally:
        lock.release()


def test_partial_files_bear_the_name_of_what_they_become(tmp_path):
    with atomic_path(tmp_path / "record.json") as temporary:
        assert temporary.name.startswith(".partial-record.json-")
        (tmp_path / ".partial-other.json-x.json").write_text("")
        remove_partial(tmp_path, "other.")
        assert [path.name for path in tmp_path.iterdir()] == [temporary.name]
        remove_partial(tmp_path, older_than_s=60)
        assert temporary.exists()
    remove_partial(tmp_path / "absent")
