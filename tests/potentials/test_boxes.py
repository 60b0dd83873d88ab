"""Vacuum boxes: the same pairs are neighbours, and no others."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.neighborlist import neighbor_list

from assay.potentials.boxes import boxed

CUTOFF_A = 5.0

chain = bulk("Cu", cubic=True)
chain.pbc = (False, False, True)
tilted = fcc111("Cu", (2, 2, 2))
tilted.rotate(37, (1, 2, 3), rotate_cell=True)
tilted.positions += [3.0, -40.0, 11.0]


@pytest.mark.parametrize(
    "atoms",
    [molecule("C6H6"), fcc111("Pt", (2, 2, 3)), chain, bulk("Si"), tilted, Atoms("H")],
    ids=["molecule", "slab without a cell vector", "chain", "crystal", "tilted slab far away", "atom"],
)
def test_distances_within_the_cutoff_are_those_of_the_structure(atoms):
    positions, cell = boxed(atoms, CUTOFF_A)
    inside = Atoms(atoms.numbers, positions=positions, cell=cell, pbc=True)
    assert np.sort(neighbor_list("d", inside, CUTOFF_A)) == pytest.approx(np.sort(neighbor_list("d", atoms, CUTOFF_A)))


def test_periodic_directions_need_a_cell():
    with pytest.raises(ValueError, match="Cu"):
        boxed(Atoms("Cu", pbc=True), CUTOFF_A)
