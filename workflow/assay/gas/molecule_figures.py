"""Figures on what molecules do: displacements, diffusion, pair distributions, speeds, vibrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import maxwell

from assay.gas.analysis import PreparedCase
from assay.gas.figure_panels import Analyses, Cards, Prepared, close, of_case, panels_by_case, title_of
from assay.gas.kinetic_theory import Gas, diffusion_reference, is_about
from assay.gas.observables import LARGEST_SPEED, Motion
from assay.gas.scores import EINSTEIN
from assay.gas.structure import ALL
from assay.statistics import finite
from assay.style import REFERENCE_COLOUR, new_figure, say_empty

NO_STABLE_RUN = "no model has a stable run"
LOWEST_MODE_per_cm = 200.0
"""Below are rotation and translation of molecules."""

_GUIDE = {"color": "0.6", "linewidth": 0.8, "zorder": 0}


def displacement_figure(prepared: Prepared, analyses: Analyses, cards: Cards) -> Figure:
    """Mean squared displacement of molecular centres against time, thick in the diffusive regime."""
    figure, panels = panels_by_case(prepared)
    drawn: dict[str, set[str]] = {}
    regime = False
    for case, axes in panels.items():
        for card, analysis in of_case(analyses, case, cards):
            if analysis.observables is None:
                continue
            regime |= _draw_displacement(axes, analysis.observables.motion, card["colour"])
            drawn.setdefault(case, set()).add(card["model"])
        if case in drawn:
            axes.set(xscale="log", yscale="log", xlabel="time (ps)", ylabel="mean squared displacement (Å²)")
            _draw_guides(axes)
    guides = [Line2D([], [], linestyle=style, label=words, **_GUIDE) for style, words in ((":", "~ t²"), ("--", "~ t"))]
    thick = Line2D([], [], color="0.35", linewidth=3, alpha=0.5, label="diffusive regime")
    return close(figure, drawn, panels, cards, *guides, *([thick] if regime else []), empty=NO_STABLE_RUN)


def _draw_displacement(axes: Axes, motion: Motion, colour: str) -> bool:
    """Whether there is a diffusive regime."""
    curve = motion.displacement
    time, mean, error = curve.time_ps[1:], curve.mean[1:], curve.stderr[1:]
    axes.fill_between(time, np.maximum(mean - error, mean / 10), mean + error, color=colour, alpha=0.2, linewidth=0)
    axes.plot(time, mean, color=colour)
    found = motion.einstein
    inside = (time >= found.start_ps) & (time <= found.end_ps)
    axes.plot(time[inside], mean[inside], color=colour, linewidth=4, alpha=0.4, solid_capstyle="butt")
    return bool(inside.any())


def _draw_guides(axes: Axes) -> None:
    """Slopes 1 and 2, through the end and the beginning of the highest curve."""
    curves = [line for line in axes.lines if len(line.get_xdata()) > 1]
    highest = max(curves, key=lambda line: np.max(line.get_ydata()))
    time, values = np.asarray(highest.get_xdata()), np.asarray(highest.get_ydata())
    limits = axes.get_ylim()
    axes.plot(time, 1.6 * values[0] * (time / time[0]) ** 2, linestyle=":", **_GUIDE)
    axes.plot(time, 1.6 * values[-1] * (time / time[-1]), linestyle="--", **_GUIDE)
    axes.set_ylim(limits)


def diffusion_figure(
    table: pd.DataFrame, prepared: Prepared, cards: Cards, gas: Gas | None, yardstick: str = ""
) -> Figure:
    """Self-diffusion against the measured temperature, with what theory and experiment say at the simulated density.

    Full points: from displacements in the diffusive regime; hollow: by the persistent walk, which needs none. The band
    spans Enskog's theory, the dilute gas and the experiment at 1 bar scaled to the density. The yardstick is black.
    """
    systems = {content.facts["system"]: content for content in prepared.values()}
    figure, axes = new_figure(1, len(systems), width=6.8 if len(systems) > 1 else 5.2, height=3.6, squeeze=False)
    ok = table[table["diffusion_m2_s"].notna()]
    handles: list[Line2D] = []
    for panel, (system, content) in zip(axes[0], systems.items(), strict=True):
        rows = ok[ok["system"] == system]
        of = rows["diffusion_of"].iloc[0] if len(rows) else system
        panel.set_title(f"{of} in {system}" if of != system else system, loc="left")
        if rows.empty:
            say_empty(panel, "no model has a diffusion coefficient")
            continue
        handles += _draw_band(panel, content, table[table["system"] == system], gas)
        for card in cards:
            own = rows[rows["model"] == card["model"]]
            if len(own):
                handles.append(_draw_diffusion(panel, own, card, yardstick))
        panel.set(xlabel="temperature (K)", ylabel="self-diffusion (m²/s)")
        panel.set_yscale("log")
        panel.grid(True, axis="y", which="both", color="0.93", linewidth=0.5)
    unique = {handle.get_label(): handle for handle in handles}
    if (ok["diffusion_route"] != EINSTEIN).any():
        hollow = {"color": "0.35", "marker": "o", "markerfacecolor": "white", "linestyle": "none"}
        unique["no diffusive regime yet"] = Line2D([], [], label="no diffusive regime yet", **hollow)
    if unique:
        figure.legend(handles=list(unique.values()), loc="outside upper center", ncols=3)
    _say_why_not(figure, table, cards)
    return figure


def _say_why_not(figure: Figure, table: pd.DataFrame, cards: Cards) -> None:
    """Why models that ran have no diffusion coefficient: what their displacements are instead of diffusive."""
    lacking = table[(table["status"] == "ok") & table["diffusion_m2_s"].isna()].set_index("model")
    lines = [
        f"No coefficient of {card['label']}: {lacking.loc[[card['model']], 'msd_regime'].iloc[0]}."
        for card in cards
        if card["model"] in lacking.index
    ]
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=7, color="0.35")


def _draw_band(axes: Axes, prepared: PreparedCase, rows: pd.DataFrame, gas: Gas | None) -> list[Line2D]:
    if gas is None or not is_about(gas, prepared.facts["molecule"]):
        return []
    simulated = finite([*rows["temperature_K"], *rows["temperature_nve_K"]])
    ends = simulated.min(), simulated.max()
    temperatures = np.linspace(0.93 * ends[0], 1.07 * ends[1], 60)
    found = [diffusion_reference(gas, temperature, prepared.density_per_A3) for temperature in temperatures]
    low, high = np.array([one.range_m2_s for one in found]).T
    axes.fill_between(temperatures, low, high, color="0.88", linewidth=0, zorder=0)
    enskog = {"color": REFERENCE_COLOUR, "linewidth": 1.2, "label": "Enskog"}
    scaled = {"color": REFERENCE_COLOUR, "linewidth": 1.0, "linestyle": "--", "label": "experiment, n D = constant"}
    axes.plot(temperatures, [one.enskog_m2_s for one in found], **enskog)
    axes.plot(temperatures, [one.experiment_m2_s for one in found], **scaled)
    return [Line2D([], [], **enskog), Line2D([], [], **scaled)]


def _draw_diffusion(axes: Axes, rows: pd.DataFrame, card: Mapping[str, Any], yardstick: str) -> Line2D:
    """One model's points with errors of both axes; returns its entry of the legend."""
    colour = REFERENCE_COLOUR if card["model"] == yardstick else card["colour"]
    for _, found in rows.iterrows():
        full = found["diffusion_route"] == EINSTEIN
        value, error = found["diffusion_m2_s"], found["diffusion_stderr_m2_s"]
        spread = found["temperature_nve_stderr_K"]
        axes.errorbar(
            found["temperature_nve_K"],
            value,
            xerr=spread if np.isfinite(spread) else None,
            yerr=[[min(error, 0.9 * value)], [error]] if np.isfinite(error) else None,
            marker="o",
            markersize=5,
            color=colour,
            markerfacecolor=colour if full else "white",
            elinewidth=0.9,
            capsize=2,
        )
    return Line2D([], [], color=colour, marker="o", linestyle="none", label=card["label"])


