"""Band structures to zoom into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.interactive import line
from assay.phonons.figures import path_labels
from assay.phonons.spectra import Spectrum


def band_lines(spectrum: Spectrum, name: str, colour: str) -> list[dict[str, Any]]:
    """All branches of a band structure along its path, each a line with gaps between the segments."""
    distances = np.concatenate([np.append(segment, np.nan) for segment in spectrum.band_distances])
    branches = np.moveaxis(spectrum.band_frequencies, -1, 0)
    return [
        line(
            distances,
            np.concatenate([np.append(segment, np.nan) for segment in branch]),
            name,
            colour,
            line={"width": 1.2},
        )
        for branch in branches
    ]


def band_layout(spectrum: Spectrum) -> dict[str, Any]:
    """Axes of a band structure, with the names of the points of its path."""
    ticks, names = path_labels(spectrum)
    return {
        "xaxis.tickvals": [float(tick) for tick in ticks],
        "xaxis.ticktext": [_plain(name) for name in names],
        "xaxis.title.text": "wave vector",
        "yaxis.title.text": "frequency (THz)",
        "yaxis.autorange": True,
        "xaxis.autorange": True,
    }


def _plain(name: str) -> str:
    """Mathtext of an index as HTML."""
    return name.replace("$_{", "<sub>").replace("}$", "</sub>")


def band_plot(
    spectra: Mapping[str, Sequence[tuple[str, str, Spectrum]]],
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, Any]]]:
    """Bands of every crystal, one choice each.

    Parameters
    ----------
    spectra : mapping of str to sequence of (str, str, Spectrum)
        By crystal: name in the legend, colour, and bands along the same path.
    """
    choices = {
        crystal: [trace for label, colour, spectrum in several for trace in band_lines(spectrum, label, colour)]
        for crystal, several in spectra.items()
    }
    return choices, {crystal: band_layout(several[0][2]) for crystal, several in spectra.items()}
