"""One block of trials, or one run of dynamics, in an instance of LAMMPS that is filled for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import units
from scipy.spatial.transform import Rotation

from assay.adsorption.lammps_script import TEMPLATE, Dynamics, Moves, thermal_velocities
from assay.adsorption.lammps_systems import LammpsSystem, counters
from assay.lammps.systems import VELOCITY_UNITS


def make_trials(
    system: LammpsSystem, positions_A: np.ndarray, moves: Moves, rotation: Rotation, folder: Path
) -> tuple[np.ndarray, float, np.ndarray]:
    """One block of Monte Carlo trials.

    Parameters
    ----------
    system : LammpsSystem
    positions_A : ndarray, shape (n, m, 3)
    moves : Moves
    rotation : Rotation
        Of the template that is inserted.
    folder : Path
        For files that LAMMPS reads.

    Returns
    -------
    positions_A : ndarray, shape (n', m, 3)
    energy_eV : float
        The interaction energy then.
    counts : ndarray of int, shape (4, 2)
        Of `counters`.
    """
    parts = system.parts
    order = system.fill(positions_A, folder, trials=True)
    order(f'molecule {TEMPLATE} "{parts.write_template(rotation, folder)}"')
    for line in moves.commands(system.counted_energy_eV):
        order(line)
    order("run 1 post no")
    found = parts.read()
    return found, system.energy_eV(len(found)), counters(parts.lammps)


def move_on(
    system: LammpsSystem,
    positions_A: np.ndarray,
    dynamics: Dynamics,
    steps: int,
    random: np.random.Generator,
    folder: Path,
) -> tuple[np.ndarray, float]:
    """Molecular dynamics from velocities that are drawn at its start; returns positions and the interaction energy."""
    parts, lammps = system.parts, system.parts.lammps
    order = system.fill(positions_A, folder, trials=False)
    turned_A = parts.axes.to_lammps(positions_A)
    velocities = thermal_velocities(turned_A, parts.guest.get_masses(), units.kB * dynamics.temperature_K, random)
    count = lammps.extract_setting("nlocal")
    places = np.argsort(lammps.numpy.extract_atom("id", nelem=count, dim=1))[len(parts.host) :]
    lammps.numpy.extract_atom("v", nelem=count, dim=3)[places] = velocities.reshape(-1, 3) * VELOCITY_UNITS["metal"]
    for line in dynamics.commands(len(parts.guest)):
        order(line)
    order(f"run {steps} post no")
    return parts.read(), system.energy_eV(len(positions_A))
