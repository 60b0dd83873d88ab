"""Potentials and states with known dynamics, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from assay.gas.forces import ModelForces
from assay.gas.integrators import Forces, Replicas, maxwell_velocities
from assay.potentials import Potential, Result
from assay.potentials.batching import Budget, Prepared

ARGON_EPSILON_eV, ARGON_SIGMA_A = 0.0103, 3.405

Law = Callable[[Atoms], tuple[float, np.ndarray]]
"""Atoms -> energy (eV) and forces (eV/Å)."""


def make_potential(law: Law, *, native: bool = True, device: str = "toy") -> Potential:
    """A potential of a law; native ones say that they take many structures in one pass."""

    def forward(graphs, wanted):
        return [Result(*law(atoms)) for atoms in graphs]

    return Potential(
        name="moving",
        device=device,
        dtype="float64",
        conservative=True,
        elements=None,
        prepare=lambda atoms: Prepared(atoms.copy(), atoms=len(atoms), edges=0),
        forward=forward,
        make_package_calculator=LennardJones,
        package_calculator_name="none",
        native=native,
        budget=Budget(atoms_per_pass=10**6, sparse_atoms_per_pass=10**6),
    )


def free(atoms: Atoms) -> tuple[float, np.ndarray]:
    """No forces."""
    return 0.0, np.zeros((len(atoms), 3))


def smooth_lennard_jones(atoms: Atoms) -> tuple[float, np.ndarray]:
    """Argon, switched off between 1.9 and 2.4 sigma by a polynomial with two continuous derivatives.

    The nearest image alone is taken: cells are to be longer than 16.4 Å where energies matter.
    """
    onset, cutoff = 1.9 * ARGON_SIGMA_A, 2.4 * ARGON_SIGMA_A
    first, second = _pairs(len(atoms))
    lengths = atoms.cell.lengths()
    vectors = atoms.positions[first] - atoms.positions[second]
    vectors -= lengths * np.rint(vectors / lengths)
    squared = np.einsum("px,px->p", vectors, vectors)
    near = squared < cutoff**2
    first, second, vectors, distance = first[near], second[near], vectors[near], np.sqrt(squared[near])
    attraction = (ARGON_SIGMA_A / distance) ** 6
    energy = 4 * ARGON_EPSILON_eV * (attraction**2 - attraction)
    slope = -24 * ARGON_EPSILON_eV * (2 * attraction**2 - attraction) / distance
    part = np.clip((distance - onset) / (cutoff - onset), 0, 1)
    switch = 1 - part**3 * (10 - 15 * part + 6 * part**2)
    switch_slope = -30 * part**2 * (1 - part) ** 2 / (cutoff - onset)
    pull = ((slope * switch + energy * switch_slope) / distance)[:, None] * vectors
    forces = np.zeros((len(atoms), 3))
    np.add.at(forces, first, -pull)
    np.add.at(forces, second, pull)
    return float((energy * switch).sum()), forces


@cache
def _pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(count, 1)


def without_gradient(law: Law, share: float) -> Law:
    """A law whose forces are not the derivatives of its energy: each atom's are turned a little about the z axis."""

    def turned(atoms: Atoms) -> tuple[float, np.ndarray]:
        energy, forces = law(atoms)
        x, y, _ = forces.T
        return energy, forces + share * np.stack([-y, x, 0 * x], axis=1)

    return turned


def no_forces(positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Free particles of all repeats at once, as integrators want them."""
    return np.zeros(len(positions_A)), np.zeros_like(positions_A)


def springs(stiffness_eV_A2: float, centres: np.ndarray) -> Forces:
    """Every atom of all repeats on a spring to its own place."""

    def forces(positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        stretch = positions_A - centres
        return 0.5 * stiffness_eV_A2 * (stretch**2).sum(axis=(1, 2)), -stiffness_eV_A2 * stretch

    return forces


def argon(size: int = 3) -> Atoms:
    """A crystal of argon, 4 size³ atoms."""
    return bulk("Ar", "fcc", a=5.5, cubic=True).repeat(size)


def carbon_dioxide() -> Atoms:
    """One molecule with sites and charges."""
    molecule = Atoms("CO2", [[0.0, 0.0, 0.0], [1.16, 0.0, 0.0], [-1.16, 0.0, 0.0]])
    molecule.set_array("site", np.array(["C_co2", "O_co2", "O_co2"]))
    molecule.set_initial_charges([0.7, -0.35, -0.35])
    return molecule


def through_potential(law: Law, start: Atoms, repeats: int = 1) -> ModelForces:
    """Forces of a law, the way that those of models go."""
    return ModelForces(make_potential(law), [start.copy() for _ in range(repeats)])


def moving(forces: Forces, start: Atoms, temperature_K: float, repeats: int = 1, seed: int = 0) -> Replicas:
    """Repeats at the same places with velocities from Maxwell's distribution."""
    state = Replicas.at_rest(start.get_masses(), np.array([start.positions] * repeats), forces)
    random = np.random.default_rng(seed)
    for row in range(repeats):
        state.velocities_A_fs[row] = maxwell_velocities(state.masses_u, temperature_K, random)
    return state
