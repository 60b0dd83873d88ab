"""Everything that can happen to a campaign on a cluster, and that the same command afterwards completes it.

One campaign meets all faults: models that fail for different reasons do not disturb each other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest
from slurm_campaigns import Head, Running, SlurmCampaign, await_that, full_disk

pytest_plugins = ["slurm_fixtures"]
pytestmark = pytest.mark.slow

ROOM_bytes = 32_000
"""Enough for the description of a model and for the books of its job, too little for a curve."""


@dataclass(frozen=True)
class Faults:
    """What was done to the first run of a campaign, and how it ended."""

    campaign: SlurmCampaign
    head: Head
    drained: Running
    cancelled: Running
    struck: Running
    moved: Running


@pytest.fixture(scope="module")
def first_run(troubled, cluster):
    """A run in which a node is drained, a job cancelled, a node fails, a disk is full and the scheduler is away."""

    def set_node(job: Running, state: str) -> None:
        # a node that came back with the scheduler cannot be resumed again
        check = state != "RESUME"
        cluster.command("scontrol", "update", f"NodeName={job.node}", f"State={state}", "Reason=test", check=check)

    with full_disk(troubled.results / "models/slowest", ROOM_bytes) as filler:
        head = troubled.start()
        (drained,) = await_that(lambda: troubled.running("prepare_diatomics"), "the first job runs")
        set_node(drained, "DRAIN")
        cancelled = troubled.await_calculation("slow")
        cluster.command("scancel", cancelled.number)
        struck = troubled.await_calculation("slower")
        set_node(struck, "DOWN")
        moved = troubled.await_calculation("slower", after=struck)
        await_that((troubled.results / "models/slow/diatomics/batch-000.json").exists, "slow is done")
        # of a job that ends while the scheduler is away it may not hear for half an hour
        await_that(lambda: troubled.running("run_diatomics") in ([moved], []), "no other job runs")
        cluster.stop_controller()
        time.sleep(4)
        cluster.start_controller()
        head.wait()
        for job in (drained, struck):
            set_node(job, "RESUME")
        filler.unlink()
    return Faults(troubled, head, drained, cancelled, struck, moved)


def test_models_that_the_machine_failed_are_retried_and_the_others_finish(first_run):
    assert first_run.head.returncode == 1
    records = (first_run.campaign.results / "models").glob("*/diatomics/batch-000.json")
    assert {path.parts[-3] for path in records} == {"slow", "slower"}


def test_a_node_that_is_drained_ends_its_job_and_gets_no_other(first_run):
    on_node = [job for job in first_run.campaign.jobs() if job.node == first_run.drained.node]
    assert [(job.rule, job.state) for job in on_node] == [("prepare_diatomics", "COMPLETED")]


def test_a_cancelled_job_is_submitted_again(first_run):
    first, *_, last = first_run.campaign.jobs("run_diatomics", "slow_")
    assert (first.number, first.state) == (first_run.cancelled.number, "CANCELLED")
    assert last.state == "COMPLETED"


def test_a_job_whose_node_fails_moves_to_another_and_survives_a_restart_of_the_scheduler(first_run):
    struck, moved = first_run.campaign.jobs("run_diatomics", "slower_")
    assert (struck.state, moved.state) == ("NODE_FAIL", "COMPLETED")
    assert (moved.number, moved.node) == (first_run.moved.number, first_run.moved.node)
    assert moved.node != struck.node


def test_a_full_disk_is_named_and_no_result_of_the_model(first_run):
    campaign = first_run.campaign
    log = (campaign.results / "logs/run_diatomics/slowest-000.log").read_text()
    assert log.splitlines()[-1].endswith("No space left on device; mend that and rerun.")
    assert campaign.jobs("run_diatomics", "slowest_")[-1].state == "FAILED"


def test_a_job_without_the_gpu_that_it_asked_for_fails_and_says_so(first_run):
    log = (first_run.campaign.results / "logs/run_diatomics/wants-a-gpu-000.log").read_text()
    assert "torch sees no GPU here" in log and "device_fallback" in log
    attempts = first_run.campaign.jobs("run_diatomics", "wants-a-gpu_")
    assert attempts[-1].state == "FAILED"
    assert {(job.partition, job.gpus) for job in attempts} == {("gpu", 1)}


def test_tables_can_be_made_from_what_exists(first_run):
    campaign = first_run.campaign
    run = campaign.run("--", "tables")
    assert run.returncode == 0, run.text
    rows = campaign.table()
    assert set(rows.loc[["slow", "slower"], "status"]) == {"ok"}
    assert set(rows.loc[["slowest", "wants-a-gpu"], "status"]) == {"missing"}


@pytest.fixture(scope="module")
def second_run(first_run):
    """The causes are mended; the same command is given, killed, given again; another tries at the same time."""
    campaign = first_run.campaign
    before = campaign.results_of("slow", "slower")
    campaign.choose(["slow", "slower", "slowest", "wants-a-gpu"], device_fallback="always")
    killed = campaign.start()
    orphan = campaign.await_calculation("slowest")
    killed.kill()
    last = campaign.start()
    await_that(lambda: len(campaign.running("run_diatomics", "slowest_")) == 2, "the job is submitted again")
    other = campaign.run()
    return campaign, before, orphan, other, last.wait()


def test_a_second_head_refuses(second_run):
    *_, other, _ = second_run
    assert other.returncode == 1
    assert "another snakemake runs this campaign (process" in other.text
    assert "submitted" not in other.text


def test_a_killed_head_leaves_nothing_in_the_way(second_run):
    campaign, *_, last = second_run
    assert last.returncode == 0, last.text
    assert campaign.leftovers() == []


def test_what_the_orphan_finished_is_kept(second_run):
    campaign, _, orphan, *_ = second_run
    attempts = campaign.jobs("run_diatomics", "slowest_")
    at = [job.number for job in attempts].index(orphan.number)
    assert [job.state for job in attempts[at:]] == ["COMPLETED", "COMPLETED"]
    log = (campaign.results / "logs/run_diatomics/slowest-000.log").read_text()
    assert "the same job runs elsewhere" in log and "kept from before: Al-Al, Cu-Cu" in log


def test_no_finished_result_is_computed_again(second_run):
    campaign, before, *_ = second_run
    assert campaign.results_of("slow", "slower") == before


def test_the_tables_are_right(second_run):
    campaign, *_ = second_run
    rows = campaign.table()
    assert set(rows["status"]) == {"ok"}
    numbers = rows.select_dtypes("number").dropna(axis="columns")
    assert len(numbers.columns) > 5
    for model in ("slower", "slowest", "wants-a-gpu"):
        np.testing.assert_allclose(numbers.loc[model], numbers.loc["slow"], rtol=1e-6, atol=1e-9)


def test_the_campaign_is_complete(second_run):
    campaign, *_ = second_run
    await_that(lambda: all(job.state != "RUNNING" for job in campaign.jobs()), "all jobs of the scheduler have ended")
    again = campaign.run("--dry-run")
    assert "Nothing to be done" in again.text
