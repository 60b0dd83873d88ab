"""Numbers that compare two phonon spectra: pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def zone_mean_absolute_error(frequencies: np.ndarray, reference: np.ndarray, weights: np.ndarray) -> float:
    """Mean absolute frequency error over the Brillouin zone and all branches (THz).

    Branches are matched by their order at each q-point. The average is that of doi:10.1038/s41524-025-01650-1, on a
    uniform mesh instead of along a path.

    Parameters
    ----------
    frequencies, reference : ndarray, shape (n_q, n_branches)
        THz; imaginary ones negative, as phonopy writes them.
    weights : ndarray, shape (n_q,)
        Multiplicities of the q-points.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    frequencies, reference = np.sort(frequencies, axis=1), np.sort(reference, axis=1)
    if frequencies.shape != reference.shape:
        raise ValueError(f"spectra of different shapes: {frequencies.shape} and {reference.shape}")
    return float(np.average(np.abs(frequencies - reference).mean(axis=1), weights=weights))


def imaginary_fraction(frequencies: np.ndarray, weights: np.ndarray, threshold_THz: float = 0.05) -> float:
    """Share of the modes of the zone that lie below ``-threshold_THz``.

    Parameters
    ----------
    frequencies : ndarray, shape (n_q, n_branches)
        THz; imaginary ones negative.
    weights : ndarray, shape (n_q,)
        Multiplicities of the q-points.
    """
    below = np.asarray(frequencies) < -threshold_THz
    return float(np.average(below.mean(axis=1), weights=weights))


def stability_confusion(unstable: Sequence[bool], reference_unstable: Sequence[bool]) -> dict[str, float]:
    """How well imaginary modes are predicted; *positive* means stable, as in doi:10.1038/s41524-025-01650-1.

    Parameters
    ----------
    unstable, reference_unstable : sequence of bool
        Whether the model and the reference have imaginary modes, by crystal.

    Returns
    -------
    dict
        ``true_stable``, ``false_stable``, ``true_unstable``, ``false_unstable`` (counts) and ``stability_F1`` (NaN
        where neither side has a stable crystal).
    """
    stable = ~np.asarray(unstable, bool)
    reference_stable = ~np.asarray(reference_unstable, bool)
    true_stable = int((stable & reference_stable).sum())
    false_stable = int((stable & ~reference_stable).sum())
    false_unstable = int((~stable & reference_stable).sum())
    denominator = 2 * true_stable + false_stable + false_unstable
    return {
        "true_stable": true_stable,
        "false_stable": false_stable,
        "true_unstable": int((~stable & ~reference_stable).sum()),
        "false_unstable": false_unstable,
        "stability_F1": 2 * true_stable / denominator if denominator else float("nan"),
    }
