"""How much faster structures are evaluated in batches than one by one through the package's own ase calculator.

Without arguments, SevenNet-0 and CHGNet 0.3.0 are measured in their environments (`ASSAY_ENVS`, default ``.envs``),
each in a process of its own with the recommended environment:

    python benchmarks/batching.py

With an entry of the catalogue as JSON, that potential is measured in the running interpreter:

    .envs/chgnet/bin/python benchmarks/batching.py --entry '{"name": "r2scan", "package": "chgnet", ...}'
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from assay.potentials import Potential, load
from assay.runtime import recommended_environment

ENTRIES = (
    {"name": "sevennet-0", "package": "sevennet", "loader": {"model": "7net-0"}},
    {"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}},
)

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


def time_s(call: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


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


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Batched evaluation against one by one.")
    parser.add_argument("--entry", help="a catalogue entry as JSON, for the running interpreter")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="repeats, of which the shortest counts (default: 3)")
    options = parser.parse_args()
    if options.entry:
        measure(load(json.loads(options.entry), options.device), options.rounds)
        return 0
    envs = Path(os.environ.get("ASSAY_ENVS", Path(__file__).parents[1] / ".envs"))
    failed = 0
    for entry in ENTRIES:
        python = envs / entry["package"] / "bin" / "python"
        if not python.exists():
            print(f"{entry['name']}: {python} is not built; run `make run` first", file=sys.stderr)
            failed += 1
            continue
        command = [python, __file__, "--entry", json.dumps(entry), "--device", options.device]
        done = subprocess.run(
            [*command, "--rounds", str(options.rounds)],
            env={**os.environ, **recommended_environment(options.threads)},
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            print(f"{entry['name']}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
