"""The table of test errors and the learning curves of models that were trained on the synthetic data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assay.style import new_figure

COLOURS = {"schnet": "#B8860B", "painn": "#6A3D9A"}
QUANTITIES = {
    "energy_mae_meV_per_atom": "error of the energy (meV/atom)",
    "force_mae_meV_A": "error of force components (meV/Å)",
}


def training_table(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per model and number of training structures: mean absolute errors on the test structures."""
    return pd.DataFrame(
        [
            {
                "model": record["model"],
                "case": f"{line['n_train']} structures",
                "status": "ok",
                "reason": None,
                "message": None,
                "n_train": line["n_train"],
                "n_test": record["settings"]["structures"]["test"],
                "best_epoch": line["best_epoch"],
                **line["test"],
                "parameters": record["parameters"],
                "training_s": line["seconds"],
            }
            for record in records
            for line in record["sizes"]
        ]
    )


def learning_curves(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Errors against epochs (training dotted, validation solid), and test errors against the size of the data.

    The second column is there where a model was trained on more than one size.
    """
    sized = any(len(record["sizes"]) > 1 for record in records)
    figure, panels = new_figure(2, 1 + sized, width=6.8, height=5.0, sharey="row", squeeze=False)
    for (quantity, label), row in zip(QUANTITIES.items(), panels, strict=True):
        row[0].set_ylabel(label)
        row[0].set_yscale("log")
        for record in records:
            colour = COLOURS.get(record["architecture"], "0.3")
            _draw_epochs(row[0], record, quantity, colour)
            if sized:
                _draw_sizes(row[1], record, quantity, colour)
    panels[0, 0].set_title("validation (solid) and training (dotted)", loc="left")
    panels[0, 0].legend()
    panels[1, 0].set_xlabel("epoch")
    if sized:
        panels[0, 1].set_title("test, with standard errors", loc="left")
        panels[1, 1].set_xlabel("training structures")
    return figure


def _draw_epochs(axes: Axes, record: Mapping[str, Any], quantity: str, colour: str) -> None:
    epochs = [row["epoch"] for row in record["curve"]]
    axes.plot(epochs, [row[f"validation_{quantity}"] for row in record["curve"]], color=colour, label=record["model"])
    axes.plot(epochs, [row[f"training_{quantity}"] for row in record["curve"]], color=colour, linestyle=":")


def _draw_sizes(axes: Axes, record: Mapping[str, Any], quantity: str, colour: str) -> None:
    sizes = [line["n_train"] for line in record["sizes"]]
    values = np.array([line["test"][quantity] for line in record["sizes"]], dtype=float)
    errors = np.array([line["test"][f"{quantity}_stderr"] for line in record["sizes"]], dtype=float)
    axes.errorbar(sizes, values, yerr=errors, color=colour, marker="o", markersize=3, capsize=2)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.minorticks_off()
