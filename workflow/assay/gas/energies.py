"""Does the energy stay: drift, fluctuation and temperature at constant energy, and what of it is due to the time step.

With a symplectic integrator and forces that are the gradient of a smooth energy the total energy has no drift, and
fluctuates with the square of the time step (doi:10.1017/S0962492902000144). A drift that remains at small time steps,
or another exponent, shows forces that are not the gradient of the energy, or an energy that is not smooth.

The error of a run is that of the means of `BLOCKS` blocks, which are long against the correlation of the energy
(doi:10.1063/1.457480). Over several runs it comes from their spread; of few runs the spread says little, and the
larger of both is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.statistics import finite, mean, standard_error

BLOCKS = 10
REPEATS_FOR_SPREAD = 4
"""From so many runs on the error is that of their spread alone."""

END_SHARE = 0.1
"""Share of a run at either end whose mean is an end point."""

FS_PER_PS = 1000.0
MEV_PER_EV = 1000.0


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes
    ----------
    value, stderr : float
        NaN where they are not defined.
    """

    value: float
    stderr: float


UNKNOWN = Estimate(float("nan"), float("nan"))


@dataclass(frozen=True)
class EnergyConservation:
    """How well a run, or several, keep the total energy.

    Attributes
    ----------
    drift_fit, drift_ends : Estimate
        Slope of the total energy by a linear fit, and between the means of its first and last tenth (meV/atom/ps).
    fluctuation : Estimate
        Root mean square deviation from the fit (meV/atom).
    """

    drift_fit: Estimate
    drift_ends: Estimate
    fluctuation: Estimate


def combined(estimates: Sequence[Estimate]) -> Estimate:
    """Mean of independent estimates of the same number, those left out that are not finite.

    The error is that of the spread for `REPEATS_FOR_SPREAD` or more; for fewer the larger of that and of the
    estimates' own errors.
    """
    known = [estimate for estimate in estimates if np.isfinite(estimate.value)]
    values = [estimate.value for estimate in known]
    spread = standard_error(values)
    own = finite([estimate.stderr for estimate in known])
    within = float(np.sqrt(np.sum(own**2)) / own.size) if own.size else float("nan")
    error = spread if len(values) >= REPEATS_FOR_SPREAD else np.fmax(spread, within)
    return Estimate(mean(values), float(error))


def energy_conservation(time_fs: np.ndarray, energy_eV: np.ndarray, n_atoms: int) -> EnergyConservation:
    """Drift and fluctuation of the total energy of one run.

    Parameters
    ----------
    time_fs, energy_eV : ndarray, shape (n,)
        Total energy in time, at equal intervals.
    n_atoms : int

    Returns
    -------
    EnergyConservation
        NaN for fewer than three points.
    """
    if len(time_fs) < 3:
        return EnergyConservation(UNKNOWN, UNKNOWN, UNKNOWN)
    time_ps = np.asarray(time_fs, dtype=float) / FS_PER_PS
    energy_meV = (np.asarray(energy_eV, dtype=float) - energy_eV[0]) * MEV_PER_EV / n_atoms
    slope, intercept = np.polyfit(time_ps - time_ps.mean(), energy_meV, 1)
    residual = energy_meV - intercept - slope * (time_ps - time_ps.mean())
    ends, ends_error = _between_ends(time_ps, energy_meV, residual)
    squares = block_means(residual**2)
    fluctuation = float(np.sqrt(np.mean(residual**2)))
    return EnergyConservation(
        Estimate(float(slope), _slope_error(time_ps, residual)),
        Estimate(ends, ends_error),
        Estimate(fluctuation, standard_error(squares) / (2 * fluctuation) if fluctuation > 0 else 0.0),
    )


def block_means(values: np.ndarray, blocks: int = BLOCKS) -> np.ndarray:
    """Means of consecutive blocks whose lengths differ by one at most; the values themselves where they are few."""
    values = np.asarray(values, dtype=float)
    return np.array([block.mean() for block in np.array_split(values, min(blocks, len(values)))])


def _slope_error(time_ps: np.ndarray, residual: np.ndarray) -> float:
    """Standard error of a slope, from a fit to the means of blocks."""
    times, means = block_means(time_ps), block_means(residual)
    if len(times) < 3:
        return float("nan")
    spread = np.sum((means - np.polyval(np.polyfit(times, means, 1), times)) ** 2) / (len(times) - 2)
    return float(np.sqrt(spread / np.sum((times - times.mean()) ** 2)))


def _between_ends(time_ps: np.ndarray, energy_meV: np.ndarray, residual: np.ndarray) -> tuple[float, float]:
    """Slope between the means of both ends; its error from the scatter of blocks that are as long as an end."""
    count = max(1, round(END_SHARE * len(time_ps)))
    interval = time_ps[-count:].mean() - time_ps[:count].mean()
    slope = (energy_meV[-count:].mean() - energy_meV[:count].mean()) / interval
    scatter = np.std(block_means(residual, round(1 / END_SHARE)), ddof=1)
    return float(slope), float(np.sqrt(2) * scatter / interval)


def energy_conservation_of(runs: Sequence[EnergyConservation]) -> EnergyConservation:
    """The mean over independent runs of one system."""
    return EnergyConservation(
        combined([run.drift_fit for run in runs]),
        combined([run.drift_ends for run in runs]),
        combined([run.fluctuation for run in runs]),
    )


def block_mean(values: np.ndarray) -> Estimate:
    """Mean of a series of one run, such as its temperature, with the error of its blocks; NaN if it is empty."""
    if not len(values):
        return UNKNOWN
    return Estimate(float(np.mean(values)), standard_error(block_means(np.asarray(values))))


@dataclass(frozen=True)
class TimeStepScan:
    """What becomes of fluctuation and drift when the time step shrinks.

    Attributes
    ----------
    exponent : Estimate
        Of the time step in the fluctuation: 2 for exact gradients of a smooth energy. NaN for fewer than two steps.
    residual_drift : Estimate
        Drift in the limit of small time steps (meV/atom/ps). NaN for fewer than two steps.
    """

    exponent: Estimate
    residual_drift: Estimate


def time_step_scan(timesteps_fs: Sequence[float], runs: Sequence[Sequence[EnergyConservation]]) -> TimeStepScan:
    """Exponent of the fluctuation in the time step, and the drift that remains without a time step.

    Parameters
    ----------
    timesteps_fs : sequence of float
    runs : sequence of sequence of EnergyConservation
        For each time step its repeats, which start from the same states at all of them and are of the same length.

    Notes
    -----
    Each repeat is fitted by itself, ln(fluctuation) against ln(time step), and drift = a + b (time step)²: what
    distinguishes the repeats does not blur the fit. Their mean is given, with the error that `combined` explains.
    """
    steps = np.asarray(timesteps_fs, dtype=float)
    exponents, drifts = [], []
    for repeat in zip(*runs, strict=True):
        fluctuation = np.array([run.fluctuation.value for run in repeat])
        drift = np.array([run.drift_fit.value for run in repeat])
        usable = np.isfinite(fluctuation) & (fluctuation > 0)
        exponents.append(_line(np.log(steps[usable]), np.log(fluctuation[usable]))[0])
        usable = np.isfinite(drift)
        drifts.append(_line(steps[usable] ** 2, drift[usable])[1])
    return TimeStepScan(combined(exponents), combined(drifts))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[Estimate, Estimate]:
    """Slope and intercept of a line; their errors from its residuals, unknown for two points."""
    if len(np.unique(x)) < 2:
        return UNKNOWN, UNKNOWN
    design = np.stack([x, np.ones_like(x)], axis=1)
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    freedom = len(x) - 2
    variance = np.sum((y - design @ solution) ** 2) / freedom if freedom else float("nan")
    errors = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return Estimate(float(solution[0]), float(errors[0])), Estimate(float(solution[1]), float(errors[1]))
