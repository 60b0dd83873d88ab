"""One case of a job: whether its ladder and the time budget allow it, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.speed.ladder import predicted_step_s, require_open, require_time, smaller_cases
from assay.speed.protocol import TIMES_FILE, measure, write_times
from assay.speed.systems import read_systems

if TYPE_CHECKING:
    from assay.jobs import Job
    from assay.potentials import Potential


def time_case(job: Job, potential: Potential, case: str) -> dict[str, Any]:
    """Time one case and write its times.

    What became of smaller cases, and how much of the budget is spent, is read from their results on disk: they may be
    the work of a process that is gone.

    Parameters
    ----------
    job : Job
        All smaller cases of the same ladder have had their turn.
    potential : Potential
    case : str

    Returns
    -------
    dict
        ``files`` and ``observations`` of the result.

    Raises
    ------
    PotentialFailure
        ``not_reached``, ``timeout``, ``non_finite``, or as of `Potential.evaluate`.
    """
    facts, settings = job.cases[case], job.index["settings"]
    results = {name: job.result(name) for name in job.cases if name != case}
    smaller = [(name, results[name]) for name in smaller_cases(case, job.cases)]
    require_open(smaller)
    measured = [result["observations"] for _, result in smaller if result and result["status"] == "ok"]
    step_s = predicted_step_s([(seen["n_atoms"], seen["step_s"]) for seen in measured], facts["n_atoms"])
    left_s = job.index["budget_s"] - sum(result["wall_time_s"] or 0.0 for result in results.values() if result)
    # the extrapolation is rough: it only decides whether there is time for the warm-up, which tells the true cost
    require_time(step_s, settings["warm_up"], left_s, facts["n_atoms"])
    systems = read_systems(job.inputs.parent / facts["file"])
    measurement = measure(potential, systems, warm_up=settings["warm_up"], limit_s=left_s)
    path = job.folder / case / TIMES_FILE
    write_times(path, measurement)
    return {"files": [path], "observations": measurement.observations() | {"dtype": potential.dtype}}
