"""The parent's books over a child that finishes, raises, dies, hangs, or is told off for bad input."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from assay.failures import UserError
from assay.supervision import supervise

CHILD = """
import os, signal, sys, time
from pathlib import Path
from assay.supervision import Work
work = Work.read(Path(sys.argv[-1]))
folder = Path({folder!r})
together = [case for case in work.cases if case not in work.alone]
groups = [[case] for case in work.alone] + ([together] if {grouped} and together else [[case] for case in together])
(folder / "starts").open("a").write("x")
{before}
for group in groups:
    work.announce(group)
    for case in group:
        if case == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if case == "segfaults":
            print("about to crash", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        if case == "hangs":
            time.sleep(60)
        if case == "exits":
            sys.exit(7)
    for case in group:
        (folder / case).write_text("done")
work.announce([])
"""


def run(tmp_path, cases, *, grouped=False, before="", timeout=None, load_timeout=None):
    program = tmp_path / "child.py"
    program.write_text(textwrap.dedent(CHILD).format(folder=str(tmp_path), grouped=grouped, before=before))
    return supervise(
        [sys.executable, str(program)],
        cases,
        work_path=tmp_path / "job.work",
        finished=lambda case: (tmp_path / case).exists(),
        case_timeout_s=timeout,
        load_timeout_s=load_timeout,
    )


def finished(tmp_path, cases):
    return [case for case in cases if (tmp_path / case).exists()]


def test_all_is_well(tmp_path):
    outcome = run(tmp_path, ["a", "b"])
    assert outcome.failures == {}
    assert outcome.attempts == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "child.py", "starts"]


def test_a_killed_child_costs_one_case(tmp_path):
    cases = ["a", "dies", "b"]
    outcome = run(tmp_path, cases)
    assert finished(tmp_path, cases) == ["a", "b"]
    reason, message = outcome.failures.pop("dies")
    assert reason == "crashed"
    assert "SIGKILL" in message and "memory" in message
    assert outcome.failures == {}


def test_a_crash_in_a_group_is_tracked_down(tmp_path):
    cases = ["a", "segfaults", "b"]
    outcome = run(tmp_path, cases, grouped=True)
    assert finished(tmp_path, cases) == ["a", "b"]
    assert list(outcome.failures) == ["segfaults"]
    assert "SIGSEGV" in outcome.failures["segfaults"][1]


def test_the_tail_of_the_log_is_kept(tmp_path):
    assert "about to crash" in run(tmp_path, ["segfaults"]).log_tail


def test_an_exit_code_is_reported(tmp_path):
    assert "exit code 7" in run(tmp_path, ["exits"]).failures["exits"][1]


def test_a_case_that_hangs_is_ended(tmp_path):
    start = time.monotonic()
    outcome = run(tmp_path, ["hangs", "a"], timeout=1.0)
    assert outcome.failures["hangs"][0] == "timeout"
    assert finished(tmp_path, ["a"]) == ["a"]
    assert time.monotonic() - start < 30


def test_a_model_that_hangs_while_loading_is_ended(tmp_path):
    outcome = run(tmp_path, ["a", "b"], before="time.sleep(60)", load_timeout=0.5)
    assert {reason for reason, _ in outcome.failures.values()} == {"timeout"}


def test_a_crash_while_loading_fails_all_cases_once(tmp_path):
    outcome = run(tmp_path, ["a", "b"], before="os.kill(os.getpid(), signal.SIGABRT)")
    assert set(outcome.failures) == {"a", "b"}
    assert "while loading" in outcome.failures["a"][1]
    assert outcome.attempts == 1


def test_bad_input_in_the_child_is_bad_input_in_the_parent(tmp_path):
    with pytest.raises(UserError, match="no such file; give another"):
        run(tmp_path, ["a"], before="print('x: no such file; give another', file=sys.stderr); sys.exit(3)")
    assert not (tmp_path / "job.work").exists()


def test_success_without_a_result_is_not_believed(tmp_path):
    with pytest.raises(UserError, match="without a result of a"):
        run(tmp_path, ["a"], before="sys.exit(0)")


def test_it_gives_up_after_crashes_in_a_row(tmp_path):
    for name in ("d1", "d2", "d3", "d4"):
        assert not (tmp_path / name).exists()
    before = "work.announce(work.cases[:1]); os.kill(os.getpid(), signal.SIGKILL)"
    outcome = run(tmp_path, ["d1", "d2", "d3", "d4", "d5"], before=before)
    assert outcome.attempts == 3
    assert "not tried after 3 crashes in a row" in outcome.failures["d5"][1]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_no_orphan_survives_the_parent(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text(
        textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from assay.supervision import supervise
        code = "import os, time; open({str(tmp_path / "pid")!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        work_path = Path({str(tmp_path / "w.work")!r})
        supervise([sys.executable, "-c", code], ["a"], work_path=work_path, finished=lambda case: False)
        """)
    )
    parent = subprocess.Popen([sys.executable, str(program)])
    deadline = time.monotonic() + 20
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    child = int((tmp_path / "pid").read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while time.monotonic() < deadline and _alive(child):
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
