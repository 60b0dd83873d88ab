"""Diffusion against temperature: an activation energy (Arrhenius).

A gas has no barrier: its diffusion at constant density grows as T^0.5 (hard spheres) to T^0.8 or so, and an activation
energy is only a local slope, ``E = n R T`` for the power n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.constants import R

KJ_PER_MOL_K = R / 1000


@dataclass(frozen=True)
class Arrhenius:
    """``D = D0 exp(-E / R T)``.

    Attributes
    ----------
    activation_energy_kJ_mol, activation_energy_stderr_kJ_mol : float
    prefactor_m2_s : float
        D0.
    log_prefactor_stderr : float
        Standard error of ln D0.
    n_temperatures : int
    """

    activation_energy_kJ_mol: float
    activation_energy_stderr_kJ_mol: float
    prefactor_m2_s: float
    log_prefactor_stderr: float
    n_temperatures: int


def fit_arrhenius(
    temperatures_K: Sequence[float], diffusion_m2_s: Sequence[float], stderr_m2_s: Sequence[float]
) -> Arrhenius:
    """Weighted straight line of ln D against 1/T.

    Parameters
    ----------
    temperatures_K, diffusion_m2_s, stderr_m2_s : sequence of float
        Values that are not finite and positive are left out. Errors that are not known for all count as equal, and the
        error of the line then comes from the scatter about it.

    Returns
    -------
    Arrhenius
        NaN for fewer than two temperatures; errors NaN where nothing tells them.
    """
    temperature, logarithm, error = _usable(temperatures_K, diffusion_m2_s, stderr_m2_s)
    slope, intercept, slope_stderr, intercept_stderr = _line(1 / temperature, logarithm, error)
    return Arrhenius(
        -slope * KJ_PER_MOL_K, slope_stderr * KJ_PER_MOL_K, float(np.exp(intercept)), intercept_stderr, len(temperature)
    )


def _usable(temperatures_K, diffusion_m2_s, stderr_m2_s) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    temperature, value, error = (
        np.asarray(values, dtype=float) for values in (temperatures_K, diffusion_m2_s, stderr_m2_s)
    )
    known = np.isfinite(temperature) & np.isfinite(value) & (value > 0)
    return temperature[known], np.log(value[known]), error[known] / value[known]


def _line(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[float, float, float, float]:
    """Slope and intercept with their standard errors."""
    nan = float("nan")
    if len(np.unique(x)) < 2:
        return nan, nan, nan, nan
    trusted = np.isfinite(error).all() and (error > 0).all()
    weights = 1 / error if trusted else np.ones_like(y)
    design = np.stack([x, np.ones_like(x)], axis=1) * weights[:, None]
    # the temperatures' own scale keeps the normal matrix well conditioned
    scale = np.abs(design).max(axis=0)
    solution, *_ = np.linalg.lstsq(design / scale, y * weights, rcond=None)
    covariance = np.linalg.inv((design / scale).T @ (design / scale)) / np.outer(scale, scale)
    slope, intercept = solution / scale
    if not trusted:
        freedom = len(y) - 2
        covariance = covariance * (((y - slope * x - intercept) ** 2).sum() / freedom if freedom else nan)
    slope_stderr, intercept_stderr = np.sqrt(np.diag(covariance))
    return float(slope), float(intercept), float(slope_stderr), float(intercept_stderr)
