"""Vibrational spectra from velocities: density of states, and the modes of linear XY2 molecules one by one.

The power spectrum of mass-weighted velocities is the density of states of a classical system (Wiener and Khinchin).
It is estimated by Welch's method: overlapping stretches with a Hann window, averaged over atoms and repeats. A line has
then a width of 1.44/T at half height, T the length of a stretch; this is the resolution that is stated.

Verlet's algorithm moves an oscillator too fast: a line of true angular frequency w is seen at w' with
``w dt = 2 sin(w' dt / 2)``, for the antisymmetric stretch of CO2 at 1 fs 19 cm-1 too high. `true_wavenumber_cm1` takes
it back. What stays is physics: warm CO2 mixes its symmetric stretch with twice its bend (Fermi resonance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal
from scipy.constants import c

FS_IN_CM = c * 100 * 1e-15
"""How far light goes in 1 fs, in cm: 1 / (FS_IN_CM t) is a wavenumber in cm-1."""

HANN_WIDTH = 1.44
"""Full width at half maximum of a line's power under a Hann window, in units of 1/T."""

MODES = ("bend", "symmetric", "antisymmetric")


@dataclass(frozen=True)
class Spectrum:
    """A power spectrum against wavenumber.

    Attributes
    ----------
    wavenumber_cm1 : ndarray, shape (m,)
    density_cm : ndarray, shape (m,)
        Per cm-1.
    resolution_cm1 : float
        Full width of a line at half height.
    nyquist_cm1 : float
        Highest wavenumber that the interval of the frames can show; faster motion appears at a wrong place below it.
    """

    wavenumber_cm1: np.ndarray
    density_cm: np.ndarray
    resolution_cm1: float
    nyquist_cm1: float


@dataclass(frozen=True)
class ModeWavenumbers:
    """Wavenumbers of the three modes of linear XY2 molecules.

    Attributes
    ----------
    bend_cm1, symmetric_cm1, antisymmetric_cm1 : float
        NaN if there are none.
    resolution_cm1 : float
        The error of each; NaN if there are none.
    reason : str
        Empty, or why there are none.
    """

    bend_cm1: float
    symmetric_cm1: float
    antisymmetric_cm1: float
    resolution_cm1: float
    reason: str = ""


def nyquist_cm1(interval_fs: float) -> float:
    """Highest wavenumber that frames at such an interval can show."""
    return 1 / (2 * interval_fs * FS_IN_CM)


def true_wavenumber_cm1(seen_cm1: float, timestep_fs: float) -> float:
    """Wavenumber of a harmonic oscillator that velocity Verlet with this time step shows at `seen_cm1`."""
    phase = np.pi * FS_IN_CM * timestep_fs
    return float(np.sin(phase * seen_cm1) / phase)


def vibrational_density(
    repeats: Sequence[np.ndarray], masses_u: np.ndarray, interval_fs: float, *, resolution_cm1: float | None = None
) -> Spectrum:
    """Vibrational density of states of all atoms.

    Parameters
    ----------
    repeats : sequence of ndarray, shape (g, n, 3)
        Velocities (Å/fs).
    masses_u : ndarray, shape (n,)
    interval_fs : float
        Between two frames.
    resolution_cm1 : float, optional
        Full width of a line. By default stretches are half of the shortest repeat.

    Returns
    -------
    Spectrum
        Its integral is 3, the degrees of freedom per atom, if every one holds the same energy. Translation and rotation
        stand near zero.

    Raises
    ------
    ValueError
        If a repeat has fewer than eight frames.
    """
    root = np.sqrt(np.asarray(masses_u, dtype=float))[:, None]
    wavenumber, power, width = _welch([one * root for one in repeats], interval_fs, resolution_cm1)
    density = power.sum(axis=(1, 2))
    density *= 3 / (density.sum() * (wavenumber[1] - wavenumber[0])) if density.any() else 1.0
    return Spectrum(wavenumber, density, width, nyquist_cm1(interval_fs))


