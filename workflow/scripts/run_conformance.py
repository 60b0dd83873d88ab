"""Measure how far one model deviates from the laws that any potential obeys.

Writes `{law}/law.json` (all numbers with their tolerances) and `{law}/result.json` beside the record. A law that the
model cannot be measured on leaves the others; a job that was killed goes on with the next law.
"""

from __future__ import annotations

import sys
import time

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work


def compute(job: Job, session: Session, work: Work) -> None:
    """Measure the laws of `work` one after the other."""
    from assay.conformance.case import measure_case
    from assay.failures import PotentialFailure
    from assay.potentials.measured_laws import Subject

    subject = Subject(session.load())
    session.write()
    for done, case in enumerate(work.cases, start=1):
        start = time.monotonic()
        work.announce([case])
        try:
            outcome = measure_case(job, subject, case)
        except PotentialFailure as failure:
            outcome = {"status": "failed", "reason": failure.reason, "message": failure.message}
        seconds = time.monotonic() - start
        job.write_result(case, **outcome, seconds=seconds)
        broken = outcome.get("observations", {}).get("n_broken", 0)
        verdict = outcome.get("reason") or (f"{broken} numbers beyond tolerance" if broken else "ok")
        log.info("%d/%d %s: %s, %.2f s", done, len(work.cases), case, verdict, seconds)
        session.write()
    work.announce([])
    session.write()


if __name__ == "__main__":
    sys.exit(main("conformance", job_parser(__doc__), compute))
