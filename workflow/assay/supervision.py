"""A calculation in a child process that may die: a crash is recorded, what was finished is kept, the rest goes on.

The parent imports no model package. The child announces the cases that it is working on, so that the parent knows whom
a segmentation fault, a kill or a time-out belongs to; a crash in a group of several cases is tracked down by running
the group's members one by one. A child that comes to a limit of its job is stopped before the scheduler stops both:
the job fails as long as it will be tried again with more, and in its last attempt the limit is a result.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json, write_json
from assay.scheduler import NO_LIMITS, Grant, exceeded, kernel_kills

USER_ERROR_EXIT = 3
"""Exit code with which the child says: bad input or a bad machine, told in one sentence on standard error."""

EXCEPTION_EXIT = 1
"""Exit code of a child that an exception ended; Python's own."""

MAX_CONSECUTIVE_CRASHES = 3
LOG_TAIL_LINES = 30
_POLL_s = 0.05


@dataclass
class Outcome:
    """What became of the cases that did not report a result themselves.

    Attributes
    ----------
    failures : dict of str to (reason, message)
        By case.
    log_tail : str
        Last lines that the child wrote to standard error.
    attempts : int
        How many child processes were started.
    """

    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    log_tail: str = ""
    attempts: int = 0


@dataclass(frozen=True)
class Work:
    """What the child is to do: read from the file that its command line names.

    Attributes
    ----------
    cases : list of str
        In this order.
    alone : list of str
        Cases that are to be computed by themselves, because a group that held them crashed.
    """

    path: Path
    cases: list[str]
    alone: list[str]

    @classmethod
    def read(cls, path: Path) -> Work:
        """The work that the parent has written."""
        content = read_json(path)
        return cls(Path(path), content["cases"], content["alone"])

    def announce(self, cases: Sequence[str]) -> None:
        """Say which cases are being computed from now on; none while the model is loaded or the job closes."""
        write_json(progress_path(self.path), {"cases": list(cases), "since": time.time()})


def supervise(
    command: Sequence[str],
    cases: Sequence[str],
    *,
    work_path: Path,
    finished: Callable[[str], bool],
    case_timeout_s: float | None = None,
    load_timeout_s: float | None = None,
    environment: Mapping[str, str] | None = None,
    grant: Grant = NO_LIMITS,
    attempts_left: int = 0,
) -> Outcome:
    """Run `command` until every case has a result or is known to bring the process down.

    Parameters
    ----------
    command : sequence of str
        The child; the path of its work file is appended.
    cases : sequence of str
        What is to be computed.
    work_path : Path
        Where the work file is written; removed in the end.
    finished : callable
        Whether a case's result is on disk.
    case_timeout_s, load_timeout_s : float, optional
        Time budget of one case, and of loading the model (s).
    environment : mapping, optional
        Environment variables of the child, in addition to this process's own.
    grant : Grant, optional
        What the scheduler gave this job; no limits unless given.
    attempts_left : int, optional
        How many times the job will be tried again, with more, if it fails.

    Returns
    -------
    Outcome

    Raises
    ------
    UserError
        If the child ended with `USER_ERROR_EXIT`, reported success without a result of a case, or came to a limit of
        the job while attempts are left.
    """
    limits = _Limits(case_timeout_s, load_timeout_s, grant)
    outcome = Outcome()
    pending = list(cases)
    alone: set[str] = set()
    crashes_in_a_row = 0
    try:
        while pending:
            write_json(work_path, {"cases": pending, "alone": sorted(alone)})
            progress_path(work_path).unlink(missing_ok=True)
            before = len(pending)
            ending = _run_child([*command, str(work_path)], work_path, limits, environment)
            outcome.attempts += 1
            outcome.log_tail = ending.log_tail
            pending = [case for case in pending if not finished(case)]
            if ending.code == USER_ERROR_EXIT:
                raise UserError(ending.last_line or "the calculation stopped on bad input; see its log.")
            if ending.code == 0:
                if pending:
                    raise UserError(f"the calculation ended without a result of {', '.join(pending)}; see its log.")
                break
            if ending.limit and attempts_left:
                raise UserError(f"{ending.limit}; {attempts_left} attempts with more are left.")
            if ending.limit and ending.reason == "timeout":
                outcome.failures |= dict.fromkeys(pending, (ending.reason, f"{ending.limit}."))
                break
            crashes_in_a_row = 1 if len(pending) < before else crashes_in_a_row + 1
            suspects = [case for case in ending.cases if case in pending]
            sentence = ending.sentence()
            if not suspects:
                outcome.failures |= dict.fromkeys(pending, (ending.reason, f"while loading: {sentence}"))
                break
            if len(suspects) > 1:
                alone |= set(suspects)
                continue
            outcome.failures[suspects[0]] = (ending.reason, sentence)
            pending.remove(suspects[0])
            if crashes_in_a_row >= MAX_CONSECUTIVE_CRASHES:
                sentence = f"not tried after {crashes_in_a_row} crashes in a row, the last one: {sentence}"
                outcome.failures |= dict.fromkeys(pending, (ending.reason, sentence))
                break
    finally:
        work_path.unlink(missing_ok=True)
        progress_path(work_path).unlink(missing_ok=True)
    return outcome


