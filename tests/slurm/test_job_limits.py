"""What a job knows of its limits, and what becomes of a calculation that comes to them; no scheduler is needed."""

from __future__ import annotations

import errno
import logging
import os
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import runs
from assay.damage import remove_damaged
from assay.failures import UserError
from assay.records import write_json
from assay.scheduler import NO_LIMITS, Grant, anonymous_memory_MiB, granted, parse_job
from assay.supervision import supervise

JOB = (
    "JobId=7 JobName=assay JobState=RUNNING RunTime=00:00:10 TimeLimit={limit} TimeMin=N/A"
    " StartTime=2026-03-01T10:00:00 EndTime={end} Deadline=N/A NumCPUs=4 {memory} MinMemoryNode=8G\n"
)

CHILD = """
import sys, time
from pathlib import Path
from assay.supervision import Work
work = Work.read(Path(sys.argv[-1]))
for case in work.cases:
    work.announce([case])
    kept = b"x" * 400 * 2**20 if case == "large" else b""
    if case in ("large", "long"):
        time.sleep(60)
    (Path({folder!r}) / case).write_text("done")
work.announce([])
"""


def run(tmp_path, cases, grant, attempts_left=0):
    program = tmp_path / "child.py"
    program.write_text(textwrap.dedent(CHILD).format(folder=str(tmp_path)))
    return supervise(
        [sys.executable, str(program)],
        cases,
        work_path=tmp_path / "job.work",
        finished=lambda case: (tmp_path / case).exists(),
        grant=grant,
        attempts_left=attempts_left,
    )


@pytest.mark.parametrize(
    "memory", ["TRES=cpu=4,mem=8G,node=1", "ReqTRES=cpu=4,mem=1G AllocTRES=cpu=4,mem=8192M,node=1"]
)
def test_limits_are_read_from_what_old_and_new_schedulers_print(memory):
    grant = parse_job(JOB.format(limit="02:00:00", end="2026-03-01T12:00:00", memory=memory))
    assert grant.memory_MiB == 8192
    assert grant.duration_s == 7200
    assert time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(grant.ends)) == "2026-03-01T12:00:00"
    assert grant.stop == grant.ends - 60


def test_days_are_part_of_a_time_limit():
    grant = parse_job(JOB.format(limit="1-12:30:00", end="2026-03-02T22:30:00", memory="TRES=cpu=1"))
    assert grant.duration_s == 36.5 * 3600
    assert grant.memory_MiB is None


def test_a_job_without_limits_has_none():
    assert parse_job(JOB.format(limit="UNLIMITED", end="Unknown", memory="TRES=cpu=1")) == NO_LIMITS
    assert NO_LIMITS.stop is None and NO_LIMITS.calculation_MiB is None


@given(st.floats(min_value=1, max_value=1e7))
def test_a_calculation_gets_a_good_part_of_the_memory_but_not_all(memory_MiB):
    limit = Grant(memory_MiB=memory_MiB).calculation_MiB
    assert memory_MiB / 2 <= limit < memory_MiB


def test_outside_of_a_scheduler_there_are_no_limits(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert granted() == NO_LIMITS


def test_the_scheduler_is_asked(monkeypatch, tmp_path):
    line = JOB.format(limit="02:00:00", end="2026-03-01T12:00:00", memory="TRES=cpu=1,mem=2G")
    (tmp_path / "scontrol").write_text(f"#!/bin/sh\necho '{line}'\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert granted().memory_MiB == 2048


def test_a_scheduler_that_does_not_answer_is_told_and_survived(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with caplog.at_level(logging.WARNING):
        assert granted() == NO_LIMITS
    assert "limits of job 7 are not known" in caplog.text


def test_memory_of_a_process_is_seen():
    before = anonymous_memory_MiB(os.getpid())
    block = b"x" * 100 * 2**20
    assert 90 < anonymous_memory_MiB(os.getpid()) - before < 110
    del block


@dataclass(frozen=True)
class EndsWhen(Grant):
    """A grant that ends as soon as a file is there."""

    path: Path | None = None

    @property
    def stop(self):
        return 0.0 if self.path.exists() else None


def test_time_that_runs_out_is_an_error_while_attempts_are_left(tmp_path):
    grant = EndsWhen(duration_s=60, path=tmp_path / "a")
    with pytest.raises(UserError, match="the job's time limit of 1 min was reached; 2 attempts with more are left"):
        run(tmp_path, ["a", "long", "b"], grant, attempts_left=2)
    assert (tmp_path / "a").exists()
    assert not (tmp_path / "job.work").exists()


def test_time_that_runs_out_in_the_last_attempt_is_the_result_of_all_that_is_left(tmp_path):
    outcome = run(tmp_path, ["a", "long", "b"], EndsWhen(duration_s=60, path=tmp_path / "a"))
    assert outcome.failures == dict.fromkeys(["long", "b"], ("timeout", "the job's time limit of 1 min was reached."))


def test_memory_that_runs_out_is_an_error_while_attempts_are_left(tmp_path):
    with pytest.raises(UserError, match="took more than the job's memory of 500 MiB allows; 1 attempts"):
        run(tmp_path, ["a", "large", "b"], Grant(memory_MiB=500), attempts_left=1)
    assert (tmp_path / "a").exists()


def test_memory_that_runs_out_in_the_last_attempt_costs_one_case(tmp_path):
    outcome = run(tmp_path, ["a", "large", "b"], Grant(memory_MiB=500))
    assert list(outcome.failures) == ["large"]
    assert outcome.failures["large"][0] == "out_of_memory"
    assert (tmp_path / "b").exists()


def test_a_kill_of_the_kernel_for_want_of_memory_is_told_from_others(tmp_path, monkeypatch):
    counts = iter([0, 1])
    monkeypatch.setattr("assay.supervision.kernel_kills", lambda: next(counts, 1))
    program = "import os, signal, sys; from pathlib import Path; from assay.supervision import Work;"
    program += " Work.read(Path(sys.argv[-1])).announce(['a']); os.kill(os.getpid(), signal.SIGKILL)"
    outcome = supervise(
        [sys.executable, "-c", program], ["a"], work_path=tmp_path / "job.work", finished=lambda case: False
    )
    assert outcome.failures["a"][0] == "out_of_memory"


@pytest.mark.parametrize("kept_bytes", [0, 1, 60, -1])
def test_records_that_were_cut_short_are_removed(tmp_path, kept_bytes):
    whole, short, absent = (tmp_path / f"{model}/gas/batch-000.json" for model in ("whole", "short", "absent"))
    for path in (whole, short):
        write_json(path, {"cases": {"a": {"status": "ok"}, "b": {"status": "ok"}}, "n_ok": 2})
        write_json(path.parents[1] / "summary.json", {"n_ok": 2})
    short.write_bytes(short.read_bytes()[:kept_bytes])
    assert remove_damaged([str(whole), str(short), str(absent)]) == [short]
    assert sorted(path.name for path in tmp_path.rglob("*.json")) == ["batch-000.json", "summary.json"]


def test_a_file_of_arrays_that_does_not_fit_is_the_machines_fault():
    """HDF5 keeps small arrays until a file is closed, and then has no OSError for a disk that is full."""

    def compute(*_):
        raise RuntimeError(
            "Can't decrement id ref count (errno = 28, error message = 'No space left on device', buf = 0)"
        )

    with pytest.raises(OSError) as caught:
        runs._run_child(job=None, compute=compute, work=None)
    assert (caught.value.errno, caught.value.strerror) == (errno.ENOSPC, "No space left on device")
