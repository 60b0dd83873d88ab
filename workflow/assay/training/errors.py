"""Errors of energies and forces of a set of structures, with standard errors over the structures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def mean_and_stderr(values: np.ndarray) -> tuple[float, float]:
    """Mean of independent values and its standard error; NaN for the latter where there are fewer than two."""
    values = np.asarray(values, dtype=float)
    stderr = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()) if len(values) else np.nan, float(stderr)


def errors_of(
    counts: np.ndarray,
    energies_eV: np.ndarray,
    true_energies_eV: np.ndarray,
    forces_eV_A: Sequence[np.ndarray],
    true_forces_eV_A: Sequence[np.ndarray],
) -> dict[str, float]:
    """Mean absolute errors, each structure counted once.

    Parameters
    ----------
    counts : ndarray of int, shape (s,)
        Atoms of each structure.
    energies_eV, true_energies_eV : ndarray, shape (s,)
    forces_eV_A, true_forces_eV_A : sequence of ndarray, shape (n, 3)

    Returns
    -------
    dict
        ``energy_mae_meV_per_atom``, ``force_mae_meV_A`` (of components) and their ``_stderr``.
    """
    energy = 1e3 * np.abs(np.asarray(energies_eV) - true_energies_eV) / counts
    force = 1e3 * np.array(
        [np.abs(one - other).mean() for one, other in zip(forces_eV_A, true_forces_eV_A, strict=True)]
    )
    energy_mean, energy_stderr = mean_and_stderr(energy)
    force_mean, force_stderr = mean_and_stderr(force)
    return {
        "energy_mae_meV_per_atom": energy_mean,
        "energy_mae_meV_per_atom_stderr": energy_stderr,
        "force_mae_meV_A": force_mean,
        "force_mae_meV_A_stderr": force_stderr,
    }


def atomic_energies(compositions: np.ndarray, energies_eV: np.ndarray) -> np.ndarray:
    """Energies of atoms (eV) whose sums are nearest to energies of structures, by least squares.

    Parameters
    ----------
    compositions : ndarray, shape (s, e)
        Atoms of each element.
    energies_eV : ndarray, shape (s,)

    Returns
    -------
    ndarray, shape (e,)
        Zero for an element that is in no structure.
    """
    return np.linalg.lstsq(np.asarray(compositions, dtype=float), np.asarray(energies_eV, dtype=float), rcond=None)[0]
