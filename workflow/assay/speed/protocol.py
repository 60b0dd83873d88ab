"""The time of one step: energy and forces of a system that the potential has not seen, by the same way as everywhere.

Per case: warm-up evaluations of the first system, then every system once, with the device idle before each reading of
the clock; the first, which has been seen, is dropped. Neighbour lists and passes of the model are timed apart inside of
the same evaluations. Peak memory is taken over all of it, above what the process held before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.failures import PotentialFailure
from assay.potentials.base import require_finite
from assay.records import read_json, write_json
from assay.speed.peaks import PeakMemory
from assay.speed.systems import Systems
from assay.speed.timing import Clock, device_clock, dissected

if TYPE_CHECKING:
    from ase import Atoms

    from assay.potentials import Potential

TIMES_FILE = "times.json"
DROPPED = 1
"""So many timed evaluations at the beginning do not count."""


@dataclass(frozen=True)
class Measurement:
    """What one case costs.

    Attributes
    ----------
    step_s, neighbour_s, model_s : ndarray, shape (repeats,)
        Whole evaluations, their neighbour lists and graphs, their passes of the model; in order, none dropped.
    n_atoms, n_structures : int
        Evaluated together.
    peak_host_memory_MB, peak_gpu_memory_MB : float or None
    n_passes : int or None
        Passes of the model for one evaluation; None if the potential has no batched pass.
    load_average : float
        Processes that wanted to run on this machine during the last minute, those of the measurement included.
    """

    step_s: np.ndarray
    neighbour_s: np.ndarray
    model_s: np.ndarray
    n_atoms: int
    n_structures: int
    peak_host_memory_MB: float | None
    peak_gpu_memory_MB: float | None
    n_passes: int | None
    load_average: float

    def observations(self) -> dict[str, Any]:
        """The numbers of the case: medians of what counts, and what does not change from one repeat to the next."""
        return {
            "n_atoms": self.n_atoms,
            "n_structures": self.n_structures,
            "n_repeats": len(self.step_s) - DROPPED,
            **{name: float(np.median(values[DROPPED:])) for name, values in self.series().items()},
            "peak_host_memory_MB": self.peak_host_memory_MB,
            "peak_gpu_memory_MB": self.peak_gpu_memory_MB,
            "n_passes": self.n_passes,
            "load_average": self.load_average,
        }

    def series(self) -> dict[str, np.ndarray]:
        """Times of all repeats by name."""
        return {"step_s": self.step_s, "neighbour_s": self.neighbour_s, "model_s": self.model_s}


def measure(
    potential: Potential,
    systems: Systems,
    *,
    warm_up: int = 2,
    clock: Clock | None = None,
    limit_s: float = float("inf"),
) -> Measurement:
    """Time energy and forces of every repeat of `systems`.

    Parameters
    ----------
    potential : Potential
    systems : Systems
        At least two repeats.
    warm_up : int
        Evaluations of the last repeat before the clock counts.
    clock : Clock, optional
        That of the potential's device unless given.
    limit_s : float
        What all evaluations of the case may cost (s); it ends once the first repeat says that they would cost more.

    Raises
    ------
    PotentialFailure
        As of `Potential.evaluate`; ``timeout`` beyond the limit; ``non_finite``.
    """
    clock = clock or device_clock(potential.device)
    memory = PeakMemory.begin(potential.device)
    began = clock.read()
    # with the system whose turn comes last: calculators keep the results of the one that they saw just before
    for _ in range(warm_up):
        _evaluate(potential, systems.batch(systems.repeats - 1), clock)
    passes_before = potential.budget.passes
    rows = [_evaluate(potential, systems.batch(0), clock)]
    passes = potential.budget.passes - passes_before
    expected_s = clock.read() - began + rows[0][0] * (systems.repeats - 1)
    if expected_s > limit_s:
        raise PotentialFailure(
            "timeout",
            f"a step of {systems.atoms_in_all} atoms takes {rows[0][0]:.3g} s: {systems.repeats} repeats would break"
            f" the time budget, of which {limit_s:.3g} s were left.",
        )
    rows += [_evaluate(potential, systems.batch(repeat), clock) for repeat in range(1, systems.repeats)]
    step_s, neighbour_s, model_s = np.array(rows).T
    return Measurement(
        step_s=step_s,
        neighbour_s=neighbour_s,
        model_s=model_s,
        n_atoms=systems.atoms_in_all,
        n_structures=systems.structures,
        peak_host_memory_MB=memory.host_MB(),
        peak_gpu_memory_MB=memory.gpu_MB(),
        n_passes=passes if potential.native else None,
        load_average=os.getloadavg()[0],
    )


def _evaluate(potential: Potential, batch: list[Atoms], clock: Clock) -> tuple[float, float, float]:
    """Seconds of one evaluation, of its neighbour lists, and of its passes of the model."""
    with dissected(potential, clock) as parts:
        start = clock.read()
        results = potential.evaluate(batch, ("energy", "forces"))
        seconds = clock.read() - start
    for atoms, result in zip(batch, results, strict=True):
        require_finite(result, atoms.get_chemical_formula())
    return seconds, parts.neighbour_s, parts.model_s


def write_times(path: Path, measurement: Measurement) -> None:
    """Write the times of all repeats as JSON."""
    write_json(path, {"dropped": DROPPED, **measurement.series()})


def read_times(path: Path) -> Mapping[str, np.ndarray]:
    """The times that count, by name, from what `write_times` wrote; NaN where there is none.

    Raises
    ------
    UserError
        If the file is missing or not readable.
    """
    content = read_json(path)
    first = content["dropped"]
    return {name: np.array(content[name], dtype=float)[first:] for name in ("step_s", "neighbour_s", "model_s")}
