"""What the scheduler gave the job that this process runs in: how long, and how much memory.

A job that knows its limits can stop its calculation itself, shortly before the scheduler would, and say what happened.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

log = logging.getLogger("assay")

HOUSEKEEPING_MiB = 300.0
"""Memory of a job that is not the calculation's: two Snakemake processes of 100 MiB, the parent of the calculation."""

HEADROOM = 0.05
"""Share of the memory that is left for growth between two looks."""

CLOSING_SHARE, CLOSING_SHORTEST_s, CLOSING_LONGEST_s = 0.05, 5.0, 60.0
"""Share of the granted time that is left for writing records and ending the job, with its bounds (s)."""

_CGROUPS = Path("/sys/fs/cgroup")
_UNITS_MiB = {"K": 2**-10, "M": 1.0, "G": 2**10, "T": 2**20, "P": 2**30}


@dataclass(frozen=True)
class Grant:
    """Limits of a job; None where there is none, or none is known.

    Attributes
    ----------
    ends : float or None
        When the job will be ended (s since the epoch).
    duration_s : float or None
        How long it was to run in all (s).
    memory_MiB : float or None
        Memory of all processes of the job together.
    """

    ends: float | None = None
    duration_s: float | None = None
    memory_MiB: float | None = None

    @property
    def stop(self) -> float | None:
        """When a calculation has to be stopped so that its job can close in order (s since the epoch)."""
        if self.ends is None:
            return None
        closing_s = max(CLOSING_SHORTEST_s, min(CLOSING_LONGEST_s, CLOSING_SHARE * (self.duration_s or 0.0)))
        return self.ends - closing_s

    @property
    def calculation_MiB(self) -> float | None:
        """Memory that the calculation may take, the job's own housekeeping set aside."""
        if self.memory_MiB is None:
            return None
        # a grant that the housekeeping fills is left to the scheduler's own watch
        return max((1 - HEADROOM) * self.memory_MiB - HOUSEKEEPING_MiB, self.memory_MiB / 2)


NO_LIMITS = Grant()


def granted() -> Grant:
    """The limits of the SLURM job that this process belongs to; none outside of SLURM."""
    job = os.environ.get("SLURM_JOB_ID")
    if not job:
        return NO_LIMITS
    try:
        run = subprocess.run(
            ["scontrol", "--oneliner", "show", "job", job],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=os.environ | {"SLURM_TIME_FORMAT": "standard"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("limits of job %s are not known, so the scheduler alone will enforce them: %s", job, error)
        return NO_LIMITS
    return parse_job(run.stdout)


def parse_job(text: str) -> Grant:
    """Limits from the line that ``scontrol --oneliner show job`` prints."""
    end = re.search(r"\bEndTime=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", text)
    limit = re.search(r"\bTimeLimit=(?:(\d+)-)?(\d+):(\d\d):(\d\d)", text)
    memory = re.search(r"\b(?:AllocTRES|TRES)=\S*?\bmem=([\d.]+)([KMGTP])", text)
    days, hours, minutes, seconds = (int(part or 0) for part in limit.groups()) if limit else (0, 0, 0, 0)
    return Grant(
        # SLURM writes local time without a zone
        ends=datetime.fromisoformat(end[1]).timestamp() if end and limit else None,
        duration_s=((days * 24 + hours) * 60 + minutes) * 60.0 + seconds if limit else None,
        memory_MiB=float(memory[1]) * _UNITS_MiB[memory[2]] if memory else None,
    )


def anonymous_memory_MiB(pid: int) -> float:
    """Memory of a process that is its own and not a file's (MiB); 0 where it cannot be told."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0.0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE") / 2**20


def kernel_kills() -> int:
    """How many processes of this control group the kernel has killed because its memory was used up."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        groups = {name: group for _, name, group in (line.split(":", 2) for line in lines)}
        if "memory" in groups:
            events = (_CGROUPS / "memory" / groups["memory"].lstrip("/") / "memory.oom_control").read_text()
        else:
            events = (_CGROUPS / groups[""].lstrip("/") / "memory.events").read_text()
    except (OSError, KeyError, ValueError):
        return 0  # no control groups here, so none was killed by them
    counts = dict(line.split() for line in events.splitlines())
    return int(counts.get("oom_kill", 0))


def exceeded(grant: Grant, pid: int) -> tuple[str, str] | None:
    """The reason and a sentence if a process has come to a limit of its job.

    Parameters
    ----------
    grant : Grant
    pid : int
        The calculation.

    Returns
    -------
    (reason, message) or None
        ``timeout`` or ``out_of_memory``.
    """
    if grant.stop is not None and time.time() > grant.stop:
        return "timeout", f"the job's time limit of {(grant.duration_s or 0) / 60:.0f} min was reached"
    limit_MiB = grant.calculation_MiB
    if limit_MiB is not None and anonymous_memory_MiB(pid) > limit_MiB:
        return "out_of_memory", f"the calculation took more than the job's memory of {grant.memory_MiB:.0f} MiB allows"
    return None
