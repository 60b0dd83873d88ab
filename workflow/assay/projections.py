"""A crystal seen along an axis: projection, replication over a window, hexagonal tiles.

A framework is seen along the axis of its channels. Projected onto the plane normal to it, the crystal has a lattice of
two vectors; the channel's centre is the widest spot between the projected atoms (a vertex of their Voronoi diagram).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.spatial import KDTree, Voronoi

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
