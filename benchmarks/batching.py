"""How much faster structures are evaluated in batches than one by one through the package's own ase calculator.

Without arguments, SevenNet-0 and CHGNet 0.3.0 are measured in their environments (`ASSAY_ENVS`, default ``.envs``),
each in a process of its own with the recommended environment:

    python benchmarks/batching.py

With an entry of the catalogue as JSON, that potential is measured in the running interpreter:

    .envs/chgnet/bin/python benchmarks/batching.py --entry '{"name": "r2scan", "package": "chgnet", ...}'
"""

from __future__ import annotations

import os
import sys

import numpy as np
from ase import Atoms
from ase.build import bulk
from model_processes import main, time_s

from assay.potentials import Potential

PROPERTIES = ("energy", "forces", "stress")


def dimers(count: int, rng: np.random.Generator) -> list[Atoms]:
    """Oxygen molecules, 0.9 to 2.5 Å, in periodic cubes of 25 Å."""
    return [
        Atoms("O2", positions=[(0, 0, 0), (length, 0, 0)], cell=[25.0] * 3, pbc=True)
        for length in rng.uniform(0.9, 2.5, count)
    ]


def silicon(count: int, repeat: int, rng: np.random.Generator) -> list[Atoms]:
    """Silicon with random displacements of 0.05 Å."""
    crystals = [bulk("Si", cubic=True).repeat(repeat) for _ in range(count)]
    for atoms in crystals:
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
    return crystals


def measure(potential: Potential, rounds: int) -> None:
    """Print, for each kind of structure, times per structure and the ratio; each the shortest of some rounds."""
    rng = np.random.default_rng(0)
    calculator = potential.package_calculator()
    batching = potential.batching
    print(f"{potential.name} on {potential.device}, {os.environ.get('OMP_NUM_THREADS', '?')} threads")
    print(
        f"  pass: {batching['atoms_per_pass']} condensed atoms, {batching['sparse_atoms_per_pass']} sparse ones,"
        f" {batching['MB_per_atom']} MB per atom, by {batching['source']} in {batching['probe_s']:.1f} s"
    )

    def one_by_one(structures: list[Atoms]) -> None:
        for atoms in structures:
            single = atoms.copy()
            single.calc = calculator
            single.get_potential_energy(), single.get_forces(), single.get_stress()

    print("  ms per structure   one by one   batched   ratio   energies only")
    for label, structures in (
        ("O2 in 25 Å", dimers(256, rng)),
        ("Si8", silicon(32, 1, rng)),
        ("Si64", silicon(8, 2, rng)),
    ):
        times = np.array(
            [
                [
                    time_s(lambda: one_by_one(structures)),  # noqa: B023
                    time_s(lambda: potential.evaluate(structures, PROPERTIES)),  # noqa: B023
                    time_s(lambda: potential.evaluate(structures, ("energy",))),  # noqa: B023
                ]
                for _ in range(rounds)
            ]
        )
        single, batch, energies = 1e3 * times.min(axis=0) / len(structures)
        print(f"  {label:17s}  {single:10.2f}  {batch:8.2f}  {single / batch:6.1f}  {energies:14.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main("Batched evaluation against one by one.", __file__, measure))
