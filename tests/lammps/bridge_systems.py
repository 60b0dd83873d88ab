"""Systems of argon and copper for the checks of the bridge, and what is read from an instance of LAMMPS."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk
from bridge_calculators import ARGON

from assay.lammps import LammpsBridge

EPSILON_EV, SIGMA_A = ARGON["epsilon_eV"][18], ARGON["sigma_A"][18]
TILTED = np.array([[17.0, 0, 0], [3.5, 16.5, 0], [-2.0, 4.0, 16.0]])


def solid_argon(tilted: bool) -> Atoms:
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True) * 3
    rng = np.random.default_rng(1)
    if tilted:
        atoms.set_cell(TILTED, scale_atoms=True)
    atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
    atoms.set_velocities(rng.normal(0, 0.02, atoms.positions.shape))
    return atoms


def native_argon(bridge: LammpsBridge, cutoff_A: float, per_energy: float = 1.0) -> None:
    """Replace the calculator by LAMMPS's own pair style."""
    bridge.lammps.command(f"pair_style lj/cut {cutoff_A}")
    bridge.lammps.command(f"pair_coeff * * {EPSILON_EV * per_energy:.17g} {SIGMA_A}")
    bridge.lammps.command("pair_modify shift yes")


def by_id(bridge: LammpsBridge, name: str) -> np.ndarray:
    count = bridge.lammps.extract_setting("nlocal")
    order = np.argsort(bridge.lammps.numpy.extract_atom("id", nelem=count, dim=1))
    return bridge.lammps.numpy.extract_atom(name, nelem=count, dim=3)[order].copy()


def relative(one, other) -> float:
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return float(np.abs(one - other).max() / np.abs(other).max())


def counters(bridge: LammpsBridge) -> list[int]:
    return [int(bridge.lammps.extract_fix("mc", 0, 1, nrow=row)) for row in range(8)]


def copper(turned: bool) -> Atoms:
    atoms = bulk("Cu") * 3 if turned else bulk("Cu", cubic=True) * 2
    atoms.rattle(0.08, seed=3)
    if turned:
        atoms.rotate(37, "z", rotate_cell=True)
        atoms.rotate(21, "x", rotate_cell=True)
        atoms.set_cell(
            atoms.cell.array @ (np.eye(3) + 0.03 * np.random.default_rng(2).random((3, 3))), scale_atoms=True
        )
    return atoms
