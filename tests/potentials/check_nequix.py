"""Both backends of one Nequix checkpoint, inside its environment. Prints one JSON object.

.envs/nequix/bin/python tests/potentials/check_nequix.py weights.nqx
"""

from __future__ import annotations

import json
import sys

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from assay.potentials import Potential, load

PROPERTIES = ("energy", "forces", "stress")


def displaced_supercells(count: int) -> list[Atoms]:
    """Supercells of silicon with one displaced atom each, as phonons need them."""
    rng = np.random.default_rng(3)
    crystals = []
    for _ in range(count):
        atoms = bulk("Si", cubic=True).repeat((2, 2, 1))
        atoms.positions[rng.integers(len(atoms))] += rng.normal(0, 0.01, 3)
        crystals.append(atoms)
    return crystals


def loaded(file: str, backend: str) -> Potential:
    entry = {"name": backend, "package": "nequix", "loader": {"backend": backend}, "checkpoint": {"path": file}}
    return load(entry, probe=False)


def main(file: str) -> None:
    structures = [*displaced_supercells(6), molecule("CH3OH"), bulk("MgO", "rocksalt", a=4.2)]
    by_jax, by_torch = loaded(file, "jax"), loaded(file, "torch")
    worst = {"energy_eV_per_atom": 0.0, "force_eV_A": 0.0, "stress_eV_A3": 0.0}
    pairs = zip(by_jax.evaluate(structures, PROPERTIES), by_torch.evaluate(structures, PROPERTIES), strict=True)
    for atoms, (one, other) in zip(structures, pairs, strict=True):
        deviations = {
            "energy_eV_per_atom": abs(one.energy_eV - other.energy_eV) / len(atoms),
            "force_eV_A": np.abs(one.forces_eV_A - other.forces_eV_A).max(),
        }
        if one.stress_eV_A3 is not None:
            deviations["stress_eV_A3"] = np.abs(one.stress_eV_A3 - other.stress_eV_A3).max()
        worst = {key: max(value, float(deviations.get(key, 0.0))) for key, value in worst.items()}
    programs = by_jax.forward.__self__.passes.programs
    print(json.dumps({"deviations": worst, "programs": len(programs)}))


if __name__ == "__main__":
    main(sys.argv[1])
