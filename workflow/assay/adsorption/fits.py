"""Langmuir's isotherm with one or two kinds of sites, fitted to loadings with errors.

n = Σ q b f / (1 + b f) over the kinds, with capacities q and affinities b; f is the fugacity. The logarithms of the
parameters are fitted by weighted least squares, so that all are positive; errors come from the covariance, widened by
the reduced chi-square where that is above one. An isotherm with few points or little curvature does not determine four
parameters, often not even two: `identified` says whether the numbers of a fit mean anything by themselves. The product
that gives the initial slope can be well known where its factors are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import least_squares

MOST_RELATIVE_ERROR = 1.0
"""Relative error above which a parameter is not identified."""

SINGULAR = 1e12
"""Condition number of the normal equations above which there is no covariance."""

_LIMIT = 60.0
"""Largest logarithm of a parameter over its natural scale: exp(60) is out of reach of any data."""


@dataclass(frozen=True)
class Fit:
    """A fitted isotherm; k kinds of sites, the strongest first. NaN where there is no fit.

    Attributes
    ----------
    capacities_mol_kg, capacities_stderr_mol_kg : tuple of float
    affinities_per_Pa, affinities_stderr_per_Pa : tuple of float
    henry_mol_kg_Pa, henry_stderr_mol_kg_Pa : float
        Σ q b.
    chi2_reduced : float
        NaN where there are no more points than parameters.
    aicc : float
        Akaike's criterion with the correction for few points; infinite where there are too few.
    identified : bool
        All relative errors are known and below `MOST_RELATIVE_ERROR`; of two kinds of sites also: the criterion
        prefers them to one.
    """

    capacities_mol_kg: tuple[float, ...]
    capacities_stderr_mol_kg: tuple[float, ...]
    affinities_per_Pa: tuple[float, ...]
    affinities_stderr_per_Pa: tuple[float, ...]
    henry_mol_kg_Pa: float
    henry_stderr_mol_kg_Pa: float
    chi2_reduced: float
    aicc: float
    identified: bool

    def loading_mol_kg(self, fugacities_Pa: np.ndarray) -> np.ndarray:
        """The isotherm."""
        return langmuir(fugacities_Pa, np.array(self.capacities_mol_kg), np.array(self.affinities_per_Pa))


def no_fit(kinds: int) -> Fit:
    """Where there are fewer points than parameters."""
    nothing = (float("nan"),) * kinds
    return Fit(nothing, nothing, nothing, nothing, *[float("nan")] * 3, float("inf"), False)


def langmuir(fugacities_Pa: np.ndarray, capacities_mol_kg: np.ndarray, affinities_per_Pa: np.ndarray) -> np.ndarray:
    """Loading (mol/kg) of sites of k kinds (arrays of shape (k,)) at fugacities of any shape."""
    filled = np.asarray(fugacities_Pa, dtype=float)[..., None] * affinities_per_Pa
    return (capacities_mol_kg * filled / (1 + filled)).sum(axis=-1)


def fit_langmuir(fugacities_Pa: np.ndarray, loadings_mol_kg: np.ndarray, errors_mol_kg: np.ndarray) -> tuple[Fit, Fit]:
    """Fit one and two kinds of sites.

    Parameters
    ----------
    fugacities_Pa, loadings_mol_kg, errors_mol_kg : ndarray, shape (n,)
        Points without a positive loading or without an error are left out.

    Returns
    -------
    single, dual : Fit
    """
    f, n, error = (np.asarray(values, dtype=float) for values in (fugacities_Pa, loadings_mol_kg, errors_mol_kg))
    known = (n > 0) & (error > 0) & np.isfinite(error)
    points = f[known], n[known], error[known]
    single, dual = (_fit(*points, kinds) for kinds in (1, 2))
    if not dual.aicc < single.aicc:
        dual = Fit(**(vars(dual) | {"identified": False}))
    return single, dual


def _fit(f: np.ndarray, n: np.ndarray, error: np.ndarray, kinds: int) -> Fit:
    if len(f) < 2 * kinds:
        return no_fit(kinds)
    # in units in which all numbers are near one
    unit_f, unit_n = np.exp(np.log(f).mean()), n.max()
    x, y, sigma = f / unit_f, n / unit_n, error / unit_n

    def residuals(logarithms: np.ndarray) -> np.ndarray:
        capacities, affinities = _parameters(logarithms, kinds)
        return (langmuir(x, capacities, affinities) - y) / sigma

    def jacobian(logarithms: np.ndarray) -> np.ndarray:
        capacities, affinities = _parameters(logarithms, kinds)
        empty = 1 / (1 + x[:, None] * affinities)
        parts = capacities * (1 - empty)
        return np.hstack([parts, parts * empty]) / sigma[:, None]

    found = [least_squares(residuals, start, jac=jacobian, method="lm") for start in _starts(x, kinds)]
    best = min(found, key=lambda one: one.cost)
    logarithms = best.x.clip(-_LIMIT, _LIMIT).reshape(2, kinds)
    order = np.argsort(-logarithms[1])
    free = len(f) - 2 * kinds
    chi2 = 2 * float(best.cost)
    covariance = _covariance(best.jac) * max(1.0, chi2 / free if free > 0 else 1.0)
    capacities, affinities = np.exp(logarithms)[:, order] * np.array([[unit_n], [1 / unit_f]])
    relative = np.sqrt(np.diag(covariance)).reshape(2, kinds)[:, order]
    slopes = np.exp(logarithms.sum(axis=0)) / np.exp(logarithms.sum(axis=0)).sum()
    shares = np.concatenate([slopes, slopes])
    henry = float((capacities * affinities).sum())
    return Fit(
        tuple(capacities.tolist()),
        tuple((capacities * relative[0]).tolist()),
        tuple(affinities.tolist()),
        tuple((affinities * relative[1]).tolist()),
        henry,
        henry * float(np.sqrt(shares @ covariance @ shares)),
        chi2 / free if free > 0 else float("nan"),
        _aicc(chi2, len(f), 2 * kinds),
        bool((relative < MOST_RELATIVE_ERROR).all()),
    )


def _parameters(logarithms: np.ndarray, kinds: int) -> np.ndarray:
    """Capacities and affinities, shape (2, kinds), within what numbers can hold."""
    return np.exp(logarithms.clip(-_LIMIT, _LIMIT).reshape(2, kinds))


def _starts(x: np.ndarray, kinds: int) -> list[np.ndarray]:
    """Logarithms of capacities and affinities to start from: half-filled somewhere within the data, or beyond."""
    halves = np.quantile(np.log(x), [0.0, 0.5, 1.0]) + np.array([-1.0, 0.0, 1.5])
    choices = [pair for pair in product(-halves, repeat=kinds) if list(pair) == sorted(pair, reverse=True)]
    share = np.log(1.2 / kinds)
    return [np.concatenate([np.full(kinds, share), np.array(pair) + 0.1 * np.arange(kinds)]) for pair in choices]


def _covariance(jacobian: np.ndarray) -> np.ndarray:
    """Covariance of the logarithms; NaN where some combination of them is not determined."""
    normal = jacobian.T @ jacobian
    scale = np.sqrt(np.diag(normal))
    if not (scale > 0).all() or np.linalg.cond(normal / np.outer(scale, scale)) > SINGULAR:
        return np.full(normal.shape, np.nan)
    return np.linalg.inv(normal / np.outer(scale, scale)) / np.outer(scale, scale)


def _aicc(chi2: float, n_points: int, n_parameters: int) -> float:
    left = n_points - n_parameters - 1
    return chi2 + 2 * n_parameters + 2 * n_parameters * (n_parameters + 1) / left if left > 0 else float("inf")