def mode_spectra(
    positions: Sequence[np.ndarray],
    position_times_fs: Sequence[np.ndarray],
    velocities: Sequence[np.ndarray],
    velocity_times_fs: Sequence[np.ndarray],
    triples: np.ndarray,
    *,
    resolution_cm1: float | None = None,
) -> dict[str, Spectrum]:
    """Power spectra of the three modes of linear XY2 molecules, each normalised to an area of one.

    Velocities are projected, in a frame that moves with the molecule, on the difference of the outer atoms along the
    axis (symmetric stretch), on the middle atom against the outer ones along the axis (antisymmetric stretch) and
    across it (bend). The axis is from one outer atom to the other, its direction between frames of positions is
    interpolated; the frame across it is carried along without twisting, so that the turning of the molecule does not
    split the bend.

    Parameters
    ----------
    positions : sequence of ndarray, shape (f, n, 3)
        Unwrapped (Å), for every repeat.
    position_times_fs : sequence of ndarray, shape (f,)
    velocities : sequence of ndarray, shape (g, n, 3)
        Å/fs.
    velocity_times_fs : sequence of ndarray, shape (g,)
        At equal intervals.
    triples : ndarray of int, shape (k, 3)
        Atoms of the molecules, the middle one second: see `linear_triples`.
    resolution_cm1 : float, optional
    """
    rates: dict[str, list[np.ndarray]] = {mode: [] for mode in MODES}
    for place, place_time, velocity, time in zip(
        positions, position_times_fs, velocities, velocity_times_fs, strict=True
    ):
        axis = _axes(place, place_time, time, triples)
        left, middle, right = (velocity[:, triples[:, index]] for index in range(3))
        against = middle - (left + right) / 2
        rates["symmetric"].append(((right - left) * axis).sum(axis=2, keepdims=True))
        rates["antisymmetric"].append((against * axis).sum(axis=2, keepdims=True))
        rates["bend"].append(_across(against, axis))
    interval = float(np.median(np.diff(velocity_times_fs[0])))
    spectra = {}
    for mode, series in rates.items():
        wavenumber, power, width = _welch(series, interval, resolution_cm1)
        density = power.sum(axis=(1, 2))
        density /= (density.sum() * (wavenumber[1] - wavenumber[0])) or 1.0
        spectra[mode] = Spectrum(wavenumber, density, width, nyquist_cm1(interval))
    return spectra


def mode_wavenumbers(
    positions: Sequence[np.ndarray],
    position_times_fs: Sequence[np.ndarray],
    velocities: Sequence[np.ndarray],
    velocity_times_fs: Sequence[np.ndarray],
    numbers: np.ndarray,
    molecules: np.ndarray,
    *,
    timestep_fs: float | None = None,
    highest_cm1: float = 2500.0,
    lowest_cm1: float = 200.0,
    coarsest_cm1: float = 100.0,
) -> ModeWavenumbers:
    """Wavenumbers of the three modes of linear XY2 molecules: the highest points of their spectra.

    Parameters
    ----------
    positions, position_times_fs, velocities, velocity_times_fs
        As for `mode_spectra`.
    numbers, molecules : ndarray of int, shape (n,)
        Atomic numbers, and which molecule an atom is of.
    timestep_fs : float, optional
        Of the integrator, to take its shift back (`true_wavenumber_cm1`).
    highest_cm1 : float
        Frames must resolve this.
    lowest_cm1 : float
        Peaks below are not vibrations: the turning molecule stretches and bends.
    coarsest_cm1 : float
        Coarser spectra give no numbers.
    """
    if min(map(len, velocity_times_fs), default=0) < 16 or min(map(len, position_times_fs), default=0) < 2:
        return _no_modes("a run is shorter than 16 frames of velocities or 2 of positions")
    triples = linear_triples(numbers, molecules, positions[0][0])
    if not len(triples):
        return _no_modes("there are no linear molecules of the kind XY2")
    spectra = mode_spectra(positions, position_times_fs, velocities, velocity_times_fs, triples)
    example = spectra["bend"]
    if example.nyquist_cm1 < highest_cm1:
        return _no_modes(f"velocities show up to {example.nyquist_cm1:.0f} cm-1 only")
    if example.resolution_cm1 > coarsest_cm1:
        return _no_modes(f"the resolution is {example.resolution_cm1:.0f} cm-1: the run is too short")
    seen = {mode: highest_wavenumber_cm1(spectrum, lowest_cm1) for mode, spectrum in spectra.items()}
    if timestep_fs is not None:
        seen = {mode: true_wavenumber_cm1(value, timestep_fs) for mode, value in seen.items()}
    return ModeWavenumbers(seen["bend"], seen["symmetric"], seen["antisymmetric"], example.resolution_cm1)


def _no_modes(reason: str) -> ModeWavenumbers:
    nan = float("nan")
    return ModeWavenumbers(nan, nan, nan, nan, reason)


