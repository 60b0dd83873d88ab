"""Molecular dynamics of one model: equilibration, then production at constant energy.

Writes `{case}/thermodynamics.parquet` (energies of every step), `{case}/trajectory.h5` (H5MD: positions and velocities
of the production), `{case}/scan.parquet` (if several time steps were asked for) and `{case}/result.json` beside the
record. A job that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work


def compute(job: Job, session: Session, work: Work, *, options: argparse.Namespace) -> None:
    """Run the cases of `work` one after the other."""
    from assay.failures import PotentialFailure
    from assay.gas.case import remove_checkpoint, simulate_case

    potential = session.load()
    session.write()
    for done, case in enumerate(work.cases, start=1):
        start = time.monotonic()
        work.announce([case])
        try:
            outcome = simulate_case(job, potential, case, checkpoint_s=options.checkpoint_s, batching=options.batching)
        except PotentialFailure as failure:
            outcome = {"status": "failed", "reason": failure.reason, "message": failure.message}
            potential.release()
        seconds = time.monotonic() - start
        job.write_result(case, **outcome, seconds=seconds)
        remove_checkpoint(job, case)
        log.info("%d/%d %s: %s, %.1f s", done, len(work.cases), case, outcome.get("reason", "ok"), seconds)
        session.write()
    work.announce([])
    session.write()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = job_parser(__doc__)
    arguments.add_argument("--checkpoint-s", type=float, default=60.0, help="time between checkpoints (s; default: 60)")
    arguments.add_argument(
        "--batching",
        choices=("auto", "together", "apart"),
        default="auto",
        help="repeats in one evaluation, one after the other, or what is faster (default)",
    )
    return arguments


if __name__ == "__main__":
    sys.exit(main("gas", parser(), partial(compute, options=parser().parse_args())))
