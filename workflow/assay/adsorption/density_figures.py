"""Where the guests are: maps along the channels, and distances from the metals, one case of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from assay.adsorption.analysis import Run, isotherm_of
from assay.adsorption.densities import (
    LONGEST_A,
    Cloud,
    density_map,
    guest_elements,
    metal_distances,
    read_cloud,
    stride,
    view_of,
)
from assay.adsorption.experiments import Experiment
from assay.adsorption.trajectories import TRAJECTORY_FILE, read_guest_numbers
from assay.failures import UserError
from assay.map_panels import draw_atoms, draw_tiles, name_axes
from assay.style import REFERENCE_COLOUR, new_figure, say_empty

PANEL_INCHES = 3.2
DECADES = 3.0
"""Decades of density below the densest tile that have a colour."""

NOTHING = "no model has frames with guests"


@dataclass(frozen=True)
class Shown:
    """The case of a model and isotherm that is drawn.

    Attributes
    ----------
    card : mapping
        Of the model.
    run : Run
    cloud : Cloud
    """

    card: Mapping[str, Any]
    run: Run
    cloud: Cloud

    @property
    def title(self) -> str:
        """What it is."""
        remark = "" if self.run.production.verdict.equilibrated else ", not equilibrated"
        return f"{self.card['label']}, {self.run.facts['pressure_bar']:g} bar{remark}"


def choose(runs: Mapping[tuple[str, str], Run], cards: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """Of each model and isotherm the highest pressure that is equilibrated, or the highest, with its guests."""
    chosen = []
    for card in cards:
        own: dict[str, list[Run]] = {}
        for (model, _), run in runs.items():
            if model == card["model"]:
                own.setdefault(isotherm_of(run.facts), []).append(run)
        for several in own.values():
            best = max(several, key=lambda run: (run.production.verdict.equilibrated, run.facts["pressure_bar"]))
            cloud = _cloud(best)
            if len(cloud.numbers):
                chosen.append(Shown(card, best, cloud))
    return chosen


def _cloud(run: Run) -> Cloud:
    path, seen = run.folder / TRAJECTORY_FILE, run.observations
    starts = run.production.start_trials
    n_frames = sum(seen["n_trials"] - start for start in starts.values()) / seen["frame_every"]
    mean = run.production.samples.n_molecules.mean() if len(run.production.samples.n_molecules) else 0.0
    every = stride(n_frames, mean * len(read_guest_numbers(path)))
    return read_cloud(path, starts, seen["supercell"], every)


def density_figure(shown: Sequence[Shown], settings: Mapping[str, Any]) -> Figure:
    """Number density of the guests' atoms along the channels, a row for each model, a column for each element.

    Parameters
    ----------
    shown : sequence of Shown
        From `choose`.
    settings : mapping
        ``map_window_A``, ``map_tile_A``.

    Raises
    ------
    UserError
        If an axis is not a lattice direction of its framework.
    """
    if not shown:
        return _empty()
    window, tile = settings["map_window_A"], settings["map_tile_A"]
    elements = sorted({number for one in shown for number in guest_elements(one.cloud)})
    figure, axes = new_figure(
        len(shown),
        len(elements),
        width=max(4.6, 0.8 + PANEL_INCHES * len(elements)),
        height=1.1 + (PANEL_INCHES + 0.4) * len(shown),
        squeeze=False,
    )
    maps = {}
    for one, line in zip(shown, axes, strict=True):
        try:
            view = view_of(one.cloud, one.run.facts["axis"])
        except ValueError as error:
            raise UserError(f"adsorption.systems.{one.run.facts['system']}.axis: {error}; give another.") from error
        for number, panel in zip(elements, line, strict=True):
            panel.set_title(f"{chemical_symbols[number]}\n{one.title}", loc="left")
            maps[panel] = density_map(one.cloud, view, number, window, tile)
            draw_atoms(panel, view, one.cloud.cell, window)
    densest = max(found.densities_nm3.max(initial=0.0) for found in maps.values())
    norm = LogNorm(densest / 10**DECADES, densest)
    for panel, found in maps.items():
        collection = draw_tiles(panel, found.centres_A, found.densities_nm3, norm, tile, window)
    bar = figure.colorbar(collection, ax=axes, location="bottom", shrink=0.8, aspect=40, extend="min")
    bar.set_label("atoms per nm³, mean along the channel")
    name_axes(axes)
    return figure


def distance_figure(shown: Sequence[Shown], experiments: Mapping[str, Experiment | None]) -> Figure:
    """Distribution of distances between the framework's metals and the guests' atoms, a panel for each element.

    Parameters
    ----------
    shown : sequence of Shown
        From `choose`.
    experiments : mapping of str to Experiment or None
        By system; the measured distance to the nearest atom is a dotted line in that element's panel.
    """
    curves = [
        (one, number, *metal_distances(one.cloud, number)) for one in shown for number in guest_elements(one.cloud)
    ]
    curves = [curve for curve in curves if np.any(curve[3] > 0)]
    if not curves:
        return _empty("no model has frames with guests in a framework with metals")
    elements = sorted({number for _, number, *_ in curves})
    nearest = min(curves, key=lambda curve: curve[2][np.flatnonzero(curve[3])[0]])[1]
    figure, axes = new_figure(1, len(elements), width=max(5.2, 3.6 * len(elements)), height=3.6, squeeze=False)
    measured = {
        experiment.metal_distance_A
        for system, experiment in experiments.items()
        if experiment and experiment.metal_distance_A and system in {one.run.facts["system"] for one in shown}
    }
    for panel, number in zip(axes[0], elements, strict=True):
        panel.set_title(f"metal – {chemical_symbols[number]}", loc="left")
        for one, element, distances, values in curves:
            if element == number:
                panel.plot(distances, values, color=one.card["colour"], label=one.title)
        for distance in measured if number == nearest else ():
            panel.axvline(distance, color=REFERENCE_COLOUR, linestyle=":", linewidth=1.0)
        panel.axhline(1.0, color="0.8", linewidth=0.8, zorder=0)
        panel.set(xlim=(0, LONGEST_A), xlabel="distance (Å)")
        panel.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("g(r)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if measured:
        line = axes[0, 0].plot([], [], color=REFERENCE_COLOUR, linestyle=":", linewidth=1.0)[0]
        handles, labels = [*handles, line], [*labels, "measured, nearest atom"]
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _empty(sentence: str = NOTHING) -> Figure:
    figure, axes = new_figure(width=5.2, height=2.4)
    say_empty(axes, sentence)
    return figure
