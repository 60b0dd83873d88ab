"""`Potential.evaluate` against the package's own ase calculator in a loop: many dimers, many cells, one large cell.

    python benchmarks/engine.py

Both ways give energy, forces and stress of the same structures in the same process, in turns; the shortest of some
rounds counts. Where the time of `evaluate` goes is given beside the ratio: neighbour lists and graphs, passes of the
model, and what is left. Options: ``--help``.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from ase import Atoms
from ase.build import bulk
from model_processes import main, time_s

from assay.potentials import Potential
from assay.speed.timing import device_clock, dissected

PROPERTIES = ("energy", "forces", "stress")


def systems(rng: np.random.Generator) -> dict[str, list[Atoms]]:
    """64 oxygen molecules in cubes of 25 Å, 64 cells of 64 atoms and one of 512, silicon rattled by 0.05 Å."""
    molecules = [
        Atoms("O2", positions=[(0, 0, 0), (length, 0, 0)], cell=[25.0] * 3, pbc=True)
        for length in rng.uniform(0.9, 2.5, 64)
    ]
    crystals = {repeat: bulk("Si", cubic=True).repeat(repeat) for repeat in (2, 4)}

    def rattled(repeat: int) -> Atoms:
        atoms = crystals[repeat].copy()
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
        return atoms

    return {"64 dimers": molecules, "64 x Si64": [rattled(2) for _ in range(64)], "1 x Si512": [rattled(4)]}


def measure(potential: Potential, rounds: int) -> None:
    """Print times per structure, their ratio, and where the time of `evaluate` goes."""
    calculator = potential.package_calculator()
    clock = device_clock(potential.device)

    def one_by_one(structures: list[Atoms]) -> None:
        for atoms in structures:
            atoms.calc = calculator
            atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
            atoms.calc = None
            calculator.reset()

    print(f"{potential.name} on {potential.device}, {os.environ.get('OMP_NUM_THREADS', '?')} threads")
    print("  ms per structure   package   evaluate   ratio   of which graphs, model, rest (%)")
    for label, structures in systems(np.random.default_rng(0)).items():
        potential.evaluate(structures[:2], PROPERTIES)
        one_by_one(structures[:1])
        package, ours = [], []
        for _ in range(rounds):
            package.append(time_s(lambda: one_by_one(structures)))  # noqa: B023
            with dissected(potential, clock) as parts:
                whole = time_s(lambda: potential.evaluate(structures, PROPERTIES))  # noqa: B023
            ours.append((whole, parts.neighbour_s, parts.model_s))
        whole, graphs, model = min(ours)
        shares = 100 * np.array([graphs, model, whole - graphs - model]) / whole
        single, together = 1e3 * min(package) / len(structures), 1e3 * whole / len(structures)
        print(
            f"  {label:17s} {single:9.2f} {together:10.2f} {single / together:7.2f}  "
            f" {shares[0]:6.1f} {shares[1]:6.1f} {shares[2]:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main("The engine against the packages' own calculators.", __file__, measure))
