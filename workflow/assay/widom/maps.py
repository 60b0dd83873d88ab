"""Where in a channel a guest is at home: geometry of the view along an axis, tiles, profiles.

A framework is seen along the axis of its channels. Projected onto the plane normal to it, the crystal has a lattice of
two vectors; the channel's centre is the widest spot between the projected atoms (a vertex of their Voronoi diagram).
Insertions are gathered in hexagonal tiles of that plane, or in rings around the centre. A free energy is
-kT ln <exp(-ΔE/kT)>, the mean over all attempts of a tile, so that it depends neither on the tile's size nor on how
many attempts fell into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.spatial import KDTree, Voronoi

from assay.widom.estimators import EV_IN_KJ_MOL, KB_EV_K

_LARGEST_INDEX = 3
"""Indices of lattice directions that an axis is looked for among."""

_PARALLEL = 1e-4
"""Sine of the angle below which two directions are the same."""

_SAME_A = 1e-3


@dataclass(frozen=True)
class View:
    """A crystal seen along an axis.

    Attributes
    ----------
    basis : ndarray, shape (2, 3)
        Orthonormal vectors of the plane; the first is along the shorter lattice vector.
    lattice : ndarray, shape (2, 2)
        Lattice vectors (Å) of the projected crystal, as rows.
    centre_A : ndarray, shape (2,)
        Centre of the channel.
    radius_A : float
        Distance from there to the nearest projected atom.
    """

    basis: np.ndarray
    lattice: np.ndarray
    centre_A: np.ndarray
    radius_A: float

    @property
    def area_A2(self) -> float:
        """Area of the projected cell."""
        return abs(float(np.linalg.det(self.lattice)))

    def project(self, positions_A: np.ndarray) -> np.ndarray:
        """Coordinates (Å) in the plane, relative to the centre of a channel, shape (n, 2)."""
        return positions_A @ self.basis.T - self.centre_A

    def fold(self, points_A: np.ndarray) -> np.ndarray:
        """The images of points (relative to the centre) that are nearest to the centre of a channel, shape (n, 2)."""
        return nearest_images(points_A, self.lattice)

    def replicate(self, points_A: np.ndarray, window_A: float) -> tuple[np.ndarray, np.ndarray]:
        """All images of points in a square window around the centre.

        Returns
        -------
        images : ndarray, shape (m, 2)
        sources : ndarray of int, shape (m,)
            Which point each one is an image of.
        """
        folded = self.fold(points_A)
        reach = window_A / np.sqrt(2) + np.linalg.norm(self.lattice, axis=1).sum()
        heights = self.area_A2 / np.linalg.norm(self.lattice[::-1], axis=1)
        spans = [range(-number, number + 1) for number in np.ceil(reach / heights).astype(int)]
        images, sources = [], []
        for shift in product(*spans):
            moved = folded + np.array(shift) @ self.lattice
            inside = np.flatnonzero(np.abs(moved).max(axis=1) <= window_A / 2)
            images.append(moved[inside])
            sources.append(inside)
        return np.concatenate(images), np.concatenate(sources)


@dataclass(frozen=True)
class Tiles:
    """Hexagonal tiles that hold points.

    Attributes
    ----------
    centres_A : ndarray, shape (m, 2)
    numbers : ndarray of int, shape (n,)
        Tile of each point.
    counts : ndarray of int, shape (m,)
        Points of each tile.
    """

    centres_A: np.ndarray
    numbers: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Profile:
    """Free energy against the distance from a channel's centre; NaN where there is no attempt.

    Attributes
    ----------
    radii_A : ndarray, shape (m,)
        Middles of the rings.
    free_energies_kJ_mol, stderr_kJ_mol : ndarray, shape (m,)
        Infinite where no attempt has weight. The error is that of independent attempts, an upper bound for quasi-random
        ones.
    counts : ndarray of int, shape (m,)
        Attempts in each ring.
    n_effective : ndarray, shape (m,)
        Kish's effective sample size of each ring.
    """

    radii_A: np.ndarray
    free_energies_kJ_mol: np.ndarray
    stderr_kJ_mol: np.ndarray
    counts: np.ndarray
    n_effective: np.ndarray


def top_view(cell: np.ndarray, positions_A: np.ndarray, axis: np.ndarray) -> View:
    """A crystal seen along the axis of its channels.

    Parameters
    ----------
    cell : ndarray, shape (3, 3)
        Lattice vectors (Å) as rows.
    positions_A : ndarray, shape (n, 3)
        Atoms of the host.
    axis : ndarray, shape (3,)
        A lattice direction, of any length.

    Raises
    ------
    ValueError
        If the axis is not a lattice direction of small indices: the view would not be periodic.
    """
    vectors = _projected_vectors(cell, axis)
    first = vectors[0] / np.linalg.norm(vectors[0])
    basis = np.array([first, np.cross(np.asarray(axis) / np.linalg.norm(axis), first)])
    lattice = vectors @ basis.T
    atoms = positions_A @ basis.T
    centre, radius = widest_spot(atoms, lattice)
    return View(basis, lattice, centre, radius)


def axis_indices(cell: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The shortest lattice vector along an axis in units of the cell's vectors, shape (3,).

    Raises
    ------
    ValueError
        If there is none of small indices.
    """
    direction = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    found = [
        indices
        for indices in product(range(-_LARGEST_INDEX, _LARGEST_INDEX + 1), repeat=3)
        if any(indices) and _is_along(np.array(indices) @ cell, direction)
    ]
    if not found:
        raise ValueError(f"the axis {np.round(direction, 4).tolist()} is not along a lattice vector of small indices")
    return np.array(min(found, key=lambda indices: np.linalg.norm(np.array(indices) @ cell)))


