"""Calculate the displaced supercells of a batch of crystals with one model.

Writes `{case}/phonopy_params.yaml.xz` (displacements, forces, energies; phonopy's own format) and `{case}/result.json`
beside the record. A job that was killed goes on with the next crystal.
"""

from __future__ import annotations

import sys
import time

from assay.jobs import Job
from assay.runs import Session, job_parser, log, main
from assay.supervision import Work


def compute(job: Job, session: Session, work: Work) -> None:
    """Compute the crystals of `work`, as many at a time as fill a pass of the model."""
    from assay.failures import PotentialFailure
    from assay.phonons.protocol import calculate, groups, read_displacements, write_forces

    potential = session.load()
    settings = job.index["settings"]
    session.write()
    folder = job.inputs.parent
    sizes = {case: job.cases[case]["n_atoms_displaced"] for case in work.cases}
    target = potential.batching.get("atoms_per_pass", 1)
    done = 0
    for group in groups(sizes, target, work.alone):
        start = time.monotonic()
        work.announce(group)
        crystals = {case: read_displacements(folder / job.cases[case]["file"]) for case in group}
        for case, outcome in calculate(potential, crystals, settings).items():
            done += 1
            seconds = (time.monotonic() - start) / len(group)
            if isinstance(outcome, PotentialFailure):
                job.write_result(case, status="failed", reason=outcome.reason, message=outcome.message, seconds=seconds)
                log.warning("%d/%d %s: failed (%s)", done, len(work.cases), case, outcome.reason)
                continue
            path = job.folder / case / "phonopy_params.yaml.xz"
            write_forces(path, outcome.phonopy)
            job.write_result(case, files=[path], observations=outcome.observations, seconds=seconds)
            log.info("%d/%d %s: %d atoms, %.2f s", done, len(work.cases), case, sizes[case], seconds)
        session.write()
    work.announce([])
    session.write()


if __name__ == "__main__":
    sys.exit(main("phonons", job_parser(__doc__), compute))
