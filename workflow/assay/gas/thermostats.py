"""Constant temperature: Langevin's equation, and stochastic velocity rescaling.

Langevin's friction and noise act on every atom, the rescaling on the kinetic energy of all. Both sample the canonical
ensemble, but in a dilute gas collisions are rare: energy that sits in a vibration, in a rotation or in the flight of a
molecule stays there for long, and a thermostat that sees only the sum lets one be too hot and another too cold. So
Langevin is the default; the rescaling is for liquids and solids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.gas.integrators import ACCELERATION, BOLTZMANN_eV_K, Forces, Integrator, Replicas, Streams, VelocityVerlet


@dataclass(frozen=True)
class Langevin:
    """Langevin dynamics by the BAOAB splitting (Leimkuhler, Matthews, doi:10.1093/amrx/abs010).

    Positions of harmonic motion are distributed exactly at any stable time step. Velocities at the ends of steps are
    too cold by (ω Δt)²/4, which is 5 % for the fastest vibration of CO2 at 1 fs: they are drawn anew for what follows.
    The noise acts on the centre of mass too, so all 3 n degrees of freedom count.

    Attributes
    ----------
    temperature_K : float
    time_fs : float
        Inverse of the friction.
    """

    temperature_K: float
    time_fs: float

    def step(self, state: Replicas, forces: Forces, timestep_fs: float, streams: Streams) -> None:
        """Kick, drift, friction and noise, drift, kick."""
        kept = np.exp(-timestep_fs / self.time_fs)
        thermal = BOLTZMANN_eV_K * self.temperature_K * ACCELERATION / state.masses_u
        spread = np.sqrt((1 - kept**2) * thermal)[:, None]
        state.kick(timestep_fs / 2)
        state.drift(timestep_fs / 2)
        for velocities, repeat in zip(state.velocities_A_fs, state.repeats.tolist(), strict=True):
            velocities *= kept
            velocities += spread * streams[repeat].standard_normal(velocities.shape)
        state.drift(timestep_fs / 2)
        state.evaluate(forces)
        state.kick(timestep_fs / 2)

    def degrees_of_freedom(self, n_atoms: int) -> int:
        """3 n."""
        return 3 * n_atoms


@dataclass(frozen=True)
class Bussi:
    """Stochastic velocity rescaling (Bussi, Donadio, Parrinello, doi:10.1063/1.2408420) after a step of Verlet's.

    It leaves the total momentum at zero, so 3 n - 3 degrees of freedom count.

    Attributes
    ----------
    temperature_K : float
    time_fs : float
        Relaxation time of the kinetic energy.
    """

    temperature_K: float
    time_fs: float

    def step(self, state: Replicas, forces: Forces, timestep_fs: float, streams: Streams) -> None:
        """A step at constant energy, then a new kinetic energy for each repeat."""
        VelocityVerlet().step(state, forces, timestep_fs, streams)
        degrees = self.degrees_of_freedom(len(state.masses_u))
        kept = np.exp(-timestep_fs / self.time_fs)
        for velocities, kinetic_eV, repeat in zip(
            state.velocities_A_fs, state.kinetic_energies_eV, state.repeats.tolist(), strict=True
        ):
            # mean kinetic energy of one degree of freedom, over the present one of all
            share = 0.5 * BOLTZMANN_eV_K * self.temperature_K / kinetic_eV
            first = streams[repeat].standard_normal()
            others = streams[repeat].chisquare(degrees - 1)
            along = np.sqrt(kept) + np.sqrt((1 - kept) * share) * first
            velocities *= np.sign(along) * np.sqrt(along**2 + (1 - kept) * share * others)

    def degrees_of_freedom(self, n_atoms: int) -> int:
        """3 n - 3."""
        return 3 * n_atoms - 3


THERMOSTATS: dict[str, Callable[[float, float], Integrator]] = {"langevin": Langevin, "bussi": Bussi}
"""By the name in the configuration: temperature (K) and time (fs) to the integrator."""
