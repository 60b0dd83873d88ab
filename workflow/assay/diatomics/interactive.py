"""Curves of pairs to zoom into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.diatomics.protocol import Curve
from assay.diatomics.scores import PreparedPair
from assay.interactive import line
from assay.style import REFERENCE_COLOUR

Choices = dict[str, list[dict[str, Any]]]
Layouts = dict[str, dict[str, Any]]


def curve_plot(
    prepared: Mapping[str, PreparedPair],
    curves: Mapping[tuple[str, str], Curve],
    cards: Sequence[Mapping[str, Any]],
) -> tuple[Choices, Layouts]:
    """Interaction energy against distance, one choice per pair; parameters as of `assay.diatomics.figures`.

    The axis of energy starts about the well of the reference, or of the models where there is none.
    """
    choices: Choices = {}
    layouts: Layouts = {}
    for case, pair in prepared.items():
        lines = []
        if pair.reference is not None:
            energies = pair.reference.energies_eV
            lines.append(line(pair.pair.radii_A, energies, "reference", REFERENCE_COLOUR, line={"width": 3}))
        for card in cards:
            curve = curves.get((card["model"], case))
            if curve is not None:
                lines.append(line(curve.radii_A, curve.mean_interaction_eV, card["label"], card["colour"]))
        if not lines:
            continue
        deepest = min(
            (value for trace in lines for value in trace["y"] if value is not None and value < 0), default=-0.1
        )
        if pair.reference is not None:
            deepest = min(-0.1, float(np.nanmin(pair.reference.energies_eV)))
        choices[case] = lines
        layouts[case] = {
            "xaxis.title.text": "distance (Å)",
            "yaxis.title.text": "interaction energy (eV)",
            "yaxis.range": [1.4 * deepest, -1.2 * deepest],
        }
    return choices, layouts
