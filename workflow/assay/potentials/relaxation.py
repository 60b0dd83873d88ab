"""A crystal at a potential's own minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase import Atoms

from assay.failures import PotentialFailure

if TYPE_CHECKING:
    from assay.potentials.base import Potential


@dataclass(frozen=True)
class Relaxed:
    """What a relaxation leads to.

    Attributes
    ----------
    atoms : Atoms
        Without a calculator.
    steps : int
    volume_change : float
        Relative to the volume before.
    """

    atoms: Atoms
    steps: int
    volume_change: float


def relaxed(
    potential: Potential,
    atoms: Atoms,
    what: Literal[True, "positions"],
    *,
    fmax_eV_A: float,
    steps: int,
    symmetry_tolerance_A: float = 1e-5,
) -> Relaxed:
    """Relax a crystal, its space group kept.

    FIRE with Frechet cell filter and ase's FixSymmetry, as in doi:10.1038/s41524-025-01650-1.

    Parameters
    ----------
    potential : Potential
    atoms : Atoms
        Left as it is.
    what : True or ``positions``
        Positions and cell, or positions alone.
    fmax_eV_A : float
        Largest force that may be left (eV/Å).
    steps : int
        The most that may be taken.
    symmetry_tolerance_A : float

    Raises
    ------
    PotentialFailure
        ``not_converged``, ``non_finite``, or as of `Potential.evaluate`.
    """
    from ase.constraints import FixSymmetry
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    potential.require_elements([atoms])
    moving = atoms.copy()
    moving.calc = potential.calculator()
    moving.set_constraint(FixSymmetry(moving, symprec=symmetry_tolerance_A))
    target = FrechetCellFilter(moving) if what is True else moving
    optimiser = FIRE(target, logfile=None)
    converged = optimiser.run(fmax=fmax_eV_A, steps=steps)
    if not np.isfinite(moving.get_potential_energy()):
        raise PotentialFailure("non_finite", "the energy became non-finite while relaxing.")
    if not converged:
        raise PotentialFailure("not_converged", f"forces above {fmax_eV_A:g} eV/Å after {steps} steps of relaxation.")
    moving.calc = None
    moving.set_constraint()
    return Relaxed(moving, optimiser.nsteps, moving.get_volume() / atoms.get_volume() - 1)
