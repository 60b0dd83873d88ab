"""How a repeat comes to an early end: what is looked for, and what is told of it.

A repeat has exploded when a number is not finite, when it is hotter than a limit, when two atoms are closer than a
limit, or when the potential fails on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from assay.gas.integrators import Integrator, Replicas, temperatures_K

Causes = dict[int, tuple[str, str]]
"""Cause and sentence by row of the state."""


@dataclass(frozen=True)
class Limits:
    """What a run must not reach: a temperature (K) and a distance between atoms (Å)."""

    temperature_K: float = np.inf
    closest_A: float = 0.0


@dataclass(frozen=True)
class Explosion:
    """The end of a repeat before its time.

    Attributes
    ----------
    repeat : int
    phase : str
    time_fs : float
        From the start of the phase.
    cause : str
        ``non_finite``, ``temperature``, ``closest_distance`` or ``failure``.
    message : str
        For people.
    """

    repeat: int
    phase: str
    time_fs: float
    cause: str
    message: str

    def record(self) -> dict[str, Any]:
        """The explosion as plain values."""
        return asdict(self)


def closest_distance_A(positions_A: np.ndarray, cell_A: np.ndarray, reach_A: float) -> float:
    """The closest distance between two atoms of a periodic cell, images included; infinite beyond `reach_A`.

    Parameters
    ----------
    positions_A : ndarray, shape (n, 3)
    cell_A : ndarray, shape (3, 3)
        Of any shape, with heights of more than twice `reach_A`.
    reach_A : float
    """
    fractional = positions_A @ np.linalg.inv(cell_A)
    fractional -= np.floor(fractional)
    # an edge of the cell is the other edge, which the tree does not take
    fractional[fractional >= 1.0] = 0.0
    smallest_stretch_A = np.linalg.svd(cell_A, compute_uv=False).min()
    pairs = cKDTree(fractional, boxsize=1.0).query_pairs(reach_A / smallest_stretch_A, output_type="ndarray")
    vectors = fractional[pairs[:, 0]] - fractional[pairs[:, 1]]
    distances_A = np.linalg.norm((vectors - np.rint(vectors)) @ cell_A, axis=1)
    return float(distances_A[distances_A <= reach_A].min(initial=np.inf))


def not_finite(state: Replicas, failures: Mapping[int, str]) -> Causes:
    """Rows with numbers that are not finite, and those on which the potential failed with the sentences given."""
    finite = np.isfinite(state.energies_eV)
    for values in (state.forces_eV_A, state.velocities_A_fs):
        finite &= np.isfinite(values).all(axis=(1, 2))
    causes = dict.fromkeys(
        np.flatnonzero(~finite).tolist(), ("non_finite", "energy, forces or velocities are not finite numbers")
    )
    return causes | {row: ("failure", sentence) for row, sentence in failures.items()}


def too_close(state: Replicas, cell_A: np.ndarray, limit_A: float) -> Causes:
    """Rows with two atoms closer than a limit (Å)."""
    closest_A = [closest_distance_A(positions, cell_A, limit_A) for positions in state.positions_A] if limit_A else []
    return {
        row: ("closest_distance", f"two atoms are {distance:.3g} Å apart")
        for row, distance in enumerate(closest_A)
        if distance < limit_A
    }


def too_hot(state: Replicas, integrator: Integrator, limit_K: float) -> Causes:
    """Rows hotter than a limit (K), by the degrees of freedom that the integrator leaves."""
    degrees = integrator.degrees_of_freedom(len(state.masses_u))
    temperature_K = temperatures_K(state.kinetic_energies_eV, degrees)
    rows = np.flatnonzero(temperature_K > limit_K).tolist()
    return {row: ("temperature", f"the temperature is {temperature_K[row]:.4g} K") for row in rows}
