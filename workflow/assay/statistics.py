"""Means and their errors, as all chapters take them: values that are not finite are left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def finite(values: Sequence[float]) -> np.ndarray:
    """The values that are finite numbers; None counts as NaN."""
    array = np.asarray(values, dtype=float)
    return array[np.isfinite(array)]


def mean(values: Sequence[float]) -> float:
    """Mean of the finite values; NaN if there is none."""
    known = finite(values)
    return float(known.mean()) if known.size else float("nan")


def mean_absolute_error(values: Sequence[float], reference: Sequence[float]) -> float:
    """Mean absolute difference over the pairs in which both are finite; NaN if there is none."""
    return mean(np.abs(np.asarray(values, float) - np.asarray(reference, float)))


def mean_signed_error(values: Sequence[float], reference: Sequence[float]) -> float:
    """Mean difference (value minus reference) over the pairs in which both are finite; NaN if there is none."""
    return mean(np.asarray(values, float) - np.asarray(reference, float))


def standard_error(values: Sequence[float]) -> float:
    """Standard error of the mean of independent values; NaN for fewer than two finite ones."""
    known = finite(values)
    return float(known.std(ddof=1) / np.sqrt(known.size)) if known.size > 1 else float("nan")
