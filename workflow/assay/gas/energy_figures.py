"""Figures on whether energies and molecules stay: energies in time, drift by model, bond survival."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from assay.gas.chemistry import Chemistry
from assay.gas.figure_panels import (
    NOTHING,
    Analyses,
    Cards,
    Prepared,
    close,
    of_case,
    panels_by_case,
    say_missing,
    title_of,
)
from assay.style import new_figure, say_empty

WIDE = 100.0
"""Ratio of the largest to the smallest model's change of energy from which on the axis is logarithmic in size."""

LONGEST_SHOWN = 3.0
"""The axis of time ends at this multiple of the shortest model's run, so that none is a stroke at the edge."""

_THIN = {"linewidth": 0.7, "alpha": 0.8}


def energy_figure(prepared: Prepared, analyses: Analyses, cards: Cards) -> Figure:
    """Total and potential energy per atom at constant energy, every run a line of means over short stretches.

    Left: change of the total energy from the start; the axis is linear about zero and logarithmic beyond, where models
    differ much. Right: potential energy about its mean.
    """
    figure, axes = new_figure(len(prepared), 2, width=6.8, height=0.8 + 2.2 * len(prepared), squeeze=False)
    drawn: dict[str, set[str]] = {}
    for (total, potential), (case, content) in zip(axes, prepared.items(), strict=True):
        total.set_title(title_of(content), loc="left")
        sizes, ends_ps = [], []
        for card, analysis in of_case(analyses, case, cards):
            ends_ps += [max(trace.time_ps[-1] for trace in analysis.traces)] if analysis.traces else []
            for trace in analysis.traces:
                total.plot(trace.time_ps, trace.total_meV_per_atom, color=card["colour"], **_THIN)
                potential.plot(trace.time_ps, trace.potential_meV_per_atom, color=card["colour"], **_THIN)
                sizes.append(np.abs(trace.total_meV_per_atom).max())
                drawn.setdefault(case, set()).add(card["model"])
        if not sizes:
            continue
        _symmetric_scale(total, np.array(sizes))
        shown_ps = min(max(ends_ps), LONGEST_SHOWN * min(ends_ps))
        label = "time (ps)" if shown_ps == max(ends_ps) else f"time (ps; longest run: {max(ends_ps):.3g})"
        total.set(xlabel=label, ylabel="total energy\n(meV/atom)", xlim=(0, shown_ps))
        potential.set(xlabel=label, ylabel="potential energy\n(meV/atom)", xlim=(0, shown_ps))
    for case, row in zip(prepared, axes, strict=True):
        if case not in drawn:
            say_empty(row[1], NOTHING)
    return close(figure, drawn, dict(zip(prepared, axes[:, 0], strict=True)), cards)


def _symmetric_scale(axes: Axes, sizes: np.ndarray) -> None:
    known = sizes[np.isfinite(sizes) & (sizes > 0)]
    if known.size and known.max() > WIDE * known.min():
        axes.set_yscale("symlog", linthresh=10.0 ** np.ceil(np.log10(known.min())))
    axes.axhline(0, color="0.7", linewidth=0.6, zorder=0)


def drift_figure(table: pd.DataFrame, cards: Cards) -> Figure:
    """Size of the drift by model, one point per case with its error: full where energy grows, hollow where it falls.

    A triangle is an upper limit, of a drift within its error of none. A cross marks cases in which every run exploded:
    its drift is that up to the explosion. An upright bar is the drift that remains without a time step, or its error
    where that is larger.
    """
    figure, axes = new_figure(width=6.8, height=1.2 + 0.5 * len(cards))
    ok = table[(table["status"] == "ok") & table["drift_fit_meV_per_atom_ps"].notna()]
    cases = list(table["case"].unique())
    drawn: dict[str, set[str]] = {}
    for row, card in enumerate(reversed(cards)):
        for _, found in ok[ok["model"] == card["model"]].iterrows():
            place = row + 0.5 * ((cases.index(found["case"]) + 0.5) / len(cases) - 0.5)
            _draw_drift(axes, found, place, card)
            drawn.setdefault(found["case"], set()).add(card["model"])
    axes.set_yticks(range(len(cards)), [card["label"] for card in reversed(cards)])
    axes.set_ylim(-0.6, len(cards) - 0.4)
    if not drawn:
        say_empty(axes, NOTHING)
        return figure
    axes.set_xscale("log")
    axes.set_xlabel("size of the energy drift (meV/atom/ps)")
    axes.grid(True, axis="x", which="major", color="0.9", linewidth=0.6)
    figure.legend(handles=_drift_marks(ok), loc="outside upper center", ncols=4)
    say_missing(figure, drawn, cases, cards)
    return figure


