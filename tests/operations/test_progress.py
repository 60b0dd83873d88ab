"""How far a campaign is, told from its files while it runs."""

from __future__ import annotations

import time

import pytest
import yaml
from conftest import ROOT, copy_project
from finished_campaign import CASES, MODELS, program_of, write_config, write_record

from assay.campaign import load_campaign
from assay.locks import job_lock, take, take_campaign
from assay.planning import read_campaign
from assay.progress import JobState, job_states
from assay.records import write_json
from assay.validation import read_yaml

program = program_of(ROOT / "workflow/scripts/status.py")


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    """A campaign of which nothing has been done; this is its folder."""
    project = copy_project(tmp_path / "campaign")
    write_config(project.root)
    monkeypatch.chdir(project.root)
    return project.root


def states(root) -> dict[tuple[str, str, str], JobState]:
    found = job_states(read_campaign([root / "tiny.yaml"]))
    return {(state.model, state.chapter, state.batch): state for state in found}


def status(capsys) -> list[str]:
    assert program.main(["--configfile", "tiny.yaml"]) == 0
    return capsys.readouterr().out.splitlines()


def test_nothing_has_been_done(campaign, capsys):
    assert {state.state for state in states(campaign).values()} == {"waiting"}
    lines = status(capsys)
    assert lines[0] == "no snakemake runs"
    assert lines[-1].split() == ["total", "0", "0", "0", "8", "0", "12"]


def test_a_record_is_a_job_done_with_its_failures(campaign, capsys):
    write_record(campaign, "emt", "phonons", 0)
    write_record(campaign, "emt", "phonons", 1)
    known = states(campaign)
    assert known["emt", "phonons", "000"] == JobState("emt", "phonons", "000", "done", 2, 2)
    assert known["emt", "phonons", "001"].failures == {"unsupported_element": 1}
    line = next(line for line in status(capsys) if line.startswith("emt ") and "phonons" in line)
    assert line.split() == ["emt", "phonons", "2", "0", "0", "0", "2", "3", "unsupported_element", "1"]


def write_case(root, case, **content):
    write_json(root / f"results/models/emt/phonons/{case}/result.json", {"status": "ok", "reason": None} | content)


def test_a_running_job_says_who_where_and_how_far(campaign, capsys):
    record = campaign / "results/models/emt/phonons/batch-000.json"
    head, job = take_campaign(campaign / "results"), take(job_lock(record))
    write_case(campaign, "Al")
    write_json(record.with_suffix(".progress"), {"cases": ["Cu"], "since": time.time() - 75})
    state = states(campaign)["emt", "phonons", "000"]
    assert (state.state, state.cases_ok, state.working_on) == ("running", 1, ("Cu",))
    assert state.working_s == pytest.approx(75, abs=5)
    lines = status(capsys)
    assert lines[0].startswith("snakemake runs: process ")
    running = next(line for line in lines if line.startswith("running: "))
    assert running.startswith("running: emt phonons 000: 1 of 2 cases, at Cu for 1 min 1")
    assert "(process " in running
    job.release()
    head.release()
    # a lock file that a killed process left is not a running job
    job_lock(record).write_text('{"host": "x", "pid": 1, "since": "2026"}')
    assert states(campaign)["emt", "phonons", "000"].state == "waiting"


def test_a_job_that_ended_without_a_record_is_told_with_its_last_words(campaign, capsys):
    log = campaign / "results/logs/run_phonons/emt-000.log"
    log.parent.mkdir(parents=True)
    log.write_text("12:00:00 loading\nresults: no space left on device; free the folder.\n\n")
    write_case(campaign, "Al", status="failed", reason="crashed")
    state = states(campaign)["emt", "phonons", "000"]
    assert (state.state, state.cases_ok, state.failures) == ("stopped", 0, {"crashed": 1})
    lines = status(capsys)
    assert (
        "stopped: emt phonons 000: results: no space left on device; free the folder."
        " (results/logs/run_phonons/emt-000.log)"
    ) in lines


def test_damaged_files_stop_nothing(campaign, capsys):
    record = write_record(campaign, "emt", "phonons", 0)
    record.write_text('{"cases"')
    assert states(campaign)["emt", "phonons", "000"].state == "waiting"
    assert status(capsys)


def test_three_thousand_jobs_are_told_in_seconds(tmp_path, monkeypatch):
    """The limit is generous, the benchmark prints the figure."""
    project = copy_project(tmp_path / "large")
    monkeypatch.chdir(project.root)
    crystal = yaml.safe_load((project.root / "resources/structures/crystals.yaml").read_text())["Al"]
    (project.root / "crystals.yaml").write_text(yaml.safe_dump({f"crystal-{i}": crystal for i in range(1500)}))
    config = read_yaml(project.root / "tests/campaign/config.yaml") | {"models": MODELS, "structures": "crystals.yaml"}
    config |= {"gas": {"systems": []}, "widom": {"cases": []}, "adsorption": {"systems": []}}
    config |= {"speed": {"systems": []}, "diatomics": {"elements": []}, "conformance": {"laws": []}}
    config["phonons"] = {"cases": [f"crystal-{i}" for i in range(1500)], "batch_size": 1}
    campaign = load_campaign(config)
    record = write_record(project.root, "emt", "phonons", 0).read_text()
    for path in campaign.records():
        target = project.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(record)
    start = time.process_time()
    found = job_states(campaign)
    assert time.process_time() - start < 4
    assert len(found) == 3000
    assert {state.state for state in found} == {"done"}


@pytest.mark.parametrize(("seconds", "words"), [(5, "5 s"), (65, "1 min 5 s"), (7325, "2 h 2 min"), (-1, "0 s")])
def test_durations(seconds, words):
    assert program.duration(seconds) == words


def test_the_cases_here_are_those_of_the_campaign(campaign):
    made = read_campaign([campaign / "tiny.yaml"])
    assert {chapter.name: list(chapter.cases) for chapter in made.chapters} == CASES
