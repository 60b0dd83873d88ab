"""The protocol of a run: equilibration with a thermostat, fresh velocities, production at constant energy.

Per repeat: velocities from Maxwell's distribution and NVT; velocities drawn again at the case's temperature, without
total momentum; if asked for, short NVE runs from there with several time steps; NVE. The defaults are a published
protocol's, but for the temperature of the equilibration, which there is 300 K whatever the production's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from assay.failures import UserError
from assay.gas.dynamics import Stage
from assay.gas.explosions import Limits
from assay.gas.integrators import VelocityVerlet
from assay.gas.thermostats import THERMOSTATS
from assay.gas.trajectories import NVE, NVT

FS_PER_PS = 1000.0
SCAN_PREFIX = "scan-"


@dataclass(frozen=True, kw_only=True)
class GasProtocol:
    """What is simulated of each system.

    Attributes
    ----------
    repeats : int
        Independent runs.
    equilibration_K : float or None
        Temperature of NVT; None for the case's own.
    equilibration_ps, production_ps : float
        Lengths of NVT and of NVE.
    timestep_fs : float
    thermostat : str
        ``langevin`` or ``bussi``.
    thermostat_time_fs : float
    frame_interval_fs, velocity_interval_fs : float
        Between stored positions and velocities; whole numbers of time steps.
    timestep_scan_fs : sequence of float
        Time steps of the short runs, each `timestep_scan_ps` long.
    timestep_scan_ps : float
    explosion_factor : float
        A run that is hotter than this multiple of the case's temperature has exploded.
    closest_A : float
        So has one with two atoms closer than this.
    """

    repeats: int = 10
    equilibration_K: float | None = None
    equilibration_ps: float = 10.0
    production_ps: float = 10.0
    timestep_fs: float = 1.0
    thermostat: str = "langevin"
    thermostat_time_fs: float = 100.0
    frame_interval_fs: float = 10.0
    velocity_interval_fs: float = 4.0
    timestep_scan_fs: tuple[float, ...] = ()
    timestep_scan_ps: float = 1.0
    explosion_factor: float = 10.0
    closest_A: float = 0.5

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> GasProtocol:
        """The protocol of a block of settings, in which other keys may stand too.

        Raises
        ------
        UserError
            If an interval is not a whole number of time steps.
        """
        own = {field.name for field in fields(cls)}
        protocol = cls(**{key: value for key, value in settings.items() if key in own})
        protocol.steps_between("frame_interval_fs")
        protocol.steps_between("velocity_interval_fs")
        return protocol

    def steps_between(self, key: str) -> int:
        """The interval `key` in time steps.

        Raises
        ------
        UserError
            If it is not a whole number of them.
        """
        steps = getattr(self, key) / self.timestep_fs
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6:
            raise UserError(
                f"gas.{key}: {getattr(self, key):g} fs is not a whole number of time steps of {self.timestep_fs:g} fs;"
                " change one of them."
            )
        return round(steps)

    def nvt_K(self, temperature_K: float) -> float:
        """Temperature of the equilibration of a case."""
        return temperature_K if self.equilibration_K is None else self.equilibration_K

    def limits(self, temperature_K: float) -> Limits:
        """What a run of a case must not reach."""
        return Limits(self.explosion_factor * temperature_K, self.closest_A)

    def stages(self, temperature_K: float) -> list[Stage]:
        """The stretches of a run of a case, in their order: NVT, the scan's, NVE."""
        frames = self.steps_between("frame_interval_fs")
        thermostat = THERMOSTATS[self.thermostat](self.nvt_K(temperature_K), self.thermostat_time_fs)
        equilibration = Stage(
            NVT, thermostat, _steps(self.equilibration_ps, self.timestep_fs), self.timestep_fs, frames
        )
        production = Stage(
            NVE,
            VelocityVerlet(),
            _steps(self.production_ps, self.timestep_fs),
            self.timestep_fs,
            look_every=frames,
            positions_every=frames,
            velocities_every=self.steps_between("velocity_interval_fs"),
        )
        scan = [
            Stage(
                f"{SCAN_PREFIX}{timestep_fs:g}fs",
                VelocityVerlet(),
                _steps(self.timestep_scan_ps, timestep_fs),
                timestep_fs,
                look_every=max(1, round(self.frame_interval_fs / timestep_fs)),
            )
            for timestep_fs in self.timestep_scan_fs
        ]
        return [equilibration, *scan, production]


def _steps(time_ps: float, timestep_fs: float) -> int:
    return max(1, round(time_ps * FS_PER_PS / timestep_fs))
