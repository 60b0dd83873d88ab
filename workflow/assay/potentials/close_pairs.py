"""Pairs of atoms that nearly touch: how near that is for each pair of elements, and which atoms of a structure do.

Each pair of elements has an inner and an outer radius, a range between what no bond reaches and what no vibration
leaves. Two atoms are a close pair where they are nearer than the outer one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.data.vdw_alvarez import vdw_radii
from matscipy.neighbours import neighbour_list

from assay.potentials.boxes import boxed

MAIN_GROUP = (0.5, 0.7)
"""Radii of pairs of main-group elements, in sums of covalent radii. The tightest bonds: N2 0.77, CO 0.79."""

TRANSITION = (0.4, 0.55)
"""Radii of pairs with an element that bonds through d or f shells, in sums of covalent radii. The tightest bonds: V2
0.58, Cr2 0.60, UO, CeO and LaO 0.66 to 0.70, BaO 0.69; the vibration of V2 turns at 0.56."""

NOBLE_GAS = (0.55, 0.75)
"""Radii of pairs of helium, neon and argon, in sums of van der Waals radii. They form no bonds with each other."""

NOBLE_GASES = [atomic_numbers[symbol] for symbol in ("He", "Ne", "Ar")]

D_OR_F = [
    *(atomic_numbers[symbol] for symbol in ("Ca", "Sr", "Ba", "Ra")),
    *range(atomic_numbers["Sc"], atomic_numbers["Zn"] + 1),
    *range(atomic_numbers["Y"], atomic_numbers["Cd"] + 1),
    *range(atomic_numbers["La"], atomic_numbers["Hg"] + 1),
    *range(atomic_numbers["Ac"], atomic_numbers["Cn"] + 1),
]
"""The d and f blocks, and the alkaline earths that bond through d shells (Wu et al., Science 361, 912 (2018),
doi:10.1126/science.aau0839), which makes BaO as tight as LaO."""


@dataclass(frozen=True)
class Radii:
    """How near two atoms are close, for each pair of elements.

    Attributes
    ----------
    inner_A, outer_A : ndarray of float, shape (119, 119)
        Radii (Å) by the two atomic numbers.
    """

    inner_A: np.ndarray
    outer_A: np.ndarray

    @classmethod
    def of(
        cls,
        main_group: tuple[float, float] = MAIN_GROUP,
        transition: tuple[float, float] = TRANSITION,
        noble_gas: tuple[float, float] = NOBLE_GAS,
        pairs_A: Mapping[tuple[int, int], tuple[float, float]] | None = None,
    ) -> Radii:
        """Radii as multiples of the sum of two atoms' radii.

        Parameters
        ----------
        main_group : (float, float)
            Inner and outer multiple of covalent radii for pairs of main-group elements.
        transition : (float, float)
            The same for pairs with at least one element of `D_OR_F`.
        noble_gas : (float, float)
            Inner and outer multiple of van der Waals radii for pairs of two of helium, neon and argon.
        pairs_A : mapping of (int, int) to (float, float), optional
            Inner and outer radius (Å) of single pairs of atomic numbers, in place of the multiples.

        Notes
        -----
        Covalent radii: Cordero et al., Dalton Trans. 2008, 2832, doi:10.1039/b801115j. Van der Waals radii: Alvarez,
        Dalton Trans. 42, 8617 (2013), doi:10.1039/c3dt50599e. Both as in ase.

        Pairs of a noble gas and another element have covalent radii, because they do come close: helium in tungsten
        lies at 1.77 Å from its neighbours, hydrogen in HArF at 1.33 Å from argon (doi:10.1038/35022551).
        """
        sums = covalent_radii[:, None] + covalent_radii[None, :]
        shells = np.isin(np.arange(len(sums)), D_OR_F)
        multiples = np.where((shells[:, None] | shells[None, :])[..., None], transition, main_group)
        both = np.ix_(NOBLE_GASES, NOBLE_GASES)
        sums[both] = vdw_radii[NOBLE_GASES][:, None] + vdw_radii[NOBLE_GASES][None, :]
        multiples[both] = noble_gas
        radii = cls(multiples[..., 0] * sums, multiples[..., 1] * sums)
        for (first, second), (inner_A, outer_A) in (pairs_A or {}).items():
            radii.inner_A[[first, second], [second, first]] = inner_A
            radii.outer_A[[first, second], [second, first]] = outer_A
        return radii

    def reach_A(self, numbers: np.ndarray) -> float:
        """The longest distance (Å) at which atoms with these atomic numbers may be close."""
        present = np.flatnonzero(np.bincount(numbers))
        return float(self.outer_A[present][:, present].max())


@dataclass(frozen=True)
class ClosePairs:
    """A structure's close pairs, each once in either direction, images included.

    Attributes
    ----------
    numbers : ndarray of int, shape (n,)
        Atomic numbers of all atoms.
    first, second : ndarray of int, shape (m,)
        The atoms of each pair.
    vectors_A : ndarray of float, shape (m, 3)
        From the first to the second (Å).
    inner_A, outer_A : ndarray of float, shape (m,)
        Radii of each pair (Å).
    volume_A3 : float
        Of the cell (Å³).
    """

    numbers: np.ndarray
    first: np.ndarray
    second: np.ndarray
    vectors_A: np.ndarray
    inner_A: np.ndarray
    outer_A: np.ndarray
    volume_A3: float


def close_pairs(atoms: Atoms, radii: Radii) -> ClosePairs | None:
    """All close pairs of a structure; None if there are none."""
    reach = radii.reach_A(atoms.numbers)
    positions, cell = (atoms.positions, atoms.cell.array) if atoms.pbc.all() else boxed(atoms, reach)
    volume = abs(float(np.linalg.det(cell)))
    # a search sorts the atoms into cells as wide as its radius, which are too many in a large and empty box
    radius = max(reach, 0.5 * (volume / len(atoms)) ** (1 / 3))
    first, second, distances, vectors = neighbour_list(
        "ijdD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=radius
    )
    elements = atoms.numbers[first], atoms.numbers[second]
    close = distances < radii.outer_A[elements]
    if not close.any():
        return None
    return ClosePairs(
        numbers=atoms.numbers.copy(),
        first=first[close],
        second=second[close],
        vectors_A=vectors[close],
        inner_A=radii.inner_A[elements][close],
        outer_A=radii.outer_A[elements][close],
        volume_A3=volume,
    )


@dataclass(frozen=True)
class Batch:
    """The close pairs of many structures in one row, to be computed at once.

    Attributes
    ----------
    first, second : ndarray of int, shape (m,)
        The atoms of each pair, counted through all structures.
    first_numbers, second_numbers : ndarray of int, shape (m,)
        Their atomic numbers.
    distances_A : ndarray of float, shape (m,)
    directions : ndarray of float, shape (m, 3)
        Unit vectors from the first to the second; zero where the two are in the same place.
    inner_A, outer_A : ndarray of float, shape (m,)
    structures : ndarray of int, shape (m,)
        The structure of each pair.
    ends : ndarray of int, shape (s,)
        The atom after the last one of each structure.
    volumes_A3 : ndarray of float, shape (s,)
    """

    first: np.ndarray
    second: np.ndarray
    first_numbers: np.ndarray
    second_numbers: np.ndarray
    distances_A: np.ndarray
    directions: np.ndarray
    inner_A: np.ndarray
    outer_A: np.ndarray
    structures: np.ndarray
    ends: np.ndarray
    volumes_A3: np.ndarray

    @classmethod
    def of(cls, structures: Sequence[ClosePairs]) -> Batch:
        """Of one or more structures."""
        sizes = np.array([len(pairs.numbers) for pairs in structures])
        ends = np.cumsum(sizes)
        owners = np.repeat(np.arange(len(structures)), [len(pairs.first) for pairs in structures])
        before = (ends - sizes)[owners]
        numbers = np.concatenate([pairs.numbers for pairs in structures])
        first = np.concatenate([pairs.first for pairs in structures]) + before
        second = np.concatenate([pairs.second for pairs in structures]) + before
        vectors = np.concatenate([pairs.vectors_A for pairs in structures])
        distances = np.linalg.norm(vectors, axis=1)
        return cls(
            first=first,
            second=second,
            first_numbers=numbers[first],
            second_numbers=numbers[second],
            distances_A=distances,
            directions=vectors / np.where(distances > 0, distances, 1.0)[:, None],
            inner_A=np.concatenate([pairs.inner_A for pairs in structures]),
            outer_A=np.concatenate([pairs.outer_A for pairs in structures]),
            structures=owners,
            ends=ends,
            volumes_A3=np.array([pairs.volume_A3 for pairs in structures]),
        )

    def per_structure(self, values: np.ndarray) -> np.ndarray:
        """Sums over the pairs of each structure, each pair counted once."""
        # each pair is there in either direction
        return _sums(self.structures, values, len(self.ends)) / 2

    def per_atom(self, vectors: np.ndarray) -> list[np.ndarray]:
        """Sums of vectors over the pairs of each first atom, structure by structure."""
        sums = [_sums(self.first, vectors[:, axis], self.ends[-1]) for axis in range(3)]
        return np.split(np.stack(sums, axis=1), self.ends[:-1])

    def stresses(self, slopes: np.ndarray) -> np.ndarray:
        """Stresses (eV/Å³) of structures whose pairs' energies have these slopes dE/dr (eV/Å); shape (s, 6)."""
        virials = (slopes * self.distances_A)[:, None] * (
            self.directions[:, [0, 1, 2, 1, 0, 0]] * self.directions[:, [0, 1, 2, 2, 2, 1]]
        )
        sums = [self.per_structure(virials[:, component]) for component in range(6)]
        return np.stack(sums, axis=1) / self.volumes_A3[:, None]


def _sums(places: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Sums of the values of each of `count` places."""
    return np.bincount(places, weights=values, minlength=count)
