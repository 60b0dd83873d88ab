"""Edges of graphs: shells of a known crystal, and a guest in a host against the search over the whole structure."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from assay.potentials.edges import edges_in_host, edges_within

CUTOFF_A = 4.0


def sorted_rows(edges):
    """Edges in an order that does not depend on how they were found."""
    rows = np.column_stack([edges.pairs.T, edges.vectors_A.round(8)]) + 0.0
    return rows[np.lexsort(rows.T[::-1])]


def test_an_fcc_atom_has_twelve_nearest_neighbours():
    edges = edges_within(bulk("Cu", a=3.6), 2.6)
    assert edges.pairs.shape == (2, 12) and not edges.pairs.any()
    np.testing.assert_allclose(np.linalg.norm(edges.vectors_A, axis=1), 3.6 / np.sqrt(2))
    np.testing.assert_allclose(edges.vectors_A.sum(axis=0), 0.0, atol=1e-12)
    assert edges.volume_A3 == pytest.approx(3.6**3 / 4)


def test_a_molecule_has_no_images():
    edges = edges_within(molecule("CO2"), 10.0)
    assert sorted(map(tuple, edges.pairs.T)) == [(i, j) for i in range(3) for j in range(3) if i != j]


def test_a_guest_in_a_host_has_the_edges_of_the_whole_structure():
    rng = np.random.default_rng(3)
    host = bulk("Si", cubic=True)
    host.positions += rng.normal(0, 0.05, host.positions.shape)
    edges_with = edges_in_host(host, CUTOFF_A)
    for shift in rng.uniform(-8, 8, (4, 3)):
        guest = molecule("CO2")
        guest.positions += shift
        whole = Atoms(
            [*host.symbols, *guest.symbols],
            positions=np.concatenate([host.positions, guest.positions]),
            cell=host.cell,
            pbc=True,
        )
        found, expected = edges_with(guest), edges_within(whole, CUTOFF_A)
        np.testing.assert_allclose(sorted_rows(found), sorted_rows(expected), atol=1e-6)
        assert (np.diff(found.pairs[0]) >= 0).all()