def structure_figure(prepared: Prepared, analyses: Analyses, cards: Cards, yardstick: str = "") -> Figure:
    """Radial distributions between atoms of different molecules: a row per case, a column per pair of elements.

    The yardstick is black and dashed; bands are standard errors.
    """
    pairs = _pairs(analyses)
    figure, axes = new_figure(
        len(prepared), len(pairs), width=6.8, height=0.8 + 2.1 * len(prepared), sharey="row", squeeze=False
    )
    drawn: dict[str, set[str]] = {}
    for row, (case, content) in zip(axes, prepared.items(), strict=True):
        row[0].set_title(title_of(content), loc="left")
        for card, analysis in of_case(analyses, case, cards):
            if analysis.observables is None:
                continue
            style = _line(card, yardstick)
            for panel, pair in zip(row, pairs, strict=True):
                curve = analysis.observables.structure.get(pair)
                if curve is None:
                    continue
                panel.plot(curve.distance_A, curve.mean, **style)
                low, high = curve.mean - curve.stderr, curve.mean + curve.stderr
                panel.fill_between(curve.distance_A, low, high, color=style["color"], alpha=0.2, linewidth=0)
            drawn.setdefault(case, set()).add(card["model"])
        for panel, pair in zip(row, pairs, strict=True):
            if case in drawn:
                panel.axhline(1, **_GUIDE)
                panel.set_xlabel(f"{pair} distance (Å)")
                panel.set_xlim(left=0)
            else:
                say_empty(panel, NO_STABLE_RUN)
        if case in drawn:
            row[0].set(ylabel="g(r)", ylim=(0, None))
    styles = {card["model"]: _line(card, yardstick) for card in cards}
    shown = [
        card | {"colour": styles[card["model"]]["color"], "linestyle": styles[card["model"]].get("linestyle", "-")}
        for card in cards
    ]
    return close(figure, drawn, dict(zip(prepared, axes[:, 0], strict=True)), shown, empty=NO_STABLE_RUN)


