"""Time one model on systems of growing size, on one device.

Writes `{case}/times.json` (the times of all repeats) and `{case}/result.json` beside the record. A size that does not
fit into memory or time ends its ladder: larger ones are not reached. A job that was killed goes on with the next case.
"""

from __future__ import annotations

import sys
import time

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work


def compute(job: Job, session: Session, work: Work) -> None:
    """Time the cases of `work` one after the other, small ones first."""
    from assay.failures import PotentialFailure
    from assay.speed.case import time_case

    potential = session.load()
    session.write()
    for done, case in enumerate(work.cases, start=1):
        start = time.monotonic()
        work.announce([case])
        try:
            outcome = time_case(job, potential, case)
        except PotentialFailure as failure:
            outcome = {"status": "failed", "reason": failure.reason, "message": failure.message}
            potential.release()
        seconds = time.monotonic() - start
        job.write_result(case, **outcome, seconds=seconds)
        log.info("%d/%d %s: %s, %.2f s", done, len(work.cases), case, outcome.get("reason", "ok"), seconds)
        session.write()
    work.announce([])
    session.write()


if __name__ == "__main__":
    sys.exit(main("speed", job_parser(__doc__), compute))
