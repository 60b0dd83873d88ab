"""Where the guests are: number densities seen along the channels, and distances from the metals.

Frames of the production of all chains. A tile of the map tells the number density of atoms of one element, averaged
along the channel over the tile; all channels of the simulated supercell are folded into one, and that is repeated over
the window. The distribution of distances is g(r): pairs of a metal and an atom of the guests per volume of a
spherical shell, over what they would be if the guests were spread evenly over the whole cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from assay.adsorption.trajectories import (
    Frames,
    iterate_frames,
    read_framework,
    read_guest_numbers,
    replicas_of,
)
from assay.cells import periodic_images
from assay.elements import are_metals
from assay.projections import View, hexagonal_tiles, top_view

MOST_POINTS = 150_000
"""Atoms of guests that a map or a distribution is made of; of more, frames are left out evenly."""

LONGEST_A = 8.0
BIN_A = 0.1


@dataclass(frozen=True)
class Cloud:
    """Atoms of guests in all chosen frames.

    Attributes
    ----------
    framework : Atoms
        As it was simulated.
    cell : Atoms
        The cell that it is made of.
    numbers : ndarray of int, shape (n,)
        Atomic numbers.
    positions_A : ndarray, shape (n, 3)
    n_frames : int
    """

    framework: Atoms
    cell: Atoms
    numbers: np.ndarray
    positions_A: np.ndarray
    n_frames: int

    def of(self, number: int) -> np.ndarray:
        """Positions of the atoms of one element."""
        return self.positions_A[self.numbers == number]


def read_cloud(path: Path, start_trials: Mapping[int, int], repeats: Sequence[int], every: int = 1) -> Cloud:
    """Read the production of a trajectory.

    Parameters
    ----------
    path : Path
    start_trials : mapping of int to int
        By replica: trials after which its production starts.
    repeats : sequence of three ints
        How often the cell was repeated along its vectors.
    every : int
        Of each replica's frames one in so many is read, see `stride`.
    """
    framework, numbers = read_framework(path), read_guest_numbers(path)
    frames: list[Frames] = []
    for replica in sorted(set(replicas_of(path)) & set(start_trials)):
        frames += iterate_frames(path, replica, first_trial=start_trials[replica], every=every)
    there = [one.positions_A[np.isfinite(one.positions_A[..., 0, 0])] for one in frames]
    positions = np.concatenate([np.zeros((0, len(numbers), 3)), *there])
    return Cloud(
        framework,
        one_cell(framework, repeats),
        np.tile(numbers, len(positions)),
        positions.reshape(-1, 3).astype(float),
        sum(map(len, frames)),
    )


def stride(n_frames: float, n_atoms: float) -> int:
    """Every how many of so many frames, with so many atoms of guests each, there are `MOST_POINTS` in all."""
    return max(1, int(np.ceil(n_frames * n_atoms / MOST_POINTS)))


def one_cell(framework: Atoms, repeats: Sequence[int]) -> Atoms:
    """The cell that a supercell is made of, whose atoms come first in it."""
    count = len(framework) // int(np.prod(repeats))
    cell = framework[:count]
    cell.set_cell(framework.cell.array / np.asarray(repeats, dtype=float)[:, None])
    return cell


@dataclass(frozen=True)
class Map:
    """Number density of one element in hexagonal tiles.

    Attributes
    ----------
    centres_A : ndarray, shape (n, 2)
    densities_nm3 : ndarray, shape (n,)
        Atoms per nm³, of the whole cell's height.
    """

    centres_A: np.ndarray
    densities_nm3: np.ndarray


def view_of(cloud: Cloud, axis: Sequence[float]) -> View:
    """The view along the channels.

    Raises
    ------
    ValueError
        If the axis is not a lattice direction of small indices.
    """
    return top_view(cloud.cell.cell.array, cloud.cell.positions, np.asarray(axis, dtype=float))


def density_map(cloud: Cloud, view: View, number: int, window_A: float, tile_A: float) -> Map:
    """Map of the atoms of one element.

    Parameters
    ----------
    cloud : Cloud
    view : View
        From `view_of`.
    number : int
        Atomic number.
    window_A : float
        Edge of the square window around the centre of a channel.
    tile_A : float
        Width of the tiles.
    """
    # wider by the tiles that the edge of the window cuts
    images, _ = view.replicate(view.project(cloud.of(number)), window_A + 2 * tile_A)
    tiles = hexagonal_tiles(images, tile_A)
    tile_area = np.sqrt(3) / 2 * tile_A**2
    volume = cloud.framework.get_volume() * tile_area / view.area_A2
    inside = (np.abs(tiles.centres_A) <= (window_A + tile_A) / 2).all(axis=1)
    return Map(tiles.centres_A[inside], 1000 * tiles.counts[inside] / volume / max(cloud.n_frames, 1))


def metal_distances(cloud: Cloud, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances (Å) of bins, and g(r) between the metals of the framework and atoms of the guests of one element.

    Empty arrays if the framework has no metals, or there are no such atoms.
    """
    points = cloud.of(number)
    metals = cloud.framework[are_metals(cloud.framework.numbers)]
    edges = np.arange(0.0, LONGEST_A + BIN_A / 2, BIN_A)
    if not len(metals) or not len(points):
        return np.zeros(0), np.zeros(0)
    cell = cloud.framework.cell.array
    fractional = points @ np.linalg.inv(cell)
    wrapped = (fractional - np.floor(fractional)) @ cell
    images = cKDTree(periodic_images(metals, LONGEST_A).reshape(-1, 3))
    pairs = cKDTree(wrapped).sparse_distance_matrix(images, LONGEST_A, output_type="coo_matrix")
    counts = np.histogram(pairs.data, edges)[0]
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    even = len(points) * len(metals) * shells / cloud.framework.get_volume()
    return (edges[1:] + edges[:-1]) / 2, counts / even


def guest_elements(cloud: Cloud) -> list[int]:
    """Atomic numbers of the guests' elements, ascending."""
    return sorted({int(number) for number in cloud.numbers})
