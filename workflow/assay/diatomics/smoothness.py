"""Whether the curve of a pair is smooth, and its force the gradient of its energy.

Pure functions of arrays. Metrics whose names end with ``_published``, the flips, the tortuosity and the rank
correlations are defined as in Y. Chiang et al., MLIP Arena, doi:10.48550/arXiv.2509.20630, whose grid is finer than
most: they depend on it. The others take the slope and the curvature of the energy at each distance from a central
stencil, and do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from assay.diatomics.metrics import mean_over_distance

STEP_IN_STENCIL_EV = 1e-4
"""A stencil whose three energies hold a step of this height or more tells no slope."""


def force_sign_flips(radial_force_eV_A: np.ndarray, *, threshold_eV_A: float = 1e-2) -> int:
    """Number of times the radial force changes its sign along the curve; ideal: 1 for a pair that binds.

    Parameters
    ----------
    radial_force_eV_A : ndarray, shape (n_radii,)
        In the order of the distances.
    threshold_eV_A : float
        Weaker forces are passed over, as in doi:10.48550/arXiv.2509.20630.
    """
    force = np.asarray(radial_force_eV_A, float)
    return _sign_changes(force[np.abs(force) >= threshold_eV_A])


def tortuosity(energies_eV: np.ndarray) -> float:
    """Total variation of the energy over that of a curve that goes down to the same minimum once; ideal: 1.

    ``Σ|E_i+1 - E_i| / (|E_1 - E_min| + |E_n - E_min|)``, as in doi:10.48550/arXiv.2509.20630, with the lowest point
    of the whole curve.

    Parameters
    ----------
    energies_eV : ndarray, shape (n_radii,)
        In the order of the distances.

    Returns
    -------
    float
        1 or more; NaN if the lowest point is as high as both ends.
    """
    energies = np.asarray(energies_eV, float)
    direct = energies[0] + energies[-1] - 2 * energies.min()
    return float(np.abs(np.diff(energies)).sum() / direct) if direct > 0 else float("nan")


def largest_energy_jump(radii_A: np.ndarray, probe_eV: np.ndarray, step_A: float, *, nearest_A: float = 0.0) -> float:
    """Largest step (eV) of the energy between two neighbouring distances, from energies alone; ideal: 0.

    What remains of the difference of two neighbours when the corrected trapezoidal rule has taken away the work of the
    slopes ``D`` and curvatures ``C`` that the stencils tell::

        |E_i+1 - E_i - (h/2) (D_i + D_i+1) + (h²/12) (C_i+1 - C_i)|

    A step of height s between two distances gives s. A smooth curve gives about h⁵ E'''''/720, which is large where a
    wall is steep and the grid coarse.

    A step within a stencil would make its slope and curvature, and thereby both neighbouring differences, meaningless.
    Such a distance is left out and the difference taken across it, where the step still shows with its height. The
    first and the last stencil, which have a neighbour on one side only, are taken as they are, and so are those with a
    step that is lower than the change of ``C d²`` between neighbours; these can tell several times the height.

    Parameters
    ----------
    radii_A : ndarray, shape (n_radii,)
        Ascending.
    probe_eV : ndarray, shape (n_radii, 3)
        Energies at r - d, r and r + d, all in one orientation.
    step_A : float
        The step d.
    nearest_A : float
        Only between distances from here on.

    Returns
    -------
    float
        NaN if fewer than two distances are left.
    """
    at = _derivatives(radii_A, probe_eV, step_A)
    width = np.diff(at.radii_A)
    work = width / 2 * (at.slope[:-1] + at.slope[1:]) - width**2 / 12 * np.diff(at.curvature)
    steps = np.abs(np.diff(at.energy) - work)[at.radii_A[:-1] >= nearest_A]
    return float(steps.max()) if steps.size else float("nan")


def energy_jump_published(energies_eV: np.ndarray, *, threshold_eV: float = 1e-3) -> float:
    """Energy jump (eV) as MLIP Arena and matbench-discovery define it, to compare with their values.

    The differences of neighbouring points that are smaller than `threshold_eV` are left out; wherever two of the
    others that follow each other differ in sign, both of their magnitudes are added. A single well contributes twice
    the threshold or more, and a step in the direction of the slope nothing, whatever its height.

    Parameters
    ----------
    energies_eV : ndarray, shape (n_radii,)
        In the order of the distances.
    """
    differences = np.diff(np.asarray(energies_eV, float))
    differences = differences[np.abs(differences) >= threshold_eV]
    flips = np.sign(differences[1:]) != np.sign(differences[:-1])
    return float(np.abs(differences[:-1])[flips].sum() + np.abs(differences[1:])[flips].sum())


def largest_force_deviation(
    radii_A: np.ndarray,
    radial_force_eV_A: np.ndarray,
    probe_eV: np.ndarray,
    step_A: float,
    *,
    nearest_A: float = 0.0,
) -> float:
    """Largest difference (eV/Å) between the radial force and minus the slope of the energy, ``max |f + dE/dr|``.

    Ideal: 0, a force that is the gradient. The slope is the central difference ``(E₊ - E₋) / 2d`` less its leading
    error, ``(d²/6) dC/dr`` with the curvatures ``C`` of the stencils. Distances whose stencil holds a step of the
    energy are left out; `largest_energy_jump` tells of those.

    Parameters
    ----------
    radii_A : ndarray, shape (n_radii,)
        Ascending.
    radial_force_eV_A : ndarray, shape (n_radii,)
        In the orientation of the stencil.
    probe_eV : ndarray, shape (n_radii, 3)
        Energies at r - d, r and r + d in that orientation.
    step_A : float
        The step d.
    nearest_A : float
        Only distances from here on.

    Returns
    -------
    float
        NaN if no distance is left.
    """
    _, deviation = _force_deviation(radii_A, radial_force_eV_A, probe_eV, step_A, nearest_A)
    return float(deviation.max()) if deviation.size else float("nan")


def mean_force_deviation(
    radii_A: np.ndarray,
    radial_force_eV_A: np.ndarray,
    probe_eV: np.ndarray,
    step_A: float,
    *,
    nearest_A: float = 0.0,
) -> float:
    """Mean over distance of what `largest_force_deviation` is the largest of (eV/Å); NaN for fewer than two."""
    return mean_over_distance(*_force_deviation(radii_A, radial_force_eV_A, probe_eV, step_A, nearest_A))


def conservation_deviation_published(
    radii_A: np.ndarray, energies_eV: np.ndarray, radial_force_eV_A: np.ndarray
) -> float:
    """Conservation deviation (eV/Å) as MLIP Arena defines it, to compare with its values.

    Mean over the points of ``|f + ΔE/Δr|`` with the differences between neighbours on the grid. It holds the errors of
    these differences, and steps of the energy, as well as what a force deviates from the gradient
    (`mean_force_deviation`).

    Parameters
    ----------
    radii_A, energies_eV, radial_force_eV_A : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    """
    return float(np.abs(radial_force_eV_A + np.gradient(energies_eV, radii_A)).mean())


def spearman_repulsive_energy(radii_A: np.ndarray, energies_eV: np.ndarray) -> float:
    """Rank correlation of energy and distance from the first point to the lowest; ideal: -1.

    ``ρ(E, r)`` of doi:10.48550/arXiv.2509.20630. NaN for fewer than two points, or if they are all equal.

    Parameters
    ----------
    radii_A, energies_eV : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    """
    return _rank_correlation_down_to_lowest(radii_A, energies_eV)


def spearman_descending_force(radii_A: np.ndarray, radial_force_eV_A: np.ndarray) -> float:
    """Rank correlation of radial force and distance from the first point to that of strongest attraction; ideal: -1.

    ``ρ(F, r)`` of doi:10.48550/arXiv.2509.20630. NaN for fewer than two points, or if they are all equal.

    Parameters
    ----------
    radii_A, radial_force_eV_A : ndarray, shape (n_radii,)
        The curve, ascending in distance.
    """
    return _rank_correlation_down_to_lowest(radii_A, radial_force_eV_A)


@dataclass(frozen=True)
class _Derivatives:
    radii_A: np.ndarray
    energy: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    kept: np.ndarray


def _derivatives(radii_A: np.ndarray, probe_eV: np.ndarray, step_A: float) -> _Derivatives:
    before, centre, after = np.asarray(probe_eV, float).T
    bend = after - 2 * centre + before
    kept = ~_holds_step(bend)
    radii, curvature = np.asarray(radii_A, float)[kept], bend[kept] / step_A**2
    slope = (after - before)[kept] / (2 * step_A)
    if len(radii) > 2:
        slope -= step_A**2 / 6 * np.gradient(curvature, radii, edge_order=2)
    return _Derivatives(radii, centre[kept], slope, curvature, kept)


def _holds_step(bend: np.ndarray) -> np.ndarray:
    """Whether a step lies within a stencil, told by ``E₊ - 2 E₀ + E₋``.

    A step adds its height to this. On a smooth curve it changes monotonically over most distances, and then equals the
    median of itself and its neighbours however coarse the grid is; near an extremum it exceeds them by less than they
    exceed theirs.
    """
    excess = np.abs(bend[1:-1] - np.median([bend[:-2], bend[1:-1], bend[2:]], axis=0))
    change = np.pad(np.abs(np.diff(bend)), 1)
    told = (excess >= STEP_IN_STENCIL_EV) & (excess > change[:-3]) & (excess > change[3:])
    return np.pad(told, 1)


def _force_deviation(
    radii_A: np.ndarray, radial_force_eV_A: np.ndarray, probe_eV: np.ndarray, step_A: float, nearest_A: float
) -> tuple[np.ndarray, np.ndarray]:
    at = _derivatives(radii_A, probe_eV, step_A)
    beyond = at.radii_A >= nearest_A
    deviation = np.abs(np.asarray(radial_force_eV_A, float)[at.kept] + at.slope)
    return at.radii_A[beyond], deviation[beyond]


def _sign_changes(values: np.ndarray) -> int:
    return int((np.sign(values[1:]) != np.sign(values[:-1])).sum())


def _rank_correlation_down_to_lowest(radii_A: np.ndarray, values: np.ndarray) -> float:
    count = int(np.argmin(values)) + 1
    if count < 2 or np.ptp(values[:count]) == 0:
        return float("nan")
    return float(spearmanr(radii_A[:count], values[:count]).statistic)
