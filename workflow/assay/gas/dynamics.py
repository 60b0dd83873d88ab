"""The loop over time steps, its records, and the early end of a repeat that explodes.

All repeats of a system advance in step; one that explodes stops there, the others go on. Closest distances are looked
at with an interval, everything else in every step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.gas.explosions import Explosion, Limits, not_finite, too_close, too_hot
from assay.gas.forces import ModelForces
from assay.gas.integrators import Integrator, Replicas, Streams

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Stage:
    """A stretch of a run with one integrator.

    Attributes
    ----------
    phase : str
        ``nvt``, ``nve``, or of a scan of time steps, such as ``scan-2fs``.
    integrator : Integrator
    n_steps : int
    timestep_fs : float
    look_every : int
        Steps between looks at the closest distance.
    positions_every, velocities_every : int or None
        Steps between stored positions and velocities; None stores none.
    """

    phase: str
    integrator: Integrator
    n_steps: int
    timestep_fs: float
    look_every: int = 10
    positions_every: int | None = None
    velocities_every: int | None = None


@dataclass
class Recorder:
    """What happened since the last `take`: rows of all repeats, NaN where one has ended.

    Attributes
    ----------
    repeats : int
        How many there are from the start.
    """

    repeats: int
    _rows: dict[str, list[Any]] = field(default_factory=dict)

    def energies(self, stage: int, step: int, state: Replicas) -> None:
        """Keep potential and kinetic energies of a step."""
        values = self._spread(state, np.stack([state.energies_eV, state.kinetic_energies_eV], axis=1))
        self._append("energy", stage, step, values)

    def positions(self, stage: int, step: int, state: Replicas) -> None:
        """Keep a frame of positions."""
        self._append("position", stage, step, self._spread(state, state.positions_A))

    def velocities(self, stage: int, step: int, state: Replicas) -> None:
        """Keep a frame of velocities."""
        self._append("velocity", stage, step, self._spread(state, state.velocities_A_fs))

    def take(self) -> dict[str, np.ndarray]:
        """Arrays ``{what}_index`` (stage and step, shape (k, 2)) and ``{what}`` (shape (k, repeats, ...)).

        What there is: ``energy`` (potential, kinetic; eV), ``position`` (Å), ``velocity`` (Å/fs). It is forgotten here.
        """
        arrays = {name: np.array(values) for name, values in self._rows.items()}
        self._rows = {}
        return arrays

    def _append(self, name: str, stage: int, step: int, values: np.ndarray) -> None:
        self._rows.setdefault(f"{name}_index", []).append((stage, step))
        self._rows.setdefault(name, []).append(values)

    def _spread(self, state: Replicas, values: np.ndarray) -> np.ndarray:
        every = np.full((self.repeats, *values.shape[1:]), np.nan)
        every[state.repeats] = values
        return every


def run_stage(
    state: Replicas,
    stage: Stage,
    forces: ModelForces,
    streams: Streams,
    *,
    limits: Limits,
    recorder: Recorder,
    explosions: list[Explosion],
    number: int = 0,
    first_step: int = 0,
    after_step: Callable[[int, Replicas], None] = lambda step, state: None,
) -> Replicas:
    """Run a stage to its end or to that of its last repeat.

    Parameters
    ----------
    state : Replicas
        Is changed.
    stage : Stage
    forces : ModelForces
        Rows of what it is called with are those of the state.
    streams : mapping of int to Generator
    limits : Limits
    recorder : Recorder
        Is given every step's energies, and frames.
    explosions : list of Explosion
        Is added to.
    number : int
        Of the stage, for the recorder.
    first_step : int
        Where to go on; at 0 the state at the start is looked at and recorded first.
    after_step : callable
        ``after_step(step, state)`` is called after each step.

    Returns
    -------
    Replicas
        The repeats that are left.
    """
    if first_step == 0:
        state = _look(state, stage, 0, forces, limits, recorder, number, explosions)
    for step in range(first_step + 1, stage.n_steps + 1):
        if not len(state.repeats):
            break
        stage.integrator.step(state, forces, stage.timestep_fs, streams)
        state = _look(state, stage, step, forces, limits, recorder, number, explosions)
        after_step(step, state)
    return state


def _look(
    state: Replicas,
    stage: Stage,
    step: int,
    forces: ModelForces,
    limits: Limits,
    recorder: Recorder,
    number: int,
    explosions: list[Explosion],
) -> Replicas:
    """Record a step, and drop the repeats that have exploded in it."""
    state = _drop(state, not_finite(state, forces.failures), stage, step, explosions)
    if not len(state.repeats):
        return state
    recorder.energies(number, step, state)
    if stage.positions_every and step % stage.positions_every == 0:
        recorder.positions(number, step, state)
    if stage.velocities_every and step % stage.velocities_every == 0:
        recorder.velocities(number, step, state)
    looks = step % stage.look_every == 0 or step == stage.n_steps
    causes = too_close(state, forces.cell_A, limits.closest_A) if looks else {}
    return _drop(state, causes | too_hot(state, stage.integrator, limits.temperature_K), stage, step, explosions)


def _drop(
    state: Replicas,
    causes: Mapping[int, tuple[str, str]],
    stage: Stage,
    step: int,
    explosions: list[Explosion],
) -> Replicas:
    """The state without the rows that have a cause to end, which are told to `explosions`."""
    if not causes:
        return state
    for row, (cause, message) in sorted(causes.items()):
        repeat, time_fs = int(state.repeats[row]), step * stage.timestep_fs
        explosions.append(Explosion(repeat, stage.phase, time_fs, cause, message))
        log.warning("repeat %d ended in phase %s at %g fs: %s", repeat, stage.phase, time_fs, message)
    kept = np.ones(len(state.repeats), dtype=bool)
    kept[list(causes)] = False
    return state.keep(kept)
