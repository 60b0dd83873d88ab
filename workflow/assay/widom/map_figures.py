"""Maps of the Widom chapter: a framework seen along its channels, in hexagonal tiles, one panel per model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.map_panels import draw_atoms, draw_tiles, name_axes
from assay.projections import Tiles, View, hexagonal_tiles
from assay.style import new_figure, say_empty
from assay.widom.estimators import EV_IN_KJ_MOL, KB_EV_K
from assay.widom.maps import free_energies, mean_energies
from assay.widom.raw import InsertionEnergies

MOST_COLUMNS = 3
PANEL_INCHES = 2.5
LOWEST_ENERGY_EV = -0.6
"""Where the colours of energies end below; a hole would take all of them."""

LOWEST_FREE_ENERGY_KJ_MOL = -50.0
FREE_ENERGY_LIMIT_KT = 20.0
"""Tiles above this free energy are left blank: a guest is there once in 5e8 times."""

_TILE_VALUES = Callable[[InsertionEnergies, np.ndarray, Tiles], np.ndarray]


def energy_map_figure(
    energies: Mapping[tuple[str, str], InsertionEnergies],
    views: Mapping[str, View],
    hosts: Mapping[str, Atoms],
    cards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> Figure:
    """Mean insertion energy over all attempts of a tile; tiles above the limit, where nuclei overlap, are blank.

    The attempts of one cell are repeated over the window, so that a tile gathers what falls on it, however deep.

    Parameters
    ----------
    energies : mapping of (model, case) to InsertionEnergies
    views : mapping of str to View
        By case.
    hosts : mapping of str to Atoms
        By case, drawn faintly.
    cards : sequence of mapping
        ``model``, ``label``.
    settings : mapping
        ``map_window_A``, ``map_tile_A``, ``map_limit_eV``.
    """
    limit = settings["map_limit_eV"]

    def values(insertions: InsertionEnergies, sources: np.ndarray, tiles: Tiles) -> np.ndarray:
        return mean_energies(insertions.energies_eV[sources], tiles.numbers, len(tiles.counts))

    scale = (LOWEST_ENERGY_EV, limit, f"mean insertion energy (eV), blank above {limit:g} eV")
    return _map_figure(energies, views, hosts, cards, settings, values, scale)


def free_energy_map_figure(
    energies: Mapping[tuple[str, str], InsertionEnergies],
    views: Mapping[str, View],
    hosts: Mapping[str, Atoms],
    cards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> Figure:
    """Free energy of insertion of each tile; parameters as of `energy_map_figure`, and ``temperature_K``."""
    temperature = settings["temperature_K"]
    limit = FREE_ENERGY_LIMIT_KT * KB_EV_K * temperature * EV_IN_KJ_MOL

    def values(insertions: InsertionEnergies, sources: np.ndarray, tiles: Tiles) -> np.ndarray:
        chosen = insertions.energies_eV[sources]
        return free_energies(chosen, tiles.numbers, len(tiles.counts), temperature)[0] * EV_IN_KJ_MOL

    label = f"free energy of insertion at {temperature:g} K (kJ/mol), blank above {FREE_ENERGY_LIMIT_KT:g} kT"
    return _map_figure(energies, views, hosts, cards, settings, values, (LOWEST_FREE_ENERGY_KJ_MOL, limit, label))


def _map_figure(
    energies: Mapping[tuple[str, str], InsertionEnergies],
    views: Mapping[str, View],
    hosts: Mapping[str, Atoms],
    cards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    values: _TILE_VALUES,
    scale: tuple[float, float, str],
) -> Figure:
    shown = [(card, case) for case in views for card in cards if (card["model"], case) in energies]
    if not shown:
        figure, axes = new_figure(width=5.2, height=2.4)
        say_empty(axes, "no model has a result")
        return figure
    # as square as can be: four panels are two by two
    columns = min(MOST_COLUMNS, int(np.ceil(np.sqrt(len(shown)))))
    rows = -(-len(shown) // columns)
    figure, axes = new_figure(
        rows, columns, width=max(4.2, 0.4 + columns * PANEL_INCHES), height=1.0 + rows * PANEL_INCHES, squeeze=False
    )
    drawn = []
    for panel, (card, case) in zip(axes.flat, shown, strict=False):
        insertions, view = energies[card["model"], case], views[case]
        images, sources = view.replicate(view.project(insertions.positions_A), settings["map_window_A"])
        tiles = hexagonal_tiles(images, settings["map_tile_A"])
        drawn.append((panel, tiles, values(insertions, sources, tiles)))
        panel.set_title(card["label"] if len(views) == 1 else f"{card['label']}\n{case}", loc="left")
        note = {"fontsize": 7, "color": "0.35", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.5}}
        place = {"transform": panel.transAxes, "ha": "right", "va": "bottom", "zorder": 5}
        panel.text(0.99, 0.01, f"{np.median(tiles.counts):,.0f} per tile", **place, **note)
        draw_atoms(panel, view, hosts[case], settings["map_window_A"])
    for spare in axes.flat[len(shown) :]:
        spare.set_axis_off()
    lowest, limit, label = scale
    norm = _norm([tile_values for _, _, tile_values in drawn], lowest, limit)
    for panel, tiles, tile_values in drawn:
        shown = np.isfinite(tile_values) & (tile_values <= limit)
        collection = draw_tiles(
            panel, tiles.centres_A[shown], tile_values[shown], norm, settings["map_tile_A"], settings["map_window_A"]
        )
    below = any((tile_values < norm.vmin).any() for _, _, tile_values in drawn)
    bar = figure.colorbar(
        collection, ax=axes, location="bottom", shrink=0.8, aspect=40, extend="min" if below else "neither"
    )
    bar.set_label(label)
    bar.set_ticks([*_round_values(norm.vmin, 3), *_round_values(norm.vmax, 5)[1:]])
    name_axes(axes)
    return figure


def _norm(tile_values: Sequence[np.ndarray], lowest: float, limit: float) -> TwoSlopeNorm:
    """Colours from the lowest tile of all models, but not below a floor, to the limit, with zero in the middle."""
    known = np.concatenate(tile_values)
    known = known[np.isfinite(known)]
    floor = max(lowest, min(known.min(initial=0.0), 0.1 * lowest))
    return TwoSlopeNorm(vmin=floor, vcenter=0.0, vmax=limit)


def _round_values(end: float, count: int) -> list[float]:
    """Zero and so many round numbers on the way to a value, outwards."""
    values = MaxNLocator(count).tick_values(*sorted((0.0, end)))
    return sorted((value for value in values if min(0, end) <= value <= max(0, end)), key=abs)
