"""Do molecules stay: broken bonds, molecules that should not be there, bent molecules, and when each happened.

Bonds are those of the prepared structure, by covalent radii (doi:10.1039/b801115j) inside each molecule; one is broken
where it is longer than a multiple of its prepared length. Molecules are counted without regard to where they came from:
all atoms that are nearer than a multiple of their covalent radii are joined, and a component counts as a molecule of
the prepared kind if its atoms have neighbours of the same elements. Both hold for any molecules; structures without
molecules have neither.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from assay.cells import widths

BOND_FACTOR = 1.25
"""Two atoms are joined where they are nearer than this times the sum of their covalent radii: 1.78 Å for C and O."""

LIST_MARGIN_A = 2.0
"""Of the list of pairs that is kept between frames."""

LINEAR_DEGREES = 150.0
"""From this angle on a prepared molecule of three atoms counts as linear."""

Kind = tuple[tuple[int, tuple[int, ...]], ...]
"""A molecule's atoms, each by its element and those of its neighbours, sorted."""


@dataclass(frozen=True)
class Bonds:
    """Bonds of a prepared structure.

    Attributes
    ----------
    pairs : ndarray of int, shape (b, 2)
        Atoms that each bond joins.
    lengths_A : ndarray, shape (b,)
    """

    pairs: np.ndarray
    lengths_A: np.ndarray


@dataclass(frozen=True)
class Chemistry:
    """What became of the molecules of one run.

    Attributes
    ----------
    time_fs : ndarray, shape (f,)
    bond_survival : ndarray, shape (f,)
        Share of the prepared bonds that are not broken; NaN where the structure has no molecules.
    molecule_survival : ndarray, shape (f,)
        Number of molecules of the prepared kinds over that prepared; NaN where there were none.
    angle_mean_degrees, angle_min_degrees : float
        Angle at the central atom of linear molecules of three atoms, over all frames; NaN where there are none.
    """

    time_fs: np.ndarray
    bond_survival: np.ndarray
    molecule_survival: np.ndarray
    angle_mean_degrees: float
    angle_min_degrees: float

    @property
    def first_broken_fs(self) -> float | None:
        """When the first bond was found broken; None if all lasted."""
        return _first(self.time_fs, self.bond_survival < 1)

    @property
    def first_foreign_fs(self) -> float | None:
        """When the first molecule was missing or of another kind; None if all stayed."""
        return _first(self.time_fs, self.molecule_survival < 1)


def _first(time_fs: np.ndarray, event: np.ndarray) -> float | None:
    where = np.flatnonzero(event)
    return float(time_fs[where[0]]) if len(where) else None


