"""A campaign of two potentials and two chapters, as if it had run: all files there, recorded, and of known cost."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import yaml
from conftest import Project, copy_project

from assay.records import write_json

MODELS = ["emt", "emt-through-ase"]
CASES = {"diatomics": ["Al-Al", "Cu-Cu", "Si-Si"], "phonons": ["Al", "Cu", "Si"]}
SECONDS_PER_CASE = {"diatomics": 3600.0, "phonons": 7200.0}


def program_of(path: Path) -> ModuleType:
    """A program of workflow/scripts as a module, to run it in this process."""
    specification = importlib.util.spec_from_file_location(f"{path.stem}_program", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # where dataclasses look for their annotations
    specification.loader.exec_module(module)
    return module


def write_config(root: Path) -> None:
    """The tiny campaign without its other chapters."""
    config = yaml.safe_load((root / "tests/campaign/config.yaml").read_text()) | {"models": MODELS}
    config["gas"] = {"systems": []}
    config["widom"] = {"cases": []}
    config["adsorption"] = {"systems": []}
    config["speed"] = {"systems": []}
    config["conformance"] = {"laws": []}
    (root / "tiny.yaml").write_text(yaml.safe_dump(config))


def write_record(root: Path, model: str, chapter: str, batch: int, **changes) -> Path:
    """The record of a job of up to two cases on two cores, the last case failed."""
    cases = CASES[chapter][2 * batch : 2 * batch + 2]
    results = {case: {"status": "ok", "reason": None} for case in cases}
    if batch:
        results[cases[-1]] = {"status": "failed", "reason": "unsupported_element"}
    record = {
        "cases": results,
        "n_ok": sum(result["status"] == "ok" for result in results.values()),
        "n_total": len(cases),
        "kept_from_before": [],
        "device": "cpu",
        "threads": 2,
        "timings": {"wall_time_s": SECONDS_PER_CASE[chapter] * len(cases)},
    }
    path = root / f"results/models/{model}/{chapter}/batch-{batch:03d}.json"
    write_json(path, record | changes)
    return path


def finished_campaign(folder: Path) -> Project:
    """Make it."""
    project = copy_project(folder)
    write_config(project.root)
    command = [sys.executable, "-m", "snakemake", "--summary", "--configfile", "tiny.yaml"]
    run = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
    paths = [line.split("\t")[0] for line in run.stdout.splitlines() if line.startswith(("results/", ".envs/"))]
    for path in paths:
        target = project.root / path
        if path.endswith(("/bands", "export/tables")):
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("{}\n")
    for model in MODELS:
        for chapter in CASES:
            for batch in (0, 1):
                write_record(project.root, model, chapter, batch)
    run = project.snakemake("--touch", "--forceall", configfile="tiny.yaml")
    assert run.returncode == 0, run.stdout
    return project
