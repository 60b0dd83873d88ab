"""Where in a channel a guest is at home: energies in tiles of the view along its axis, profiles.

Insertions are gathered in hexagonal tiles of the projected crystal (`assay.projections`), or in rings around the centre
of a channel. A free energy is -kT ln <exp(-ΔE/kT)>, the mean over all attempts of a tile, so that it depends neither
on the tile's size nor on how many attempts fell into it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.widom.estimators import EV_IN_KJ_MOL, KB_EV_K


@dataclass(frozen=True)
class Profile:
    """Free energy against the distance from a channel's centre; NaN where there is no attempt.

    Attributes
    ----------
    radii_A : ndarray, shape (m,)
        Middles of the rings.
    free_energies_kJ_mol, stderr_kJ_mol : ndarray, shape (m,)
        Infinite where no attempt has weight. The error is that of independent attempts, an upper bound for quasi-random
        ones.
    counts : ndarray of int, shape (m,)
        Attempts in each ring.
    n_effective : ndarray, shape (m,)
        Kish's effective sample size of each ring.
    """

    radii_A: np.ndarray
    free_energies_kJ_mol: np.ndarray
    stderr_kJ_mol: np.ndarray
    counts: np.ndarray
    n_effective: np.ndarray


def mean_energies(energies_eV: np.ndarray, numbers: np.ndarray, n_tiles: int) -> np.ndarray:
    """Mean insertion energy (eV) of each tile, shape (n_tiles,).

    Attempts without a number are left out; a tile with an infinite one is infinite; NaN where none is left.
    """
    known = ~np.isnan(energies_eV)
    counts = np.bincount(numbers[known], minlength=n_tiles)
    with np.errstate(invalid="ignore"):
        return np.bincount(numbers[known], energies_eV[known], minlength=n_tiles) / counts


def free_energies(
    energies_eV: np.ndarray, numbers: np.ndarray, n_tiles: int, temperature_K: float
) -> tuple[np.ndarray, np.ndarray]:
    """Free energy -kT ln <exp(-ΔE/kT)> of each tile and its standard error (eV), shapes (n_tiles,).

    The free energy is infinite where no attempt has weight, NaN where there is no attempt; the error is NaN for fewer
    than two.
    """
    kT_eV = KB_EV_K * temperature_K
    logarithms = np.where(np.isfinite(energies_eV), -energies_eV / kT_eV, -np.inf)
    largest = np.full(n_tiles, -np.inf)
    np.maximum.at(largest, numbers, logarithms)
    finite = np.where(np.isfinite(largest), largest, 0.0)
    weights = np.exp(logarithms - finite[numbers])
    counts = np.bincount(numbers, minlength=n_tiles)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.bincount(numbers, weights, minlength=n_tiles) / counts
        squares = np.bincount(numbers, (weights - means[numbers]) ** 2, minlength=n_tiles)
        relative = np.sqrt(squares / (counts - 1) / counts) / means
        values = np.where(counts > 0, -kT_eV * (finite + np.log(means)), np.nan)
    return values, kT_eV * np.where(counts > 1, relative, np.nan)


def radial_profile(
    distances_A: np.ndarray, energies_eV: np.ndarray, temperature_K: float, ring_A: float = 0.5
) -> Profile:
    """Free energy of insertion in rings around the centre of a channel.

    Parameters
    ----------
    distances_A : ndarray, shape (n,)
        Of the attempts from the centre of the nearest channel.
    energies_eV : ndarray, shape (n,)
    temperature_K : float
    ring_A : float
        Width of the rings.
    """
    rings = (distances_A / ring_A).astype(int)
    count = int(rings.max()) + 1
    values, errors = free_energies(energies_eV, rings, count, temperature_K)
    radii = (np.arange(count) + 0.5) * ring_A
    counts = np.bincount(rings, minlength=count)
    relative = np.nan_to_num(errors / (KB_EV_K * temperature_K))
    effective = counts / (1 + (counts - 1) * relative**2)
    return Profile(radii, values * EV_IN_KJ_MOL, errors * EV_IN_KJ_MOL, counts, effective)
