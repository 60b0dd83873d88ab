"""What the loop over time steps costs beside the forces: CO2 with CHGNet, 150 atoms.

    .envs/chgnet/bin/python benchmarks/gas_overhead.py

One run is taken apart: the time inside of the model (graphs and passes), what `Potential.evaluate` adds around it, and
what our loop (Langevin, records of energies, positions and velocities, looks at the closest distance) adds around that.
Processor time of one thread is taken, which other processes on the machine disturb less than the wall's clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms

from assay.gas.dynamics import Recorder, Stage, run_stage
from assay.gas.explosions import Limits
from assay.gas.forces import TOGETHER, ModelForces
from assay.gas.integrators import Replicas, maxwell_velocities
from assay.gas.systems import gas_frames
from assay.gas.thermostats import Langevin
from assay.potentials import Potential, load

ENTRIES = {
    "chgnet": {"name": "chgnet", "package": "chgnet", "loader": {"model": "0.3.0"}},
    "sevennet": {"name": "7net-0", "package": "sevennet", "loader": {"model": "7net-0"}},
}


def co2_gas(molecules: int, repeats: int) -> list[Atoms]:
    molecule = Atoms("CO2", [[0, 0, 0], [1.16, 0, 0], [-1.16, 0, 0]])
    box_A = 25.0 * (molecules / 50) ** (1 / 3)
    return gas_frames("CO2", molecule, count=molecules, box_A=box_A, repeats=repeats, seed=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=ENTRIES, default="chgnet")
    parser.add_argument("--molecules", type=int, default=50)
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()
    potential = load(ENTRIES[arguments.model] | {"checkpoint": "bundled"})
    print("repeats  model ms/step  evaluate adds  our loop adds")
    for repeats in (1, 2):
        model_s, evaluate_s, loop_s = measure(potential, co2_gas(arguments.molecules, repeats), arguments.steps)
        print(
            f"{repeats:7d}  {1e3 * model_s:13.2f}  {100 * (evaluate_s / model_s - 1):11.2f} %"
            f"  {100 * (loop_s - evaluate_s) / evaluate_s:11.2f} %"
        )


@dataclass
class Stopwatch:
    """Adds up the processor time of the calls of a function."""

    function: Callable[..., Any]
    seconds: float = 0.0

    def __call__(self, *arguments, **options):
        start = time.process_time()
        try:
            return self.function(*arguments, **options)
        finally:
            self.seconds += time.process_time() - start


def measure(potential: Potential, frames: list[Atoms], steps: int) -> tuple[float, float, float]:
    """Processor seconds per step inside of the model, of `evaluate`, and of the loop around it."""
    prepare, forward = Stopwatch(potential.prepare), Stopwatch(potential.forward)
    watched = replace(potential, prepare=prepare, forward=forward)
    evaluate = Stopwatch(watched.evaluate)
    watched.evaluate = evaluate
    forces = ModelForces(watched, frames, TOGETHER)
    state = Replicas.at_rest(frames[0].get_masses(), np.array([atoms.positions for atoms in frames]), forces)
    streams = {row: np.random.default_rng(row) for row in range(len(frames))}
    for row in range(len(frames)):
        state.velocities_A_fs[row] = maxwell_velocities(state.masses_u, 400.0, streams[row])
    watches = (prepare, forward, evaluate)
    warm, counted = (
        Stage("nvt", Langevin(400.0, 100.0), count, 1.0, look_every=10, positions_every=10, velocities_every=4)
        for count in (10, steps)
    )
    for stage in (warm, counted):
        for watch in watches:
            watch.seconds = 0.0
        recorder, limits = Recorder(len(frames)), Limits(4000.0, 0.5)
        start = time.process_time()
        state = run_stage(state, stage, forces, streams, limits=limits, recorder=recorder, explosions=[])
        loop_s = time.process_time() - start
    return (prepare.seconds + forward.seconds) / steps, evaluate.seconds / steps, loop_s / steps


if __name__ == "__main__":
    main()
