"""When a Markov chain has forgotten its start, and how well its mean is known.

Of each chain that start of the production is taken which leaves the most independent samples (Chodera, J. Chem. Theory
Comput. 12, 1799 (2016), doi:10.1021/acs.jctc.5b00784); the number of molecules is the observable. A set of chains is
equilibrated if

1. each has enough independent samples from there on (a chain that still drifts has few, since its drift looks like a
   correlation as long as the chain), where no more count as independent than the number of molecules has changed: a
   chain that is stuck after its last exchange shows no correlation, and knows nothing,
2. none of them would do better with a start in the last quarter of its run (then that quarter is the production, and
   what is said of it is what can be said of a chain that is still on its way),
3. the second half of the production agrees with the first within `MOST_DRIFT` standard errors, all chains together,
4. there are two chains or more, and they agree with each other: Gelman and Rubin's ratio (Stat. Sci. 7, 457 (1992),
   doi:10.1214/ss/1177011136) is below `MOST_REDUCTION`.

The error of a mean is that of block averages or that of the means of the chains, whichever is larger.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# importing it prints warnings, of what is checked here and of an accelerator that is not needed
logging.getLogger("pymbar").setLevel(logging.ERROR)

from pymbar import timeseries  # noqa: E402

LATEST_START = 0.75
"""Share of a chain that may be equilibration. Of the few samples after a later start no correlation can be told."""

MOST_DRIFT = 3.0
MOST_REDUCTION = 1.1
STARTS = 100
"""Starts of the production that are tried, evenly over the chain."""

SAMPLES_PER_BLOCK = 4
"""Independent samples of a block; of blocks of one or two, the error would come out too small by a quarter."""

FEW, LATE, DRIFT, ALONE, APART = (
    "too few independent samples",
    "production starts late",
    "drifts",
    "a single chain",
    "chains disagree",
)


@dataclass(frozen=True)
class Chain:
    """What one chain is good for.

    Attributes
    ----------
    start : int
        First sample of the production.
    inefficiency : float
        Samples that are as good as one independent one.
    n_effective : float
        Independent samples of the production: no more than the number of molecules changes in it, and one at least.
    late : bool
        A start later than `LATEST_START` would have left more.
    """

    start: int
    inefficiency: float
    n_effective: float
    late: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether the chains of a case are equilibrated.

    Attributes
    ----------
    chains : tuple of Chain
    equilibrated : bool
    remark : str or None
        Why not.
    """

    chains: tuple[Chain, ...]
    equilibrated: bool
    remark: str | None

    @property
    def n_effective(self) -> float:
        """Independent samples of all chains together."""
        return sum(chain.n_effective for chain in self.chains)


def examine(series: np.ndarray) -> Chain:
    """The start of the production of one chain and its correlation.

    A constant chain has one independent sample: nothing is known of how it would move.

    Parameters
    ----------
    series : ndarray, shape (n,)
    """
    values = np.asarray(series, dtype=float)
    if len(values) < 2 or np.ptp(values) == 0:
        return Chain(0, _inefficiency(values), float(len(values) > 0))
    step = max(1, len(values) // STARTS)
    start, inefficiency, _ = timeseries.detect_equilibration(values, nskip=step)
    latest = int(LATEST_START * len(values))
    if start > latest:
        inefficiency = _inefficiency(values[latest:])
    kept = min(int(start), latest)
    changes = np.count_nonzero(np.diff(values[kept:]))
    n_effective = max(min((len(values) - kept) / inefficiency, changes), 1.0)
    return Chain(kept, float(inefficiency), float(n_effective), bool(start > latest))


def _inefficiency(series: np.ndarray) -> float:
    """Samples that are as good as one independent one; all of them, where the series is constant."""
    if len(series) < 2 or np.ptp(series) == 0:
        return float(max(len(series), 1))
    return float(timeseries.statistical_inefficiency(series))


def judge(chains: Sequence[np.ndarray], minimum_effective: float) -> Verdict:
    """Whether chains are equilibrated; the criteria are those of the module.

    Parameters
    ----------
    chains : sequence of ndarray, shape (n,)
        Samples of the number of molecules, without the part of the run in which moves are adapted.
    minimum_effective : float
        Independent samples that each chain has to have.
    """
    examined = tuple(examine(series) for series in chains)
    production = [series[chain.start :] for series, chain in zip(chains, examined, strict=True)]
    remarks = {
        FEW: not examined or min(chain.n_effective for chain in examined) < minimum_effective,
        LATE: any(chain.late for chain in examined),
        DRIFT: abs(drift(production)) > MOST_DRIFT,
        ALONE: len(chains) == 1,
        APART: reduction(production) > MOST_REDUCTION,
    }
    remark = ", ".join(words for words, holds in remarks.items() if holds) or None
    return Verdict(examined, remark is None, remark)


def drift(chains: Sequence[np.ndarray]) -> float:
    """Difference between the second and the first halves of chains over its standard error; zero if undefined."""
    difference, variance = 0.0, 0.0
    for series in chains:
        halves = np.array_split(np.asarray(series, dtype=float), 2)
        if min(map(len, halves)) > 1:
            difference += halves[1].mean() - halves[0].mean()
            variance += sum(_squared_error(half) for half in halves)
    return float(difference / np.sqrt(variance)) if variance > 0 else 0.0


def _squared_error(series: np.ndarray) -> float:
    """Squared standard error of the mean of correlated samples; zero of constant ones."""
    if np.ptp(series) == 0:
        return 0.0
    return float(series.var(ddof=1) * _inefficiency(series) / len(series))


def reduction(chains: Sequence[np.ndarray]) -> float:
    """By what factor the spread of all samples exceeds that within single chains; 1 for a single chain."""
    means = np.array([np.mean(series) for series in chains if len(series)])
    within = np.mean([np.var(series) for series in chains if len(series)]) if len(means) else 0.0
    between = means.var(ddof=1) if len(means) > 1 else 0.0
    if between == 0:
        return 1.0
    return float(np.sqrt(1 + between / within)) if within > 0 else float("inf")


def split_into_blocks(lengths: Sequence[int], n_effective: Sequence[float], most: int) -> np.ndarray:
    """Block of each sample of several productions, one after the other; numbers count on from chain to chain.

    Parameters
    ----------
    lengths : sequence of int
        Samples of each production.
    n_effective : sequence of float
        How many of them are independent: a block has `SAMPLES_PER_BLOCK` of those or more, but a chain has two blocks.
    most : int
        Blocks of a chain.
    """
    numbers, first = [], 0
    for length, effective in zip(lengths, n_effective, strict=True):
        count = min(most, max(2, int(effective / SAMPLES_PER_BLOCK)), length)
        numbers.append(first + np.arange(length) * count // max(length, 1))
        first += count
    return np.concatenate(numbers) if numbers else np.zeros(0, dtype=int)


def mean_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of the mean of all values from the spread of the means of groups.

    NaN for fewer than two groups, and where all values are equal: a chain that never moved has no known error.
    """
    numbers = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(numbers)
    if len(sizes) < 2 or np.ptp(values) == 0:
        return float("nan")
    means = np.bincount(numbers, values) / sizes
    shares = sizes / sizes.sum()
    squares = (shares * (means - shares @ means)) ** 2
    return float(np.sqrt(squares.sum() * len(sizes) / (len(sizes) - 1)))
