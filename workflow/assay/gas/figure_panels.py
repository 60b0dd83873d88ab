"""What the figures of the gas chapter share: a panel per case, one legend, a sentence on who is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from assay.gas.analysis import Analysis, PreparedCase
from assay.style import new_figure, say_empty

NOTHING = "no model has a run"

Cards = Sequence[Mapping[str, Any]]
Analyses = Mapping[tuple[str, str], Analysis]
Prepared = Mapping[str, PreparedCase]


def panels_by_case(prepared: Prepared, *, height: float = 2.4, columns: int = 2) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for every case, at most so many side by side."""
    across = min(columns, len(prepared))
    rows = -(-len(prepared) // across)
    figure, axes = new_figure(rows, across, width=6.8, height=0.8 + height * rows, squeeze=False)
    for spare in axes.flat[len(prepared) :]:
        spare.set_axis_off()
    found = dict(zip(prepared, axes.flat, strict=False))
    for case, panel in found.items():
        panel.set_title(title_of(prepared[case]), loc="left")
    return figure, found


def title_of(prepared: PreparedCase) -> str:
    """Such as ``CO2, 400 K, 0.23 g/cm³``."""
    facts = prepared.facts
    return f"{facts['system']}, {facts['temperature_K']:g} K, {facts['density_g_cm3']:.3g} g/cm³"


def of_case(analyses: Analyses, case: str, cards: Cards) -> Iterator[tuple[Mapping[str, Any], Analysis]]:
    """Card and analysis of every model that has one of the case."""
    for card in cards:
        analysis = analyses.get((card["model"], case))
        if analysis is not None:
            yield card, analysis


def close(
    figure: Figure,
    drawn: Mapping[str, set[str]],
    panels: Mapping[str, Axes],
    cards: Cards,
    *others: Line2D,
    empty: str = NOTHING,
) -> Figure:
    """Empty panels say so; one legend for all; a sentence names the models that are missing somewhere.

    Parameters
    ----------
    figure : Figure
    drawn : mapping of str to set of str
        Models that each case's panel shows.
    panels : mapping of str to Axes
        By case.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``, and ``linestyle`` where it is not a full line.
    others : Line2D
        Further entries of the legend.
    empty : str
        What an empty panel says.
    """
    for case, axes in panels.items():
        if not drawn.get(case):
            say_empty(axes, empty)
    shown = set().union(*drawn.values()) if drawn else set()
    handles = [
        Line2D([], [], color=card["colour"], linestyle=card.get("linestyle", "-"), label=card["label"])
        for card in cards
        if card["model"] in shown
    ]
    if handles:
        figure.legend(handles=[*handles, *others], loc="outside upper center", ncols=min(4, len(handles) + len(others)))
    say_missing(figure, drawn, panels, cards)
    return figure


def say_missing(figure: Figure, drawn: Mapping[str, set[str]], cases: Sequence[str] | Mapping, cards: Cards) -> None:
    """A sentence below the figure on the models that some case lacks."""
    lacking = {}
    for card in cards:
        absent = [case for case in cases if card["model"] not in drawn.get(case, ())]
        if absent:
            lacking[card["label"]] = "" if len(absent) == len(cases) else f" ({', '.join(absent)})"
    if lacking:
        sentence = "Nothing to show of " + ", ".join(label + where for label, where in lacking.items()) + "."
        figure.supxlabel(sentence, fontsize=7, color="0.35")
