"""Figures of the diatomic chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from assay.diatomics.protocol import Curve
from assay.diatomics.scores import HEADLINES, Headline, PreparedPair
from assay.style import REFERENCE_COLOUR, new_figure, say_empty

COLUMNS = 4
PANEL_INCHES = 1.9
DEEPEST_DRAWN_EV = 0.1
"""Panels of pairs that hardly bind still span this much below zero."""

WALL_DRAWN_EV = (1e-2, 1e4)
DEVIATION_DRAWN_EV = (1e-4, 1e4)

REFERENCE_LINE = MappingProxyType(
    {"color": REFERENCE_COLOUR, "linewidth": 1.6, "marker": ".", "markersize": 3, "zorder": 3}
)

Curves = Mapping[tuple[str, str], Curve]


def curve_figure(
    prepared: Mapping[str, PreparedPair], curves: Curves, table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]
) -> Figure:
    """One panel per pair: all models, the reference in black, bond lengths as diamonds, orientations as a band.

    Parameters
    ----------
    prepared : mapping of str to PreparedPair
    curves : mapping of (model, case) to Curve
    table : DataFrame
        By pair, for the minima.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``, ``base`` of each model.
    """
    figure, panels = _panels(len(prepared))
    for axes, (case, pair) in zip(panels, prepared.items(), strict=False):
        depth = _deepest_reference(pair, table, case)
        if pair.reference is not None:
            known = np.isfinite(pair.reference.energies_eV)
            energies = pair.reference.energies_eV[known]
            axes.plot(pair.pair.radii_A[known], energies, **REFERENCE_LINE, label="reference")
        for card in cards:
            curve = curves.get((card["model"], case))
            if curve is None:
                continue
            spread = curve.interaction_eV
            axes.fill_between(
                curve.radii_A, spread.min(axis=1), spread.max(axis=1), color=card["colour"], alpha=0.25, linewidth=0
            )
            axes.plot(curve.radii_A, curve.mean_interaction_eV, **_line(card), label=card["label"])
        _draw_diamonds(axes, table[table["case"] == case], cards)
        axes.axhline(0, color="0.7", linewidth=0.6, zorder=0)
        axes.set_ylim(-1.35 * depth, 1.1 * depth)
        axes.set_xlim(0.4, pair.pair.radii_A[-1])
        _name(axes, case, pair, table, cards)
    return _finish(figure, panels, len(prepared), "distance (Å)", "interaction energy (eV)")


def wall_figure(prepared: Mapping[str, PreparedPair], curves: Curves, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """The repulsive wall of each pair on a logarithmic scale; parameters as of `curve_figure`.

    Energies are relative to those at the reference's bond length, so that a wall begins where the pair binds; where a
    line has a gap, atoms that are pushed together gain energy.
    """
    figure, panels = _panels(len(prepared))
    for axes, (case, pair) in zip(panels, prepared.items(), strict=False):
        if pair.reference is not None:
            known = np.isfinite(pair.reference.energies_eV)
            radii, energies = pair.pair.radii_A[known], pair.reference.energies_eV[known]
            axes.plot(radii, _above(radii, energies, pair.contact_A), **REFERENCE_LINE, label="reference")
        for card in cards:
            curve = curves.get((card["model"], case))
            if curve is not None:
                energies = _above(curve.radii_A, curve.mean_interaction_eV, pair.contact_A)
                axes.plot(curve.radii_A, energies, **_line(card), label=card["label"])
        axes.axvline(pair.wall_A, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
        axes.set_yscale("log")
        axes.set_ylim(*WALL_DRAWN_EV)
        axes.set_xlim(pair.pair.radii_A[0], pair.contact_A)
        axes.set_title(case, loc="left")
    return _finish(figure, panels, len(prepared), "distance (Å)", "energy above that at the bond length (eV)")


def deviation_figure(
    prepared: Mapping[str, PreparedPair], curves: Curves, cards: Sequence[Mapping[str, Any]]
) -> Figure:
    """Absolute difference to the reference against distance, over the pairs: median and quartiles.

    Distances are in units of the reference's bond length; a pair contributes between its first and last point.
    """
    figure, axes = new_figure(width=5.2, height=3.6)
    grid = np.geomspace(0.25, 4.0, 120)
    drawn = 0
    for card in cards:
        lines = []
        for case, pair in prepared.items():
            curve = curves.get((card["model"], case))
            if curve is None or pair.reference is None:
                continue
            known = np.isfinite(pair.reference.energies_eV)
            deviation = np.abs(curve.mean_interaction_eV - pair.reference.energies_eV)[known]
            scaled = pair.pair.radii_A[known] / pair.contact_A
            lines.append(np.interp(grid, scaled, np.maximum(deviation, 1e-9), left=np.nan, right=np.nan))
        if not lines:
            continue
        drawn += 1
        covered = np.isfinite(lines).sum(axis=0) >= max(1, len(lines) // 2)
        low, middle, high = np.nanquantile(np.array(lines)[:, covered], (0.25, 0.5, 0.75), axis=0)
        axes.fill_between(grid[covered], low, high, color=card["colour"], alpha=0.2, linewidth=0)
        axes.plot(grid[covered], middle, **_line(card), label=f"{card['label']} ({len(lines)} of {len(prepared)})")
    axes.set_xlabel("distance / bond length of the reference")
    axes.set_ylabel("|difference to the reference| (eV)")
    if not drawn:
        say_empty(axes, "no pair with a reference")
        return figure
    settings = next(iter(prepared.values())).settings
    for limit in (settings["wall_limit"], settings["tail_limit"]):
        axes.axvline(limit, color="0.7", linewidth=0.6, linestyle=":", zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(*DEVIATION_DRAWN_EV)
    axes.legend(loc="upper right")
    return figure


def heatmap_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Headline metrics by model and pair, one panel each; hatched where the calculation failed."""
    cases = list(dict.fromkeys(table["case"]))
    height = 0.55 + 0.24 * len(cards)
    figure, panels = new_figure(
        len(HEADLINES), 1, width=2.0 + 0.48 * len(cases), height=height * len(HEADLINES), squeeze=False
    )
    for axes, headline in zip(panels[:, 0], HEADLINES, strict=True):
        _heat_panel(axes, table, cards, cases, headline)
    names = [_short(case) for case in cases]
    panels[-1, 0].set_xticks(range(len(cases)), names)
    panels[0, 0].set_xticks(range(len(cases)), names)
    panels[0, 0].xaxis.tick_top()
    return figure