def highest_wavenumber_cm1(spectrum: Spectrum, lowest_cm1: float = 0.0) -> float:
    """Place of the highest point at or above `lowest_cm1`, from a parabola through the logarithms about it."""
    inside = np.flatnonzero(spectrum.wavenumber_cm1 >= lowest_cm1)
    density = spectrum.density_cm
    if not inside.size or not density[inside].any():
        return float("nan")
    top = int(inside[density[inside].argmax()])
    if top in (0, len(density) - 1) or not density[top - 1 : top + 2].all():
        return float(spectrum.wavenumber_cm1[top])
    below, at, above = np.log(density[top - 1 : top + 2])
    bend = below - 2 * at + above
    shift = (below - above) / (2 * bend) if bend else 0.0
    return float(spectrum.wavenumber_cm1[top] + shift * (spectrum.wavenumber_cm1[1] - spectrum.wavenumber_cm1[0]))


def linear_triples(
    numbers: np.ndarray, molecules: np.ndarray, positions_A: np.ndarray, *, least_angle_deg: float = 150.0
) -> np.ndarray:
    """Atoms of the molecules of three atoms XYX that are linear, the middle one second, shape (k, 3).

    Parameters
    ----------
    numbers, molecules : ndarray of int, shape (n,)
    positions_A : ndarray, shape (n, 3)
        With molecules in one piece.
    least_angle_deg : float
        Molecules that are bent more are not linear.
    """
    triples = []
    for molecule in np.unique(molecules[molecules >= 0]):
        members = np.flatnonzero(molecules == molecule)
        elements, counts = np.unique(numbers[members], return_counts=True)
        if sorted(counts.tolist()) != [1, 2]:
            continue
        middle = members[numbers[members] == elements[counts == 1][0]][0]
        left, right = members[members != middle]
        arms = positions_A[[left, right]] - positions_A[middle]
        cosine = arms[0] @ arms[1] / np.prod(np.linalg.norm(arms, axis=1))
        if np.degrees(np.arccos(np.clip(cosine, -1, 1))) >= least_angle_deg:
            triples.append((left, middle, right))
    return np.array(triples, dtype=int).reshape(-1, 3)


def _axes(place: np.ndarray, place_time: np.ndarray, time: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Unit vectors from the first to the last atom of the molecules at the times of the velocities, (g, k, 3)."""
    across = place[:, triples[:, 2]] - place[:, triples[:, 0]]
    after = np.clip(np.searchsorted(place_time, time), 1, len(place_time) - 1)
    share = (time - place_time[after - 1]) / (place_time[after] - place_time[after - 1])
    between = across[after - 1] + np.clip(share, 0, 1)[:, None, None] * (across[after] - across[after - 1])
    return between / np.linalg.norm(between, axis=2, keepdims=True)


def _across(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Components of vectors (g, k, 3) along two directions across the axis that do not twist about it, (g, k, 2)."""
    least = np.eye(3)[np.abs(axis[0]).argmin(axis=1)]
    first = np.empty_like(axis)
    carried = least
    for frame, direction in enumerate(axis):
        carried = carried - (carried * direction).sum(axis=1, keepdims=True) * direction
        carried = carried / np.linalg.norm(carried, axis=1, keepdims=True)
        first[frame] = carried
    second = np.cross(axis, first)
    return np.stack([(vectors * first).sum(axis=2), (vectors * second).sum(axis=2)], axis=2)


def _welch(
    repeats: Sequence[np.ndarray], interval_fs: float, resolution_cm1: float | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Wavenumbers (m,), power (m, n, k) as a mean over repeats by their length, and the width of a line."""
    shortest = min(len(one) for one in repeats)
    if shortest < 8:
        raise ValueError("a spectrum needs at least eight frames of every repeat")
    length = shortest // 2
    if resolution_cm1 is not None:
        length = min(shortest, max(4, round(HANN_WIDTH / (resolution_cm1 * interval_fs * FS_IN_CM))))
    lengths = [len(one) for one in repeats]
    power = np.zeros((length // 2 + 1, *repeats[0].shape[1:]))
    for one in repeats:
        frequency, part = signal.welch(one, fs=1 / interval_fs, window="hann", nperseg=length, detrend=False, axis=0)
        power += part * len(one) / sum(lengths)
    return frequency / FS_IN_CM, power, HANN_WIDTH / (length * interval_fs * FS_IN_CM)
