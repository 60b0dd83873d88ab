"""Relaxing a lattice: the equation of state of a cell whose sites symmetry fixes, and cells relaxed by their stress."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.constraints import FixSymmetry
from ase.eos import birchmurnaghan
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.units import GPa
from scipy.optimize import curve_fit

from assay.references.gpaw_code import NotConverged

MAXIMUM_STEPS = 60


@dataclass(frozen=True)
class EquationOfState:
    """Minimum of a third-order Birch-Murnaghan equation of state (doi:10.1103/PhysRev.71.809).

    Attributes
    ----------
    volume_A3, energy_eV : float
        At the minimum.
    bulk_modulus_GPa : float
        At the minimum.
    rms_eV : float
        Root mean square of the residuals of the fit.
    """

    volume_A3: float
    energy_eV: float
    bulk_modulus_GPa: float
    rms_eV: float


def fit_equation_of_state(volumes_A3: np.ndarray, energies_eV: np.ndarray) -> EquationOfState:
    """Least-squares fit of energies against volumes.

    Raises
    ------
    ValueError
        If there are fewer than five points, or the minimum lies outside of the volumes.
    """
    volumes = np.asarray(volumes_A3, float)
    energies = np.asarray(energies_eV, float)
    if len(volumes) < 5:
        raise ValueError(f"an equation of state needs five points or more; got {len(volumes)}")
    curvature, slope, offset = np.polyfit(volumes, energies, 2)
    start_volume = -slope / (2 * curvature)
    start = (offset - slope**2 / (4 * curvature), 2 * curvature * start_volume, 4.0, start_volume)
    parameters, _ = curve_fit(birchmurnaghan, volumes, energies, p0=start, maxfev=20000)
    energy, modulus, _, volume = parameters
    if not volumes.min() < volume < volumes.max():
        raise ValueError(
            f"the minimum, {volume:.2f} Å³, lies outside of the volumes {volumes.min():.2f} to {volumes.max():.2f} Å³"
        )
    residuals = energies - birchmurnaghan(volumes, *parameters)
    return EquationOfState(volume, energy, modulus / GPa, float(np.sqrt(np.mean(residuals**2))))


def scaled(atoms: Atoms, factor: float) -> Atoms:
    """A copy whose cell is longer by `factor` in every direction, with the same fractional coordinates."""
    copy = atoms.copy()
    copy.set_cell(atoms.cell.array * factor, scale_atoms=True)
    return copy


def positions_are_fixed(atoms: Atoms, tolerance_A: float = 1e-5) -> bool:
    """Whether symmetry fixes every atom: no site has a direction that its own symmetry operations leave in place."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    operations = spglib.get_symmetry(cell, symprec=tolerance_A)
    positions = atoms.get_scaled_positions()
    for position in positions:
        images = operations["rotations"] @ position + operations["translations"]
        difference = images - position
        stays = np.abs((difference - difference.round()) @ atoms.cell.array).max(axis=1) < tolerance_A * 10
        if np.abs(operations["rotations"][stays].mean(axis=0)).max() > 1e-9:
            return False
    return True


def relax_cell(atoms: Atoms, calculator: Calculator, force_eV_A: float) -> tuple[Atoms, int]:
    """Relax cell and positions under the symmetry of the start (BFGS; doi:10.1093/imamat/6.1.76).

    Returns
    -------
    Atoms
        The relaxed structure with its calculator, its symmetry refined.
    int
        Steps done.

    Raises
    ------
    NotConverged
        If the force criterion is not reached in `MAXIMUM_STEPS` steps.
    """
    atoms = atoms.copy()
    atoms.calc = calculator
    atoms.set_constraint(FixSymmetry(atoms))
    optimiser = BFGS(FrechetCellFilter(atoms), logfile=None)
    if not optimiser.run(fmax=force_eV_A, steps=MAXIMUM_STEPS):
        raise NotConverged(f"the cell did not reach {force_eV_A} eV/Å in {MAXIMUM_STEPS} steps")
    return atoms, optimiser.nsteps
