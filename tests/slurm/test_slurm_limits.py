"""Jobs that come to the limits of memory and time that the scheduler gave them."""

from __future__ import annotations

import json

import pytest

pytest_plugins = ["slurm_fixtures"]
pytestmark = pytest.mark.slow


def test_a_campaign_completes_although_jobs_came_to_their_limits(limits):
    campaign, head = limits
    assert head.returncode == 0, head.text
    assert campaign.leftovers() == []


@pytest.mark.parametrize(
    ("model", "states"),
    [
        ("greedy", ["FAILED", "COMPLETED"]),
        ("insatiable", ["FAILED", "FAILED", "COMPLETED"]),
        ("endless", ["FAILED", "FAILED", "COMPLETED"]),
    ],
)
def test_each_attempt_asks_for_more_and_the_scheduler_never_has_to_end_one(limits, model, states):
    campaign, _ = limits
    attempts = campaign.jobs("run_diatomics", f"{model}_")
    assert [job.state for job in attempts] == states
    assert [job.memory_MB for job in attempts] == [800 * number for number in range(1, len(states) + 1)]
    assert [job.minutes for job in attempts] == [1, 1, 2][: len(states)]


def test_what_is_enough_at_the_second_attempt_is_a_good_result(limits):
    campaign, _ = limits
    assert campaign.table().loc["greedy", "status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize(
    ("model", "reason", "words"),
    [("insatiable", "out_of_memory", "job's memory"), ("endless", "timeout", "the job's time limit of 2 min")],
)
def test_what_is_never_enough_is_a_row_and_spares_the_other_cases(limits, model, reason, words):
    campaign, _ = limits
    rows = campaign.table()
    assert rows.loc[(model, "Al-Al"), "status"] == "ok"
    assert rows.loc[(model, "Cu-Cu"), "reason"] == reason
    assert words in rows.loc[(model, "Cu-Cu"), "message"]


@pytest.mark.parametrize("model", ["insatiable", "endless"])
def test_no_attempt_does_again_what_an_earlier_one_finished(limits, model):
    campaign, _ = limits
    record = json.loads((campaign.results / f"models/{model}/diatomics/batch-000.json").read_text())
    assert record["kept_from_before"] == ["Al-Al"]
