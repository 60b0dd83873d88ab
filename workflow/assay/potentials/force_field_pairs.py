"""Pair interactions of force fields: Lennard-Jones and Buckingham (exp-6), as functions of the distance.

Buckingham, ``A exp(-B r) - C/r^6`` (Proc. R. Soc. Lond. A 168, 264 (1938), doi:10.1098/rspa.1938.0173), has a maximum
at a short distance and falls to minus infinity below it. There the repulsion is continued by
``E_max + WALL_EV (r_max/r - 1)^2``: it joins the maximum with its slope, grows monotonically towards the nucleus and
outgrows the attraction of opposite charges, which only goes with 1/r. What is nearer than the maximum is therefore
repelled as published codes have it, which put "an arbitrarily large" energy there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy.optimize import brentq

COULOMB_EV_A = units.Hartree * units.Bohr
"""Energy of two elementary charges, times their distance."""

FLOOR_A = 0.1
"""No distance counts as less, which keeps every term finite; the energy is infinite long before."""

WALL_EV = 100.0
"""Scale of the wall inside Buckingham's maximum: thousands of kT at 10 % of the maximum's distance below it."""

HARD_CORE_A = 0.5
"""Atoms of different molecules at this distance have an infinite energy: nuclei do not come as near as that."""


@dataclass(frozen=True)
class LennardJones:
    """``4 epsilon ((sigma/r)**12 - (sigma/r)**6)``."""

    epsilon_eV: float
    sigma_A: float

    @property
    def c12_eV_A12(self) -> float:
        """What r^-12 is multiplied by."""
        return 4 * self.epsilon_eV * self.sigma_A**12

    @property
    def c6_eV_A6(self) -> float:
        """What -r^-6 is multiplied by."""
        return 4 * self.epsilon_eV * self.sigma_A**6

    def energies(self, distances_A: np.ndarray) -> np.ndarray:
        """Energies (eV) at distances (Å), without cut-off."""
        r6 = np.asarray(distances_A) ** -6.0
        return (self.c12_eV_A12 * r6 - self.c6_eV_A6) * r6


@dataclass(frozen=True)
class Buckingham:
    """``A exp(-B r) - C/r**6`` outside of its maximum, a wall inside. Made by `of`, which finds the maximum."""

    A_eV: float
    B_1_A: float
    C_eV_A6: float
    core_A: float
    core_eV: float

    @classmethod
    def of(cls, A_eV: float, B_1_A: float, C_eV_A6: float) -> Buckingham:
        """The interaction with the distance and the energy of its maximum.

        Raises
        ------
        ValueError
            If there is no maximum: the dispersion outweighs the repulsion at every distance.
        """

        def slope(r: float) -> float:
            """The derivative of the energy times -r^7."""
            return A_eV * B_1_A * r**7 * math.exp(-B_1_A * r) - 6 * C_eV_A6

        inflection = 7 / B_1_A
        if slope(inflection) <= 0:
            raise ValueError("this Buckingham interaction attracts at every distance")
        core_A = brentq(slope, 0.0, inflection, xtol=1e-14)
        core_eV = A_eV * math.exp(-B_1_A * core_A) - C_eV_A6 / core_A**6
        return cls(A_eV, B_1_A, C_eV_A6, core_A, core_eV)

    def energies(self, distances_A: np.ndarray) -> np.ndarray:
        """Energies (eV) at distances (Å), without cut-off."""
        r = np.asarray(distances_A, dtype=float)
        outside = np.maximum(r, self.core_A)
        published = self.A_eV * np.exp(-self.B_1_A * outside) - self.C_eV_A6 * outside**-6.0
        return published + WALL_EV * (self.core_A / np.minimum(r, self.core_A) - 1) ** 2


Pair = LennardJones | Buckingham