def minimum_image(vectors: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Vectors between nearest images; exact for those shorter than half of the cell's smallest height."""
    fractional = vectors @ np.linalg.inv(cell)
    return (fractional - np.rint(fractional)) @ cell


@dataclass(frozen=True)
class _Pairs:
    """All pairs of atoms (i < j), and how near they must be for a bond (Å)."""

    first: np.ndarray
    second: np.ndarray
    reach_A: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> _Pairs:
        first, second = np.triu_indices(len(numbers), 1)
        return cls(first, second, BOND_FACTOR * (covalent_radii[numbers[first]] + covalent_radii[numbers[second]]))

    def joined(self, positions: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs that are near enough, shape (b, 2), and their distances."""
        distances = self._distances(positions, cell)
        near = distances < self.reach_A
        return np.stack([self.first[near], self.second[near]], axis=1), distances[near]

    def within(self, positions: np.ndarray, cell: np.ndarray, margin_A: float) -> _Pairs:
        """Those pairs that lack no more than a margin."""
        chosen = self._distances(positions, cell) < self.reach_A + margin_A
        return _Pairs(self.first[chosen], self.second[chosen], self.reach_A[chosen])

    def _distances(self, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
        vectors = minimum_image(positions[self.second] - positions[self.first], cell)
        return np.sqrt(np.einsum("px,px->p", vectors, vectors))


def bonds_of(positions: np.ndarray, numbers: np.ndarray, molecules: np.ndarray, cell: np.ndarray) -> Bonds:
    """Bonds inside the molecules of a structure.

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        In Å.
    numbers, molecules : ndarray of int, shape (n,)
        Atomic numbers; to which molecule an atom belongs, negative where to none.
    cell : ndarray, shape (3, 3)
        In Å; rows are the periodic vectors.
    """
    pairs, lengths = _Pairs.of(numbers).joined(positions, cell)
    inside = (molecules[pairs[:, 0]] == molecules[pairs[:, 1]]) & (molecules[pairs[:, 0]] >= 0)
    return Bonds(pairs[inside], lengths[inside])


def bond_survival(positions: np.ndarray, cell: np.ndarray, bonds: Bonds, limit: float) -> np.ndarray:
    """Share of bonds that are shorter than `limit` times their prepared length, by frame; NaN without bonds.

    Parameters
    ----------
    positions : ndarray, shape (f, n, 3)
    cell : ndarray, shape (3, 3)
    bonds : Bonds
    limit : float
        Such as 1.5.
    """
    if not len(bonds.pairs):
        return np.full(len(positions), np.nan)
    first, second = bonds.pairs.T
    lengths = np.linalg.norm(minimum_image(positions[:, second] - positions[:, first], cell), axis=-1)
    return np.mean(lengths < limit * bonds.lengths_A, axis=1)


def kinds_of(positions: np.ndarray, numbers: np.ndarray, cell: np.ndarray) -> Counter[Kind]:
    """How many molecules of each kind there are: components of the graph of atoms that are near enough for a bond."""
    pairs, _ = _Pairs.of(numbers).joined(positions, cell)
    return _kinds(pairs, numbers)


def _kinds(pairs: np.ndarray, numbers: np.ndarray) -> Counter[Kind]:
    neighbours: list[list[int]] = [[] for _ in numbers]
    for first, second in pairs:
        neighbours[first].append(int(numbers[second]))
        neighbours[second].append(int(numbers[first]))
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(numbers), len(numbers)))
    _, component = connected_components(graph, directed=False)
    members: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for atom, label in enumerate(component):
        members.setdefault(int(label), []).append((int(numbers[atom]), tuple(sorted(neighbours[atom]))))
    return Counter(tuple(sorted(atoms)) for atoms in members.values())


def molecule_survival(
    positions: np.ndarray, numbers: np.ndarray, cell: np.ndarray, prepared: Counter[Kind]
) -> np.ndarray:
    """Molecules of the prepared kinds over their prepared number, by frame.

    A surplus of one kind does not make up for the lack of another.

    Parameters
    ----------
    positions : ndarray, shape (f, n, 3)
    numbers : ndarray of int, shape (n,)
    cell : ndarray, shape (3, 3)
    prepared : Counter
        From `kinds_of`.
    """
    total, every = prepared.total(), _Pairs.of(numbers)
    # pairs that may meet before an atom has moved by half of the margin, as far as nearest images are known
    known_A = 0.5 * widths(cell).min()
    margin_A = float(np.clip(known_A - every.reach_A.max(initial=0.0), 0.0, LIST_MARGIN_A))
    survival = np.empty(len(positions))
    listed, listed_at, before, share = every, None, None, 1.0
    for frame, structure in enumerate(positions):
        if listed_at is None or np.abs(structure - listed_at).max() > margin_A / 2 / np.sqrt(3):
            listed, listed_at = every.within(structure, cell, margin_A), structure
        pairs, _ = listed.joined(structure, cell)
        if before is None or not np.array_equal(pairs, before):
            share = (_kinds(pairs, numbers) & prepared).total() / total
            before = pairs
        survival[frame] = share
    return survival


def linear_centres(positions: np.ndarray, bonds: Bonds, cell: np.ndarray) -> np.ndarray:
    """Atoms (end, centre, end) of the linear molecules of three atoms, shape (m, 3)."""
    neighbours: dict[int, list[int]] = {}
    for first, second in bonds.pairs:
        neighbours.setdefault(int(first), []).append(int(second))
        neighbours.setdefault(int(second), []).append(int(first))
    triples = [
        (ends[0], centre, ends[1])
        for centre, ends in neighbours.items()
        if len(ends) == 2 and all(len(neighbours[end]) == 1 for end in ends)
    ]
    found = np.array(triples, dtype=int).reshape(-1, 3)
    return found[angles_degrees(positions[None], found, cell)[0] > LINEAR_DEGREES]


def angles_degrees(positions: np.ndarray, triples: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Angle at the middle atom of each triple, by frame, shape (f, m)."""
    ends = [minimum_image(positions[:, triples[:, k]] - positions[:, triples[:, 1]], cell) for k in (0, 2)]
    lengths = [np.linalg.norm(end, axis=-1) for end in ends]
    cosine = np.einsum("fmx,fmx->fm", *ends) / (lengths[0] * lengths[1])
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def chemistry(
    time_fs: np.ndarray,
    positions: np.ndarray,
    cell: np.ndarray,
    numbers: np.ndarray,
    molecules: np.ndarray,
    prepared: np.ndarray,
    bond_limit: float,
) -> Chemistry:
    """What became of the molecules of one run.

    Parameters
    ----------
    time_fs : ndarray, shape (f,)
    positions : ndarray, shape (f, n, 3)
        Frames of the run (Å).
    cell : ndarray, shape (3, 3)
    numbers, molecules : ndarray of int, shape (n,)
    prepared : ndarray, shape (n, 3)
        Positions before the run, whose bonds and molecules are those that should last.
    bond_limit : float
        A bond is broken where it is longer than this times its prepared length.
    """
    bonds = bonds_of(prepared, numbers, molecules, cell)
    if not len(bonds.pairs):
        nothing = np.full(len(time_fs), np.nan)
        return Chemistry(np.asarray(time_fs), nothing, nothing, float("nan"), float("nan"))
    triples = linear_centres(prepared, bonds, cell)
    angles = angles_degrees(positions, triples, cell)
    return Chemistry(
        time_fs=np.asarray(time_fs),
        bond_survival=bond_survival(positions, cell, bonds, bond_limit),
        molecule_survival=molecule_survival(positions, numbers, cell, kinds_of(prepared, numbers, cell)),
        angle_mean_degrees=float(angles.mean()) if angles.size else float("nan"),
        angle_min_degrees=float(angles.min()) if angles.size else float("nan"),
    )
