"""Metrics of "Forces are not enough" (Fu et al. 2023, arXiv:2210.07237): g(r) error, stability time, diffusivity.

They are for any solid or liquid beside a trajectory of reference. The g(r) error is the integral of the absolute
difference; the simulation is stable up to the time at which the g(r) of a short window leaves the reference by more
than a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.gas.structure import radial_distributions
from assay.gas.transport import A2_PER_PS_IN_M2_PER_S, mean_squared_displacements

WINDOW_PS = 1.0
"""tau of the article."""

RDF_THRESHOLD_A = 1.0
"""Delta of the article for LiPS, in Å; for water it has 3."""


@dataclass(frozen=True)
class Stability:
    """How long a simulation was stable.

    Attributes
    ----------
    time_ps : float
        When it first was not; the length of the run if it always was.
    stable : bool
        Whether it was to the end: the time is then a lower bound.
    largest_deviation : float
        Å, in the unit of the criterion.
    """

    time_ps: float
    stable: bool
    largest_deviation: float


def rdf_error_A(distance_A: np.ndarray, curve: np.ndarray, reference: np.ndarray) -> float:
    """Integral of ``|g - g_ref|`` over distance (Å), which the article calls MAE.

    Parameters
    ----------
    distance_A, curve, reference : ndarray, shape (m,)
        Bins of equal width.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if not distance_A.shape == curve.shape == reference.shape:
        raise ValueError(f"curves of different lengths: {distance_A.shape}, {curve.shape}, {reference.shape}")
    return float(np.abs(curve - reference).sum() * (distance_A[1] - distance_A[0]))


def rdf_stability(
    positions_A: np.ndarray,
    interval_fs: float,
    cell_A: np.ndarray,
    numbers: np.ndarray,
    reference: dict[str, np.ndarray],
    *,
    limit_A: float,
    bin_A: float = 0.1,
    window_ps: float = WINDOW_PS,
    threshold_A: float = RDF_THRESHOLD_A,
) -> Stability:
    """When the g(r) of a sliding window first deviates from the reference by more than a threshold.

    Parameters
    ----------
    positions_A : ndarray, shape (f, n, 3)
    interval_fs : float
        Between two frames.
    cell_A : ndarray, shape (3, 3)
    numbers : ndarray of int, shape (n,)
    reference : dict of str to ndarray, shape (m,)
        g(r) by pair, from `assay.gas.structure.radial_distributions` without molecules and with the same limit and
        bins. The pair that deviates most counts: the article takes ``all`` for LiPS, the pairs of elements for water.
    limit_A, bin_A : float
    window_ps, threshold_A : float
        A run shorter than the window is one window. The window slides in tenths of its length.

    Raises
    ------
    ValueError
        If the reference is of other bins, or of a pair that is not there.
    """
    frames = len(positions_A)
    window = min(frames, max(1, round(window_ps * 1000 / interval_fs)))
    step = max(1, window // 10)
    stretches = frames // step
    curves = radial_distributions(
        [positions_A[: stretches * step]], cell_A, numbers, limit_A=limit_A, bin_A=bin_A, stretches=stretches
    )
    missing = sorted(set(reference) - set(curves))
    if missing:
        raise ValueError(f"no pairs {', '.join(missing)} in this system; it has {', '.join(sorted(curves))}")
    width = window // step
    deviations = np.max(
        [_sliding(curves[pair].blocks, width, known, curves[pair].distance_A) for pair, known in reference.items()],
        axis=0,
    )
    return _first_beyond(deviations, threshold_A, step * interval_fs / 1000, frames * interval_fs / 1000)


def _sliding(blocks: np.ndarray, width: int, reference: np.ndarray, distance_A: np.ndarray) -> np.ndarray:
    sums = np.concatenate([np.zeros((1, blocks.shape[1])), np.cumsum(blocks, axis=0)])
    windows = (sums[width:] - sums[:-width]) / width
    return np.array([rdf_error_A(distance_A, window, reference) for window in windows])


def _first_beyond(deviations: np.ndarray, threshold: float, step_ps: float, length_ps: float) -> Stability:
    beyond = np.flatnonzero(~(deviations <= threshold))
    time = float(beyond[0] * step_ps) if beyond.size else length_ps
    return Stability(time, not beyond.size, float(np.max(deviations)))


def diffusivity_m2_s(
    positions_A: np.ndarray, interval_fs: float, chosen: np.ndarray, *, lag_ps: float | None = None
) -> float:
    """Diffusivity as the article takes it: mean squared displacement over six times the lag (m²/s).

    The chosen atoms' own centre is held fixed, all time origins count. There is no test for a diffusive regime
    (`assay.gas.transport` has one): the number is for tables that were made this way.

    Parameters
    ----------
    positions_A : ndarray, shape (f, n, 3)
        Unwrapped.
    interval_fs : float
    chosen : ndarray of bool or int
        Of the atoms, such as lithium in LiPS.
    lag_ps : float, optional
        Half of the run by default.

    Raises
    ------
    ValueError
        If the lag is zero or longer than the run.
    """
    paths = positions_A[:, chosen]
    paths = paths - paths.mean(axis=1, keepdims=True)
    lag = (len(paths) - 1) // 2 if lag_ps is None else round(lag_ps * 1000 / interval_fs)
    if not 0 < lag < len(paths):
        raise ValueError(f"a lag of {lag} frames in a run of {len(paths)}")
    displacement = mean_squared_displacements(paths, lag + 1)[lag].mean()
    return float(displacement / (6 * lag * interval_fs / 1000)) * A2_PER_PS_IN_M2_PER_S
