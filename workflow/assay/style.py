"""How every figure looks: one place for fonts, sizes and what is written where data is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assay.records import atomic_path

REFERENCE_COLOUR = "black"
FORMATS = ("png", "svg")

_SETTINGS = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.2,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "assay",  # equal figures are equal files
}


def new_figure(rows: int = 1, columns: int = 1, *, width: float = 6.8, height: float = 3.2, **options):
    """A figure with axes in the campaign's style; sizes in inches. Returns what `matplotlib.pyplot.subplots` does."""
    plt.rcParams.update(_SETTINGS)
    return plt.subplots(rows, columns, figsize=(width, height), **options)


def save_figure(figure: Figure, folder: Path, name: str, formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Write a figure as ``{folder}/{name}.{format}``, atomically, and close it."""
    paths = []
    for kind in formats:
        path = Path(folder) / f"{name}.{kind}"
        metadata = {"Date": None} if kind == "svg" else None
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)
        paths.append(path)
    plt.close(figure)
    return paths


def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write figures by name, each as `save_figure` does."""
    for name, figure in figures.items():
        save_figure(figure, folder, name)


def say_empty(axes: Axes, sentence: str) -> None:
    """Write into an empty panel why it is empty."""
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", wrap=True, color="0.35")
    axes.set_xticks([])
    axes.set_yticks([])
