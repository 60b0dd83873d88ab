"""Figures of the phonon chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from assay.phonons.scores import HEADLINES, Quantity
from assay.phonons.spectra import Spectrum
from assay.style import REFERENCE_COLOUR, new_figure, say_empty

_GREEK = {"GAMMA": "Γ", "SIGMA": "Σ", "DELTA": "Δ", "LAMBDA": "Λ"}
_JITTER = 0.08
MINIMUM_FOR_DENSITY = 5
"""Below this many crystals a density estimate would suggest what the data does not hold."""


def band_figure(
    found: Spectrum,
    reference: Spectrum | None,
    *,
    title: str,
    card: Mapping[str, Any],
    level_of_theory_reference: str | None,
) -> Figure:
    """Band structure and density of states of one crystal by one model, the reference in black.

    Parameters
    ----------
    found, reference : Spectrum
        Along the same path and on the same mesh; None where there is no reference, which the figure then says.
    title : str
    card : mapping
        ``label``, ``colour``, ``level_of_theory`` of the model.
    level_of_theory_reference : str or None
    """
    figure, (bands, dos) = new_figure(
        1, 2, width=6.8, height=3.4, sharey=True, gridspec_kw={"width_ratios": [3.4, 1], "wspace": 0.02}
    )
    if reference is not None:
        label = f"reference ({level_of_theory_reference})"
        _draw_bands(bands, reference, color=REFERENCE_COLOUR, linewidth=1.6, label=label)
        dos.plot(reference.dos, reference.dos_frequencies, color=REFERENCE_COLOUR, linewidth=1.4)
    theory = card.get("level_of_theory")
    label = f"{card['label']} ({theory})" if theory and theory != "none" else card["label"]
    _draw_bands(bands, found, color=card["colour"], linewidth=1.0, label=label)
    dos.plot(found.dos, found.dos_frequencies, color=card["colour"], linewidth=1.0)
    dos.fill_betweenx(found.dos_frequencies, 0, found.dos, color=card["colour"], alpha=0.2, linewidth=0)
    _label_path(bands, found)
    spectra = [found] if reference is None else [found, reference]
    lowest = min(content.band_frequencies.min() for content in spectra)
    highest = max(content.band_frequencies.max() for content in spectra)
    bands.set_ylim(lowest * 1.1 if lowest < -0.05 else 0, highest * 1.05)
    if lowest < -0.05:
        bands.axhline(0, color="0.6", linewidth=0.6)
    bands.set_ylabel("frequency (THz)")
    dos.set_xlabel("DOS (1/THz)")
    dos.set_xlim(left=0)
    bands.set_title(title, loc="left")
    if reference is None:
        dos.set_title("no reference", color="0.35", loc="right")
    handles, labels = bands.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure


def _draw_bands(axes: Axes, content: Spectrum, *, label: str, **style) -> None:
    for segment, (distances, frequencies) in enumerate(
        zip(content.band_distances, content.band_frequencies, strict=True)
    ):
        lines = axes.plot(distances, frequencies, **style)
        if segment == 0:
            lines[0].set_label(label)


def path_labels(content: Spectrum) -> tuple[list[float], list[str]]:
    """Where the segments of a path end and what is there; where the path jumps, both names with a bar between them."""
    ticks, names = [content.band_distances[0, 0]], [_pretty(content.band_labels[0, 0])]
    for segment, (_, end) in enumerate(content.band_labels):
        ticks.append(content.band_distances[segment, -1])
        following = content.band_labels[segment + 1, 0] if segment + 1 < len(content.band_labels) else end
        names.append(_pretty(end) if following == end else f"{_pretty(end)}|{_pretty(following)}")
    return ticks, names


def _label_path(axes: Axes, content: Spectrum) -> None:
    ticks, names = path_labels(content)
    axes.set_xticks(ticks, names)
    for tick in ticks:
        axes.axvline(tick, color="0.8", linewidth=0.6, zorder=0)
    axes.set_xlim(ticks[0], ticks[-1])


def _pretty(label: str) -> str:
    stem, _, index = str(label).partition("_")
    stem = _GREEK.get(stem, stem)
    return f"{stem}$_{{{index}}}$" if index else stem


def deviation_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Deviations from the reference by model: density, quartiles and every crystal, for the headline quantities."""
    figure, panels = new_figure(2, 2, width=6.8, height=1.8 + 1.1 * len(cards), sharey=True)
    for axes, quantity in zip(panels.flat, HEADLINES, strict=True):
        deviations = {card["model"]: _deviations(table, card["model"], quantity) for card in cards}
        axes.set_xlabel(f"deviation in {quantity.label}")
        if not any(len(values) for values in deviations.values()):
            say_empty(axes, "no crystal with a reference")
            continue
        for row, card in enumerate(cards):
            _raincloud(axes, deviations[card["model"]], len(cards) - 1 - row, card["colour"])
        axes.axvline(0, color=REFERENCE_COLOUR, linewidth=0.8)
    counts = {card["model"]: int((table["model"] == card["model"]).sum()) for card in cards}
    used = {card["model"]: len(_deviations(table, card["model"], HEADLINES[0])) for card in cards}
    labels = [f"{card['label']}\n{used[card['model']]} of {counts[card['model']]}" for card in reversed(cards)]
    for axes in panels[:, 0]:
        axes.set_yticks(range(len(cards)), labels)
        axes.set_ylim(-0.6, len(cards) - 0.3)
    return figure


