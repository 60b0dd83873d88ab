"""Panels that show a framework along its channels: hexagonal tiles in colour, circles for the framework's atoms."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, PolyCollection
from matplotlib.colors import Normalize

from assay.projections import View


def draw_tiles(
    axes: Axes, centres_A: np.ndarray, values: np.ndarray, norm: Normalize, tile_A: float, window_A: float
) -> PolyCollection:
    """Hexagons in the colours of their values; the axes become a square window.

    Parameters
    ----------
    axes : Axes
    centres_A : ndarray, shape (n, 2)
    values : ndarray, shape (n,)
    norm : Normalize
        From values to colours.
    tile_A : float
        Width of the tiles.
    window_A : float
    """
    angles = np.pi / 6 + np.arange(6) * np.pi / 3
    corner = tile_A / np.sqrt(3) * np.column_stack([np.cos(angles), np.sin(angles)])
    polygons = centres_A[:, None, :] + corner
    collection = PolyCollection(polygons, array=values, norm=norm, cmap="viridis", edgecolors="face", linewidths=0.1)
    axes.add_collection(collection)
    half = window_A / 2
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    axes.spines[:].set_visible(True)
    return collection


def draw_atoms(axes: Axes, view: View, host: Atoms, window_A: float) -> None:
    """Circles of half the covalent radius where the host's atoms are."""
    places, sources = view.replicate(view.project(host.positions), window_A)
    sizes = covalent_radii[host.numbers][sources]
    style = {"units": "xy", "offset_transform": axes.transData, "facecolors": "none", "edgecolors": "0.55"}
    axes.add_collection(
        EllipseCollection(sizes, sizes, np.zeros(len(sizes)), offsets=places, linewidths=0.4, zorder=3, **style)
    )


def name_axes(panels: np.ndarray) -> None:
    """Å along the outer panels of a grid of axes, shape (rows, columns)."""
    for panel in panels[:, 0]:
        panel.set_ylabel("Å")
    for panel in panels[-1]:
        panel.set_xlabel("Å")
