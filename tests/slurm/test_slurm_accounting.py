"""A campaign on a real scheduler, seen from the scheduler's own books."""

from __future__ import annotations

import json

import psutil
import pytest
from cluster import N_NODES

pytest_plugins = ["slurm_fixtures"]


def only(jobs):
    assert len(jobs) == 1, jobs
    return jobs[0]


def test_all_daemons_listen_on_the_loopback_device_only(cluster):
    daemons = cluster.processes()
    assert len(daemons) == 4 + N_NODES
    listening = [
        connection.laddr.ip
        for daemon in daemons
        for connection in daemon.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening and set(listening) == {"127.0.0.1"}


def test_the_campaign_ends_well(healthy):
    campaign, head = healthy
    assert head.returncode == 0, head.text
    assert {job.state for job in campaign.jobs()} == {"COMPLETED"}
    assert campaign.leftovers() == []


def test_all_jobs_of_the_chapter_ran_on_the_cluster_and_each_once(healthy):
    campaign, _ = healthy
    rules = sorted(job.rule for job in campaign.jobs())
    assert rules == sorted(["prepare_diatomics", *3 * ["run_diatomics"], "score_diatomics", "plot_diatomics"])


def test_only_who_asked_for_a_gpu_got_one(healthy):
    campaign, _ = healthy
    for job in campaign.jobs():
        wants = job.wildcards.startswith("wants-a-gpu")
        assert (job.partition, job.gpus) == (("gpu", 1) if wants else ("cpu", 0))


def test_a_job_that_finds_no_gpu_says_so(healthy):
    campaign, _ = healthy
    log = (campaign.results / "logs/run_diatomics/wants-a-gpu-000.log").read_text()
    assert "although cuda was asked for; computing on cpu" in log
    # the scheduler did tell it which GPU is its own
    assert "CUDA_VISIBLE_DEVICES is '0'" in log
    record = json.loads((campaign.results / "models/wants-a-gpu/diatomics/batch-000.json").read_text())
    assert record["device"] == "cpu"


@pytest.mark.parametrize(
    ("rule", "cores", "memory_MB", "minutes"),
    [
        ("prepare_diatomics", 1, 1024, 10),
        ("run_diatomics", 4, 8192, 120),
        ("score_diatomics", 1, 2048, 30),
        ("plot_diatomics", 1, 2048, 30),
    ],
)
def test_jobs_ask_for_what_their_rule_and_the_profile_say(healthy, rule, cores, memory_MB, minutes):
    campaign, _ = healthy
    asked = {(job.cores, job.memory_MB, job.minutes) for job in campaign.jobs(rule)}
    assert asked == {(cores, memory_MB, minutes)}


def test_no_job_starts_before_what_it_needs_has_ended(healthy):
    campaign, _ = healthy
    prepare, score, plot = (only(campaign.jobs(f"{verb}_diatomics")) for verb in ("prepare", "score", "plot"))
    for run in campaign.jobs("run_diatomics"):
        assert prepare.end <= run.start
        assert run.end <= score.start
    assert score.end <= plot.start


def test_an_environment_that_cannot_be_built_is_a_row(healthy):
    campaign, _ = healthy
    rows = campaign.table()
    assert set(rows.loc["cannot-be-built", "reason"]) == {"environment"}
    assert set(rows.loc[["emt", "wants-a-gpu"], "status"]) == {"ok"}


def test_a_second_run_submits_nothing(healthy):
    campaign, _ = healthy
    before = campaign.jobs()
    again = campaign.run()
    assert again.returncode == 0
    assert "Nothing to be done" in again.text
    assert campaign.jobs() == before


def test_files_cut_short_are_made_again_and_no_others(healthy):
    campaign, _ = healthy
    model = campaign.results / "models/emt/diatomics"
    rows, others = campaign.table(), campaign.results_of("wants-a-gpu", "cannot-be-built")
    whole = (model / "Cu-Cu/result.json").stat()
    for path in (model / "batch-000.json", model / "Al-Al/curve.h5"):
        path.write_bytes(path.read_bytes()[:100])
    submitted = len(campaign.jobs())
    again = campaign.run()
    assert again.returncode == 0, again.text
    rules = [job.rule for job in campaign.jobs()[submitted:]]
    assert rules == ["run_diatomics", "score_diatomics", "plot_diatomics"]
    log = (campaign.results / "logs/run_diatomics/emt-000.log").read_text()
    assert "curve.h5 is missing or damaged" in log and "kept from before: Cu-Cu" in log
    kept = (model / "Cu-Cu/result.json").stat()
    assert (kept.st_ino, kept.st_mtime_ns) == (whole.st_ino, whole.st_mtime_ns)
    assert campaign.results_of("wants-a-gpu", "cannot-be-built") == others
    assert campaign.table().equals(rows)
    assert campaign.leftovers() == []
