"""One case of a job: one law, measured on all structures that it is about."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.potentials.measured_laws import Subject, measure
from assay.records import write_json

if TYPE_CHECKING:
    from assay.jobs import Job

LAW_FILE = "law.json"


def measure_case(job: Job, subject: Subject, case: str) -> dict[str, Any]:
    """Measure one law and write the numbers as JSON.

    Parameters
    ----------
    job : Job
    subject : Subject
    case : str

    Returns
    -------
    dict
        What `Job.write_result` takes. The case has failed if the potential failed on one of the structures, with the
        most frequent reason; what was measured on the others is kept.
    """
    measurements, failures = measure(subject, case, job.index["seed"])
    rows = [measurement.as_row() for measurement in measurements]
    path = job.folder / case / LAW_FILE
    write_json(path, {"measurements": rows, "failures": [asdict(failure) for failure in failures]})
    potential = subject.potential
    outcome: dict[str, Any] = {
        "files": [path],
        "observations": {
            "dtype": potential.dtype,
            "conservative": potential.conservative,
            "equivariant": potential.equivariant,
            "batching": potential.batching["mode"],
            "n_measured": len(rows),
            "n_broken": sum(not row["passed"] for row in rows),
        },
    }
    if failures:
        reason = Counter(failure.reason for failure in failures).most_common(1)[0][0]
        told = "; ".join(f"{failure.system}: {failure.message}" for failure in failures)
        outcome |= {"status": "failed", "reason": reason, "message": told}
    return outcome