def _is_along(vector: np.ndarray, direction: np.ndarray) -> bool:
    length = np.linalg.norm(vector)
    return bool(vector @ direction > 0 and np.linalg.norm(np.cross(vector, direction)) < _PARALLEL * length)


def _projected_vectors(cell: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Two shortest vectors, normal to the axis, of the lattice of the projected crystal; shape (2, 3)."""
    along = axis_indices(cell, axis) @ cell
    direction = along / np.linalg.norm(along)
    area = abs(np.linalg.det(cell)) / np.linalg.norm(along)
    translations = np.array(list(product(range(-_LARGEST_INDEX, _LARGEST_INDEX + 1), repeat=3))) @ cell
    projected = translations - np.outer(translations @ direction, direction)
    lengths = np.linalg.norm(projected, axis=1)
    projected = projected[lengths > _SAME_A]
    # ties are broken by direction, so that rounding does not decide which of equal vectors comes first
    order = np.lexsort((*(-np.round(projected.T, 3)), np.round(np.linalg.norm(projected, axis=1), 3)))
    first, *others = projected[order]
    areas = np.array([np.cross(first, other) @ direction for other in others])
    second = others[int(np.argmax(np.abs(areas - area) < 1e-3 * area))]
    return np.array([first, second])


def nearest_images(points_A: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """The images of points under a lattice of two short vectors (rows) that are nearest to the origin, shape (n, 2)."""
    fractional = points_A @ np.linalg.inv(lattice)
    wrapped = (fractional - np.round(fractional)) @ lattice
    shifts = np.array(list(product((-1, 0, 1), repeat=2))) @ lattice
    images = wrapped[:, None, :] + shifts
    nearest = np.argmin(np.linalg.norm(images, axis=2), axis=1)
    return images[np.arange(len(images)), nearest]


def widest_spot(points_A: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (shape (2,)) and radius (Å) of the largest circle that holds none of the points of a periodic plane."""
    shifts = np.array(list(product(range(-2, 3), repeat=2))) @ lattice
    fractional = points_A @ np.linalg.inv(lattice)
    inside = np.unique(np.round((fractional - np.floor(fractional)) @ lattice / _SAME_A), axis=0) * _SAME_A
    images = (inside[:, None, :] + shifts).reshape(-1, 2)
    # hardly moved, since equal distances, which lattices are full of, are a degenerate case of the diagram
    vertices = Voronoi(images, qhull_options="Qbb Qc QJ").vertices
    places = vertices @ np.linalg.inv(lattice)
    central = vertices[((places > -0.01) & (places < 1.01)).all(axis=1)]
    radii, _ = KDTree(images).query(central)
    best = np.flatnonzero(radii > radii.max() - _SAME_A)
    first = best[np.lexsort(np.round(central[best], 2).T)[0]]
    return central[first], float(radii[first])


def hexagonal_tiles(points_A: np.ndarray, tile_A: float) -> Tiles:
    """Assign points to regular hexagons.

    Parameters
    ----------
    points_A : ndarray, shape (n, 2)
    tile_A : float
        Distance of the centres of neighbouring tiles, which is their width; the origin is the centre of one.
    """
    q = (points_A[:, 0] - points_A[:, 1] / np.sqrt(3)) / tile_A
    r = 2 * points_A[:, 1] / np.sqrt(3) / tile_A
    s = -q - r
    rounded = np.round([q, r, s])
    change = np.abs(rounded - [q, r, s])
    worst = np.argmax(change, axis=0)
    # of the three coordinates, whose sum is zero, the one that was rounded most follows from the others
    q_tile = np.where(worst == 0, -rounded[1] - rounded[2], rounded[0]).astype(np.int64)
    r_tile = np.where(worst == 1, -rounded[0] - rounded[2], rounded[1]).astype(np.int64)
    width = 2 * int(np.abs(r_tile).max(initial=0)) + 1
    keys, numbers, counts = np.unique(q_tile * width + r_tile, return_inverse=True, return_counts=True)
    rows = (keys + width // 2) % width - width // 2
    columns = (keys - rows) // width
    centres = tile_A * np.column_stack([columns + rows / 2, rows * np.sqrt(3) / 2])
    return Tiles(centres, numbers, counts)


def mean_energies(energies_eV: np.ndarray, numbers: np.ndarray, n_tiles: int) -> np.ndarray:
    """Mean insertion energy (eV) of each tile, shape (n_tiles,).

    Attempts without a number are left out; a tile with an infinite one is infinite; NaN where none is left.
    """
    known = ~np.isnan(energies_eV)
    counts = np.bincount(numbers[known], minlength=n_tiles)
    with np.errstate(invalid="ignore"):
        return np.bincount(numbers[known], energies_eV[known], minlength=n_tiles) / counts


def free_energies(
    energies_eV: np.ndarray, numbers: np.ndarray, n_tiles: int, temperature_K: float
) -> tuple[np.ndarray, np.ndarray]:
    """Free energy -kT ln <exp(-ΔE/kT)> of each tile and its standard error (eV), shapes (n_tiles,).

    The free energy is infinite where no attempt has weight, NaN where there is no attempt; the error is NaN for fewer
    than two.
    """
    kT_eV = KB_EV_K * temperature_K
    logarithms = np.where(np.isfinite(energies_eV), -energies_eV / kT_eV, -np.inf)
    largest = np.full(n_tiles, -np.inf)
    np.maximum.at(largest, numbers, logarithms)
    finite = np.where(np.isfinite(largest), largest, 0.0)
    weights = np.exp(logarithms - finite[numbers])
    counts = np.bincount(numbers, minlength=n_tiles)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.bincount(numbers, weights, minlength=n_tiles) / counts
        squares = np.bincount(numbers, (weights - means[numbers]) ** 2, minlength=n_tiles)
        relative = np.sqrt(squares / (counts - 1) / counts) / means
        values = np.where(counts > 0, -kT_eV * (finite + np.log(means)), np.nan)
    return values, kT_eV * np.where(counts > 1, relative, np.nan)


def radial_profile(
    distances_A: np.ndarray, energies_eV: np.ndarray, temperature_K: float, ring_A: float = 0.5
) -> Profile:
    """Free energy of insertion in rings around the centre of a channel.

    Parameters
    ----------
    distances_A : ndarray, shape (n,)
        Of the attempts from the centre of the nearest channel.
    energies_eV : ndarray, shape (n,)
    temperature_K : float
    ring_A : float
        Width of the rings.
    """
    rings = (distances_A / ring_A).astype(int)
    count = int(rings.max()) + 1
    values, errors = free_energies(energies_eV, rings, count, temperature_K)
    radii = (np.arange(count) + 0.5) * ring_A
    counts = np.bincount(rings, minlength=count)
    relative = np.nan_to_num(errors / (KB_EV_K * temperature_K))
    effective = counts / (1 + (counts - 1) * relative**2)
    return Profile(radii, values * EV_IN_KJ_MOL, errors * EV_IN_KJ_MOL, counts, effective)
