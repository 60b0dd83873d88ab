"""Figures and the table of a data set's histograms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from assay.datasets.histograms import Histograms, density_per_A, pair_name, percentile_A
from assay.style import new_figure, say_empty

DRAWN_PAIRS = 6
"""So many of the most frequent pairs of elements have a line of their own."""


def pair_table(name: str, histograms: Histograms) -> pd.DataFrame:
    """One row for all pairs together (``all``) and one for each pair of elements that occurs, the most frequent first.

    Distances are those of pairs within the cutoff; the percentiles come from the histogram.
    """
    edges = histograms.bins.distance_edges_A
    found = [(pair_name(*pair), *_of_pair(histograms, *pair)) for pair in np.argwhere(histograms.pairs.any(axis=2))]
    found.sort(key=lambda row: -row[1].sum())
    rows = [("all", histograms.pairs.sum(axis=(0, 1)), histograms.shortest_A.min()), *found]
    table = pd.DataFrame(
        [
            {
                "dataset": name,
                "pair": pair,
                "n_frames": histograms.frames,
                "n_pairs": int(counts.sum()),
                "distance_min_A": shortest if np.isfinite(shortest) else np.nan,
                "distance_percentile_1_A": percentile_A(counts, edges, 1.0),
                "distance_percentile_50_A": percentile_A(counts, edges, 50.0),
            }
            for pair, counts, shortest in rows
        ]
    )
    whole = {
        "n_atoms": histograms.atoms,
        "n_atoms_alone": histograms.atoms_alone,
        "n_frames_without_forces": histograms.frames_without_forces,
        "force_max_eV_A": histograms.largest_force_eV_A,
    }
    for column, value in whole.items():
        table[column] = np.where(table["pair"] == "all", value, np.nan)
    return table


def _of_pair(histograms: Histograms, first: int, second: int) -> tuple[np.ndarray, float]:
    return histograms.pairs[first, second], float(histograms.shortest_A[first, second])


def pair_figure(name: str, histograms: Histograms) -> Figure:
    """How often distances occur, of all pairs (black) and of the most frequent pairs of elements."""
    figure, axes = new_figure(width=5.4)
    axes.set_title(f"{name}: {histograms.frames} frames", loc="left")
    table = pair_table(name, histograms)
    if not table["n_pairs"].iloc[0]:
        say_empty(axes, f"no two atoms are within {histograms.bins.cutoff_A:g} Å")
        return figure
    edges = histograms.bins.distance_edges_A
    density = density_per_A(histograms.pairs.sum(axis=(0, 1)), edges)
    axes.stairs(density, edges, color="black", label="all", zorder=3)
    named = {pair_name(*pair): pair for pair in np.argwhere(histograms.pairs.any(axis=2))}
    for pair in table["pair"].iloc[1 : 1 + DRAWN_PAIRS]:
        axes.stairs(density_per_A(_of_pair(histograms, *named[pair])[0], edges), edges, label=pair, linewidth=0.9)
    axes.set_xlabel("distance (Å)")
    axes.set_ylabel("probability density (1/Å)")
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=0)
    axes.legend(title="pairs", ncols=2)
    return figure


def force_figure(name: str, histograms: Histograms) -> Figure:
    """Atoms by the distance of their nearest neighbour and the magnitude of the force on them, counts in colour."""
    figure, axes = new_figure(width=5.4, height=3.6)
    axes.set_title(f"{name}: {histograms.atoms} atoms", loc="left")
    if not histograms.forces.any():
        say_empty(axes, "no frame has forces on atoms with a neighbour")
        return figure
    distances = histograms.bins.distance_edges_A
    # the first bin begins at zero and the last one has no end: they are drawn as wide as the others
    inner = histograms.bins.force_edges_eV_A[1:-1]
    ratio = inner[1] / inner[0]
    forces = np.concatenate([[inner[0] / ratio], inner, [inner[-1] * ratio]])
    counts = np.ma.masked_equal(histograms.forces.T, 0)
    mesh = axes.pcolormesh(distances, forces, counts, norm=LogNorm(), cmap="viridis", rasterized=True)
    axes.set_yscale("log")
    occupied = np.flatnonzero(histograms.forces.any(axis=1))
    axes.set_xlim(max(0.0, distances[occupied[0]] - 0.25), distances[occupied[-1] + 1] + 0.25)
    rows = np.flatnonzero(histograms.forces.any(axis=0))
    axes.set_ylim(forces[rows[0]], forces[rows[-1] + 1])
    axes.set_xlabel("distance of the nearest atom (Å)")
    axes.set_ylabel("magnitude of the force (eV/Å)")
    figure.colorbar(mesh, ax=axes, label="atoms")
    return figure
