"""Directed edges between all atoms within a cutoff, images included: the graph of most message-passing models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matscipy.neighbours import neighbour_list

from assay.potentials.boxes import boxed
from assay.potentials.host_pairs import HostPairs


@dataclass(frozen=True)
class Edges:
    """Edges of one structure.

    Attributes
    ----------
    pairs : ndarray of int64, shape (2, m)
        Centre and neighbour of each edge; edges of one centre stand together.
    vectors_A : ndarray of float64, shape (m, 3)
        From the centre to the neighbour (Å).
    volume_A3 : float
        Of the periodic cell that the structure was put in (Å³).
    """

    pairs: np.ndarray
    vectors_A: np.ndarray
    volume_A3: float


def edges_within(atoms: Atoms, cutoff_A: float) -> Edges:
    """All edges of a structure, periodic in none to three directions."""
    positions, cell = boxed(atoms, cutoff_A)
    centre, neighbour, vectors = neighbour_list(
        "ijD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=cutoff_A
    )
    return Edges(np.stack([centre, neighbour]).astype(np.int64), vectors, abs(float(np.linalg.det(cell))))


def edges_in_host(host: Atoms, cutoff_A: float) -> Callable[[Atoms], Edges]:
    """Edges of a guest together with a fixed periodic host, whose own edges are found once.

    Returns
    -------
    callable
        ``edges_with(guest) -> Edges``, the host's atoms first.
    """
    alone = edges_within(host, cutoff_A)
    host_pairs = HostPairs.of(host, cutoff_A)

    def edges_with(guest: Atoms) -> Edges:
        inserted, hosting, outwards = host_pairs.with_host(guest.positions)
        first, second, within = host_pairs.with_itself(guest.positions)
        inserted, first, second = inserted + len(host), first + len(host), second + len(host)
        new = [[inserted, hosting], [hosting, inserted], [first, second], [second, first]]
        pairs = np.concatenate([alone.pairs, *(np.stack(pair) for pair in new)], axis=1)
        vectors = np.concatenate([alone.vectors_A, outwards, -outwards, within, -within])
        order = np.argsort(pairs[0], kind="stable")
        return Edges(pairs[:, order], vectors[order], alone.volume_A3)

    return edges_with
