"""Figures of the adsorption chapter that the tables are enough for: isotherms, heats, acceptance of moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy import constants

from assay.adsorption.experiments import Experiment
from assay.adsorption.fits import langmuir
from assay.adsorption.isotherm_scores import equilibrated
from assay.adsorption.raw import DELETION, INSERTION, ROTATION, TRANSLATION
from assay.style import REFERENCE_COLOUR, new_figure, say_empty

NOTHING = "no model has a result"
_MARKERS = "^vD<>P"
_BAND = {"color": REFERENCE_COLOUR, "alpha": 0.12, "linewidth": 0}
DRAWN_HEAT_KJ_MOL = 8.0
"""A heat whose error is larger than this does not widen the axis."""

Experiments = Mapping[str, Experiment | None]
Cards = Sequence[Mapping[str, Any]]


def isotherm_figure(table: pd.DataFrame, isotherms: pd.DataFrame, experiments: Experiments, cards: Cards) -> Figure:
    """Loading against pressure: models with one standard error and their fits, experiments in black.

    Parameters
    ----------
    table, isotherms : DataFrame
        By model and case, and by model and isotherm.
    experiments : mapping of str to Experiment or None
        By system.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``.
    """

    def finish(panel: Axes, rows: pd.DataFrame, fits: pd.DataFrame) -> None:
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)

    return _isotherm_panels(table, isotherms, experiments, cards, finish)


def low_pressure_figure(table: pd.DataFrame, isotherms: pd.DataFrame, experiments: Experiments, cards: Cards) -> Figure:
    """The same on logarithmic scales, with the straight lines of Widom's Henry coefficients; parameters as before."""
    colours = {card["model"]: card["colour"] for card in cards}

    def finish(panel: Axes, rows: pd.DataFrame, fits: pd.DataFrame) -> None:
        panel.set(xscale="log", yscale="log")
        loadings = rows["loading_mol_kg"].to_numpy(dtype=float)
        shown = loadings[loadings > 0]
        pressures = rows["pressure_bar"].to_numpy(dtype=float)
        panel.set_xlim(pressures.min() / 1.5, pressures.max() * 1.5)
        if len(shown):
            panel.set_ylim(shown.min() / 2, max(shown.max() * 2, panel.get_ylim()[1]))
        ends = np.array(panel.get_xlim())
        for _, fit in fits.iterrows():
            henry = fit["henry_widom_mol_kg_Pa"]
            if np.isfinite(henry):
                panel.plot(ends, henry * ends * constants.bar, ":", color=colours[fit["model"]], linewidth=1.2)

    has_widom = np.isfinite(isotherms["henry_widom_mol_kg_Pa"].astype(float)).any()
    extra = [Line2D([], [], color="0.35", linestyle=":", label="Henry's law, Widom")] if has_widom else []
    return _isotherm_panels(table, isotherms, experiments, cards, finish, extra)


def _isotherm_panels(
    table: pd.DataFrame,
    isotherms: pd.DataFrame,
    experiments: Experiments,
    cards: Cards,
    finish: Callable[[Axes, pd.DataFrame, pd.DataFrame], None],
    extra: Sequence[Line2D] = (),
) -> Figure:
    figure, panels = isotherm_axes(table, height=4.4)
    handles: dict[str, Line2D] = {}
    for (system, temperature), panel in panels.items():
        rows = part_of(table, system, temperature)
        fits = part_of(isotherms, system, temperature)
        panel.set_xlabel("pressure (bar)")
        ok = results_of(rows)
        if ok.empty:
            say_empty(panel, NOTHING)
            continue
        for card in cards:
            own = ok[ok["model"] == card["model"]]
            if len(own):
                draw_points(panel, own, "pressure_bar", "loading_mol_kg", "loading_stderr_mol_kg", card["colour"])
                _draw_fit(panel, own, fits[fits["model"] == card["model"]].iloc[0], card["colour"])
                handles[card["model"]] = model_handle(card)
        experiment = experiments.get(system)
        if experiment:
            handles |= _draw_published(panel, experiment, temperature, rows["pressure_bar"].max())
        finish(panel, ok, fits[fits["model"].isin(ok["model"])])
        panel.grid(True, color="0.92", linewidth=0.6)
    next(iter(panels.values())).set_ylabel("absolute loading (mol/kg)")
    _legend(figure, [*handles.values(), *extra, *_marks(table, isotherms)])
    return figure


