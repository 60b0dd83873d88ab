"""Figures of the Widom chapter that the table is enough for: Henry coefficients, heats, temperatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from assay.style import REFERENCE_COLOUR, new_figure, say_empty
from assay.widom.estimators import MINIMUM_EFFECTIVE
from assay.widom.scores import at_temperature

DRAWN_DECADES = 2.0
"""Decades that a logarithmic axis spans on either side of the measured and the trusted values."""

DRAWN_HEAT_KJ_MOL = 30.0
NOTHING = "no model has a result"
_EXPERIMENT_BAND = {"color": REFERENCE_COLOUR, "alpha": 0.12, "linewidth": 0}
FEW = f"effective sample size below {MINIMUM_EFFECTIVE:.0f}"


def henry_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]], temperature_K: float) -> Figure:
    """Henry coefficient of each model with its 95 % interval; the measured one in black, its spread as a band.

    Parameters
    ----------
    table : DataFrame
        By model, case and temperature.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``.
    temperature_K : float
    """
    names = ("henry_coefficient_mol_kg_Pa", "henry_coefficient_low_mol_kg_Pa", "henry_coefficient_high_mol_kg_Pa")
    measured = ("henry_experiment_mol_kg_Pa", "henry_experiment_low_mol_kg_Pa", "henry_experiment_high_mol_kg_Pa")
    label = f"Henry coefficient at {temperature_K:g} K (mol/kg/Pa)"
    return _dot_figure(at_temperature(table, temperature_K), cards, names, measured, label, logarithmic=True)


def heat_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]], temperature_K: float) -> Figure:
    """Heat of adsorption at zero coverage of each model with its 95 % interval; parameters as of `henry_figure`."""
    names = ("heat_of_adsorption_kJ_mol", "heat_of_adsorption_low_kJ_mol", "heat_of_adsorption_high_kJ_mol")
    measured = ("heat_experiment_kJ_mol", "heat_experiment_low_kJ_mol", "heat_experiment_high_kJ_mol")
    label = f"heat of adsorption at {temperature_K:g} K (kJ/mol)"
    return _dot_figure(at_temperature(table, temperature_K), cards, names, measured, label, logarithmic=False)


def _dot_figure(
    rows: pd.DataFrame,
    cards: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    measured: Sequence[str],
    label: str,
    *,
    logarithmic: bool,
) -> Figure:
    cases = list(dict.fromkeys(rows["case"]))
    height = 0.9 + len(cases) * (0.5 + 0.28 * len(cards))
    figure, axes = new_figure(len(cases), 1, width=6.4, height=height, squeeze=False)
    for panel, case in zip(axes[:, 0], cases, strict=True):
        own = rows[rows["case"] == case].set_index("model")
        panel.set_title(case, loc="left")
        panel.set_yticks(range(len(cards)), [card["label"] for card in cards])
        panel.set_ylim(len(cards) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        panel.set_xlabel(label)
        if logarithmic:
            panel.set_xscale("log")
        limits = _limits(own, names, measured, logarithmic)
        if limits is None:
            panel.set_xticks([])
        else:
            panel.set_xlim(*limits)
            panel.grid(True, axis="x", which="major", color="0.9", linewidth=0.6)
            panel.set_axisbelow(True)
        for place, card in enumerate(cards):
            _draw_dot(panel, place, own.loc[card["model"]], card, names)
        _draw_measured(panel, own.iloc[0][list(measured)].astype(float))
    _finish(figure, rows)
    return figure


def _limits(
    rows: pd.DataFrame, names: Sequence[str], measured: Sequence[str], logarithmic: bool
) -> tuple[float, float] | None:
    """Limits that hold what was measured and what is trusted; all values where there is nothing of either."""
    ok = rows[rows["status"] == "ok"]
    values = [rows[list(measured)].to_numpy(dtype=float).ravel()]
    if len(ok):
        chosen = ok[ok["trusted"].astype(bool)]
        values.append(chosen[list(names)].to_numpy(dtype=float).ravel())
    known = _drawable(np.concatenate(values), logarithmic)
    if not len(known) and len(ok):
        known = _drawable(ok[names[0]].to_numpy(dtype=float), logarithmic)
    if not len(known):
        return None
    if logarithmic:
        return 10 ** (np.log10(known.min()) - DRAWN_DECADES), 10 ** (np.log10(known.max()) + DRAWN_DECADES)
    return float(known.min() - DRAWN_HEAT_KJ_MOL), float(known.max() + DRAWN_HEAT_KJ_MOL)


def _drawable(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    return values[np.isfinite(values) & ((values > 0) | (not logarithmic))]


def _draw_dot(axes: Axes, place: int, row: pd.Series, card: Mapping[str, Any], names: Sequence[str]) -> None:
    """One model's value; an arrow with its size where it is beyond the axis, a word where there is none."""
    colour = card["colour"]
    if row["status"] != "ok" or not row["n_effective"]:
        failed = "not run" if row["status"] == "missing" else f"failed: {row['reason']}"
        words = "no attempt has weight" if row["status"] == "ok" else failed
        axes.text(0.02, place, words, transform=axes.get_yaxis_transform(), va="center", color="0.35", fontsize=8)
        return
    value, low, high = (float(row[name]) for name in names)
    left, right = axes.get_xlim()
    if not left <= value <= right:
        to_right = value > right
        words = f"{value:.2g}" if np.isfinite(value) else "beyond all numbers"
        axes.text(
            0.985 if to_right else 0.015,
            place,
            f"{words} →" if to_right else f"← {words}",
            transform=axes.get_yaxis_transform(),
            ha="right" if to_right else "left",
            va="center",
            color=colour,
            fontsize=8,
        )
        return
    face = colour if bool(row["trusted"]) else "white"
    axes.plot([max(low, left), min(high, right)], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(value, place, marker="o", markersize=6.5, color=colour, markerfacecolor=face)


def _draw_measured(axes: Axes, measured: pd.Series) -> None:
    value, low, high = measured
    if np.isfinite(value):
        axes.axvspan(low, high, zorder=0, **_EXPERIMENT_BAND)
        axes.axvline(value, color=REFERENCE_COLOUR, linewidth=1.2, zorder=1)


def _finish(figure: Figure, rows: pd.DataFrame, handles: Sequence[Line2D | Patch] = ()) -> None:
    """A legend of what the marks mean, as far as they are there."""
    shown = list(handles)
    if np.isfinite(rows["henry_experiment_mol_kg_Pa"].astype(float)).any():
        shown.append(Line2D([], [], color=REFERENCE_COLOUR, label="experiment"))
        shown.append(Patch(**_EXPERIMENT_BAND, label="spread of experiments"))
    ok = rows[rows["status"] == "ok"]
    if len(ok) and not ok["trusted"].astype(bool).all():
        shown.append(hollow_handle(f"a hole, or {FEW}"))
    if shown:
        figure.legend(handles=shown, loc="outside upper center", ncols=3)


def temperature_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Henry coefficient against the inverse temperature, with 95 % intervals as bands; the experiment in black.

    All temperatures of a model come from the same energies. Parameters as of `henry_figure`.
    """
    cases = list(dict.fromkeys(table["case"]))
    figure, axes = new_figure(1, len(cases), width=max(6.8, 3.4 * len(cases)), height=3.8, squeeze=False)
    names = ("henry_coefficient_mol_kg_Pa", "henry_coefficient_low_mol_kg_Pa", "henry_coefficient_high_mol_kg_Pa")
    measured = ("henry_experiment_mol_kg_Pa", "henry_experiment_low_mol_kg_Pa", "henry_experiment_high_mol_kg_Pa")
    handles: dict[str, Line2D] = {}
    for panel, case in zip(axes[0], cases, strict=True):
        rows = table[table["case"] == case].sort_values("temperature_K")
        panel.set_title(case, loc="left")
        panel.set_xlabel("1000 K / temperature")
        ok = rows[rows["status"] == "ok"]
        if ok.empty:
            say_empty(panel, NOTHING)
            continue
        for card in cards:
            own = ok[ok["model"] == card["model"]]
            if len(own):
                _draw_van_t_hoff(panel, own, names, card["colour"])
                handles[card["model"]] = model_handle(card)
        reference = rows.drop_duplicates("temperature_K")
        inverse = 1000 / reference["temperature_K"].to_numpy(dtype=float)
        value, low, high = (reference[name].to_numpy(dtype=float) for name in measured)
        panel.fill_between(inverse, low, high, zorder=0, **_EXPERIMENT_BAND)
        panel.plot(inverse, value, color=REFERENCE_COLOUR, linewidth=1.4, zorder=4)
        panel.set_yscale("log")
        limits = _limits(rows, names, measured, logarithmic=True)
        if limits:
            panel.set_ylim(*limits)
            _name_those_beyond(panel, ok, cards, names[0])
        panel.grid(True, which="major", color="0.9", linewidth=0.6)
    axes[0, 0].set_ylabel("Henry coefficient (mol/kg/Pa)")
    _finish(figure, table, list(handles.values()))
    return figure


def _name_those_beyond(axes: Axes, rows: pd.DataFrame, cards: Sequence[Mapping[str, Any]], name: str) -> None:
    """Names of models of which no point is within the axis."""
    low, high = axes.get_ylim()
    inside = set(rows.loc[rows[name].between(low, high), "model"])
    beyond = [card["label"] for card in cards if card["model"] in set(rows["model"]) - inside]
    if beyond:
        words = f"beyond the axis: {', '.join(beyond)}"
        axes.text(0.98, 0.98, words, transform=axes.transAxes, ha="right", va="top", fontsize=8, color="0.35")


def draw_curve(axes: Axes, x: np.ndarray, y: np.ndarray, trusted: np.ndarray, colour: str, label: str = "") -> None:
    """A line with points, hollow ones where they are not trusted."""
    axes.plot(x, y, color=colour, linewidth=1.1, label=label)
    for chosen, face in ((trusted, colour), (~trusted, "white")):
        axes.plot(x[chosen], y[chosen], "o", color=colour, markersize=4.5, markerfacecolor=face, linestyle="none")


def hollow_handle(words: str) -> Line2D:
    """What a hollow point means, for legends."""
    return Line2D([], [], linestyle="none", marker="o", color="0.35", markerfacecolor="white", label=f"hollow: {words}")


def model_handle(card: Mapping[str, Any]) -> Line2D:
    """A model's line, for legends."""
    return Line2D([], [], color=card["colour"], marker="o", markersize=4.5, label=card["label"])


def _draw_van_t_hoff(axes: Axes, rows: pd.DataFrame, names: Sequence[str], colour: str) -> None:
    inverse = 1000 / rows["temperature_K"].to_numpy(dtype=float)
    value, low, high = (rows[name].to_numpy(dtype=float) for name in names)
    trusted = rows["trusted"].to_numpy(dtype=bool)
    axes.fill_between(inverse, low, high, color=colour, alpha=0.18, linewidth=0)
    draw_curve(axes, inverse, value, trusted, colour)
