"""Repeats of a gas together in one evaluation, or one after the other: seconds per step of all of them.

    .envs/chgnet/bin/python benchmarks/gas_replicas.py --model chgnet
    .envs/sevennet/bin/python benchmarks/gas_replicas.py --model sevennet

The number of passes tells what "together" means: a budget that one repeat fills gives as many passes as repeats. On a
CPU the processor time is taken, which other processes on the machine disturb less than the wall's clock.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from gas_overhead import ENTRIES, co2_gas

from assay.gas.forces import APART, TOGETHER, ModelForces
from assay.potentials import Potential, load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=ENTRIES, default="chgnet")
    parser.add_argument("--molecules", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    potential = load(ENTRIES[arguments.model] | {"checkpoint": "bundled"}, device=arguments.device)
    print(f"{arguments.model}: {potential.budget.atoms_per_pass} condensed atoms per pass")
    print("atoms  repeats  passes together  together s/step  apart s/step  apart / together")
    for molecules in arguments.molecules:
        forces = ModelForces(potential, co2_gas(molecules, arguments.repeats))
        passes, together_s, apart_s = measure(potential, forces, arguments.rounds)
        print(
            f"{3 * molecules:5d}  {arguments.repeats:7d}  {passes:15.1f}  {together_s:15.4f}  {apart_s:12.4f}"
            f"  {apart_s / together_s:16.2f}"
        )


def measure(potential: Potential, forces: ModelForces, rounds: int) -> tuple[float, float, float]:
    """Passes per step together, and the least seconds per step together and apart, of so many rounds in turns."""
    random = np.random.default_rng(1)
    start = np.array([atoms.positions for atoms in forces.atoms])
    seconds: dict[str, list[float]] = {TOGETHER: [], APART: []}
    clock = time.process_time if potential.device == "cpu" else time.perf_counter
    passes = 0
    for _ in range(1 + rounds):
        positions = start + random.normal(0, 0.02, start.shape)
        for forces.advanced, taken in seconds.items():
            before, began = potential.budget.passes, clock()
            forces(positions)
            taken.append(clock() - began)
            passes += (potential.budget.passes - before) * (forces.advanced == TOGETHER)
    # the first round warms up
    together_s, apart_s = (min(taken[1:]) for taken in seconds.values())
    return passes / (1 + rounds), together_s, apart_s


if __name__ == "__main__":
    main()
