"""Grand-canonical Monte Carlo of guests in frameworks with one model.

Writes `{case}/samples.parquet` (molecules and energies along the chains), `{case}/moves.parquet` (what became of the
trials), `{case}/trajectory.h5` (H5MD: the guests, and the framework once) and `{case}/result.json` beside the record.
With our own engine all pressures of a system are advanced together. A job that was killed goes on from its last
checkpoint, and one that asks for more trials extends what is there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work

REPORT_s = 20.0


def compute(job: Job, session: Session, work: Work, *, options: argparse.Namespace) -> None:
    """Simulate the cases of `work`, those of a system together where the engine can."""
    from assay.failures import PotentialFailure
    from assay.hosts import read_system

    potential = session.load()
    session.write()
    inputs, done = job.inputs.parent, 0
    simulated = together if job.settings["engine"] == "assay" else one_by_one
    for group in groups(job, work):
        start = time.monotonic()
        work.announce(group)
        facts = job.cases[group[0]]
        system = read_system(inputs / facts["host"], inputs / facts["guest"])
        try:
            outcomes = simulated(job, potential, system, group, options.checkpoint_s)
        except PotentialFailure as failure:
            failed = {"status": "failed", "reason": failure.reason, "message": failure.message}
            outcomes = dict.fromkeys(group, failed)
            potential.release()
        seconds = (time.monotonic() - start) / len(group)
        for case in group:
            done += 1
            job.write_result(case, **outcomes[case], seconds=seconds)
            log.info("%d/%d %s: %s, %.1f s", done, len(work.cases), case, outcomes[case].get("reason", "ok"), seconds)
        session.write()
    work.announce([])
    session.write()


def groups(job: Job, work: Work) -> list[list[str]]:
    """Cases that are simulated together: those of a framework, a guest and a temperature, if the engine can."""
    found: dict[tuple, list[str]] = {}
    for case in work.cases:
        facts = job.cases[case]
        single = case if case in work.alone or job.settings["engine"] != "assay" else None
        found.setdefault((facts["system"], facts["temperature_K"], single), []).append(case)
    return list(found.values())


def together(job: Job, potential, system, group: Sequence[str], checkpoint_s: float) -> dict[str, dict]:
    """Outcomes of cases that our own engine advances in lockstep."""
    from assay.adsorption.case import Case
    from assay.adsorption.simulation import simulate

    say = limited(lambda means: ", ".join(f"{means[case]:.1f} in {case}" for case in group))
    cases = [Case(case, job.cases[case], job.folder / case, stream(job, case)) for case in group]
    return simulate(
        potential,
        system,
        cases,
        job.settings,
        seed=job.index["seed"],
        cutoff_A=job.entry.get("cutoff_A"),
        checkpoint_s=checkpoint_s,
        report=say,
    )


def one_by_one(job: Job, potential, system, group: Sequence[str], checkpoint_s: float) -> dict[str, dict]:
    """Outcome of a case that LAMMPS simulates."""
    from assay.adsorption.lammps_engine import simulate_case

    (case,) = group
    files, observations = simulate_case(
        potential,
        job.entry,
        system,
        job.cases[case],
        job.settings,
        job.folder / case,
        seed=job.index["seed"],
        stream=stream(job, case),
        checkpoint_s=checkpoint_s,
        report=limited(lambda mean: f"{mean:.1f} in {case}"),
    )
    return {case: {"files": files, "observations": observations}}


def stream(job: Job, case: str) -> str:
    """Identity of all that a case's chains depend on but their length."""
    return job.fingerprint(case, without=("trials",))


def limited(words: Callable) -> Callable[[int, int, float, object], None]:
    """A report of progress that speaks every so often; `words` says how many molecules there are."""
    said = time.monotonic()

    def report(done: int, total: int, seconds: float, molecules: object) -> None:
        nonlocal said
        if time.monotonic() - said > REPORT_s or done == total:
            said = time.monotonic()
            left = (total - done) * seconds
            log.info(
                "%d of %d trials, %.3g s each, %.0f s left; molecules: %s", done, total, seconds, left, words(molecules)
            )

    return report


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = job_parser(__doc__)
    arguments.add_argument("--checkpoint-s", type=float, default=60.0, help="time between checkpoints (s; default: 60)")
    return arguments


if __name__ == "__main__":
    sys.exit(main("adsorption", parser(), partial(compute, options=parser().parse_args())))
