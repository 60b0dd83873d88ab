"""Times of a step against the number of atoms to zoom into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from assay.interactive import line
from assay.speed.names import BATCH


def curve_plot(
    table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, Any]]]:
    """Median times of a step with 10 and 90 % quantiles, on logarithmic axes, one choice per kind of system.

    Parameters
    ----------
    table : DataFrame
        By model and case.
    cards : sequence of mapping
        ``model``, ``label``, ``colour`` of each model.
    """
    timed = table[(table["status"] == "ok") & (table["ladder"] != BATCH)]
    choices: dict[str, list[dict[str, Any]]] = {}
    for ladder, rows in timed.groupby("ladder", sort=False):
        lines = []
        for card in cards:
            own = rows[rows["model"] == card["model"]]
            for device, points in own.groupby("device", sort=True):
                points = points.sort_values("n_atoms")
                errors = {
                    "type": "data",
                    "symmetric": False,
                    "array": (points["step_q90_s"] - points["step_s"]).fillna(0).tolist(),
                    "arrayminus": (points["step_s"] - points["step_q10_s"]).fillna(0).tolist(),
                }
                name = f"{card['label']}, {device}"
                options = {"mode": "lines+markers", "error_y": errors}
                lines.append(
                    line(points["n_atoms"].to_numpy(), points["step_s"].to_numpy(), name, card["colour"], **options)
                )
        if lines:
            choices[str(ladder)] = lines
    layout = {
        "xaxis.title.text": "number of atoms",
        "yaxis.title.text": "time of a step (s)",
        "xaxis.type": "log",
        "yaxis.type": "log",
    }
    return choices, dict.fromkeys(choices, layout)
