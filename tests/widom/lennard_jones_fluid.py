"""Configurations of the Lennard-Jones fluid by Metropolis sampling of many small replicas at once, reduced units.

Energies are truncated at half the box with the standard tail correction (Frenkel and Smit, Understanding Molecular
Simulation, second edition, section 3.2.2).
"""

from __future__ import annotations

import numpy as np

PER_EDGE = 3
"""Face-centred cells along an edge of the box."""

N_ATOMS = 4 * PER_EDGE**3
STEP = 0.35
"""Largest displacement in one direction at density 0.4; half of the moves or so are accepted."""


def sample(
    temperature: float, density: float, n_replicas: int, n_sweeps: int, every: int, rng: np.random.Generator
) -> np.ndarray:
    """Configurations of independent replicas after melting a crystal.

    Returns
    -------
    ndarray, shape (n_kept, n_replicas, N_ATOMS, 3)
        Every `every`-th sweep of the second half of the run.
    """
    edge = box_edge(density)
    corners = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    cells = np.array(np.meshgrid(*[range(PER_EDGE)] * 3)).reshape(3, -1).T
    lattice = (cells[:, None, :] + corners).reshape(-1, 3) * edge / PER_EDGE
    positions = np.repeat(lattice[None], n_replicas, axis=0)
    step = STEP * (0.4 / density) ** (1 / 3)
    kept = []
    for sweep in range(n_sweeps):
        for _ in range(N_ATOMS):
            atom = rng.integers(N_ATOMS)
            trial = positions[:, atom] + rng.uniform(-step, step, (n_replicas, 3))
            before = _energies(positions, positions[:, atom], edge, leave_out=atom)
            after = _energies(positions, trial, edge, leave_out=atom)
            accepted = np.log(rng.random(n_replicas)) < (before - after) / temperature
            positions[accepted, atom] = trial[accepted]
        if sweep >= n_sweeps // 2 and sweep % every == 0:
            kept.append(positions % edge)
    return np.array(kept)


def insertion_energies(configurations: np.ndarray, density: float, points: np.ndarray) -> np.ndarray:
    """Energies of an atom at points (fractions of the box, shape (k, 3)) in each replica, tail included; (n, k)."""
    edge = box_edge(density)
    values = [
        _energies(configurations, np.broadcast_to(point * edge, configurations[:, 0].shape), edge) for point in points
    ]
    ratio = (2 / edge) ** 3
    tail = 16 / 3 * np.pi * density * (ratio**3 / 3 - ratio)
    return np.array(values).T + tail


def box_edge(density: float) -> float:
    """Edge of the cubic box."""
    return (N_ATOMS / density) ** (1 / 3)


def _energies(positions: np.ndarray, points: np.ndarray, edge: float, leave_out: int | None = None) -> np.ndarray:
    """Energy of one point in each replica with all atoms but one, within half the box."""
    vectors = positions - points[:, None, :]
    vectors -= edge * np.round(vectors / edge)
    squares = np.einsum("nij,nij->ni", vectors, vectors)
    if leave_out is not None:
        squares[:, leave_out] = np.inf
    inverse = squares**-3
    return np.where(squares < edge**2 / 4, 4 * inverse * (inverse - 1), 0.0).sum(axis=1)
