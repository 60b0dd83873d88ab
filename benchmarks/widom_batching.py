"""How fast trial insertions are: one ase call each, whole structures in batches, and graphs in a fixed host in batches.

CO2 in Mg-MOF-74 (the primitive cell, doubled along its channel: 108 atoms), energies only where the way allows it. The
calculators of the packages always compute forces and stress. Without arguments, SevenNet-0 and CHGNet 0.3.0 are
measured in their environments (`ASSAY_ENVS`, default ``.envs``), each in a process of its own:

    python benchmarks/widom_batching.py --rounds 2

With an entry of the catalogue as JSON, that potential is measured in the running interpreter:

    .envs/chgnet/bin/python benchmarks/widom_batching.py --entry '{"name": "r2scan", "package": "chgnet", ...}'
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from model_processes import main, time_s

from assay.cells import supercell_repeats
from assay.frameworks import read_framework, read_molecule
from assay.hosts import guest_at, joined, make_system, placed
from assay.potentials import Potential
from assay.widom.insertions import inserter
from assay.widom.sampling import draw_insertions

RESOURCES = Path(__file__).parents[1] / "resources"
COUNT = 32


def insertions(potential: Potential) -> tuple[Atoms, Atoms, np.ndarray]:
    """The repeated host, the guest, and positions of its atoms in every insertion."""
    system = make_system(
        read_framework(RESOURCES / "frameworks/Mg-MOF-74.cif"), read_molecule(RESOURCES / "molecules/CO2.xyz")
    )
    drawn = draw_insertions(COUNT, seed=1, path="benchmark")
    positions = placed(system.guest, drawn.fractional @ system.host.cell.array, drawn.quaternions)
    repeats = supercell_repeats(system.host.cell.array, potential.details["cutoff_A"])
    return system.host.repeat(repeats), system.guest, positions


def measure(potential: Potential, rounds: int) -> None:
    """Print times per insertion of each way and the ratio to the first; each the shortest of some rounds."""
    host, guest, positions = insertions(potential)
    guests = [guest_at(guest, one, host) for one in positions]
    wholes = [joined(host, one) for one in guests]
    calculator, in_host = potential.package_calculator(), potential.prepare_in_host(host)

    def by_ase() -> None:
        for atoms in wholes:
            single = atoms.copy()
            single.calc = calculator
            single.get_potential_energy()

    ways = {
        "one ase call each (the package's calculator)": by_ase,
        "whole structures, one by one, energies only": lambda: [potential.evaluate([one], "energy") for one in wholes],
        "whole structures in batches": lambda: potential.evaluate(wholes, "energy"),
        "graphs in the host in batches": lambda: potential.evaluate(guests, "energy", prepare=in_host),
        "  of which: the guest's part of the graph": lambda: [in_host(one) for one in guests],
        "  instead of: the whole graph": lambda: [potential.prepare(one) for one in wholes],
        "insertion energies as in the chapter": lambda: how.energies(positions),
    }
    how = inserter(potential, host, guest)
    batching = potential.batching
    print(f"{potential.name} on {potential.device}, {os.environ.get('OMP_NUM_THREADS', '?')} threads")
    print(f"  {len(host)} + {len(guest)} atoms, {COUNT} insertions; pass: {batching['atoms_per_pass']} condensed atoms")
    # the ways take turns, so that a disturbance of the machine does not hit one of them alone
    times = np.array([[time_s(way) for way in ways.values()] for _ in range(rounds)]).min(axis=0) / COUNT
    print(f"  {'':46s}{'ms':>9s}{'ratio':>8s}")
    for label, seconds in zip(ways, times, strict=True):
        ratio = "" if label.startswith(" ") else f"{times[0] / seconds:8.1f}"
        print(f"  {label:46s}{1e3 * seconds:9.2f}{ratio}", flush=True)


if __name__ == "__main__":
    sys.exit(main("Trial insertions in batches against one by one.", __file__, measure))
