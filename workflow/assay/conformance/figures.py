"""The figure of the conformance chapter: deviations from the laws in units of what is rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from assay.style import new_figure, say_empty

LOWEST, HIGHEST = -6.0, 4.0
"""Range of colours, powers of ten of value over tolerance."""


def law_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Models against laws: log10 of the largest deviation over its tolerance, broken laws framed and marked.

    Parameters
    ----------
    table : DataFrame
        From `assay.conformance.scores.score`.
    cards : sequence of mapping
        ``model``, ``label``.
    """
    laws = list(dict.fromkeys(table["law"]))
    figure, axes = new_figure(width=7.2, height=1.9 + 0.3 * len(cards))
    if not table["value"].notna().any():
        say_empty(axes, "no law was measured")
        return figure
    ratios = np.full((len(cards), len(laws)), np.nan)
    for row, card in enumerate(cards):
        for column, law in enumerate(laws):
            rows = table[(table["model"] == card["model"]) & (table["law"] == law)]
            with np.errstate(divide="ignore"):
                ratio = np.log10(rows["value_over_tolerance"].max())
            ratios[row, column] = np.clip(ratio, LOWEST, HIGHEST)
            _mark(axes, row, column, rows, ratio)
    image = axes.imshow(
        ratios, cmap="RdBu_r", norm=TwoSlopeNorm(0.0, LOWEST, HIGHEST), aspect="auto", interpolation="none"
    )
    axes.set_xticks(range(len(laws)), laws, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(cards)), [card.get("label", card["model"]) for card in cards])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("log₁₀(deviation / tolerance)")
    bar.ax.set_yscale("linear")
    return figure


def _mark(axes: Axes, row: int, column: int, rows: pd.DataFrame, ratio: float) -> None:
    """The power of ten (exact: no deviation at all), a frame where a law is broken, a word where there is no number."""
    broken = (rows["passed"] == False).any()  # noqa: E712 (None where nothing was measured)
    failed, reported = (rows["status"] == "failed").any(), (rows["required"] == False).any()  # noqa: E712
    if broken:
        axes.add_patch(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor="black", linewidth=1.6))
    if np.isnan(ratio):
        text = "failed" if failed else "NaN" if broken else "–"
    else:
        text = f"{ratio:.1f}" if np.isfinite(ratio) else "exact" if ratio < 0 else "∞"
        text += "*" if failed else ""
        text = f"({text})" if reported else text
    dark = ratio > 0.6 * HIGHEST or ratio < 0.6 * LOWEST
    weight = "bold" if broken else "normal"
    axes.text(
        column, row, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "0.1", weight=weight
    )
