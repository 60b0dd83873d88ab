"""One case from its start or its checkpoint to its end: stages in their order, saved as they go on.

A run that is killed goes on from its last checkpoint bit for bit where the potential gives the same bits again: the
state, the random streams, the records, the way in which repeats are put together and the budget of a pass are all
restored. Whether the potential does is tried at the start and after each resumption, and told in the record.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.gas.checkpoints import Checkpoint
from assay.gas.dynamics import Recorder, Stage, run_stage
from assay.gas.explosions import Explosion, Limits
from assay.gas.forces import APART, TOGETHER, ModelForces
from assay.gas.integrators import Replicas, maxwell_velocities, temperatures_K
from assay.gas.trajectories import NVE, NVT

REPORT_s = 10.0
"""Time between lines in the log."""

TIMED_ROUNDS = 2
"""Evaluations of the starts, together and apart, from which the faster way is chosen."""

BUDGET_KEYS = ("atoms_per_pass", "sparse_atoms_per_pass", "edges_per_atom", "MB_per_atom")

START_FACTS = {
    "elapsed_s": 0.0,
    "replica_steps": 0,
    "resumed": 0,
    "nondeterministic": None,
    "advance_times_s": None,
}

log = logging.getLogger("assay")


@dataclass
class Simulation:
    """A run of all repeats of one case.

    Attributes
    ----------
    name : str
        Of the case, for the log.
    forces : ModelForces
    stages : list of Stage
        The first one NVT; all others start where it ended, with fresh velocities.
    limits : Limits
    stream : callable
        ``stream(repeat, purpose)``: a random stream.
    temperatures_K : tuple of float
        Of the velocities at the start of NVT, and of those after it.
    checkpoint : Checkpoint
    checkpoint_s : float
        Time between saves.
    state : Replicas
        Repeats that are left, where they are.
    production : Replicas or None
        Where NVT ended, with fresh velocities.
    noise : dict of int to Generator
        The thermostat's streams by repeat.
    stage, step : int
        Which stage is under way, and how many of its steps are done.
    explosions : list of Explosion
    facts : dict
        ``elapsed_s`` (spent in steps), ``replica_steps`` (steps, each repeat's counted), ``resumed`` (how often),
        ``nondeterministic`` (a sentence, or None), ``advance_times_s`` (what an evaluation costs together and apart).
    """

    name: str
    forces: ModelForces
    stages: list[Stage]
    limits: Limits
    stream: Callable[[int, str], np.random.Generator]
    temperatures_K: tuple[float, float]
    checkpoint: Checkpoint
    checkpoint_s: float
    state: Replicas
    production: Replicas | None = None
    noise: dict[int, np.random.Generator] = field(default_factory=dict)
    stage: int = 0
    step: int = 0
    explosions: list[Explosion] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.repeats = len(self.forces.atoms)
        self.recorder = Recorder(self.repeats)
        self.noise = self.noise or {repeat: self.stream(repeat, "noise") for repeat in range(self.repeats)}
        self.facts = START_FACTS | self.facts
        self._clock = self._saved = self._reported = time.monotonic()
        self._first_report = (self._reported, self.steps_done)

    @property
    def steps_done(self) -> int:
        """Steps of all stages so far."""
        return sum(stage.n_steps for stage in self.stages[: self.stage]) + self.step

    @property
    def steps_in_all(self) -> int:
        """Steps of all stages."""
        return sum(stage.n_steps for stage in self.stages)

    def run(self) -> dict[str, np.ndarray]:
        """Run to the end; returns all records, as of `Recorder.take`."""
        self._clock = self._saved = time.monotonic()
        while self.stage < len(self.stages):
            stage = self.stages[self.stage]
            if self.step == 0:
                self._enter(stage)
            self.state = run_stage(
                self.state,
                stage,
                self.forces,
                self.noise,
                limits=self.limits,
                recorder=self.recorder,
                explosions=self.explosions,
                number=self.stage,
                first_step=self.step,
                after_step=self._after_step,
            )
            self.stage, self.step = self.stage + 1, 0
        self._save()
        return self.checkpoint.records()

    def _enter(self, stage: Stage) -> None:
        """Velocities at the start of a stage."""
        if stage.phase == NVT:
            self._draw(self.state, self.temperatures_K[0], "equilibration")
            return
        if self.production is None:
            self.production = self.state.copy()
            self._draw(self.production, self.temperatures_K[1], "production")
        self.state = self.production.copy()

    def _draw(self, state: Replicas, temperature_K: float, purpose: str) -> None:
        for row, repeat in enumerate(state.repeats.tolist()):
            stream = self.stream(repeat, f"{purpose}-velocities")
            state.velocities_A_fs[row] = maxwell_velocities(state.masses_u, temperature_K, stream)

    def _after_step(self, step: int, state: Replicas) -> None:
        """Keep the books of a step; save and report if it is time."""
        self.step, self.state = step, state
        now = time.monotonic()
        self.facts["elapsed_s"] += now - self._clock
        self.facts["replica_steps"] += len(state.repeats)
        if now - self._reported >= REPORT_s:
            self._report(self.stages[self.stage], now)
        if now - self._saved >= self.checkpoint_s:
            self._save()
        self._clock = time.monotonic()

    def _report(self, stage: Stage, now: float) -> None:
        since, done = self._first_report
        rate = (self.steps_done - done) / (now - since)
        self._reported = now
        degrees = stage.integrator.degrees_of_freedom(len(self.state.masses_u))
        temperature_K = temperatures_K(self.state.kinetic_energies_eV, degrees)
        log.info(
            "%s %s: step %d/%d, %.3g steps/s, %.0f s left, %.0f K%s",
            self.name,
            stage.phase,
            self.step,
            stage.n_steps,
            rate,
            (self.steps_in_all - self.steps_done) / rate if rate else float("inf"),
            temperature_K.mean() if len(temperature_K) else float("nan"),
            f", drift {self._drift_meV(stage):.2g} meV/atom/ps"
            if stage.phase == NVE and len(self.state.repeats)
            else "",
        )

    def _drift_meV(self, stage: Stage) -> float:
        """Change of the total energy since the start of production (meV/atom/ps), mean of the repeats that are left."""
        start = self.production.keep(np.isin(self.production.repeats, self.state.repeats))
        change_eV = self.state.energies_eV + self.state.kinetic_energies_eV
        change_eV = change_eV - start.energies_eV - start.kinetic_energies_eV
        return float(1e6 * change_eV.mean() / len(self.state.masses_u) / (self.step * stage.timestep_fs))

    def _save(self) -> None:
        arrays = _arrays("state", self.state)
        if self.production is not None:
            arrays |= _arrays("production", self.production)
        budget = self.forces.potential.budget
        facts = self.facts | {
            "stage": self.stage,
            "step": self.step,
            "advanced": self.forces.advanced,
            "explosions": [explosion.record() for explosion in self.explosions],
            "noise": {repeat: stream.bit_generator.state for repeat, stream in self.noise.items()},
            "budget": {key: getattr(budget, key) for key in BUDGET_KEYS},
        }
        self.checkpoint.save(facts, arrays, self.recorder.take())
        self._saved = time.monotonic()


def _arrays(prefix: str, state: Replicas) -> dict[str, np.ndarray]:
    return {f"{prefix}.{name}": values for name, values in vars(state).items()}


def _replicas(prefix: str, arrays: dict[str, np.ndarray]) -> Replicas | None:
    names = [name for name in arrays if name.startswith(f"{prefix}.")]
    return Replicas(**{name.removeprefix(f"{prefix}."): arrays[name] for name in names}) if names else None


def fresh_state(forces: ModelForces) -> tuple[Replicas, str | None]:
    """The repeats at their starts, at rest, and a sentence if a second evaluation of them gave other bits.

    Raises
    ------
    PotentialFailure
        As of `Potential.evaluate`.
    """
    positions = np.array([atoms.positions for atoms in forces.atoms])
    state = Replicas.at_rest(forces.atoms[0].get_masses(), positions, forces)
    return state, _other_bits(state, forces, "a second evaluation of the same positions")


def restored(
    facts: dict[str, Any], arrays: dict[str, np.ndarray], forces: ModelForces, noise: dict[int, np.random.Generator]
) -> dict[str, Any]:
    """What a `Simulation` needs to go on from a checkpoint, as its keyword arguments.

    The budget of the potential and the way in which `forces` evaluates are set as they were.
    """
    for key, value in facts["budget"].items():
        setattr(forces.potential.budget, key, value)
    forces.advanced = facts["advanced"]
    for repeat, stream in noise.items():
        stream.bit_generator.state = facts["noise"][str(repeat)]
    state = _replicas("state", arrays)
    kept = {key: facts[key] for key in START_FACTS}
    kept["resumed"] += 1
    kept["nondeterministic"] = kept["nondeterministic"] or _other_bits(
        state, forces, "the process that resumed the run"
    )
    return {
        "state": state,
        "production": _replicas("production", arrays),
        "noise": noise,
        "stage": facts["stage"],
        "step": facts["step"],
        "explosions": [Explosion(**record) for record in facts["explosions"]],
        "facts": kept,
    }


def _other_bits(state: Replicas, forces: ModelForces, where: str) -> str | None:
    if not len(state.repeats):
        return None
    energies, values = forces(state.positions_A)
    if np.array_equal(energies, state.energies_eV, equal_nan=True) and np.array_equal(
        values, state.forces_eV_A, equal_nan=True
    ):
        return None
    worst = np.nanmax(np.abs(values - state.forces_eV_A), initial=0.0)
    return f"the potential is not deterministic to the last bit: {where} gave forces that differ by {worst:.1e} eV/Å."


def choose_advanced(forces: ModelForces, batching: str) -> dict[str, float] | None:
    """Set how repeats are evaluated: as asked for, or by what is faster at their starts.

    Parameters
    ----------
    forces : ModelForces
        Its `advanced` is set.
    batching : str
        ``together``, ``apart`` or ``auto``.

    Returns
    -------
    dict or None
        Time (s) of an evaluation of all repeats ``together`` and ``apart`` if it was measured. It is not where there is
        nothing to choose: one repeat, or a potential that loops.
    """
    if not forces.potential.native or len(forces.atoms) == 1:
        forces.advanced = APART
        return None
    if batching != "auto":
        forces.advanced = batching
        return None
    positions = np.array([atoms.positions for atoms in forces.atoms])
    rounds = []
    for _ in range(1 + TIMED_ROUNDS):
        rounds.append({})
        for forces.advanced in (TOGETHER, APART):
            start = time.perf_counter()
            forces(positions)
            rounds[-1][forces.advanced] = time.perf_counter() - start
    # the first round warms up
    seconds = {advanced: min(times[advanced] for times in rounds[1:]) for advanced in (TOGETHER, APART)}
    forces.advanced = min(seconds, key=seconds.__getitem__)
    return seconds
