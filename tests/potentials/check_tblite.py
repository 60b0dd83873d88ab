"""Checks of tight binding inside its environment: known energies, laws of a molecule, loading. Prints one JSON object.

The laws are those of `assay.potentials.laws`, on a molecule alone: on crystals, of which one evaluation takes seconds,
the conformance of all potentials measures them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule

from assay.failures import PotentialFailure, UserError
from assay.potentials import laws, load
from assay.potentials.law_systems import systems

METHODS = ("GFN1-xTB", "GFN2-xTB")


def entry(method: str, **keys: object) -> dict:
    return {"name": method.lower(), "package": "tblite", "loader": {"method": method}, "checkpoint": "none", **keys}


def measured(method: str) -> dict:
    potential, rng = load(entry(method)), np.random.default_rng(0)
    bent = systems(frozenset({"Si", "C"}))["molecule"]
    water, cation = molecule("H2O"), molecule("H2O")
    cation.info = {"charge": 1, "spin": 2}
    singlet, triplet = molecule("O2"), molecule("O2")
    triplet.info = {"spin": 3}
    mixed = [water, cation, bent, triplet, water]
    together = potential.evaluate(mixed)
    alone = [potential.evaluate([atoms])[0] for atoms in mixed]
    padded = Atoms(water, cell=[8.0] * 3, pbc=True)
    return {
        "water_eV": together[0].energy_eV,
        "anion_eV": load(entry(method, charge=-1)).evaluate([water])[0].energy_eV,
        "ionisation_eV": together[1].energy_eV - together[0].energy_eV,
        "triplet_eV": together[3].energy_eV - potential.evaluate([singlet])[0].energy_eV,
        "charges_e": together[0].charges_e.tolist(),
        "cation_e": float(together[1].charges_e.sum()),
        "order_eV": max(abs(one.energy_eV - other.energy_eV) for one, other in zip(together, alone, strict=True)),
        "batching": potential.batching,
        "declared": [potential.conservative, potential.extensive, potential.tolerances],
        "largest_force_meV_A": 1e3 * float(np.abs(together[2].forces_eV_A).max()),
        "laws": {
            "translation": laws.translation(potential, bent, rng),
            "rotation": laws.rotation(potential, bent, rng),
            "permutation": laws.permutation(potential, bent, rng),
            "force": laws.force_derivative(potential, bent, rng, (2e-3, 5e-4)),
            "package": laws.batch_equals_package(potential, [padded]),
        },
        "slab_forces": laws.net_force(potential, Atoms(water, cell=[5.0, 5.0, 0.0], pbc=(True, True, False))),
        "unknown": laws.refuses_unknown_element(potential),
    }


def loading(folder: Path) -> list[list[str]]:
    (folder / "weights.pt").write_bytes(b"weights")
    wrong = (
        entry("GFN2-xTB", checkpoint={"path": str(folder / "weights.pt")}),
        entry("GFN2-xTB", checkpoint={"path": str(folder / "missing.pt")}),
        entry("GFN3-xTB"),
        {**entry("GFN2-xTB"), "loader": {"acuracy": 1.0}},
    )
    answers = []
    for each in wrong:
        try:
            load(each)
        except (PotentialFailure, UserError) as error:
            answers.append([type(error).__name__, getattr(error, "reason", ""), str(error)])
    return answers


if __name__ == "__main__":
    report = {**{method: measured(method) for method in METHODS}, "loading": loading(Path(sys.argv[1]))}
    print(json.dumps(report))
