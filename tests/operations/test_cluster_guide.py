"""docs/running-on-a-cluster.md: every command in it works as it stands, nothing being submitted."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, copy_project
from typed_commands import DRIVER, commands, typed

from assay.validation import read_schema

GUIDE = (ROOT / "docs/running-on-a-cluster.md").read_text()


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("guide") / "campaign")
    (project.root / "results/models/chgnet-0.3.0/phonons").mkdir(parents=True)
    return project.root


@pytest.mark.parametrize("command", commands(GUIDE))
def test_commands_work_as_they_stand(campaign, command):
    (campaign / "results/models/chgnet-0.3.0/phonons").mkdir(parents=True, exist_ok=True)
    run = subprocess.run(typed(command), cwd=campaign, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_files_and_keys_that_are_named_exist():
    schema = read_schema("config")["properties"]
    for name in re.findall(r"`((?:profiles|benchmarks|config|workflow)/[\w./-]+)`", GUIDE):
        assert (ROOT / name).exists(), name
    for block, key in re.findall(r"`(\w+)\.(references)`", GUIDE):
        assert key in schema[block]["properties"]
    assert schema["device_fallback"]["enum"] == ["unscheduled", "always", "never"]
    for profile in ("local", "slurm"):
        assert yaml.safe_load((ROOT / f"profiles/{profile}/config.yaml").read_text())["nolock"] is True


def test_campaigns_share_one_store_of_references(tmp_path):
    """Two campaigns read the records of a folder that belongs to neither."""
    store = tmp_path / "store of references"
    shutil.copytree(ROOT / "resources/references/phonons/Al", store / "Al")
    target = "results/inputs/phonons/batch-000.json"
    for name in ("first", "second"):
        project = copy_project(tmp_path / name)
        config = yaml.safe_load((project.root / "tests/campaign/config.yaml").read_text())
        config |= {"models": ["emt"]}
        config["phonons"] |= {"references": str(store), "cases": ["Al"]}
        (project.root / "own.yaml").write_text(yaml.safe_dump(config))
        run = project.snakemake(target, configfile="own.yaml")
        assert run.returncode == 0, run.stdout
        assert "reference_phonons" not in run.stdout
        assert str(store) in (project.root / target).read_text()
    assert sorted(path.name for path in store.rglob("*")) == ["Al", "phonopy_params.yaml.xz", "record.json"]


@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None,
    reason="the plugin snakemake-executor-plugin-cluster-generic is not installed",
)
def test_a_scheduler_that_is_a_submit_command(tmp_path):
    """A job goes through a script that starts what it is given, as qsub would."""
    project = copy_project(tmp_path / "campaign")
    config = yaml.safe_load((project.root / "tests/campaign/config.yaml").read_text()) | {"models": ["emt"]}
    (project.root / "own.yaml").write_text(yaml.safe_dump(config))
    submit = tmp_path / "submit.sh"
    submit.write_text('#!/bin/sh\nnohup sh "$1" > /dev/null 2>&1 &\necho $!\n')
    submit.chmod(0o755)
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--executor",
        "cluster-generic",
        "--jobs",
        "1",
        "--latency-wait",
        "30",
    ]
    command += ["--cluster-generic-submit-cmd", str(submit), "--configfile", "own.yaml"]
    run = subprocess.run(
        [*command, "--", "results/inputs/phonons/batch-000.json"],
        cwd=project.root,
        env=os.environ | {"PATH": f"{DRIVER}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (project.root / "results/inputs/phonons/batch-000.json").exists()
