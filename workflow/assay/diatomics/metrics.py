"""How far the curve of a pair is from its reference, and from the symmetry of two atoms in empty space.

Pure functions of arrays. `assay.diatomics.wells` tells where the minima and barriers of a curve are,
`assay.diatomics.smoothness` whether it is smooth and its force the gradient.
"""

from __future__ import annotations

import numpy as np


def range_masks(
    radii_A: np.ndarray, contact_A: float, *, wall_limit: float = 0.7, tail_limit: float = 1.5
) -> dict[str, np.ndarray]:
    """Which distances belong to the repulsive wall, the bond and the tail.

    Parameters
    ----------
    radii_A : ndarray, shape (n_radii,)
        Ascending.
    contact_A : float
        Sum of the covalent radii.
    wall_limit, tail_limit : float
        Where the wall ends and the tail begins, in units of `contact_A`.

    Returns
    -------
    dict
        Masks ``wall`` (below the first limit), ``bond`` and ``tail`` (from the second limit on).
    """
    radii = np.asarray(radii_A, float)
    wall, tail = radii < wall_limit * contact_A, radii >= tail_limit * contact_A
    return {"wall": wall, "bond": ~wall & ~tail, "tail": tail}


def mean_over_distance(radii_A: np.ndarray, values: np.ndarray) -> float:
    """Mean of a function of the distance by the trapezoidal rule, so that dense stretches of the grid weigh no more.

    ``(1 / (r_n - r_1)) ∫ y dr``, in the unit of the values; NaN for fewer than two distances.
    """
    if len(radii_A) < 2:
        return float("nan")
    return float(np.trapezoid(values, radii_A) / (radii_A[-1] - radii_A[0]))


def mean_absolute_deviation(radii_A: np.ndarray, values: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute difference of two curves over distance: ``(1 / (r_n - r_1)) ∫ |y - y_ref| dr``.

    The trapezoidal rule bridges the distances at which the reference is NaN. A NaN among the values themselves makes
    the result NaN: nothing is to be gained by failing.

    Parameters
    ----------
    radii_A : ndarray, shape (n_radii,)
        Ascending.
    values, reference : ndarray, shape (n_radii,)
        Energies (eV) or radial forces (eV/Å); the reference is NaN where it did not converge.

    Returns
    -------
    float
        In the unit of the values; NaN if the reference has fewer than two values.
    """
    known = np.isfinite(reference)
    difference = np.abs(np.asarray(values, float)[known] - np.asarray(reference, float)[known])
    return mean_over_distance(np.asarray(radii_A, float)[known], difference)


def mean_absolute_deviation_by_range(
    radii_A: np.ndarray,
    values: np.ndarray,
    reference: np.ndarray,
    contact_A: float,
    *,
    wall_limit: float = 0.7,
    tail_limit: float = 1.5,
) -> dict[str, float]:
    """`mean_absolute_deviation` over the wall, the bond and the tail as `range_masks` has them.

    Each mean is over the stretch between the first and the last distance of its range.
    """
    masks = range_masks(radii_A, contact_A, wall_limit=wall_limit, tail_limit=tail_limit)
    arrays = [np.asarray(array, float) for array in (radii_A, values, reference)]
    return {name: mean_absolute_deviation(*(array[mask] for array in arrays)) for name, mask in masks.items()}


def asymptote(energies_eV: np.ndarray) -> float:
    """Energy (eV) at the largest distance, relative to the isolated atoms; ideal: that of the reference there.

    Not zero where a model gives an atom alone another energy than two atoms out of each other's reach.

    Parameters
    ----------
    energies_eV : ndarray, shape (n_radii,)
        Relative to the isolated atoms.
    """
    return float(energies_eV[-1])


def net_force(forces_eV_A: np.ndarray) -> float:
    """Largest ``|F_0 + F_1|`` (eV/Å) over all distances and orientations; ideal: 0, by Newton's third law.

    Parameters
    ----------
    forces_eV_A : ndarray, shape (n_radii, n_orientations, 2, 3)
    """
    return float(np.linalg.norm(forces_eV_A.sum(axis=2), axis=-1).max())


def rotational_spread(radii_A: np.ndarray, values: np.ndarray, *, nearest_A: float = 0.0) -> float:
    """Largest standard deviation over the orientations at one distance; ideal: 0, for empty space is isotropic.

    Parameters
    ----------
    radii_A : ndarray, shape (n_radii,)
    values : ndarray, shape (n_radii, n_orientations)
        Energies (eV) or radial forces (eV/Å).
    nearest_A : float
        Only distances from here on.

    Returns
    -------
    float
        In the unit of the values; NaN if no distance is that large.
    """
    spread = np.std(values, axis=1)[np.asarray(radii_A) >= nearest_A]
    return float(spread.max()) if spread.size else float("nan")


def transverse_force(
    radii_A: np.ndarray, forces_eV_A: np.ndarray, orientations: np.ndarray, *, nearest_A: float = 0.0
) -> float:
    """Largest component (eV/Å) of the force on either atom across the line between them; ideal: 0, by symmetry.

    ``max |F - (F·u) u|`` over distances, orientations and both atoms. A net force shows here too, where it does not
    point along the pair.

    Parameters
    ----------
    radii_A : ndarray, shape (n_radii,)
    forces_eV_A : ndarray, shape (n_radii, n_orientations, 2, 3)
    orientations : ndarray, shape (n_orientations, 3)
        Unit vectors ``u``.
    nearest_A : float
        Only distances from here on.

    Returns
    -------
    float
        NaN if no distance is that large.
    """
    forces = np.asarray(forces_eV_A, float)[np.asarray(radii_A) >= nearest_A]
    along = np.einsum("roak,ok->roa", forces, orientations)
    across = forces - along[..., None] * orientations[:, None]
    return float(np.linalg.norm(across, axis=-1).max()) if forces.size else float("nan")
