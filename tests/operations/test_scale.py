"""The size of large campaigns in jobs, and what they take to plan."""

from __future__ import annotations

import time

from conftest import ROOT
from finished_campaign import program_of

benchmark = program_of(ROOT / "benchmarks/orchestration.py")


def test_the_thesis_campaign_is_small_and_planned_in_seconds(tmp_path):
    """12 models, 400 crystals, all chapters. The limit of time is generous, the benchmark prints the figure."""
    project = benchmark.copied(tmp_path / "project")
    benchmark.write_thesis(project, models=12, crystals=400)
    start = time.monotonic()
    jobs = benchmark.planned_jobs(project)
    assert time.monotonic() - start < 120
    chapters = benchmark.chapters(project)
    assert chapters == ["diatomics", "phonons", "gas", "widom", "adsorption", "speed", "conformance"]
    assert 12 * len(chapters) < jobs < 3000


def test_benchmarks_know_how_many_jobs_they_plan(tmp_path):
    project = benchmark.copied(tmp_path / "project")
    benchmark.write_crystals(project, 3, 4)
    # a job for each model and crystal, one to prepare each crystal, two for each model, the environment, table,
    # figures, report, the catalogue as a table, export, all
    assert benchmark.planned_jobs(project) == 3 * 4 + 4 + 3 * 2 + 7