def _heat_panel(
    axes: Axes, table: pd.DataFrame, cards: Sequence[Mapping[str, Any]], cases: Sequence[str], headline: Headline
) -> None:
    rows = table.set_index(["model", "case"])
    values = np.full((len(cards), len(cases)), np.nan)
    for line, card in enumerate(cards):
        for column, case in enumerate(cases):
            row = rows.loc[(card["model"], case)]
            counts = not headline.of_bound or str(row["bound_reference"]) == "True"
            if row["status"] == "ok" and counts and pd.notna(row[headline.column]):
                values[line, column] = float(row[headline.column])
            elif row["status"] != "ok":
                hatch = {"hatch": "////", "facecolor": "0.92", "edgecolor": "0.55", "linewidth": 0}
                axes.add_patch(Rectangle((column - 0.5, line - 0.5), 1, 1, **hatch))
    darkest = np.nanmax(values, initial=headline.notable)
    norm = LogNorm(headline.notable * 1e-2, darkest, clip=True)
    axes.imshow(np.maximum(values, norm.vmin), norm=norm, cmap="cividis_r", aspect="auto")
    for (line, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = norm(max(value, norm.vmin)) > 0.55
            text = _figures(value)
            axes.text(column, line, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "black")
    axes.set_yticks(range(len(cards)), [card["label"] for card in cards])
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("")
    axes.set_title(headline.label, loc="left")


def _figures(value: float) -> str:
    """A number in at most four characters or so."""
    if value == 0:
        return "0"
    if value >= 1000:
        return f"{value:.0e}".replace("e+0", "e")
    if value >= 10 or value == int(value):
        return f"{value:.0f}"
    if value >= 1:
        return f"{value:.1f}"
    return f"{value:.2f}".lstrip("0") if value >= 0.005 else f"{value:.0e}".replace("e-0", "e-")


def _short(case: str) -> str:
    first, second = case.split("-")
    return first if first == second else case


def _panels(count: int) -> tuple[Figure, Sequence[Axes]]:
    rows = -(-count // COLUMNS)
    figure, panels = new_figure(
        rows, COLUMNS, width=COLUMNS * PANEL_INCHES, height=rows * PANEL_INCHES * 0.95 + 0.6, squeeze=False
    )
    return figure, panels.ravel()


def _finish(figure: Figure, panels: Sequence[Axes], count: int, xlabel: str, ylabel: str) -> Figure:
    for axes in panels[count:]:
        axes.set_visible(False)
    handles: dict[str, Any] = {}
    for axes in panels[:count]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=min(5, len(handles)))
    figure.supxlabel(xlabel, fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    return figure


def _line(card: Mapping[str, Any]) -> dict[str, Any]:
    """A corrected potential is dashed, so that the one that it corrects shows where they coincide."""
    return {"color": card["colour"], "linewidth": 1.1, "linestyle": "--" if card.get("base") else "-"}


def _above(radii_A: np.ndarray, energies_eV: np.ndarray, contact_A: float) -> np.ndarray:
    """Energies above that at the contact distance; NaN where they are lower."""
    energies = energies_eV - np.interp(contact_A, radii_A, energies_eV)
    return np.where(energies > 0, energies, np.nan)


def _deepest_reference(pair: PreparedPair, table: pd.DataFrame, case: str) -> float:
    """How deep (eV) a panel goes: the reference's well or, without one, the median of the models'."""
    if pair.reference is not None:
        deepest = -np.nanmin(pair.reference.energies_eV)
    else:
        deepest = table.loc[table["case"] == case, "well_depth_eV"].astype(float).median()
    return max(float(deepest) if np.isfinite(deepest) else 1.0, DEEPEST_DRAWN_EV)


def _draw_diamonds(axes: Axes, rows: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> None:
    style = {"marker": "D", "s": 18, "edgecolors": "white", "linewidths": 0.5, "zorder": 4}
    reference = rows[["bond_length_reference_A", "well_depth_reference_eV"]].dropna().astype(float)
    if len(reference):
        axes.scatter(reference.iloc[0, 0], -reference.iloc[0, 1], color=REFERENCE_COLOUR, **style)
    for card in cards:
        own = rows.loc[rows["model"] == card["model"], ["bond_length_A", "well_depth_eV"]].dropna().astype(float)
        if len(own):
            axes.scatter(own.iloc[0, 0], -own.iloc[0, 1], color=card["colour"], **style)


def _name(axes: Axes, case: str, pair: PreparedPair, table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> None:
    failed = table[(table["case"] == case) & (table["status"] != "ok")]
    axes.set_title(case, loc="left")
    if len(failed):
        axes.set_title(f"{len(failed)} of {len(cards)} without result", loc="right", color="0.35", fontsize=7)
    elif pair.reference is None:
        axes.set_title("no reference", loc="right", color="0.35", fontsize=7)
