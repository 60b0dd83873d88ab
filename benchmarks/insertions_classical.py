"""How fast classical force fields give the energies of trial insertions of carbon dioxide into Mg-MOF-74.

In an environment with LAMMPS and torch-pme, with the number of threads that counts:

    OMP_NUM_THREADS=2 .envs/lammps/bin/python benchmarks/insertions_classical.py --insertions 100000

Beside the vectorised sums stands the same by LAMMPS, which evaluates framework and guest as a whole each time.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.spatial.transform import Rotation

from assay.frameworks import read_framework, read_molecule
from assay.potentials import load

ROOT = Path(__file__).resolve().parents[1]
FORCE_FIELDS = ("uff-trappe", "co2-mof74-dft")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--insertions", type=int, default=100_000)
    parser.add_argument("--by-lammps", type=int, default=50, help="insertions that LAMMPS evaluates")
    arguments = parser.parse_args()
    host = read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif")
    guest = read_molecule(ROOT / "resources/molecules/CO2.xyz")
    random = np.random.default_rng(0)
    rotations = Rotation.random(arguments.insertions, rng=random).as_matrix()
    centres = random.random((arguments.insertions, 3)) @ host.cell.array
    positions = centres[:, None] + np.einsum("nij,mj->nmi", rotations, guest.positions)
    print(f"{len(host)} atoms, {arguments.insertions} insertions, {os.environ.get('OMP_NUM_THREADS', '?')} threads")
    for name in FORCE_FIELDS:
        entry = {
            "name": name,
            "package": "classical",
            "loader": {"kind": "force-field", "file": str(ROOT / f"resources/force_fields/{name}.yaml")},
        }
        potential = load(entry)
        energies = potential.interaction(host, guest)
        energies(positions[:100])
        started = perf_counter()
        energies(positions)
        vectorised_s = perf_counter() - started
        both = host + guest
        potential.evaluate([both], ("energy",))
        started = perf_counter()
        for place in positions[: arguments.by_lammps]:
            both.positions[-len(guest) :] = place
            potential.evaluate([both], ("energy",))
        lammps_s = (perf_counter() - started) / arguments.by_lammps
        print(
            f"  {name}: {vectorised_s:.1f} s, {1e6 * vectorised_s / arguments.insertions:.0f} µs per insertion;"
            f" by LAMMPS {1e3 * lammps_s:.2f} ms"
        )


if __name__ == "__main__":
    main()
