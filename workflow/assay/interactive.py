"""Plots to zoom into, as plain data for plotly's script in a browser (https://plotly.com/javascript).

A plot is JSON, ``{"data": [...], "layout": {...}}``, made without any plotting library: the page that shows it brings
the script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assay.records import write_json

DIGITS = 6


def line(x: np.ndarray, y: np.ndarray, name: str, colour: str, **options: Any) -> dict[str, Any]:
    """A line; where `y` is not a finite number it has a gap.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    name : str
        In the legend; lines of one name appear and vanish together.
    colour : str
    options
        Further keys of plotly's ``scatter``.
    """
    style = {"color": colour, **options.pop("line", {})}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _rounded(x),
        "y": _rounded(y),
        "name": name,
        "legendgroup": name,
        "line": style,
        **options,
    }


def _rounded(values: np.ndarray) -> list[float | None]:
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in np.asarray(values, dtype=float)]


def write_plot(
    path: Path, choices: Mapping[str, Sequence[Mapping[str, Any]]], layout: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write a plot of which readers choose what it shows.

    Parameters
    ----------
    path : Path
        ``{name}.plotly.json``.
    choices : mapping of str to sequence of mapping
        Lines (see `line`) by the name of the choice; the first is shown first.
    layout : mapping of str to mapping
        Layout by the name of the choice, such as ``xaxis.title.text``.
    """
    data = [
        {**trace, "visible": number == 0} for number, traces in enumerate(choices.values()) for trace in _once(traces)
    ]
    owners = [number for number, traces in enumerate(choices.values()) for _ in traces]
    buttons = [
        {
            "label": name,
            "method": "update",
            "args": [{"visible": [owner == number for owner in owners]}, dict(layout[name])],
        }
        for number, name in enumerate(choices)
    ]
    first = dict(layout[next(iter(choices))]) if choices else {}
    menus = [{"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.15, "yanchor": "top"}] if len(choices) > 1 else []
    write_json(path, {"data": data, "layout": {**first, "updatemenus": menus}})


def _once(traces: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Traces, of which the first of each name alone is in the legend."""
    seen: set[str] = set()
    listed = []
    for trace in traces:
        listed.append({**trace, "showlegend": trace["name"] not in seen})
        seen.add(trace["name"])
    return listed