def _pairs(analyses: Analyses) -> list[str]:
    found = {
        pair: None
        for analysis in analyses.values()
        if analysis.observables
        for pair in analysis.observables.structure
        if pair != ALL
    }
    return list(found) or ["C-C"]


def _line(card: Mapping[str, Any], yardstick: str) -> dict[str, Any]:
    if card["model"] == yardstick:
        return {"color": REFERENCE_COLOUR, "linestyle": "--", "linewidth": 1.0}
    return {"color": card["colour"], "linewidth": 1.0}


def speed_figure(prepared: Prepared, analyses: Analyses, cards: Cards) -> Figure:
    """Speeds of molecular centres in units of the thermal speed of each run, with Maxwell's distribution in black."""
    figure, panels = panels_by_case(prepared)
    drawn: dict[str, set[str]] = {}
    for case, axes in panels.items():
        for card, analysis in of_case(analyses, case, cards):
            if analysis.observables is None:
                continue
            speeds = analysis.observables.speeds
            axes.step(speeds.reduced, speeds.density, where="mid", color=card["colour"], linewidth=1.0)
            drawn.setdefault(case, set()).add(card["model"])
        if case in drawn:
            reduced = np.linspace(0, LARGEST_SPEED, 200)
            axes.plot(reduced, maxwell.pdf(reduced), color=REFERENCE_COLOUR)
            axes.set(xlabel="speed / (kT/m)$^{1/2}$", ylabel="probability density", ylim=(0, None))
            axes.set_xlim(0, LARGEST_SPEED)
    black = Line2D([], [], color=REFERENCE_COLOUR, label="Maxwell")
    return close(figure, drawn, panels, cards, black, empty=NO_STABLE_RUN)


def vibration_figure(prepared: Prepared, analyses: Analyses, cards: Cards, gas: Gas | None) -> Figure:
    """Vibrational density of states by model, one above the other, each in units of its highest line.

    For molecules that is the highest vibration: rotation and translation may be cut. Black dashed lines: measured
    wavenumbers of the gas.
    """
    figure, panels = panels_by_case(prepared, height=0.8 + 0.55 * len(cards))
    drawn: dict[str, set[str]] = {}
    measured = False
    for case, axes in panels.items():
        present = [pair for pair in of_case(analyses, case, cards) if pair[1].observables]
        for place, (card, analysis) in enumerate(reversed(present)):
            spectrum = analysis.observables.spectrum
            vibrating = spectrum.wavenumber_cm1 > (LOWEST_MODE_per_cm if prepared[case].facts["molecule"] else 0.0)
            top = spectrum.density_cm[vibrating].max(initial=0.0) or 1.0
            height = np.minimum(spectrum.density_cm / top, 1.0)
            axes.plot(spectrum.wavenumber_cm1, place + 0.9 * height, color=card["colour"], linewidth=0.9)
            drawn.setdefault(case, set()).add(card["model"])
        if case in drawn:
            measured |= _draw_experiment(axes, prepared[case], gas)
            axes.set(xlabel="wavenumber (1/cm)", ylabel="density of states", ylim=(0, len(present) + 0.05))
            axes.set_yticks([])
            axes.set_xlim(0, _highest(axes))
    dashed = Line2D([], [], color=REFERENCE_COLOUR, linestyle="--", linewidth=0.8, label="experiment")
    return close(figure, drawn, panels, cards, *([dashed] if measured else []), empty=NO_STABLE_RUN)


def _draw_experiment(axes: Axes, prepared: PreparedCase, gas: Gas | None) -> bool:
    """Whether there is one."""
    if gas is None or not is_about(gas, prepared.facts["molecule"]):
        return False
    for wavenumber in gas.vibrations_per_cm.values():
        axes.axvline(wavenumber, color=REFERENCE_COLOUR, linestyle="--", linewidth=0.8, zorder=0)
    return True


def _highest(axes: Axes) -> float:
    """A little more than the highest wavenumber at which anything is seen."""
    ends = []
    for line in axes.lines:
        wavenumber, height = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        base = np.floor(np.min(height))
        seen = wavenumber[height - base > 0.02] if len(wavenumber) > 2 else wavenumber
        ends.append(np.max(seen, initial=LOWEST_MODE_per_cm))
    return float(1.1 * max(ends))
