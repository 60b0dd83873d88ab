"""Where the curve of a pair binds, how stiffly, and what stands in the way: minima, barriers and holes.

Pure functions of arrays. Energies are relative to the isolated atoms; radial forces are positive where they drive the
atoms apart. A flat stretch is neither a minimum nor a maximum, so that the tail beyond a model's cutoff counts as
neither. What a curve does not have is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy.interpolate import CubicSpline
from scipy.signal import find_peaks

SPLINE_REACH = 4
"""Points to either side of a minimum that its spline runs through: a cliff elsewhere on the curve does not make it
ring."""

FIT_POINTS = 6
"""The least number of points to which the polynomial of a wavenumber, of degree `FIT_DEGREE`, is fitted."""

FIT_DEGREE = 4


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve.

    Attributes
    ----------
    radius_A : float
    energy_eV : float
        Relative to the isolated atoms, unless said otherwise.
    """

    radius_A: float
    energy_eV: float

    @property
    def exists(self) -> bool:
        """Whether the curve has such a point."""
        return math.isfinite(self.radius_A)


NOWHERE = CurvePoint(float("nan"), float("nan"))
"""What the curve does not have."""


def bond_minimum(
    radii_A: np.ndarray, energies_eV: np.ndarray, *, nearest_A: float = 0.0, ripple_eV: float = 1e-4
) -> CurvePoint:
    """The deepest local minimum inside the curve: bond length and, up to its sign, well depth.

    By a cubic spline through the points around it. The ends of the curve are no minima.

    Parameters
    ----------
    radii_A, energies_eV : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    nearest_A : float
        Minima at smaller distances are holes in the wall, not bonds.
    ripple_eV : float
        Minima of a smaller prominence are noise: the default lies above that of single precision, and below the
        well of two helium atoms.

    Returns
    -------
    CurvePoint
        `NOWHERE` if there is no such minimum.
    """
    radii, energies = np.asarray(radii_A, float), np.asarray(energies_eV, float)
    minima = [index for index in _minima(energies, ripple_eV) if radii[index] >= nearest_A]
    if not minima:
        return NOWHERE
    lowest = min(minima, key=energies.__getitem__)
    window = slice(max(lowest - SPLINE_REACH, 0), lowest + SPLINE_REACH + 1)
    spline = CubicSpline(radii[window], energies[window])
    stationary = spline.derivative().roots(extrapolate=False)
    bracketed = (stationary > radii[lowest - 1]) & (stationary < radii[lowest + 1])
    candidates = np.append(stationary[bracketed], radii[lowest])
    radius = candidates[np.argmin(spline(candidates))]
    return CurvePoint(float(radius), float(spline(radius)))


def deepest_point(radii_A: np.ndarray, energies_eV: np.ndarray) -> CurvePoint:
    """The lowest of all points, the ends included; inside the bond length it is a hole in the wall."""
    lowest = int(np.argmin(energies_eV))
    return CurvePoint(float(radii_A[lowest]), float(energies_eV[lowest]))


def wavenumber_cm1(
    radii_A: np.ndarray,
    energies_eV: np.ndarray,
    bond_length_A: float,
    reduced_mass_u: float,
    *,
    window: float = 0.1,
) -> float:
    """Harmonic wavenumber (cm⁻¹) of the stretching vibration, ``(1 / 2πc) sqrt(E''(r_e) / µ)``.

    The curvature is that of a polynomial of fourth degree, fitted by least squares to the points within `window` of
    the bond length, or to the six nearest where fewer are so near.

    Parameters
    ----------
    radii_A, energies_eV : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    bond_length_A : float
        ``r_e``; NaN if there is none.
    reduced_mass_u : float
        ``µ = m_1 m_2 / (m_1 + m_2)``, half the atomic mass for equal atoms.
    window : float
        Half-width of the fit, in units of the bond length.

    Returns
    -------
    float
        NaN without a bond, with fewer than six points, or if the curvature is not positive.
    """
    radii, energies = np.asarray(radii_A, float), np.asarray(energies_eV, float)
    if not math.isfinite(bond_length_A) or len(radii) < FIT_POINTS:
        return float("nan")
    distance = np.abs(radii - bond_length_A)
    used = distance <= window * bond_length_A
    if used.sum() < FIT_POINTS:
        used = np.argsort(distance)[:FIT_POINTS]
    polynomial = np.polynomial.Polynomial.fit(radii[used], energies[used], FIT_DEGREE)
    curvature = float(polynomial.deriv(2)(bond_length_A))
    if curvature <= 0:
        return float("nan")
    per_second = math.sqrt(curvature / reduced_mass_u) * units.second
    return per_second / (2 * math.pi * units._c * 100)


