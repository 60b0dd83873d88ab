"""Figures of the Widom chapter on single insertions: how energies are distributed, and where in the channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from assay.projections import View
from assay.style import new_figure, say_empty
from assay.widom.estimators import EV_IN_KJ_MOL, KB_EV_K, MINIMUM_EFFECTIVE
from assay.widom.figures import FEW, NOTHING, draw_curve, hollow_handle, model_handle
from assay.widom.maps import radial_profile
from assay.widom.raw import InsertionEnergies

DRAWN_PROFILE_KT = 20.0
"""A profile is drawn up to this free energy: above it, a place is not visited."""

HISTOGRAM_BINS = 80

Energies = Mapping[tuple[str, str], InsertionEnergies]


def histogram_figure(
    energies: Energies,
    cases: Sequence[str],
    cards: Sequence[Mapping[str, Any]],
    temperature_K: float,
    limit_eV: float,
) -> Figure:
    """Insertion energies of each model up to a limit, those of overlaps hatched; the band is kT on either side of zero.

    Parameters
    ----------
    energies : mapping of (model, case) to InsertionEnergies
    cases : sequence of str
        A column for each; a row for each model that has a result.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``.
    temperature_K, limit_eV : float
    """
    known = _with_results(energies, cards)
    if not known:
        return _empty()
    figure, axes = new_figure(
        len(known), len(cases), width=max(5.2, 3.2 * len(cases)), height=1.0 + 1.25 * len(known), squeeze=False
    )
    for column, case in enumerate(cases):
        own = [energies[key] for card in known if (key := (card["model"], case)) in energies]
        edges = _energy_edges(own, limit_eV)
        for row, card in enumerate(known):
            panel = axes[row, column]
            panel.set_title(card["label"] if row or len(cases) == 1 else f"{card['label']}, {case}", loc="left")
            insertions = energies.get((card["model"], case))
            if insertions is None:
                say_empty(panel, "no result")
            else:
                _draw_histogram(panel, insertions, edges, KB_EV_K * temperature_K, card["colour"])
        axes[-1, column].set_xlabel("insertion energy (eV)")
    _share_limits(axes, 0.6 / max(len(one.energies_eV) for one in energies.values()))
    figure.supylabel("share of attempts", fontsize=9)
    hatched = Patch(facecolor="white", edgecolor="0.35", hatch="/////", linewidth=0.5, label="overlaps of nuclei")
    thermal = Patch(color="0.75", linewidth=0, label=f"±kT at {temperature_K:g} K")
    figure.legend(handles=[hatched, thermal], loc="outside upper center", ncols=2)
    return figure


def _with_results(energies: Energies, cards: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    models = {model for model, _ in energies}
    return [card for card in cards if card["model"] in models]


def _empty() -> Figure:
    figure, axes = new_figure(width=5.2, height=2.4)
    say_empty(axes, NOTHING)
    return figure


def _energy_edges(own: Sequence[InsertionEnergies], limit_eV: float) -> np.ndarray:
    """Bins from the lowest energy of all, but at most as far below zero as the limit is above, to the limit."""
    lowest = [one.energies_eV[np.isfinite(one.energies_eV)].min(initial=0.0) for one in own]
    return np.linspace(max(min(lowest, default=0.0) - 0.05, -limit_eV), limit_eV, HISTOGRAM_BINS + 1)


def _draw_histogram(axes: Axes, insertions: InsertionEnergies, edges: np.ndarray, kT_eV: float, colour: str) -> None:
    values, overlaps = insertions.energies_eV, insertions.overlaps
    axes.axvspan(-kT_eV, kT_eV, color="0.75", linewidth=0, zorder=0)
    styles = {"color": colour, "alpha": 0.8}, {"histtype": "stepfilled", "fc": "none", "ec": colour, "hatch": "/////"}
    for chosen, style in zip((values[~overlaps], values[overlaps]), styles, strict=True):
        axes.hist(chosen, edges, weights=np.full(len(chosen), 1 / len(values)), log=True, **style)
    counts = {
        f"above {edges[-1]:g} eV": (values > edges[-1]) & ~insertions.skipped,
        f"below {edges[0]:.1f} eV": values < edges[0],
        "no number": np.isnan(values),
        "skipped": insertions.skipped,
    }
    words = [f"{np.count_nonzero(chosen):,} {name}" for name, chosen in counts.items() if chosen.any()]
    axes.set_title(", ".join([f"of {len(values):,}", *words]), loc="right", fontsize=7, color="0.35")


def _share_limits(axes: np.ndarray, lowest_share: float) -> None:
    """The same shares in all panels, the same energies in all panels of a column."""
    top = max(panel.get_ylim()[1] for panel in axes.flat if panel.has_data())
    for column in axes.T:
        filled = [panel for panel in column if panel.has_data()]
        limits = [panel.get_xlim() for panel in filled]
        for panel in filled:
            panel.set_ylim(lowest_share, top)
            panel.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))


def profile_figure(
    energies: Energies,
    views: Mapping[str, View],
    cards: Sequence[Mapping[str, Any]],
    temperature_K: float,
    ring_A: float = 0.5,
) -> Figure:
    """Free energy of insertion from the centre of the channel to its wall, with one standard error as a band.

    Parameters
    ----------
    energies : mapping of (model, case) to InsertionEnergies
    views : mapping of str to View
        By case; one panel for each.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``.
    temperature_K : float
    ring_A : float
        Width of the rings over which a point averages.
    """
    known = _with_results(energies, cards)
    if not known:
        return _empty()
    figure, axes = new_figure(1, len(views), width=max(5.2, 3.4 * len(views)), height=3.6, squeeze=False)
    highest = DRAWN_PROFILE_KT * KB_EV_K * temperature_K * EV_IN_KJ_MOL
    for panel, (case, view) in zip(axes[0], views.items(), strict=True):
        lowest = -5.0
        for card in known:
            insertions = energies.get((card["model"], case))
            if insertions is None:
                continue
            distances = np.linalg.norm(view.fold(view.project(insertions.positions_A)), axis=1)
            profile = radial_profile(distances, insertions.energies_eV, temperature_K, ring_A)
            values, errors = profile.free_energies_kJ_mol, profile.stderr_kJ_mol
            panel.fill_between(
                profile.radii_A, values - errors, values + errors, color=card["colour"], alpha=0.2, linewidth=0
            )
            sure = profile.n_effective >= MINIMUM_EFFECTIVE
            draw_curve(panel, profile.radii_A, values, sure, card["colour"], card["label"])
            lowest = min(lowest, *values[np.isfinite(values)])
        panel.axhline(0, color="0.7", linewidth=0.6, zorder=0)
        panel.axvline(view.radius_A, color="0.35", linewidth=0.8, linestyle=":", zorder=0)
        panel.set_title(f"{case}, dotted: nearest atom", loc="left")
        panel.set(xlim=(0, None), ylim=(max(1.15 * lowest, -3 * highest), highest))
        panel.set_xlabel("distance from the channel's centre (Å)")
    axes[0, 0].set_ylabel(f"free energy of insertion at {temperature_K:g} K (kJ/mol)")
    handles = [*(model_handle(card) for card in known), hollow_handle(FEW)]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure
