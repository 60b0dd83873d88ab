"""Diffusion of molecules: from mean squared displacements, and from velocity correlations as a second route.

Displacements are averaged over molecules and all time origins (by FFT, doi:10.1051/sfn/201112010). Einstein's route is
the slope of a straight line, only where molecules do diffuse, that is where the displacement grows as the first power
of time. That regime is looked for and stated; where there is none the result is NaN with the reason. Green's and Kubo's
route is the integral of the velocity correlation, where it has reached its plateau.

A periodic box slows diffusion down; Yeh and Hummer's shift (doi:10.1021/jp0477147) stands beside the raw number. For
runs of a dilute gas that are too short for either route see `assay.gas.persistence`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy.integrate import cumulative_trapezoid

from assay.gas.correlations import Curves, autocorrelation, in_blocks, jackknife, lag_count

A2_PER_PS_IN_M2_PER_S = 1e-8
"""1 Å²/ps in m²/s."""

YEH_HUMMER = 2.837297
"""Constant of a cubic lattice of periodic images (doi:10.1021/jp0477147)."""

TOLERANCE = 0.2
"""A displacement diffuses if its logarithmic slope is 1 within this. With an exponential velocity correlation of time
tau that is so after some five tau; the straight line is then good to 1 %, and `LINE_CHANGE` sees to it elsewhere."""

LEAST_LAGS = 4
"""Fewer lags have no slope that could change."""

LEAST_STRETCH = 2.0
"""The diffusive regime must last for this ratio of times."""

LINE_CHANGE = 0.03
"""Share by which the slope of the straight line may differ between the beginning and the whole of the regime."""

CORRELATION_LEFT = 0.05
"""The velocity correlation is called decayed when it stays below this share of its value at zero."""

CORRELATION_NOISE = 0.1
"""With a larger standard error, as a share of its value at zero, the correlation's decay is not seen."""

PLATEAU_STRETCH = 3.0
"""The running integral is averaged over a plateau that ends at this multiple of its start, or at the longest lag."""

LEAST_PLATEAU = 1.2
"""Least ratio of the end and the start of a plateau."""

PLATEAU_CHANGE = 0.03
"""Share by which the running integral may differ between the ends of the plateau, if the noise is not larger."""


@dataclass(frozen=True)
class Diffusion:
    """A diffusion coefficient and from where it was read, or why there is none.

    Attributes
    ----------
    value_m2_s, stderr_m2_s : float
        NaN if there is none.
    start_ps, end_ps : float
        The stretch of lags that was used: the diffusive regime, or the plateau. NaN if there is none.
    slope, slope_stderr : float
        Of displacements: logarithmic slope over that stretch, or over the last factor of two where there is no regime.
        1 is diffusion, 2 is free flight. NaN for the other routes.
    reason : str
        Empty, or a sentence on why there is no value.
    """

    value_m2_s: float
    stderr_m2_s: float
    start_ps: float = float("nan")
    end_ps: float = float("nan")
    slope: float = float("nan")
    slope_stderr: float = float("nan")
    reason: str = ""


def centres_of_mass(vectors: np.ndarray, masses_u: np.ndarray, molecules: np.ndarray) -> np.ndarray:
    """Centres of mass of molecules, or their velocities.

    Parameters
    ----------
    vectors : ndarray, shape (f, n, 3)
        Unwrapped positions (Å) or velocities (Å/fs) of the atoms. A molecule that the box divided in the first frame
        has a centre that is displaced for good; displacements do not notice.
    masses_u : ndarray, shape (n,)
    molecules : ndarray of int, shape (n,)
        Which molecule an atom is of; an atom with -1 is one by itself.

    Returns
    -------
    ndarray, shape (f, m, 3)
        Molecules in the order of their numbers, then single atoms.
    """
    shares = _membership(molecules) * np.asarray(masses_u, dtype=float)
    shares /= shares.sum(axis=1, keepdims=True)
    return np.einsum("mn,fnk->fmk", shares, np.asarray(vectors, dtype=float), optimize=True)


def molecular_masses(masses_u: np.ndarray, molecules: np.ndarray) -> np.ndarray:
    """Masses (u) of the molecules in the order of `centres_of_mass`."""
    return _membership(molecules) @ np.asarray(masses_u, dtype=float)


def _membership(molecules: np.ndarray) -> np.ndarray:
    molecules = np.asarray(molecules)
    alone = np.flatnonzero(molecules < 0)
    own = molecules.astype(int).copy()
    own[alone] = own.max(initial=-1) + 1 + np.arange(len(alone))
    names, index = np.unique(own, return_inverse=True)
    return (index == np.arange(len(names))[:, None]).astype(float)


def mean_squared_displacements(positions_A: np.ndarray, lags: int | None = None) -> np.ndarray:
    """Squared displacement (Å²) of every particle, averaged over all time origins.

    Parameters
    ----------
    positions_A : ndarray, shape (f, m, 3)
        Unwrapped.
    lags : int, optional
        Number of lags from zero on; all f by default.

    Returns
    -------
    ndarray, shape (lags, m)
    """
    # about the mean: the two terms whose difference is taken stay small
    positions = positions_A - positions_A.mean(axis=0)
    frames = len(positions)
    lags = frames if lags is None else min(lags, frames)
    squares = (positions**2).sum(axis=2)
    below = np.concatenate([np.zeros((1, squares.shape[1])), np.cumsum(squares, axis=0)])
    lag = np.arange(lags)
    # sum over all origins s of |r(s)|^2 + |r(s + lag)|^2
    both = below[frames - lag] + below[frames] - below[lag]
    displacements = both / (frames - lag)[:, None] - 2 * autocorrelation(positions, lags).sum(axis=2)
    displacements[0] = 0.0
    return np.maximum(displacements, 0.0)


def displacement_curve(repeats: Sequence[np.ndarray], interval_fs: float, *, longest_share: float = 0.5) -> Curves:
    """Mean squared displacement (Å²) over molecules and time origins.

    Parameters
    ----------
    repeats : sequence of ndarray, shape (f, m, 3)
        Unwrapped positions (Å) of particles or molecular centres. Lengths may differ; the shortest counts.
    interval_fs : float
        Between two frames.
    longest_share : float
        Longest lag as a share of the run; beyond a half there are few independent origins.
    """
    lags = lag_count(repeats, longest_share)
    curves = [mean_squared_displacements(positions, lags) for positions in repeats]
    return Curves(np.arange(lags) * interval_fs / 1000, in_blocks(curves))


def diffusion_from_displacements(curve: Curves, *, tolerance: float = TOLERANCE) -> Diffusion:
    """Einstein's route: half the slope per dimension of the displacement, in the diffusive regime.

    The regime starts at the earliest lag from which on the logarithmic slope is 1 within the tolerance, both in the
    next factor of `LEAST_STRETCH` in time and up to the longest lag, and in which straight lines through these two have
    the same slope, within `LINE_CHANGE` or its standard error. Lines have an intercept (the beginning leaves one) and
    weights from the standard errors; errors are the jackknife's.

    Parameters
    ----------
    curve : Curves
        Of `displacement_curve` (Å²).
    tolerance : float
    """
    time = curve.time_ps[1:]
    displacements = Curves(time, curve.blocks[:, 1:])
    if not displacements.mean.all():
        return Diffusion(np.nan, np.nan, reason="nothing moved")
    last = float(time[-1])
    if len(time) < LEAST_LAGS:
        return Diffusion(np.nan, np.nan, reason=f"only {len(time)} lags")
    starts = _geometric(time[time * LEAST_STRETCH <= last])
    regime = next((start for start in starts if _diffuses(displacements, start, tolerance)), None)
    chosen = time >= (regime or last / LEAST_STRETCH)
    slope, slope_stderr = jackknife(displacements.blocks, lambda mean: _logarithmic_slope(time, mean, chosen))
    found = {"slope": slope, "slope_stderr": float(slope_stderr)}
    if regime is None:
        kind = "ballistic" if slope > 1.5 else "no diffusive regime"
        return Diffusion(np.nan, np.nan, **found, reason=f"{kind}: slope {slope:.2f} up to {last:.3g} ps")
    if slope_stderr > tolerance:
        return Diffusion(np.nan, np.nan, **found, reason=f"too noisy: slope {slope:.2f} ± {slope_stderr:.2f}")
    line, line_stderr = jackknife(displacements.blocks, _line_through(displacements, chosen))
    scale = A2_PER_PS_IN_M2_PER_S / 6
    return Diffusion(line * scale, float(line_stderr) * scale, regime, last, **found)


def _geometric(times: np.ndarray, ratio: float = 1.1) -> list[float]:
    chosen: list[float] = []
    for time in times.tolist():
        if not chosen or time >= chosen[-1] * ratio:
            chosen.append(time)
    return chosen


def _diffuses(displacements: Curves, start: float, tolerance: float) -> bool:
    time, mean = displacements.time_ps, displacements.mean
    after = time >= start
    soon = after & (time <= start * LEAST_STRETCH)
    if soon.sum() < 2 or any(abs(_logarithmic_slope(time, mean, part) - 1) > tolerance for part in (soon, after)):
        return False
    first, whole = _line_through(displacements, soon), _line_through(displacements, after)
    change, stderr = jackknife(displacements.blocks, lambda values: first(values) - whole(values))
    return bool(abs(change) <= max(LINE_CHANGE * whole(mean), np.nan_to_num(stderr)))


def _line_through(displacements: Curves, chosen: np.ndarray) -> Callable[[np.ndarray], float]:
    """The slope (Å²/ps) of a weighted straight line through the chosen lags of a curve."""
    errors = displacements.stderr[chosen]
    weights = 1 / errors if np.isfinite(errors).all() and errors.all() else None
    time = displacements.time_ps[chosen]
    return lambda values: float(np.polyfit(time, values[chosen], 1, w=weights)[0])


def _logarithmic_slope(time: np.ndarray, values: np.ndarray, chosen: np.ndarray) -> float:
    """Slope of ln(values) against ln(time), where every stretch of it counts alike, however many points it has."""
    x, y = np.log(time[chosen]), np.log(np.fmax(values[chosen], np.finfo(float).tiny))
    return float(np.polyfit(x, y, 1, w=np.sqrt(np.gradient(x)))[0])


def diffusion_from_velocities(curve: Curves) -> Diffusion:
    """Green's and Kubo's route: a third of the integral of the velocity correlation, at its plateau.

    The plateau starts at the earliest lag at which the correlation has fallen below `CORRELATION_LEFT` of its value at
    zero for good, but for two standard errors, and the running integral changes by no more than `PLATEAU_CHANGE`, or
    its standard error, until `PLATEAU_STRETCH` times that lag. The running integral is averaged over it; the error is
    the jackknife's.

    Parameters
    ----------
    curve : Curves
        Of `velocity_correlation` (Å²/fs²).
    """
    time, mean = curve.time_ps, curve.mean
    if not mean[0] > 0:
        return Diffusion(np.nan, np.nan, reason="nothing moved")
    last = float(time[-1])
    errors = np.nan_to_num(curve.stderr)
    above = np.flatnonzero(np.abs(mean) > CORRELATION_LEFT * mean[0] + 2 * errors)
    first = int(above[-1]) + 1 if above.size else 0
    if first < len(time) and errors[first] > CORRELATION_NOISE * mean[0]:
        reason = (
            f"too noisy: the velocity correlation is known to {errors[first] / mean[0]:.0%} at {time[first]:.3g} ps"
        )
        return Diffusion(np.nan, np.nan, reason=reason)
    decayed = time[first:]
    starts = _geometric(decayed[decayed * LEAST_PLATEAU <= last])
    if not starts:
        left = mean[-1] / mean[0]
        reason = f"no plateau: {left:.0%} of the velocity correlation is left at {last:.3g} ps"
        return Diffusion(np.nan, np.nan, reason=reason)
    running = np.array([running_diffusion_m2_s(time, block) for block in curve.blocks])
    changes = []
    for start in starts:
        end = min(start * PLATEAU_STRETCH, last)
        plateau = running[:, (time >= start) & (time <= end)]
        value, stderr = jackknife(plateau, np.mean)
        change, change_stderr = jackknife(plateau, lambda values: values[-1] - values[0])
        changes.append(abs(change / value))
        if abs(change) <= max(PLATEAU_CHANGE * abs(value), change_stderr if np.isfinite(change_stderr) else 0.0):
            return Diffusion(float(value), float(stderr), start, end)
    reason = f"no plateau: the integral of the velocity correlation still changes by {min(changes):.0%}"
    return Diffusion(np.nan, np.nan, reason=reason)


def running_diffusion_m2_s(time_ps: np.ndarray, correlation_A2_fs2: np.ndarray) -> np.ndarray:
    """Running integral of a velocity correlation, divided by three: the diffusion coefficient (m²/s) up to each lag."""
    # 1 Å²/fs² times 1 ps is 1e6 Å²/ps
    return cumulative_trapezoid(correlation_A2_fs2, time_ps, initial=0.0) / 3 * 1e6 * A2_PER_PS_IN_M2_PER_S


def yeh_hummer_shift_m2_s(temperature_K: float, viscosity_Pa_s: float, box_A: float) -> float:
    """What to add to a diffusion coefficient from a periodic cube to reach the infinite system (m²/s).

    ``2.837297 kT / (6 pi eta L)``: a molecule drags its own images along through the fluid. The formula takes the fluid
    as a continuum, that is a mean free path much shorter than the box. In a dilute gas in a small box they are alike,
    and the shift only says how large the effect can be.

    Parameters
    ----------
    temperature_K : float
    viscosity_Pa_s : float
        Of the same fluid at the same density.
    box_A : float
        Edge of the cube.
    """
    energy_J = units.kB * temperature_K / units.J
    return YEH_HUMMER * energy_J / (6 * np.pi * viscosity_Pa_s * box_A * 1e-10)
