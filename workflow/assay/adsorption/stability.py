"""When a chain has left what a guest in a framework can be, so that going on would only cost time.

A learned potential may have a hole, a place of no physical meaning that attracts. Then guests sit inside the framework,
or more and more of them in each other.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data.vdw_alvarez import vdw_radii

from assay.adsorption.walkers import EVALUATED, NON_FINITE
from assay.failures import PotentialFailure

CLOSE_PACKING = 0.74
INSIDE_SHARE = 0.5
LEAST_INSIDE = 5
LOST_SHARE = 0.01
FEWEST_LOST = 5


def most_molecules(guest: Atoms, volume_A3: float) -> int:
    """Molecules that fill a volume like close-packed spheres, if each was its largest atom alone.

    Van der Waals radii: Alvarez, Dalton Trans. 42, 8617 (2013), doi:10.1039/c3dt50599e. No framework and no other atom
    of the molecule takes room, so that no real adsorbate comes near to it.
    """
    radius_A = np.nanmax(vdw_radii[guest.numbers])
    return max(1, int(CLOSE_PACKING * volume_A3 / (4 / 3 * np.pi * radius_A**3)))


def runaway(n_molecules: np.ndarray, n_inside: np.ndarray, most: int) -> str | None:
    """Why the chains of a case are not worth going on with; None if they are.

    Parameters
    ----------
    n_molecules, n_inside : ndarray of int, shape (replicas,)
        Guests, and those inside the framework, of each replica now.
    most : int
        See `most_molecules`.
    """
    if n_molecules.max(initial=0) > most:
        return (
            f"{n_molecules.max()} molecules are in a volume that {most} would fill as close-packed spheres of their"
            " largest atom: the potential lets them sit in each other or in the framework."
        )
    worst = int(np.argmax(n_inside)) if len(n_inside) else 0
    if len(n_inside) and n_inside[worst] >= max(LEAST_INSIDE, INSIDE_SHARE * n_molecules[worst]):
        return (
            f"{n_inside[worst]} of {n_molecules[worst]} molecules are inside the framework, nearer to its atoms than"
            " any bond: the potential has a hole there."
        )
    return None


def too_many_lost(evaluated: int, non_finite: int) -> str | None:
    """Why a potential's energies cannot be trusted; None if they can.

    Parameters
    ----------
    evaluated, non_finite : int
        Trials of a case of which an energy was asked for, and those without a finite one.
    """
    if non_finite <= max(FEWEST_LOST, LOST_SHARE * evaluated):
        return None
    return f"{non_finite} of {evaluated} evaluated trials have no finite energy."


def failure_of(n_molecules: np.ndarray, n_inside: np.ndarray, tally: np.ndarray, most: int) -> PotentialFailure | None:
    """Why the chains of a case cannot go on; None if they can.

    Parameters
    ----------
    n_molecules, n_inside, most
        See `runaway`.
    tally : ndarray of int, shape (replicas, parts, moves, 5)
        See `assay.adsorption.walkers.Walkers`.
    """
    counted = tally.sum(axis=(0, 1, 2))
    if (message := runaway(n_molecules, n_inside, most)) is not None:
        return PotentialFailure("unstable", message)
    if (message := too_many_lost(int(counted[EVALUATED]), int(counted[NON_FINITE]))) is not None:
        return PotentialFailure("non_finite", message)
    return None
