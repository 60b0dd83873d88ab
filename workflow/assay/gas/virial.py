"""Second virial coefficient of rigid molecules, and what they do to each other at zero density.

``B2(T) = -2 pi N_A int r^2 <f> dr`` with Mayer's function ``f = exp(-U/kT) - 1``, averaged over the orientations of two
molecules whose centres are r apart. The radial integral is Gauss and Legendre's on panels; orientations are scrambled
Sobol points on the six-dimensional space of two rotations (Shoemake's map to quaternions), several scrambles of which
give the statistical error. Beyond the last distance f is taken to fall as r^-6.

The average of ``exp(-U/kT)`` alone is the radial distribution of the centres at zero density.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy.constants import N_A
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from assay.randomness import quaternions_of
from assay.statistics import standard_error

PairEnergy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Energies (eV, shape (n,)) of n pairs of molecules at positions (Å, shapes (n, a, 3) and (n, b, 3)) in vacuum."""

A3_IN_CM3_PER_MOL = N_A * 1e-24
"""1 Å³ per molecule in cm³/mol."""


@dataclass(frozen=True)
class SecondVirial:
    """Second virial coefficients at several temperatures.

    Attributes
    ----------
    temperatures_K, b2_cm3_mol, b2_stderr_cm3_mol : ndarray, shape (t,)
        The error is of the orientations' average, from independent scrambles.
    tail_cm3_mol : ndarray, shape (t,)
        What the extrapolation beyond the last distance has added: if it is not small the last distance is too short.
    """

    temperatures_K: np.ndarray
    b2_cm3_mol: np.ndarray
    b2_stderr_cm3_mol: np.ndarray
    tail_cm3_mol: np.ndarray


@dataclass(frozen=True)
class ZeroDensityDistribution:
    """Radial distribution of molecular centres at zero density: ``<exp(-U/kT)>`` over orientations.

    Attributes
    ----------
    distance_A, values, stderr : ndarray, shape (m,)
    """

    distance_A: np.ndarray
    values: np.ndarray
    stderr: np.ndarray


def random_orientations(count: int, seed: int | np.random.SeedSequence) -> tuple[Rotation, Rotation]:
    """Quasi-random, uniform orientations of two molecules.

    Parameters
    ----------
    count : int
        Best a power of two.
    seed : int or SeedSequence
        Of the scramble.
    """
    points = qmc.Sobol(6, rng=np.random.default_rng(seed)).random(count)
    return Rotation.from_quat(quaternions_of(points[:, :3])), Rotation.from_quat(quaternions_of(points[:, 3:]))


def mayer_averages(
    pair_energy: PairEnergy,
    molecule_A: np.ndarray,
    distances_A: np.ndarray,
    temperatures_K: Sequence[float],
    *,
    orientations: int = 1024,
    scrambles: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Mayer's function averaged over orientations.

    Parameters
    ----------
    pair_energy : callable
        See `PairEnergy`. An energy of plus infinity is an overlap.
    molecule_A : ndarray, shape (a, 3)
        Positions of the rigid molecule's sites about its centre.
    distances_A : ndarray, shape (m,)
        Of the centres.
    temperatures_K : sequence of float
    orientations : int
        Pairs of orientations per scramble, best a power of two.
    scrambles : int
        Independent averages.
    seed : int

    Returns
    -------
    ndarray, shape (t, scrambles, m)

    Raises
    ------
    ValueError
        If an energy is NaN.
    """
    temperatures = np.asarray(temperatures_K, dtype=float)
    averages = np.empty((len(temperatures), scrambles, len(distances_A)))
    for scramble, stream in enumerate(np.random.SeedSequence(seed).spawn(scrambles)):
        first, second = random_orientations(orientations, stream)
        here, there = (_turned(molecule_A, rotation) for rotation in (first, second))
        for index, distance in enumerate(distances_A):
            energy = np.asarray(pair_energy(here, there + np.array([distance, 0.0, 0.0])))
            if np.isnan(energy).any():
                raise ValueError(f"a pair energy at {distance:.3f} Å is not a number")
            with np.errstate(over="ignore"):
                factors = np.expm1(-energy / (units.kB * temperatures[:, None]))
            averages[:, scramble, index] = factors.mean(axis=1)
    return averages


def _turned(molecule_A: np.ndarray, rotations: Rotation) -> np.ndarray:
    return np.einsum("nij,aj->nai", rotations.as_matrix(), np.asarray(molecule_A, dtype=float))


def second_virial_coefficients(
    pair_energy: PairEnergy,
    molecule_A: np.ndarray,
    temperatures_K: Sequence[float],
    *,
    panels_A: Sequence[float] = (0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0, 40.0),
    nodes: int = 10,
    orientations: int = 1024,
    scrambles: int = 8,
    seed: int = 0,
) -> SecondVirial:
    """Second virial coefficients of a rigid molecule.

    Parameters
    ----------
    pair_energy, molecule_A, temperatures_K, orientations, scrambles, seed
        As for `mayer_averages`.
    panels_A : sequence of float
        Ends of the panels of the radial integral. An energy with a step needs a panel to end there.
    nodes : int
        Gauss-Legendre nodes per panel.
    """
    points, weights = np.polynomial.legendre.leggauss(nodes)
    ends = np.asarray(panels_A, dtype=float)
    half = np.diff(ends)[:, None] / 2
    distances = (ends[:-1, None] + half * (1 + points)).ravel()
    weight = (half * weights).ravel()
    last = ends[-1]
    averages = mayer_averages(
        pair_energy,
        molecule_A,
        np.append(distances, last),
        temperatures_K,
        orientations=orientations,
        scrambles=scrambles,
        seed=seed,
    )
    scale = -2 * np.pi * A3_IN_CM3_PER_MOL
    tails = scale * averages[..., -1] * last**3 / 3
    values = scale * (averages[..., :-1] * distances**2) @ weight + tails
    return SecondVirial(
        np.asarray(temperatures_K, dtype=float),
        values.mean(axis=1),
        np.array([standard_error(row) for row in values]),
        tails.mean(axis=1),
    )


def zero_density_distribution(
    pair_energy: PairEnergy,
    molecule_A: np.ndarray,
    distances_A: np.ndarray,
    temperature_K: float,
    *,
    orientations: int = 1024,
    scrambles: int = 8,
    seed: int = 0,
) -> ZeroDensityDistribution:
    """Radial distribution of the centres of two molecules that are alone; for CO2 that is g(r) of the carbons.

    Parameters
    ----------
    pair_energy, molecule_A, distances_A, orientations, scrambles, seed
        As for `mayer_averages`.
    temperature_K : float
    """
    averages = (
        1
        + mayer_averages(
            pair_energy,
            molecule_A,
            distances_A,
            [temperature_K],
            orientations=orientations,
            scrambles=scrambles,
            seed=seed,
        )[0]
    )
    return ZeroDensityDistribution(
        np.asarray(distances_A, dtype=float),
        averages.mean(axis=0),
        np.array([standard_error(column) for column in averages.T]),
    )
