"""Say how far a campaign is: per model and chapter what is done, running, failed and waiting; also while it runs.

Only files are read. What is out of date and would run again is told by `plan.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from assay.columns import columns
from assay.failures import UserError
from assay.locks import campaign_lock, holder
from assay.planning import read_campaign
from assay.progress import DONE, RUNNING, STOPPED, WAITING, JobState, job_states

MOST_LINES = 20
PRODUCTS = ("tables", "figures", "report/index.html")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="laid over config/config.yaml, in order")
    arguments = parser.parse_args(argv)
    results = Path("results")
    try:
        states = job_states(read_campaign(arguments.configfile))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    head = holder(campaign_lock(results))
    print(f"snakemake runs: {head}" if head else "no snakemake runs")
    print(table(states))
    for say, kind in ((running, RUNNING), (stopped, STOPPED)):
        own = [state for state in states if state.state == kind]
        print(*map(say, own[:MOST_LINES]), sep="\n", end="\n" if own else "")
        if len(own) > MOST_LINES:
            print(f"{kind}: {len(own) - MOST_LINES} more")
    for path in (results / name for name in PRODUCTS):
        if path.exists():
            print(path)
    return 0


def table(states: list[JobState]) -> str:
    """One line for each potential in each chapter, and the sum."""
    by_branch: dict[tuple[str, str], list[JobState]] = {}
    for state in states:
        by_branch.setdefault((state.model, state.chapter), []).append(state)
    rows = [row(model, chapter, own) for (model, chapter), own in by_branch.items()]
    header = ("model", "chapter", "done", "running", "stopped", "waiting", "cases ok", "of", "failed")
    return columns(header, [*rows, row("total", "", states)])


def row(model: str, chapter: str, states: list[JobState]) -> tuple:
    """Counts of jobs, counts of cases, failures with their reasons."""
    jobs = Counter(state.state for state in states)
    failures = sum((Counter(state.failures) for state in states), Counter())
    named = ", ".join(f"{reason} {count}" for reason, count in failures.most_common())
    ok, cases = sum(state.cases_ok for state in states), sum(state.cases for state in states)
    return model, chapter, jobs[DONE], jobs[RUNNING], jobs[STOPPED], jobs[WAITING], ok, cases, named


def running(state: JobState) -> str:
    """What a running job does."""
    doing = "loading" if not state.working_on else f"at {', '.join(state.working_on[:3])}"
    more = len(state.working_on) - 3
    since = "" if state.working_s is None else f" for {duration(state.working_s)}"
    return (
        f"running: {state.model} {state.chapter} {state.batch}: {state.cases_ok + sum(state.failures.values())} of"
        f" {state.cases} cases, {doing}{f' and {more} more' if more > 0 else ''}{since} ({state.holder})"
    )


def stopped(state: JobState) -> str:
    """What a job that was started and has no record said last."""
    lines = [line for line in state.log.read_text(errors="replace").splitlines() if line.strip()]
    return f"stopped: {state.model} {state.chapter} {state.batch}: {lines[-1] if lines else 'no word'} ({state.log})"


def duration(seconds: float) -> str:
    """A time in its two largest units."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


if __name__ == "__main__":
    sys.exit(main())
