"""The Markov chains themselves: molecules in the cell against the number of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from assay.adsorption.analysis import Run, isotherm_of
from assay.style import new_figure, say_empty

MOST_COLUMNS = 2
MOST_POINTS = 500
"""Samples that are drawn of a chain; of more, each so many-th."""

MOST_NAMED = 12
"""Pressures in a legend; of more, they are spread over the range."""


def molecules_figure(runs: Mapping[tuple[str, str], Run], cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Number of molecules of every chain, pressures in shades, a dot where each production starts.

    Parameters
    ----------
    runs : mapping of (model, case) to Run
    cards : sequence of mapping
        ``model``, ``label``.
    """
    shown: dict[tuple[str, str], list[Run]] = {}
    for card in cards:
        for (model, _), run in runs.items():
            if model == card["model"]:
                shown.setdefault((card["label"], isotherm_of(run.facts)), []).append(run)
    if not shown:
        figure, axes = new_figure(width=5.2, height=2.4)
        say_empty(axes, "no model has a result")
        return figure
    columns = min(MOST_COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    figure, axes = new_figure(
        lines, columns, width=8.4 if columns > 1 else 6.8, height=0.8 + 3.0 * lines, squeeze=False
    )
    pressures = sorted({run.facts["pressure_bar"] for run in runs.values()})
    norm = LogNorm(pressures[0] / 1.5, pressures[-1] * 1.5)
    colours = {pressure: matplotlib.colormaps["viridis_r"](norm(pressure)) for pressure in pressures}
    for panel, ((label, isotherm), own) in zip(axes.flat, shown.items(), strict=False):
        panel.set_title(f"{label}\n{isotherm}", loc="left")
        for run in own:
            _draw_chains(panel, run, colours[run.facts["pressure_bar"]])
        panel.set_ylim(bottom=0)
        panel.set_xlim(left=0)
        cells = sorted({int(run.observations["n_cells"]) for run in own})
        panel.set_ylabel(f"molecules in {'/'.join(map(str, cells))} cell{'s' if cells != [1] else ''}")
        panel.set_xlabel("trials of a replica (thousands)")
    for spare in axes.flat[len(shown) :]:
        spare.set_axis_off()
    named = pressures if len(pressures) <= MOST_NAMED else [*pressures[:: -(-len(pressures) // MOST_NAMED)]]
    handles = [Line2D([], [], color=colours[pressure], label=f"{pressure:g} bar") for pressure in named]
    handles.append(Line2D([], [], linestyle="none", marker="o", color="black", label="start of production"))
    figure.legend(handles=handles, loc="outside right upper")
    return figure


def _draw_chains(panel: Axes, run: Run, colour: tuple[float, ...]) -> None:
    for replica in np.unique(run.samples.replicas):
        own = run.samples.where(run.samples.replicas == replica)
        every = max(1, -(-len(own.trials) // MOST_POINTS))
        panel.plot(own.trials[::every] / 1000, own.n_molecules[::every], color=colour, linewidth=0.6, alpha=0.8)
        start = run.production.start_trials.get(int(replica))
        if start is not None:
            number = own.n_molecules[np.searchsorted(own.trials, start)]
            style = {"markersize": 4.5, "markeredgecolor": "black", "markeredgewidth": 0.7, "zorder": 4}
            panel.plot(start / 1000, number, "o", color=colour, **style)