def _draw_fit(panel: Axes, rows: pd.DataFrame, fit: pd.Series, colour: str) -> None:
    """The preferred fit between the lowest and the highest pressure."""
    names = {"Langmuir": ("langmuir", [""]), "dual-site": ("dual_site", ["_1", "_2"])}
    if fit["preferred_fit"] not in names:
        return
    name, kinds = names[fit["preferred_fit"]]
    capacities, affinities = (
        np.array([fit[f"{name}_{part}{kind}_{unit}"] for kind in kinds], dtype=float)
        for part, unit in (("capacity", "mol_kg"), ("affinity", "per_Pa"))
    )
    own = rows.sort_values("pressure_bar")
    pressures, fugacities = (own[column].to_numpy(dtype=float) for column in ("pressure_bar", "fugacity_bar"))
    drawn = np.geomspace(pressures[0], pressures[-1], 200)
    coefficients = np.interp(drawn, pressures, fugacities / pressures)
    loadings = langmuir(drawn * coefficients * constants.bar, capacities, affinities)
    panel.plot(drawn, loadings, color=colour, linewidth=1.1, zorder=2)


def _draw_published(panel: Axes, experiment: Experiment, temperature_K: float, highest_bar: float) -> dict[str, Line2D]:
    """Measured isotherms, their model and simulations by others; returns what the legend says of them."""
    handles = {}
    for marker, one in zip(_MARKERS, experiment.near(temperature_K), strict=False):
        inside = one.pressures_bar <= 1.1 * highest_bar
        style = {"color": REFERENCE_COLOUR, "linestyle": "none", "marker": marker, "markersize": 3.5}
        panel.plot(one.pressures_bar[inside], one.loadings_mol_kg[inside], zorder=3, **style)
        handles[f"measured {one.name}"] = Line2D([], [], label=f"experiment, {one.name}", **style)
    model = experiment.model
    if model:
        pressures = np.geomspace(model.pressures_bar[0], min(model.pressures_bar[1], 1.1 * highest_bar), 100)
        loadings = np.array([model.at(pressure, temperature_K) for pressure in pressures])
        if np.isfinite(loadings).any():
            style = {"color": REFERENCE_COLOUR, "linewidth": 1.0, "linestyle": "--"}
            panel.plot(pressures, loadings, zorder=2, **style)
            handles["model of experiments"] = Line2D([], [], label=f"experiment, {model.name}", **style)
    for one in experiment.simulations:
        if abs(one.temperature_K - temperature_K) <= 1.0:
            inside = one.pressures_bar <= 1.1 * highest_bar
            style = {"color": REFERENCE_COLOUR, "linestyle": "none", "marker": "s", "markerfacecolor": "white"}
            points = (one.pressures_bar[inside], one.loadings_mol_kg[inside], one.errors_mol_kg[inside])
            panel.errorbar(*points, zorder=3, markersize=5, elinewidth=0.9, **style)
            handles[f"published {one.name}"] = Line2D([], [], label=f"simulation, {one.name}", **style, markersize=5)
    return handles


def heat_figure(table: pd.DataFrame, experiments: Experiments, cards: Cards) -> Figure:
    """Isosteric heat against loading with one standard error; the band is what was measured at low loading.

    Parameters as of `isotherm_figure`.
    """
    figure, panels = isotherm_axes(table, height=3.8)
    handles: dict[str, Line2D | Patch] = {}
    for (system, temperature), panel in panels.items():
        rows = results_of(part_of(table, system, temperature))
        panel.set_xlabel("absolute loading (mol/kg)")
        known = rows[np.isfinite(rows["isosteric_heat_kJ_mol"].astype(float))] if len(rows) else rows
        if known.empty:
            say_empty(panel, NOTHING if rows.empty else "the numbers of molecules do not fluctuate")
            continue
        for card in cards:
            own = known[known["model"] == card["model"]]
            if len(own):
                names = ("loading_mol_kg", "isosteric_heat_kJ_mol", "isosteric_heat_stderr_kJ_mol")
                draw_points(panel, own, *names, card["colour"], joined=True)
                handles[card["model"]] = model_handle(card)
        heat = experiments[system].heat() if experiments.get(system) else None
        if heat and np.isfinite(heat.value):
            panel.axhspan(heat.low, heat.high, zorder=0, **_BAND)
            panel.axhline(heat.value, color=REFERENCE_COLOUR, linewidth=1.0, zorder=1)
            handles["experiment"] = Line2D([], [], color=REFERENCE_COLOUR, label="experiment at low loading")
            handles["spread"] = Patch(**_BAND, label="spread of laboratories")
        _limit_heats(panel, known, [heat.low, heat.high] if heat else [])
        panel.set_xlim(left=0)
        panel.grid(True, color="0.92", linewidth=0.6)
    next(iter(panels.values())).set_ylabel("isosteric heat of adsorption (kJ/mol)")
    _legend(figure, [*handles.values(), *_marks(table, None)])
    return figure


