"""How far a campaign is, from its files alone: jobs done, running, failed, waiting; also while it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.campaign import Campaign
from assay.failures import UserError
from assay.locks import Holder, holder, job_lock
from assay.records import read_json

DONE, RUNNING, STOPPED, WAITING = "done", "running", "stopped", "waiting"


@dataclass(frozen=True)
class JobState:
    """One job of a potential.

    Attributes
    ----------
    model, chapter, batch : str
    state : str
        ``done``, ``running``, ``stopped`` (it was started, has no record and does not run) or ``waiting``.
    cases_ok, cases : int
        How many have a result without failure, and how many there are.
    failures : mapping of str to int
        Failed cases by reason.
    holder : Holder, optional
        The process that runs it.
    working_on : tuple of str
        Cases that are being computed, or none while the potential is loaded.
    working_s : float, optional
        Since when (s).
    log : Path, optional
        Of a job that has stopped.
    """

    model: str
    chapter: str
    batch: str
    state: str
    cases_ok: int
    cases: int
    failures: Mapping[str, int] = field(default_factory=dict)
    holder: Holder | None = None
    working_on: tuple[str, ...] = ()
    working_s: float | None = None
    log: Path | None = None


def job_states(campaign: Campaign, root: Path = Path()) -> list[JobState]:
    """All jobs of potentials, in the order of the campaign.

    Parameters
    ----------
    campaign : Campaign
    root : Path, optional
        The folder that holds ``results``.

    Returns
    -------
    list of JobState
        A job is done if its record is there; whether it is out of date is a question for a dry run.
    """
    states = []
    chapters = [(chapter, chapter.batches) for chapter in campaign.chapters]
    for model in campaign.models:
        for chapter, batches in chapters:
            for path in chapter.records([model]):
                batch = Path(path).stem.removeprefix("batch-")
                names = batches[batch]
                log = root / f"results/logs/run_{chapter.name}/{model}-{batch}.log"
                states.append(_state((model, chapter.name, batch), names, root / path, log))
    return states


def _state(job: tuple[str, str, str], cases: list[str], record: Path, log: Path) -> JobState:
    lock = job_lock(record)
    process = holder(lock) if lock.exists() else None
    if process:
        ok, failures = _of_cases(record.parent, cases)
        working_on, since = _announced(record.with_suffix(".progress"))
        return JobState(*job, RUNNING, ok, len(cases), failures, process, working_on, since)
    try:
        content = read_json(record)
    except UserError:
        if not log.exists():
            return JobState(*job, WAITING, 0, len(cases))
        ok, failures = _of_cases(record.parent, cases)
        return JobState(*job, STOPPED, ok, len(cases), failures, log=log)
    failures = Counter(case["reason"] for case in content["cases"].values() if case["status"] != "ok")
    return JobState(*job, DONE, content["n_ok"], content["n_total"], failures)


def _of_cases(folder: Path, cases: list[str]) -> tuple[int, Counter[str]]:
    """How many cases of an unfinished job are done well, and why others failed."""
    reasons: list[str | None] = []
    for case in cases:
        try:
            reasons.append(read_json(folder / case / "result.json")["reason"])
        except UserError:
            continue
    return reasons.count(None), Counter(reason for reason in reasons if reason)


def _announced(path: Path) -> tuple[tuple[str, ...], float | None]:
    try:
        content = read_json(path)
    except UserError:
        return (), None
    return tuple(content["cases"]), time.time() - content["since"]
