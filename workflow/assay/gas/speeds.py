"""Speeds of molecular centres against Maxwell's distribution.

Speeds are divided by ``sqrt(kT/m)``, so that molecules of any mass and repeats of any length are one sample. In a run
with zero total momentum a molecule of mass m has the mean square velocity of a free one times ``1 - m/M``, M the mass
of all: a tenth less for ten molecules, which a test of some thousand speeds would notice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy import stats

from assay.gas.correlations import statistical_inefficiency

A_PER_FS_IN_M_PER_S = 1e5

KOLMOGOROV_MEAN = math.sqrt(math.pi / 2) * math.log(2)
"""Mean of Kolmogorov's distribution: the distance of n independent true samples times sqrt(n)."""


@dataclass(frozen=True)
class MaxwellComparison:
    """How far a sample of speeds is from Maxwell's distribution.

    Attributes
    ----------
    distance : float
        Of Kolmogorov and Smirnov, over all speeds: largest difference of the cumulative distributions.
    p_value : float
        Chance of a larger distance, from speeds thinned to one in `inefficiency` frames; NaN for fewer than two of
        them. Given a temperature that was measured in the same run it is an upper bound.
    distance_expected : float
        What `n_independent` true samples have on average.
    n_speeds : int
    n_independent : float
        Speeds divided by the inefficiency.
    inefficiency : float
        Correlated frames that are worth one.
    temperature_ratio : float
        Translational temperature of the molecules over the given one.
    """

    distance: float
    p_value: float
    distance_expected: float
    n_speeds: int
    n_independent: float
    inefficiency: float
    temperature_ratio: float


def thermal_speed_m_s(mass_u: float | np.ndarray, temperature_K: float) -> float | np.ndarray:
    """``sqrt(kT/m)``: standard deviation of one component of the velocity (m/s)."""
    return np.sqrt(units.kB * temperature_K / units.J / (np.asarray(mass_u) * units._amu))


def compare_with_maxwell(
    repeats: Sequence[np.ndarray], masses_u: np.ndarray, temperature_K: float, *, zero_momentum: bool = True
) -> MaxwellComparison:
    """Kolmogorov-Smirnov distance of speeds to Maxwell's distribution, knowing that frames are correlated.

    Parameters
    ----------
    repeats : sequence of ndarray, shape (g, m, 3)
        Velocities of molecular centres (Å/fs), at equal intervals of time.
    masses_u : ndarray, shape (m,)
        Of the molecules.
    temperature_K : float
    zero_momentum : bool
        Whether the total momentum was zero; see the module.

    Raises
    ------
    ValueError
        If there is no velocity.
    """
    masses = np.asarray(masses_u, dtype=float)
    if not sum(len(one) for one in repeats) * len(masses):
        raise ValueError("there are no velocities to compare")
    free = 1 - masses / masses.sum() if zero_momentum and len(masses) > 1 else np.ones_like(masses)
    scale = thermal_speed_m_s(masses, temperature_K) * np.sqrt(free) / A_PER_FS_IN_M_PER_S
    reduced = [np.linalg.norm(one, axis=2) / scale for one in repeats]
    lengths = np.array([len(one) for one in reduced])
    inefficiency = float(np.average([statistical_inefficiency(one**2) for one in reduced], weights=lengths))
    speeds = np.concatenate([one.ravel() for one in reduced])
    step = int(np.ceil(inefficiency))
    thinned = np.concatenate([one[step // 2 :: step].ravel() for one in reduced])
    independent = len(speeds) / inefficiency
    return MaxwellComparison(
        distance=float(stats.kstest(speeds, stats.maxwell.cdf, method="asymp").statistic),
        p_value=float(stats.kstest(thinned, stats.maxwell.cdf).pvalue) if len(thinned) > 1 else float("nan"),
        distance_expected=KOLMOGOROV_MEAN / math.sqrt(independent),
        n_speeds=len(speeds),
        n_independent=independent,
        inefficiency=inefficiency,
        temperature_ratio=float((speeds**2).mean() / 3),
    )
