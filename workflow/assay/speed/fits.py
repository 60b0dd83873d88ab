"""The time of a step as a constant cost and a power of the number of atoms: t = a + b N^c.

Relative deviations are fitted, so that small systems count as much as large ones, with a soft-l1 loss that keeps a
disturbed size from bending the curve. Errors come from the curvature of the loss, and from the scatter about the curve
where that is larger than the scatter of the repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

MINIMUM_SIZES = 4
"""One more than there are parameters: with fewer, nothing tells how well the form fits."""

LEAST_RELATIVE_ERROR = 0.01
"""No point is trusted more than this: the machine is not twice the same to better."""

LINEAR_SHARE = 0.1
"""Cost is called linear from the size on at which the constant part is this share of the part that grows."""

_OUTLIER = 3.0
"""Deviations beyond this many errors count linearly and not squared."""

EXPONENTS = (0.3, 3.0)
"""Bounds of c."""


@dataclass(frozen=True)
class ScalingFit:
    """A fitted curve ``t = overhead + exp(scale) (N / centre)^exponent``.

    Attributes
    ----------
    overhead_s : float
        a, at least zero.
    scale : float
        Logarithm of the growing part (s) at the size `centre`.
    exponent : float
        c.
    centre : float
        The geometric mean of the sizes, about which errors of scale and exponent are nearly independent.
    covariance : ndarray, shape (3, 3)
        Of overhead, scale, exponent.
    """

    overhead_s: float
    scale: float
    exponent: float
    centre: float
    covariance: np.ndarray

    @property
    def overhead_stderr_s(self) -> float:
        """Standard error of a."""
        return float(np.sqrt(self.covariance[0, 0]))

    @property
    def exponent_stderr(self) -> float:
        """Standard error of c."""
        return float(np.sqrt(self.covariance[2, 2]))

    def coefficient_s(self) -> tuple[float, float]:
        """b (s per atom^c) with its standard error."""
        logarithm = np.log(self.centre)
        value = float(np.exp(self.scale - self.exponent * logarithm))
        return value, value * self._error([0.0, 1.0, -logarithm])

    def step_s(self, n_atoms: float) -> tuple[float, float]:
        """Time of a step (s) with its standard error."""
        ratio = n_atoms / self.centre
        growing = float(np.exp(self.scale) * ratio**self.exponent)
        return self.overhead_s + growing, self._error([1.0, growing, growing * np.log(ratio)])

    def linear_size(self) -> tuple[float, float]:
        """The number of atoms with its standard error from which on cost is linear (`LINEAR_SHARE`).

        Below it the constant cost of a step matters. Zero, with no error, where the fit finds no such cost.
        """
        if self.overhead_s <= 0:
            return 0.0, float("nan")
        gap = np.log(self.overhead_s / LINEAR_SHARE) - self.scale
        size = float(self.centre * np.exp(gap / self.exponent))
        gradient = [1 / (self.exponent * self.overhead_s), -1 / self.exponent, -gap / self.exponent**2]
        return size, size * self._error(gradient)

    def _error(self, gradient: Sequence[float]) -> float:
        return float(np.sqrt(np.array(gradient) @ self.covariance @ np.array(gradient)))


def fit_scaling(n_atoms: Sequence[float], step_s: Sequence[float], step_stderr_s: Sequence[float]) -> ScalingFit | None:
    """Fit times of a step against numbers of atoms.

    Parameters
    ----------
    n_atoms, step_s, step_stderr_s : sequence of float
        Sizes, times (s) and their standard errors; an error that is not known counts as the least one.

    Returns
    -------
    ScalingFit or None
        None for fewer than `MINIMUM_SIZES` different sizes.
    """
    sizes, times, errors = (np.asarray(values, dtype=float) for values in (n_atoms, step_s, step_stderr_s))
    if len(np.unique(sizes)) < MINIMUM_SIZES:
        return None
    relative = np.fmax(errors / times, LEAST_RELATIVE_ERROR)
    centre = float(np.exp(np.log(sizes).mean()))
    ratios = sizes / centre
    shortest = float(times.min())

    def deviations(parameters: np.ndarray) -> np.ndarray:
        share, scale, exponent = parameters
        return np.log((share * shortest + np.exp(scale) * ratios**exponent) / times) / relative

    bounds = ([0.0, -np.inf, EXPONENTS[0]], [1.0, np.inf, EXPONENTS[1]])
    at_centre = np.interp(np.log(centre), *_ascending(np.log(sizes), np.log(times)))
    starts = [(share, at_centre, exponent) for share, exponent in ((0.05, 1.0), (0.5, 1.0), (0.9, 1.5))]
    tries = [
        least_squares(deviations, start, bounds=bounds, loss="soft_l1", f_scale=_OUTLIER, x_scale=(0.1, 0.1, 0.1))
        for start in starts
    ]
    best = min(tries, key=lambda attempt: attempt.cost)
    share, scale, exponent = (float(value) for value in best.x)
    freedom = len(times) - len(best.x)
    scatter = max(1.0, 2 * best.cost / freedom) if freedom else 1.0
    to_seconds = np.diag([shortest, 1.0, 1.0])
    covariance = to_seconds @ np.linalg.pinv(best.jac.T @ best.jac) @ to_seconds * scatter
    return ScalingFit(share * shortest, scale, exponent, centre, covariance)


def _ascending(sizes: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(sizes, kind="stable")
    return sizes[order], times[order]
