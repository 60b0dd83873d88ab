"""Structures that laws are measured on: without symmetry, of elements that a potential knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from assay.potentials.probe import probe_crystal

PAIRS = (("Mg", "O"), ("Na", "Cl"), ("Si", "C"), ("Cu", "Au"))
"""Compounds to try, in rock salt: the first whose elements the potential knows."""


def systems(elements: frozenset[str] | None) -> dict[str, Atoms]:
    """Structures without symmetry, of elements that the potential knows: a crystal in a sheared cell, a compound, a
    crystal cell smaller than any cutoff, a slab, and a molecule without a cell."""
    rng = np.random.default_rng(7)
    crystal = probe_crystal(elements)
    symbol = crystal.symbols[0]
    spacing = 2 * covalent_radii[atomic_numbers[symbol]]
    shear = np.array([[1.01, 0.02, 0], [0, 0.985, 0.01], [0, 0, 1.02]])
    known = frozenset(["Si", "C"]) if elements is None else elements
    pair = next((pair for pair in PAIRS if known.issuperset(pair)), (symbol, symbol))
    edge = 2 * sum(covalent_radii[atomic_numbers[each]] for each in pair)
    sites = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (0.5,) * 3]
    compound = Atoms([pair[0]] * 4 + [pair[1]] * 4, scaled_positions=sites, cell=[edge] * 3, pbc=True)
    if pair == (symbol, symbol):
        compound = crystal.copy()
    slab = crystal.copy()
    slab.pbc = (True, True, False)
    bent = [(0, 0, 0), (1.2 * spacing, 0, 0), (1.5 * spacing, 1.1 * spacing, 0.2)]
    found = {
        "crystal": crystal,
        "compound": compound,
        "small cell": Atoms([symbol], cell=[spacing, 1.1 * spacing, 1.2 * spacing], pbc=True),
        "slab": slab,
        "molecule": Atoms([symbol, pair[1], pair[0]], positions=bent),
    }
    for atoms in found.values():
        atoms.set_cell(atoms.cell.array @ shear, scale_atoms=True)
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
    return found


def spread(molecule: Atoms, factors: Sequence[float] = (0.9, 1.1, 1.5, 2.5, 8.0)) -> list[Atoms]:
    """The molecule pulled apart, to beyond all cutoffs."""
    apart = []
    for factor in factors:
        scaled = molecule.copy()
        scaled.positions *= factor
        apart.append(scaled)
    return apart