@dataclass(frozen=True)
class _Limits:
    case_timeout_s: float | None
    load_timeout_s: float | None
    grant: Grant


@dataclass(frozen=True)
class _Ending:
    code: int
    reason: str
    cases: list[str]
    log_tail: str
    timeout_s: float | None
    limit: str = ""  # of the job, if that is what ended it

    @property
    def last_line(self) -> str:
        lines = [line for line in self.log_tail.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def sentence(self) -> str:
        if self.limit:
            return f"{self.limit}."
        if self.reason == "timeout":
            return f"ended after the time budget of {self.timeout_s:g} s."
        if self.code < 0:
            name = signal.Signals(-self.code).name
            hint = " (often the system's protection against running out of memory)" if name == "SIGKILL" else ""
            return f"the process was ended by {name}{hint}."
        return f"the process ended with exit code {self.code}: {self.last_line}"


def progress_path(work_path: Path) -> Path:
    """Where the child tells what it is working on."""
    return work_path.with_suffix(".progress")


def _run_child(
    command: Sequence[str],
    work_path: Path,
    limits: _Limits,
    environment: Mapping[str, str] | None,
) -> _Ending:
    started, killed_before = time.time(), kernel_kills()
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **(environment or {})},
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,
    )
    tail: deque[str] = deque(maxlen=LOG_TAIL_LINES)
    reader = threading.Thread(target=_forward, args=(process.stderr, tail), daemon=True)
    reader.start()
    reason, timeout_s, limit = "crashed", None, ""
    try:
        while True:
            try:
                process.wait(_POLL_s)
                break
            except subprocess.TimeoutExpired:
                progress = _read_progress(work_path)
                timeout_s = limits.case_timeout_s and limits.case_timeout_s * max(1, len(progress["cases"]))
                if not progress["cases"]:
                    timeout_s = limits.load_timeout_s
                if timeout_s and time.time() - progress.get("since", started) > timeout_s:
                    reason = "timeout"
                elif of_job := exceeded(limits.grant, process.pid):
                    reason, limit = of_job
                else:
                    continue
                process.kill()
                process.wait()
                break
    except BaseException:
        process.kill()
        process.wait()
        raise
    reader.join(timeout=10)
    cases = _read_progress(work_path)["cases"]
    if process.returncode == EXCEPTION_EXIT:
        reason = "error"
    elif process.returncode == -signal.SIGKILL and reason == "crashed" and kernel_kills() > killed_before:
        reason, limit = "out_of_memory", "the kernel ended the calculation, because the job's memory was used up"
    return _Ending(process.returncode, reason, cases, "".join(tail), timeout_s, limit)


def _read_progress(work_path: Path) -> dict:
    path = progress_path(work_path)
    return read_json(path) if path.exists() else {"cases": []}


def _forward(stream, tail: deque[str]) -> None:
    for line in stream:
        sys.stderr.write(line)
        sys.stderr.flush()
        tail.append(line)


def _die_with_parent() -> None:
    """In the child, before it starts: ask Linux to kill it when its parent goes, so that no orphan keeps a GPU."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
