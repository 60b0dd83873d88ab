"""Insert guests into frameworks with one model.

Writes `{case}/insertions.h5` (all insertion energies; also the checkpoint), `{case}/minima.xyz` and
`{case}/result.json` beside the record. A job that was killed goes on where it stopped, and one that asks for more
insertions extends what is there.
"""

from __future__ import annotations

import sys
import time

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work

REPORT_s = 20.0


def compute(job: Job, session: Session, work: Work) -> None:
    """Compute the cases of `work` one after the other."""
    from assay.failures import PotentialFailure
    from assay.hosts import read_system
    from assay.widom import attempts, minima
    from assay.widom.protocol import insert_case
    from assay.widom.sampling import read_insertions

    potential = session.load()
    session.write()
    inputs = job.inputs.parent
    for number, case in enumerate(work.cases, start=1):
        start = said = time.monotonic()
        work.announce([case])

        def report(done: int, total: int, seconds: float, case: str = case) -> None:
            nonlocal said
            if time.monotonic() - said > REPORT_s or done == total:
                said = time.monotonic()
                left = (total - done) * seconds
                log.info("%s: %d of %d insertions, %.3g s each, %.0f s left", case, done, total, seconds, left)

        facts, folder = job.cases[case], job.folder / case
        system = read_system(inputs / facts["host"], inputs / facts["guest"])
        try:
            observations = insert_case(
                potential,
                system,
                read_insertions(inputs / facts["insertions"]),
                job.settings,
                folder,
                stream=job.fingerprint(case, without=("insertions", "minima")),
                cutoff_A=job.entry.get("cutoff_A"),
                report=report,
            )
            outcome = {
                "files": [folder / name for name in (attempts.FILE, minima.FILE)],
                "observations": observations,
            }
        except PotentialFailure as failure:
            outcome = {"status": "failed", "reason": failure.reason, "message": failure.message}
            potential.release()
        seconds = time.monotonic() - start
        job.write_result(case, **outcome, seconds=seconds)
        log.info("%d/%d %s: %s, %.2f s", number, len(work.cases), case, outcome.get("reason", "ok"), seconds)
        session.write()
    work.announce([])
    session.write()


if __name__ == "__main__":
    sys.exit(main("widom", job_parser(__doc__), compute))