def _all_exploded(found: Mapping[str, Any]) -> bool:
    return found["n_exploded"] == found["n_repeats"]


def _is_limit(found: Mapping[str, Any]) -> bool:
    """Whether the drift is within its error of none."""
    return abs(found["drift_fit_meV_per_atom_ps"]) < found["drift_fit_stderr_meV_per_atom_ps"]


def _draw_drift(axes: Axes, found: pd.Series, place: float, card: Mapping[str, Any]) -> None:
    drift, error = found["drift_fit_meV_per_atom_ps"], found["drift_fit_stderr_meV_per_atom_ps"]
    colour, size = card["colour"], max(abs(drift), np.finfo(float).tiny)
    if _is_limit(found):
        axes.plot(size + error, place, marker="<", markersize=6, color=colour, linestyle="none")
    else:
        axes.errorbar(
            size,
            place,
            xerr=[[min(error, 0.9 * size)], [error]] if np.isfinite(error) else None,  # no zero on this axis
            color=colour,
            marker="X" if _all_exploded(found) else "o",
            markersize=5,
            markerfacecolor=colour if drift > 0 else "white",
            elinewidth=0.9,
            capsize=2,
        )
    remaining, its_error = found["residual_drift_meV_per_atom_ps"], found["residual_drift_stderr_meV_per_atom_ps"]
    if np.isfinite(remaining):
        shown = np.fmax(abs(remaining), its_error)
        axes.plot(shown, place, marker="|", markersize=10, color=colour, linestyle="none")


def _drift_marks(ok: pd.DataFrame) -> list[Line2D]:
    grey = {"color": "0.35", "linestyle": "none", "markersize": 5}
    known = [found for _, found in ok.iterrows() if not _is_limit(found)]
    drift = np.array([found["drift_fit_meV_per_atom_ps"] for found in known])
    marks = []
    if (drift > 0).any():
        marks.append(Line2D([], [], marker="o", label="energy grows", **grey))
    if (drift <= 0).any():
        marks.append(Line2D([], [], marker="o", markerfacecolor="white", label="energy falls", **grey))
    if len(known) < len(ok):
        marks.append(Line2D([], [], marker="<", label="less than this (error)", **grey))
    if any(_all_exploded(found) for found in known):
        marks.append(Line2D([], [], marker="X", label="all runs exploded", **grey))
    if ok["residual_drift_meV_per_atom_ps"].notna().any():
        marks.append(Line2D([], [], marker="|", label="without a time step", **grey | {"markersize": 9}))
    return marks


def survival_figure(prepared: Prepared, analyses: Analyses, cards: Cards) -> Figure:
    """Share of the prepared bonds that are there, every run a line; dashed: share of the prepared molecules.

    Lines of several models that coincide are drawn within one another. A cross marks where a run exploded.
    """
    figure, panels = panels_by_case(prepared)
    drawn: dict[str, set[str]] = {}
    exploded = False
    for case, axes in panels.items():
        present = list(of_case(analyses, case, cards))
        lowest = 1.0
        for place, (card, analysis) in enumerate(present):
            with_molecules = {k: one for k, one in analysis.chemistry.items() if np.isfinite(one.bond_survival).all()}
            for repeat, found in with_molecules.items():
                _draw_survival(axes, found, card["colour"], 1.0 + 0.9 * (len(present) - 1 - place))
                lowest = min(lowest, found.bond_survival.min(), found.molecule_survival.min())
                drawn.setdefault(case, set()).add(card["model"])
                if repeat in analysis.exploded:
                    end = found.time_fs[-1] / 1000, found.bond_survival[-1]
                    axes.plot(*end, color=card["colour"], marker="X", markeredgecolor="white", markersize=8, zorder=5)
                    exploded = True
        if case in drawn:
            span = max(1.15 * (1 - lowest), 0.1)
            axes.set(xlabel="time (ps)", ylabel="share that is left", ylim=(1 - span, 1 + 0.12 * span))
    dashed = Line2D([], [], color="0.35", linestyle="--", linewidth=0.8, label="molecules")
    cross = Line2D([], [], color="0.35", linestyle="none", marker="X", label="explosion")
    empty = "no model has a run with molecules"
    return close(figure, drawn, panels, cards, dashed, *([cross] if exploded else []), empty=empty)


def _draw_survival(axes: Axes, found: Chemistry, colour: str, width: float) -> None:
    time_ps = found.time_fs / 1000
    style = {"color": colour, "drawstyle": "steps-post", "solid_capstyle": "butt"}
    axes.plot(time_ps, found.bond_survival, linewidth=width, **style)
    if (found.molecule_survival != found.bond_survival).any():
        axes.plot(time_ps, found.molecule_survival, linewidth=0.8, linestyle="--", **style)
