"""Newton's equations for many repeats of one system at once, in Å, fs, eV and u.

Velocity Verlet: Swope, Andersen, Berens, Wilson, J. Chem. Phys. 76, 637 (1982), doi:10.1063/1.442716. ASE measures time
in a unit of its own (1 fs is 0.0982 of it); here velocities are in Å/fs, and `ACCELERATION` turns eV/(Å u) into Å/fs².
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import units

ACCELERATION = units.fs**2
"""1 eV/(Å u) in Å/fs²; also kT/m of 1 eV and 1 u as the square of a velocity in Å/fs."""

BOLTZMANN_eV_K = units.kB

Forces = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Positions (Å, shape (r, n, 3)) -> energies (eV, shape (r,)) and forces (eV/Å, shape (r, n, 3))."""

Streams = Mapping[int, np.random.Generator]
"""Random streams by the number of the repeat."""


@dataclass
class Replicas:
    """The state of r repeats of n atoms; integrators change it in place.

    Attributes
    ----------
    repeats : ndarray of int, shape (r,)
        Number of the repeat in each row.
    masses_u : ndarray, shape (n,)
    positions_A : ndarray, shape (r, n, 3)
        Unwrapped.
    velocities_A_fs : ndarray, shape (r, n, 3)
    forces_eV_A : ndarray, shape (r, n, 3)
        At the positions.
    energies_eV : ndarray, shape (r,)
        Potential energies at the positions.
    """

    repeats: np.ndarray
    masses_u: np.ndarray
    positions_A: np.ndarray
    velocities_A_fs: np.ndarray
    forces_eV_A: np.ndarray
    energies_eV: np.ndarray

    @classmethod
    def at_rest(cls, masses_u: np.ndarray, positions_A: np.ndarray, forces: Forces) -> Replicas:
        """Rows 0, 1, ... without velocities, with their forces."""
        positions = np.array(positions_A, dtype=float)
        energies, values = forces(positions)
        masses = np.asarray(masses_u, dtype=float)
        return cls(np.arange(len(positions)), masses, positions, np.zeros_like(positions), values, energies)

    @property
    def kinetic_energies_eV(self) -> np.ndarray:
        """Kinetic energy of each repeat, shape (r,)."""
        return kinetic_energies_eV(self.masses_u, self.velocities_A_fs)

    def copy(self) -> Replicas:
        """A state that changes on its own."""
        return self.keep(np.ones(len(self.repeats), dtype=bool))

    def keep(self, kept: np.ndarray) -> Replicas:
        """A copy of some rows, given as booleans of shape (r,)."""
        return Replicas(
            self.repeats[kept],
            self.masses_u.copy(),
            self.positions_A[kept],
            self.velocities_A_fs[kept],
            self.forces_eV_A[kept],
            self.energies_eV[kept],
        )

    def kick(self, time_fs: float) -> None:
        """Velocities after a time under the present forces."""
        self.velocities_A_fs += time_fs * ACCELERATION / self.masses_u[:, None] * self.forces_eV_A

    def drift(self, time_fs: float) -> None:
        """Positions after a time at the present velocities."""
        self.positions_A += time_fs * self.velocities_A_fs

    def evaluate(self, forces: Forces) -> None:
        """Energies and forces at the present positions."""
        self.energies_eV, self.forces_eV_A = forces(self.positions_A)


class Integrator(Protocol):
    """A step of time, with or without a thermostat."""

    def step(self, state: Replicas, forces: Forces, timestep_fs: float, streams: Streams) -> None:
        """Advance every row of `state` by one time step, with one evaluation of the forces."""

    def degrees_of_freedom(self, n_atoms: int) -> int:
        """How many velocities of so many atoms are independent of each other."""


@dataclass(frozen=True)
class VelocityVerlet:
    """Constant energy, and constant total momentum (which is zero)."""

    def step(self, state: Replicas, forces: Forces, timestep_fs: float, streams: Streams) -> None:
        """Half a kick, a drift, half a kick; no random numbers."""
        state.kick(timestep_fs / 2)
        state.drift(timestep_fs)
        state.evaluate(forces)
        state.kick(timestep_fs / 2)

    def degrees_of_freedom(self, n_atoms: int) -> int:
        """3 n - 3: the total momentum is zero."""
        return 3 * n_atoms - 3


def kinetic_energies_eV(masses_u: np.ndarray, velocities_A_fs: np.ndarray) -> np.ndarray:
    """Kinetic energies (eV), summed over the last two axes of velocities of shape (..., n, 3)."""
    return 0.5 / ACCELERATION * np.einsum("n,...nx,...nx->...", masses_u, velocities_A_fs, velocities_A_fs)


def temperatures_K(kinetic_eV: np.ndarray, degrees_of_freedom: int) -> np.ndarray:
    """Temperatures that belong to kinetic energies (eV) of so many degrees of freedom."""
    return 2 * np.asarray(kinetic_eV) / (degrees_of_freedom * BOLTZMANN_eV_K)


def without_momentum(masses_u: np.ndarray, velocities_A_fs: np.ndarray) -> np.ndarray:
    """Velocities of shape (..., n, 3) relative to their centre of mass."""
    centre = np.einsum("n,...nx->...x", masses_u, velocities_A_fs) / masses_u.sum()
    return velocities_A_fs - centre[..., None, :]


def maxwell_velocities(masses_u: np.ndarray, temperature_K: float, random: np.random.Generator) -> np.ndarray:
    """Velocities (Å/fs, shape (n, 3)) from Maxwell's distribution, without total momentum.

    They are not scaled to the temperature: the kinetic energy of 3 n - 3 degrees of freedom fluctuates as it does in
    the canonical ensemble, and its mean is that of the temperature.
    """
    masses = np.asarray(masses_u, dtype=float)
    spread = np.sqrt(BOLTZMANN_eV_K * temperature_K * ACCELERATION / masses)
    return without_momentum(masses, spread[:, None] * random.standard_normal((len(masses), 3)))