def repulsion_lost_A(
    radii_A: np.ndarray, radial_force_eV_A: np.ndarray, start_A: float, *, threshold_eV_A: float = 1e-2
) -> float:
    """Where two atoms that are pushed together are no longer pushed apart, and fall into each other.

    Going inwards from `start_A`: the first zero (linearly interpolated) at which the force, having been repulsive,
    turns attractive. Without any repulsion inside `start_A`, it is lost at once if the force is attractive there.

    Parameters
    ----------
    radii_A, radial_force_eV_A : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    start_A : float
        The bond length or, without a bond, the outer end of the wall.
    threshold_eV_A : float
        Weaker forces count as zero.

    Returns
    -------
    float
        In Å; NaN if the repulsion lasts to the smallest distance.
    """
    radii, force = np.asarray(radii_A, float), np.asarray(radial_force_eV_A, float)
    inwards = np.flatnonzero((radii <= start_A) & (np.abs(force) >= threshold_eV_A))[::-1]
    repulsive = np.flatnonzero(force[inwards] > 0)
    if not len(repulsive):
        return float(start_A) if len(inwards) else float("nan")
    inwards = inwards[repulsive[0] :]
    attractive = np.flatnonzero(force[inwards] < 0)
    if not len(attractive):
        return float("nan")
    outer, inner = inwards[attractive[0] - 1], inwards[attractive[0]]
    return float(radii[inner] - force[inner] * (radii[outer] - radii[inner]) / (force[outer] - force[inner]))


def attractive_wall_fraction(
    radii_A: np.ndarray, radial_force_eV_A: np.ndarray, wall_A: float, *, threshold_eV_A: float = 1e-2
) -> float:
    """Share, by length, of the wall in which the atoms attract each other; ideal: 0.

    Between the first distance and `wall_A`, with the force linear between the points.

    Parameters
    ----------
    radii_A, radial_force_eV_A : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    wall_A : float
        Outer end of the wall.
    threshold_eV_A : float
        Weaker forces count as zero, which is not attractive.

    Returns
    -------
    float
        From 0 to 1; NaN if no distance is below `wall_A`.
    """
    radii, force = np.asarray(radii_A, float), np.asarray(radial_force_eV_A, float)
    wall = radii < wall_A
    if not wall.any():
        return float("nan")
    force = np.where(np.abs(force) < threshold_eV_A, 0.0, force)
    radii, force = np.append(radii[wall], wall_A), np.append(force[wall], np.interp(wall_A, radii, force))
    lowest, highest = np.minimum(force[:-1], force[1:]), np.maximum(force[:-1], force[1:])
    below, above = np.maximum(-lowest, 0), np.maximum(highest, 0)
    share = np.divide(below, below + above, out=np.zeros_like(below), where=below + above > 0)
    return float(np.average(share, weights=np.diff(radii)))


def spurious_minima(
    radii_A: np.ndarray, energies_eV: np.ndarray, bond_length_A: float, *, ripple_eV: float = 0.02
) -> int:
    """Number of local minima inside the curve other than the bond; ideal: 0 for most pairs.

    Parameters
    ----------
    radii_A, energies_eV : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    bond_length_A : float
        NaN if there is none.
    ripple_eV : float
        Prominence below which a minimum does not count.
    """
    radii = np.asarray(radii_A, float)
    return sum(not radii[index - 1] < bond_length_A < radii[index + 1] for index in _minima(energies_eV, ripple_eV))


def outer_barrier(radii_A: np.ndarray, energies_eV: np.ndarray, bond_length_A: float) -> CurvePoint:
    """What an atom that comes from afar has to climb before it can bind; ideal: 0 for most pairs.

    ``max E(r) - min E(r')`` over ``r > r_e`` and ``r' >= r``, at the points of the grid.

    Parameters
    ----------
    radii_A, energies_eV : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    bond_length_A : float
        ``r_e``; NaN if there is none.

    Returns
    -------
    CurvePoint
        Its energy is the height, relative to the lowest point outside of it; its distance is NaN where there is
        nothing to climb, and both are if there is no bond.
    """
    beyond = np.asarray(radii_A) > bond_length_A
    radii, energies = np.asarray(radii_A, float)[beyond], np.asarray(energies_eV, float)[beyond]
    if not len(radii):
        return NOWHERE
    climb = energies - np.minimum.accumulate(energies[::-1])[::-1]
    highest = int(np.argmax(climb))
    return CurvePoint(float(radii[highest]) if climb[highest] > 0 else float("nan"), float(climb[highest]))


def barrier_count(
    radii_A: np.ndarray, energies_eV: np.ndarray, *, nearest_A: float = 0.0, ripple_eV: float = 0.02
) -> int:
    """Number of local maxima inside the curve from `nearest_A` on, with a prominence of `ripple_eV` or more."""
    return len(_maxima(radii_A, energies_eV, nearest_A, ripple_eV))


def _minima(energies_eV: np.ndarray, prominence_eV: float) -> np.ndarray:
    return find_peaks(-np.asarray(energies_eV, float), prominence=prominence_eV)[0]


def _maxima(radii_A: np.ndarray, energies_eV: np.ndarray, nearest_A: float, prominence_eV: float) -> np.ndarray:
    maxima = find_peaks(np.asarray(energies_eV, float), prominence=prominence_eV)[0]
    return maxima[np.asarray(radii_A)[maxima] >= nearest_A]