def _limit_heats(panel: Axes, rows: pd.DataFrame, measured: Sequence[float]) -> None:
    """Limits that hold the values that are known well, with room around them."""
    values, errors = (rows[f"isosteric_heat{name}_kJ_mol"].to_numpy(dtype=float) for name in ("", "_stderr"))
    well = values[errors < DRAWN_HEAT_KJ_MOL]
    held = np.concatenate([well if len(well) else values, [value for value in measured if np.isfinite(value)]])
    panel.set_ylim(held.min() - DRAWN_HEAT_KJ_MOL, held.max() + DRAWN_HEAT_KJ_MOL)


def acceptance_figure(table: pd.DataFrame, cards: Cards) -> Figure:
    """Share of each move's trials that were accepted, against pressure; parameters as of `isotherm_figure`."""
    moves = (TRANSLATION, ROTATION, INSERTION, DELETION)
    groups = groups_of(table)
    figure, axes = new_figure(
        len(groups), len(moves), width=8.4, height=0.9 + 2.3 * len(groups), squeeze=False, sharex=True, sharey=True
    )
    handles: dict[str, Line2D] = {}
    for line, (system, temperature) in zip(axes, groups, strict=True):
        rows = results_of(part_of(table, system, temperature))
        for panel, move in zip(line, moves, strict=True):
            panel.set_title(move if len(groups) == 1 else f"{move}, {system}, {temperature:g} K", loc="left")
            if rows.empty or not (rows[f"acceptance_{move}"].astype(float) > 0).any():
                say_empty(panel, NOTHING if rows.empty else "none was tried, or none accepted")
                continue
            panel.set(xscale="log", yscale="log")
            panel.grid(True, color="0.92", linewidth=0.6)
            for card in cards:
                own = rows[rows["model"] == card["model"]]
                if len(own):
                    draw_points(panel, own, "pressure_bar", f"acceptance_{move}", None, card["colour"], joined=True)
                    handles[card["model"]] = model_handle(card)
        line[0].set_ylabel("share accepted")
    for panel in axes[-1]:
        panel.set_xlabel("pressure (bar)")
    _legend(figure, [*handles.values(), *_marks(table, None)])
    return figure


def groups_of(table: pd.DataFrame) -> list[tuple[str, float]]:
    """System and temperature of each isotherm."""
    return list(dict.fromkeys(zip(table["system"], table["temperature_K"], strict=True)))


def isotherm_axes(table: pd.DataFrame, *, height: float) -> tuple[Figure, dict[tuple[str, float], Axes]]:
    """A figure with a panel for each isotherm, and the panels by system and temperature."""
    groups = groups_of(table)
    figure, axes = new_figure(1, len(groups), width=max(6.8, 4.4 * len(groups)), height=height, squeeze=False)
    panels = dict(zip(groups, axes[0], strict=True))
    for (system, temperature), panel in panels.items():
        panel.set_title(f"{system}, {temperature:g} K", loc="left")
    return figure, panels


def part_of(table: pd.DataFrame, system: str, temperature_K: float) -> pd.DataFrame:
    """The rows of one isotherm."""
    return table[(table["system"] == system) & np.isclose(table["temperature_K"].astype(float), temperature_K)]


def results_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a result, by pressure."""
    return rows[rows["status"] == "ok"].sort_values("pressure_bar")


def draw_points(
    panel: Axes, rows: pd.DataFrame, x: str, y: str, error: str | None, colour: str, *, joined: bool = False
) -> None:
    """Points with errors, hollow where the chains are not equilibrated."""
    if joined:
        panel.plot(rows[x].astype(float), rows[y].astype(float), color=colour, linewidth=1.0, zorder=3)
    settled = equilibrated(rows)
    for part, face in ((settled, colour), (rows.drop(index=settled.index), "white")):
        if len(part):
            errors = part[error].to_numpy(dtype=float) if error else None
            values = (part[name].to_numpy(dtype=float) for name in (x, y))
            style = {"color": colour, "linestyle": "none", "marker": "o", "markersize": 5, "markerfacecolor": face}
            panel.errorbar(*values, errors, zorder=4, elinewidth=1.0, capsize=2, **style)


def model_handle(card: Mapping[str, Any]) -> Line2D:
    """A model's line, for legends."""
    return Line2D([], [], color=card["colour"], marker="o", markersize=5, label=card["label"])


def _marks(table: pd.DataFrame, isotherms: pd.DataFrame | None) -> list[Line2D]:
    """What lines and hollow points mean, as far as there are any."""
    marks = []
    if isotherms is not None and isotherms["preferred_fit"].notna().any():
        marks.append(Line2D([], [], color="0.35", label="line: Langmuir fit"))
    ok = results_of(table)
    if len(equilibrated(ok)) < len(ok):
        style = {"linestyle": "none", "marker": "o", "color": "0.35", "markerfacecolor": "white"}
        marks.append(Line2D([], [], label="hollow: not equilibrated", **style))
    return marks


def _legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
