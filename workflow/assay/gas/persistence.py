"""Diffusion of a dilute gas from short runs: displacements at all times as those of a persistent walk.

In a dilute gas many collisions turn a molecule, and its velocity correlation is close to an exponential. Displacements
are then ``6 D (t - tau (1 - exp(-t/tau)))`` (Fürth, doi:10.1007/BF01379769), free flight at first and diffusion later.
Fitted at all lags the formula gives D from runs of a few tau, in which there is no diffusive regime yet. It is an
assumption about the gas; in liquids molecules are turned back and it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from assay.gas.correlations import Curves, jackknife
from assay.gas.transport import A2_PER_PS_IN_M2_PER_S

LEAST_PERSISTENCE_TIMES = 2.0
"""A persistent walk is told from free flight if lags reach so many of its persistence times."""


@dataclass(frozen=True)
class PersistentWalk:
    """Diffusion of a walk with an exponential velocity correlation.

    Attributes
    ----------
    diffusion_m2_s, diffusion_stderr_m2_s : float
    persistence_time_ps, persistence_time_stderr_ps : float
        tau.
    misfit : float
        Largest relative deviation of the fitted curve from the displacements.
    reason : str
        Empty, or why there is no value.
    """

    diffusion_m2_s: float
    diffusion_stderr_m2_s: float
    persistence_time_ps: float
    persistence_time_stderr_ps: float
    misfit: float
    reason: str = ""


def persistent_displacement_A2(time_ps: np.ndarray, diffusion_m2_s: float, persistence_time_ps: float) -> np.ndarray:
    """Fürth's mean squared displacement (Å²) of a walk whose velocity correlation is an exponential."""
    reduced = np.asarray(time_ps, dtype=float) / persistence_time_ps
    return 6 * diffusion_m2_s / A2_PER_PS_IN_M2_PER_S * persistence_time_ps * _bent(reduced)


def fit_persistent_walk(curve: Curves, *, points: int = 40) -> PersistentWalk:
    """Fit Fürth's formula to displacements at all lags, for a dilute gas.

    Logarithmic deviations are fitted at lags that are equidistant on a logarithmic scale; errors by jackknife.

    Parameters
    ----------
    curve : Curves
        Of `displacement_curve` (Å²).
    points : int
        Number of lags that are fitted.
    """
    nothing = float("nan")
    if len(curve.time_ps) < 4 or not curve.mean[1:].all():
        return PersistentWalk(*[nothing] * 5, reason="fewer than three lags, or nothing moved")
    chosen = np.unique(np.geomspace(1, len(curve.time_ps) - 1, points).round().astype(int))
    time = curve.time_ps[chosen]

    def logarithms(mean: np.ndarray) -> np.ndarray:
        target = np.log(np.fmax(mean[chosen], np.finfo(float).tiny))
        speed2 = np.exp(target[0]) / time[0] ** 2
        tau = time[-1] / 4

        def deviations(parameters: np.ndarray) -> np.ndarray:
            diffusion, persistence = np.exp(np.clip(parameters, -60, 60))
            return np.log(6 * diffusion * persistence * _bent(time / persistence)) - target

        return least_squares(deviations, np.log([speed2 * tau / 3, tau]), x_scale=(1.0, 1.0)).x

    (log_diffusion, log_tau), errors = jackknife(curve.blocks, logarithms)
    diffusion, tau = float(np.exp(log_diffusion)) * A2_PER_PS_IN_M2_PER_S, float(np.exp(log_tau))
    misfit = float(np.abs(persistent_displacement_A2(time, diffusion, tau) / curve.mean[chosen] - 1).max())
    if time[-1] < LEAST_PERSISTENCE_TIMES * tau:
        reason = (
            f"lags up to {time[-1]:.3g} ps do not reach {LEAST_PERSISTENCE_TIMES:g} persistence times ({tau:.2g} ps)"
        )
        return PersistentWalk(nothing, nothing, nothing, nothing, misfit, reason)
    return PersistentWalk(diffusion, diffusion * float(errors[0]), tau, tau * float(errors[1]), misfit)


def _bent(reduced: np.ndarray) -> np.ndarray:
    """``x - 1 + exp(-x)`` without cancellation at small x."""
    series = reduced**2 / 2 * (1 - reduced / 3 * (1 - reduced / 4))
    return np.where(reduced < 1e-3, series, reduced + np.expm1(-reduced))
