"""Time correlations by fast Fourier transform, and errors that know of them.

Averages are taken over all time origins (Wiener and Khinchin; doi:10.1051/sfn/201112010). Curves are kept as blocks:
independent repeats of a run or, where there are few repeats, groups of its molecules. The jackknife over the blocks
gives the error of whatever is read off the mean curve, also where that is not linear in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

FEWEST_REPEATS = 4
"""With fewer repeats the spread between them says little: their molecules are grouped instead."""

BLOCKS = 8
"""Least number of blocks where molecules are grouped, if there are so many molecules."""


def autocorrelation(series: np.ndarray, lags: int | None = None) -> np.ndarray:
    """Mean of ``x(s) x(s + t)`` over all origins s, along the first axis.

    Parameters
    ----------
    series : ndarray, shape (f, ...)
        Equidistant in time. The mean is not subtracted.
    lags : int, optional
        Number of lags from zero on; all f by default.

    Returns
    -------
    ndarray, shape (lags, ...)
        Every lag is divided by its own number of origins.
    """
    series = np.asarray(series, dtype=float)
    frames = len(series)
    lags = frames if lags is None else min(lags, frames)
    padded = fft.next_fast_len(2 * frames, real=True)
    spectrum = fft.rfft(series, n=padded, axis=0)
    sums = fft.irfft(spectrum * spectrum.conj(), n=padded, axis=0)[:lags]
    origins = frames - np.arange(lags)
    return sums / origins.reshape(-1, *[1] * (series.ndim - 1))


def statistical_inefficiency(series: np.ndarray) -> float:
    """How many correlated frames are worth one independent one: ``g = 1 + 2 sum_t (1 - t/f) c(t)``.

    Parameters
    ----------
    series : ndarray, shape (f,) or (f, n)
        A quantity, or the same quantity of n equivalent particles, whose correlations are averaged.

    Returns
    -------
    float
        At least 1. The sum ends where the correlation first falls to zero (doi:10.1021/ct0502864). 1 for a constant
        series or fewer than three frames.
    """
    series = np.asarray(series, dtype=float)
    frames = len(series)
    deviations = (series - series.mean()).reshape(frames, -1)
    if frames < 3 or not deviations.any():
        return 1.0
    correlation = autocorrelation(deviations).mean(axis=1)
    correlation = correlation / correlation[0]
    negative = np.flatnonzero(correlation <= 0)
    end = int(negative[0]) if negative.size else frames
    lag = np.arange(1, end)
    return float(max(1.0, 1 + 2 * ((1 - lag / frames) * correlation[1:end]).sum()))


def in_blocks(repeats: Sequence[np.ndarray]) -> np.ndarray:
    """Curves of single particles, averaged into blocks that are as good as independent.

    Parameters
    ----------
    repeats : sequence of ndarray, shape (l, m)
        For every repeat a curve of l points for each of m particles.

    Returns
    -------
    ndarray, shape (b, l)
        The repeats themselves if there are at least `FEWEST_REPEATS`; else groups of equally many particles within the
        repeats, at least `BLOCKS` in all if there are so many particles. Groups do not know of what all molecules of
        a box share (its temperature): their error is a lower bound.
    """
    if len(repeats) >= FEWEST_REPEATS:
        return np.array([curves.mean(axis=1) for curves in repeats])
    lags, particles = repeats[0].shape
    wanted = min(particles, -(-BLOCKS // len(repeats)))
    groups = next(count for count in range(wanted, particles + 1) if particles % count == 0)
    grouped = np.stack(repeats).reshape(len(repeats), lags, groups, particles // groups).mean(axis=3)
    return grouped.swapaxes(1, 2).reshape(-1, lags)


def jackknife(blocks: np.ndarray, estimate: Callable[[np.ndarray], float | np.ndarray]) -> tuple:
    """What is estimated from the mean of the blocks, and its standard error.

    Parameters
    ----------
    blocks : ndarray, shape (b, ...)
    estimate : callable
        Takes a mean over blocks, gives a number or an array.

    Returns
    -------
    value, stderr
        As `estimate` gives them; the error is NaN for fewer than two blocks.
    """
    value = estimate(blocks.mean(axis=0))
    count = len(blocks)
    if count < 2:
        return value, np.full_like(np.asarray(value, dtype=float), np.nan)[()]
    total = blocks.sum(axis=0)
    without = np.array([estimate((total - block) / (count - 1)) for block in blocks])
    return value, np.sqrt((count - 1) / count * ((without - without.mean(axis=0)) ** 2).sum(axis=0))


@dataclass(frozen=True)
class Curves:
    """A function of time, known from b blocks.

    Attributes
    ----------
    time_ps : ndarray, shape (l,)
    blocks : ndarray, shape (b, l)
        In the unit of the function that made them.
    """

    time_ps: np.ndarray
    blocks: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean over the blocks, shape (l,)."""
        return self.blocks.mean(axis=0)

    @property
    def stderr(self) -> np.ndarray:
        """Standard error of the mean, shape (l,); NaN for one block."""
        count = len(self.blocks)
        return self.blocks.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(self.blocks.shape[1], np.nan)


def velocity_correlation(repeats: Sequence[np.ndarray], interval_fs: float, *, longest_share: float = 0.5) -> Curves:
    """Velocity autocorrelation ``<v(0) . v(t)>`` of particles or molecular centres.

    Parameters
    ----------
    repeats : sequence of ndarray, shape (g, m, 3)
        Velocities (Å/fs) of m particles, for centres the mass-weighted ones. Lengths may differ; the shortest counts.
    interval_fs : float
        Between two frames.
    longest_share : float
        Longest lag as a share of the run; beyond a half there are few independent origins.

    Returns
    -------
    Curves
        Å²/fs².
    """
    lags = lag_count(repeats, longest_share)
    curves = [autocorrelation(velocities, lags).sum(axis=2) for velocities in repeats]
    return Curves(np.arange(lags) * interval_fs / 1000, in_blocks(curves))


def lag_count(repeats: Sequence[np.ndarray], longest_share: float) -> int:
    """Number of lags (zero is one) up to a share of the shortest repeat.

    Raises
    ------
    ValueError
        If there is no repeat, or one without two frames.
    """
    shortest = min((len(repeat) for repeat in repeats), default=0)
    if shortest < 2:
        raise ValueError("time correlations need at least two frames of at least one repeat")
    return max(2, int((shortest - 1) * longest_share) + 1)
