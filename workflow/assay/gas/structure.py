"""Radial distribution functions between elements, of atoms or of atoms in different molecules.

Distances are to the nearest image. In fractional coordinates that is a rounding, which is exact up to half the
smallest distance between opposite faces of the cell, triclinic or not: curves end there. Counts are divided by those of
the same pairs thrown uniformly into the cell, so that an ideal gas of any number of molecules gives 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols

from assay.cells import widths
from assay.gas.correlations import BLOCKS, FEWEST_REPEATS, jackknife

ALL = "all"
"""Name of the curve that takes all atoms for the same."""

_DISTANCES_AT_ONCE = 100_000


@dataclass(frozen=True)
class RadialDistribution:
    """g(r) of one pair of elements, from b blocks.

    Attributes
    ----------
    pair : str
        Such as ``C-O``, lighter element first, or ``all``.
    distance_A : ndarray, shape (m,)
        Centres of the bins.
    blocks : ndarray, shape (b, m)
        Repeats, or stretches of one repeat.
    """

    pair: str
    distance_A: np.ndarray
    blocks: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """g(r), shape (m,)."""
        return self.blocks.mean(axis=0)

    @property
    def stderr(self) -> np.ndarray:
        """Standard error of g(r), shape (m,); NaN for one block."""
        return jackknife(self.blocks, lambda mean: mean)[1]


@dataclass(frozen=True)
class Peak:
    """The highest point of a g(r), with standard errors."""

    distance_A: float
    distance_stderr_A: float
    height: float
    height_stderr: float


def inscribed_radius_A(cell_A: np.ndarray) -> float:
    """Half the smallest distance between opposite faces of a cell: as far as nearest images are known."""
    heights = widths(cell_A)
    return float(heights.min() / 2)


def radial_distributions(
    repeats: Sequence[np.ndarray],
    cell_A: np.ndarray,
    numbers: np.ndarray,
    *,
    molecules: np.ndarray | None = None,
    limit_A: float | None = None,
    bin_A: float = 0.1,
    stretches: int | None = None,
) -> dict[str, RadialDistribution]:
    """Radial distribution functions of all pairs of elements.

    Parameters
    ----------
    repeats : sequence of ndarray, shape (f, n, 3)
        Positions (Å), wrapped or not.
    cell_A : ndarray, shape (3, 3)
    numbers : ndarray of int, shape (n,)
        Atomic numbers.
    molecules : ndarray of int, shape (n,), optional
        Pairs within the same molecule are left out; atoms with -1 are alone. Without it all pairs count.
    limit_A : float, optional
        At most, and by default, the inscribed radius of the cell.
    bin_A : float
        Width of a bin; made a little smaller so that bins fill the range.
    stretches : int, optional
        Into how many stretches of time each repeat is cut; these are the blocks, and count alike. By default repeats
        are blocks where there are enough of them (`FEWEST_REPEATS`), else they are cut so that there are `BLOCKS`.

    Returns
    -------
    dict of str to RadialDistribution
        By pair, such as ``C-O``, and ``all``. Pairs that do not exist are not there.

    Raises
    ------
    ValueError
        If there are no frames, or `limit_A` is beyond the inscribed radius.
    """
    if not len(repeats) or not all(len(repeat) for repeat in repeats):
        raise ValueError("a radial distribution needs at least one frame of every repeat")
    if stretches is None:
        stretches = 1 if len(repeats) >= FEWEST_REPEATS else -(-BLOCKS // len(repeats))
    blocks = [part for repeat in repeats for part in np.array_split(repeat, min(stretches, len(repeat)))]
    reach = inscribed_radius_A(cell_A)
    limit = reach if limit_A is None else limit_A
    if limit > reach * (1 + 1e-9):
        raise ValueError(f"nearest images are known up to {reach:.3f} Å only, not up to {limit:.3f} Å")
    edges = np.linspace(0.0, limit, int(np.ceil(limit / bin_A)) + 1)
    first, second, kinds, names = _pairs(np.asarray(numbers), molecules)
    counts = np.array([_count(block, cell_A, first, second, kinds, len(names), edges) for block in blocks])
    frames = np.array([len(block) for block in blocks])
    pairs_of = np.bincount(kinds, minlength=len(names))
    volume = abs(np.linalg.det(cell_A))
    shells = 4 / 3 * np.pi * np.diff(edges**3) / volume
    curves = counts / (frames[:, None, None] * pairs_of[None, :, None] * shells)
    together = counts.sum(axis=1) / (frames[:, None] * len(kinds) * shells) if len(kinds) else None
    centres = (edges[1:] + edges[:-1]) / 2
    found = {name: RadialDistribution(name, centres, curves[:, index]) for index, name in enumerate(names)}
    return found if together is None else {**found, ALL: RadialDistribution(ALL, centres, together)}


def _pairs(numbers: np.ndarray, molecules: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Indices of the atoms of all pairs that count, their kinds, and the kinds' names."""
    first, second = np.triu_indices(len(numbers), k=1)
    if molecules is not None:
        molecules = np.asarray(molecules)
        apart = (molecules[first] != molecules[second]) | (molecules[first] < 0)
        first, second = first[apart], second[apart]
    lighter = np.minimum(numbers[first], numbers[second])
    heavier = np.maximum(numbers[first], numbers[second])
    keys, kinds = np.unique(lighter * 1000 + heavier, return_inverse=True)
    names = ["-".join(chemical_symbols[number] for number in divmod(int(key), 1000)) for key in keys]
    return first, second, kinds, names


def _count(
    frames: np.ndarray,
    cell_A: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    kinds: np.ndarray,
    n_kinds: int,
    edges: np.ndarray,
) -> np.ndarray:
    """Pairs in each bin by kind, summed over frames, shape (kinds, bins)."""
    bins = len(edges) - 1
    counts = np.zeros(n_kinds * bins, dtype=np.int64)
    inverse = np.linalg.inv(cell_A)
    at_once = max(1, _DISTANCES_AT_ONCE // max(1, len(first)))
    for start in range(0, len(frames), at_once):
        fractional = frames[start : start + at_once] @ inverse
        apart = fractional[:, first] - fractional[:, second]
        apart -= np.rint(apart)
        apart = apart @ cell_A
        index = (np.sqrt(np.einsum("fpk,fpk->fp", apart, apart)) * (bins / edges[-1])).astype(np.int64)
        inside = index < bins
        counts += np.bincount((index + kinds * bins)[inside], minlength=len(counts))
    return counts.reshape(n_kinds, bins)


def highest_peak(curve: RadialDistribution) -> Peak:
    """Place and height of the highest point of g(r), from a parabola through it and its neighbours.

    Errors are by jackknife over the blocks, and no smaller in place than the bins' rounding (width / sqrt(12)). NaN if
    the curve is zero or highest at one of its ends.
    """
    width = float(curve.distance_A[1] - curve.distance_A[0])

    def of(mean: np.ndarray) -> np.ndarray:
        top = int(mean.argmax())
        if top in (0, len(mean) - 1):
            return np.array([np.nan, np.nan])
        below, at, above = mean[top - 1 : top + 2]
        bend = below - 2 * at + above
        shift = (below - above) / (2 * bend) if bend else 0.0
        return np.array([curve.distance_A[top] + shift * width, at - (below - above) * shift / 4])

    value, stderr = jackknife(curve.blocks, of)
    return Peak(float(value[0]), float(np.maximum(stderr[0], width / np.sqrt(12))), float(value[1]), float(stderr[1]))
