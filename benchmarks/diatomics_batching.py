"""All geometries of one pair of atoms in batches, against one call of the package's own ase calculator for each.

    python benchmarks/diatomics_batching.py

The pair is that of the default campaign, N2 with 80 distances and 125 orientations. Through the calculator, every
twentieth geometry is evaluated and the time scaled up; the shortest of some rounds counts. Options: ``--help``.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
from model_processes import main, time_s

from assay.diatomics.protocol import calculate, make_pair
from assay.potentials import Potential

EVERY = 20


def measure(potential: Potential, rounds: int) -> None:
    """Print the times of one pair and their ratio."""
    pair = make_pair(("N", "N"))
    calculator = potential.package_calculator()
    count = len(pair.radii_A) * len(pair.orientations)
    chosen = [np.unravel_index(index, (len(pair.radii_A), len(pair.orientations))) for index in range(0, count, EVERY)]
    structures = [pair.geometry(pair.radii_A[radius], orientation) for radius, orientation in chosen]

    def one_by_one() -> float:
        start = time.perf_counter()
        for atoms in structures:
            atoms.calc = calculator
            atoms.get_potential_energy(), atoms.get_forces()
        return (time.perf_counter() - start) * count / len(structures)

    batched = min(time_s(lambda: calculate(potential, pair)) for _ in range(rounds))
    single = min(one_by_one() for _ in range(rounds))
    print(
        f"{potential.name} on {potential.device}, {os.environ.get('OMP_NUM_THREADS', '?')} threads: {count} geometries"
        f" one by one {single:.1f} s, batched {batched:.1f} s with stencils and atoms, ratio {single / batched:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main("All geometries of a pair of atoms in batches, against one by one.", __file__, measure))
