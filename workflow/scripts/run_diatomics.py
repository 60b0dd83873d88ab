"""Calculate the curves of a batch of pairs of atoms with one model.

Writes `{pair}/curve.h5` (energies and forces of all distances and orientations) and `{pair}/result.json` beside the
record. A job that was killed goes on with the next pair.
"""

from __future__ import annotations

import sys
import time

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work


def compute(job: Job, session: Session, work: Work) -> None:
    """Compute the pairs of `work` one after the other; the geometries of each fill the passes of the model."""
    from assay.diatomics.protocol import CURVE_FILE, calculate, read_pair, require_finite_curve, write_curve
    from assay.failures import PotentialFailure

    potential = session.load()
    session.write()
    for done, case in enumerate(work.cases, start=1):
        start = time.monotonic()
        work.announce([case])
        path = job.folder / case / CURVE_FILE
        pair = read_pair(job.inputs.parent / job.cases[case]["file"])
        outcome = {}
        try:
            curve = calculate(potential, pair, stencil_A=job.index["settings"]["stencil_A"])
            write_curve(path, curve)
            outcome["files"] = [path]
            outcome["observations"] = {"n_radii_not_finite": int(curve.not_finite.sum())}
            require_finite_curve(curve, case)
        except PotentialFailure as failure:
            outcome |= {"status": "failed", "reason": failure.reason, "message": failure.message}
        seconds = time.monotonic() - start
        job.write_result(case, **outcome, seconds=seconds)
        log.info("%d/%d %s: %s, %.2f s", done, len(work.cases), case, outcome.get("reason", "ok"), seconds)
        session.write()
    work.announce([])
    session.write()


if __name__ == "__main__":
    sys.exit(main("diatomics", job_parser(__doc__), compute))