def _pairs(table: pd.DataFrame, model: str, quantity: Quantity) -> tuple[np.ndarray, np.ndarray]:
    """Values of the model and of the reference, on the crystals where both are known and mean something."""
    own = table[(table["model"] == model) & (table["status"] == "ok")]
    if quantity.harmonic_sum:
        stable = (own["imaginary"].astype(str) == "False") & (own["imaginary_reference"].astype(str) == "False")
        own = own[stable]
    values, reference = (own[quantity.column(kind)].astype(float).to_numpy() for kind in ("", "reference"))
    known = np.isfinite(values) & np.isfinite(reference)
    return values[known], reference[known]


def _deviations(table: pd.DataFrame, model: str, quantity: Quantity) -> np.ndarray:
    values, reference = _pairs(table, model, quantity)
    return values - reference


def _raincloud(axes: Axes, values: np.ndarray, height: float, colour: str) -> None:
    """Half a violin above, a box on, the single crystals below the line at `height`."""
    if not len(values):
        axes.text(0, height, "no data", va="center", ha="center", color="0.35", fontsize=7)
        return
    if len(values) >= MINIMUM_FOR_DENSITY and np.ptp(values) > 0:
        grid = np.linspace(values.min() - 0.3 * np.ptp(values), values.max() + 0.3 * np.ptp(values), 200)
        density = gaussian_kde(values)(grid)
        axes.fill_between(
            grid, height + 0.1, height + 0.1 + 0.5 * density / density.max(), color=colour, alpha=0.35, lw=0
        )
    axes.boxplot(
        values,
        positions=[height],
        orientation="horizontal",
        widths=0.12,
        showfliers=False,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": "white", "edgecolor": colour},
        medianprops={"color": colour, "linewidth": 1.6},
        whiskerprops={"color": colour},
        capprops={"color": colour},
    )
    jitter = np.random.default_rng(0).uniform(-_JITTER, _JITTER, len(values))
    axes.scatter(values, height - 0.25 + jitter, s=10, color=colour, alpha=0.8, linewidths=0)


def parity_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """The models' headline quantities against the reference's, one point per crystal."""
    figure, panels = new_figure(2, 2, width=6.8, height=6.2)
    for axes, quantity in zip(panels.flat, HEADLINES, strict=True):
        ends: list[float] = []
        for card in cards:
            values, reference = _pairs(table, card["model"], quantity)
            if len(values):
                total = (table["model"] == card["model"]).sum()
                label = f"{card['label']} ({len(values)} of {total})"
                axes.scatter(reference, values, s=16, color=card["colour"], alpha=0.8, linewidths=0, label=label)
                ends += [*reference, *values]
        axes.set_xlabel(f"reference {quantity.label}")
        axes.set_ylabel("model")
        if not ends:
            say_empty(axes, "no crystal with a reference")
            continue
        margin = 0.05 * (max(ends) - min(ends) or 1.0)
        limits = (min(ends) - margin, max(ends) + margin)
        axes.plot(limits, limits, color=REFERENCE_COLOUR, linewidth=0.8, zorder=0)
        axes.set(xlim=limits, ylim=limits, aspect="equal")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)))
    return figure
