"""What jobs will cost, from what equal ones have cost.

Records tell: wall time per case of the same potential in the same chapter, on the device that it ran on. For want of
them snakemake's benchmark of the job does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json


@dataclass(frozen=True)
class Cost:
    """Time of a job; NaN where nothing tells.

    Attributes
    ----------
    hours : float
        Of the GPU, or of all cores together.
    gpu : bool
        Which of both.
    """

    hours: float
    gpu: bool


@dataclass(frozen=True)
class History:
    """What jobs of a potential in a chapter have cost.

    Attributes
    ----------
    jobs : mapping of str to Cost
        Of the batches whose record computed all its cases.
    case : Cost or None
        Of the mean case of all records; None where there is none.
    """

    jobs: Mapping[str, Cost]
    case: Cost | None


def history(folder: Path) -> History:
    """What the records of a potential in a chapter tell.

    Parameters
    ----------
    folder : Path
        ``results/models/{model}/{chapter}``.
    """
    jobs: dict[str, Cost] = {}
    total_hours, total_cases, gpu = 0.0, 0, False
    for path in sorted(folder.glob("batch-*.json")):
        try:
            record = read_json(path)
        except UserError:
            continue  # damaged: the campaign says so and makes it again
        computed = record["n_total"] - len(record["kept_from_before"])
        if computed > 0 and record["device"]:
            gpu = record["device"] != "cpu"
            hours = record["timings"]["wall_time_s"] / 3600 * (1 if gpu else record["threads"])
            total_hours, total_cases = total_hours + hours, total_cases + computed
            if computed == record["n_total"]:
                jobs[path.stem.removeprefix("batch-")] = Cost(hours, gpu)
    return History(jobs, Cost(total_hours / total_cases, gpu) if total_cases else None)


def cost(known: History, batch: str, n_cases: int, benchmark: Path, gpu: bool) -> Cost:
    """What a job will cost if it goes as it went before.

    Parameters
    ----------
    known : History
    batch : str
    n_cases : int
        How many the job has now.
    benchmark : Path
        Snakemake's measurement of the job, for want of a record.
    gpu : bool
        Whether the job asks for a GPU: where it ran says the record alone.

    Returns
    -------
    Cost
        That of the job itself, else of the mean case of its potential and chapter, else of its benchmark.
    """
    if batch in known.jobs:
        return known.jobs[batch]
    if known.case:
        return Cost(known.case.hours * n_cases, known.case.gpu)
    try:
        measured = json.loads(benchmark.read_text().splitlines()[-1])
        return Cost(float(measured["s" if gpu else "cpu_time"]) / 3600, gpu)
    except (OSError, ValueError, LookupError, TypeError):
        return Cost(math.nan, gpu)


def hours(costs: Iterable[Cost], *, gpu: bool) -> str:
    """Hours of the GPU or of the cores in few digits, with ``unknown`` for the part of jobs of which nothing tells."""
    own = [cost.hours for cost in costs if cost.gpu == gpu]
    known = [value for value in own if not math.isnan(value)]
    parts = []
    if known or not own:
        total = sum(known)
        parts.append("< 0.01" if 0 < total < 0.01 else f"{total:.{0 if total >= 10 or not total else 2}f}")
    if len(known) < len(own):
        parts.append("unknown")
    return " + ".join(parts)
