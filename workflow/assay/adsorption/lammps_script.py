"""What LAMMPS is told to do with the guests: its Monte Carlo moves, and molecular dynamics of rigid molecules.

Three properties of ``fix gcmc`` decide how it is used here. All were found with the stock wheel, version 22Jul2025.

An inserted molecule is turned by a uniform angle about a uniform axis, which is no uniform orientation: it prefers that
of the template (the mean of P2 of the angle between them is 1/5, not 0). In a host that holds its guests in certain
orientations the number of guests is wrong: in a field that aligns molecules along the template's axis by 3 kT there
were 6.2 instead of 4.2 in the mean. So each block of trials gets a template that is turned by a random rotation,
uniform over all of them, and over the blocks all orientations are proposed alike (4.23 +- 0.08 instead of 4.22).

With the keyword ``rigid`` the last molecule is never deleted, and the mean number is that of all states but the empty
one (1.39 instead of 0.7 of an ideal gas). So exchanges are made without that keyword, and apart from the dynamics.

A flexible molecule is inserted as the template, without the thermal motion of its atoms, and its mean number is wrong
by a tenth. So molecules are rigid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GUESTS = "guests"
"""The group of the guests' atoms."""

EXCHANGE_FIX = "exchange"
TEMPLATE = "guest"
COUNTERS = ("translation", "insertion", "deletion", "rotation")
"""In the order of the elements of ``fix gcmc``: of each move the attempts and then the successes."""


@dataclass(frozen=True)
class Moves:
    """The trials of one block.

    Attributes
    ----------
    exchanges, others : int
        Trials that insert or delete, with equal probabilities, and that translate or rotate. LAMMPS draws the kind of
        each trial with these weights.
    rotation_share : float
        Probability that one of the others is a rotation.
    temperature_K : float
    fugacity_bar : float
    max_displacement_A : float
        Radius of the sphere of displacements.
    max_rotation_deg : float
    seed : int
    """

    exchanges: int
    others: int
    rotation_share: float
    temperature_K: float
    fugacity_bar: float
    max_displacement_A: float
    max_rotation_deg: float
    seed: int

    def commands(self, guest_energy_eV: float) -> list[str]:
        """The fix, for molecules of the template; `guest_energy_eV` is what LAMMPS counts inside of one."""
        return [
            f"fix {EXCHANGE_FIX} {GUESTS} gcmc 1 {self.exchanges} {self.others} 0 {self.seed}"
            f" {self.temperature_K:.17g} 0.0 {self.max_displacement_A:.17g} mol {TEMPLATE}"
            f" pressure {self.fugacity_bar:.17g} maxangle {self.max_rotation_deg:.17g}"
            f" mcmoves 0 {1 - self.rotation_share:.17g} {self.rotation_share:.17g}"
            f" full_energy intra_energy {guest_energy_eV:.17g}"
        ]


@dataclass(frozen=True)
class Dynamics:
    """Molecular dynamics of the guests as rigid bodies at constant temperature; the host stands still.

    Kamberaj, Li and Hansen, J. Chem. Phys. 122, 224114 (2005), doi:10.1063/1.1906216.

    Attributes
    ----------
    temperature_K : float
    thermostat_fs : float
        Relaxation time of the Nosé-Hoover chain.
    timestep_fs : float
    """

    temperature_K: float
    thermostat_fs: float
    timestep_fs: float

    def commands(self, n_atoms: int) -> list[str]:
        """The integrator of molecules of so many atoms; for a single one it is the same without rotation."""
        style = "rigid/nvt/small molecule" if n_atoms > 1 else "nvt"
        temperature = f"{self.temperature_K:.17g}"
        return [
            f"timestep {self.timestep_fs / 1000:.17g}",
            f"fix dynamics {GUESTS} {style} temp {temperature} {temperature} {self.thermostat_fs / 1000:.17g}",
        ]


def molecule_file(
    positions_A: np.ndarray,
    types: Sequence[int],
    charges_e: Sequence[float],
    bonds: Sequence[Sequence[int]] = (),
    angles: Sequence[Sequence[int]] = (),
) -> str:
    """The text of a LAMMPS molecule file.

    Parameters
    ----------
    positions_A : ndarray, shape (m, 3)
    types : sequence of int
        LAMMPS's types of the atoms.
    charges_e : sequence of float
    bonds, angles : sequence of sequences of int
        Type, and atoms from zero.
    """
    sections: dict[str, list[str]] = {
        "Coords": [" ".join(f"{value:.17g}" for value in row) for row in positions_A],
        "Types": [str(kind) for kind in types],
        "Charges": [f"{charge:.17g}" for charge in charges_e],
        "Bonds": [" ".join(map(str, (kind, *(atom + 1 for atom in atoms)))) for kind, *atoms in bonds],
        "Angles": [" ".join(map(str, (kind, *(atom + 1 for atom in atoms)))) for kind, *atoms in angles],
    }
    lines = ["A guest", "", f"{len(types)} atoms", f"{len(bonds)} bonds", f"{len(angles)} angles"]
    for title, rows in sections.items():
        if rows:
            lines += ["", title, "", *(f"{number} {row}" for number, row in enumerate(rows, start=1))]
    return "\n".join(lines) + "\n"


def thermal_velocities(
    positions_A: np.ndarray, masses_u: np.ndarray, kT_eV: float, random: np.random.Generator
) -> np.ndarray:
    """Velocities of rigid molecules' atoms, of Maxwell and Boltzmann, in ase's unit Å/(Å sqrt(u/eV)).

    Parameters
    ----------
    positions_A : ndarray, shape (n, m, 3)
        Whole molecules.
    masses_u : ndarray, shape (m,)
    kT_eV : float
    random : Generator

    Returns
    -------
    ndarray, shape (n, m, 3)
    """
    count = len(positions_A)
    total = masses_u.sum()
    arms = positions_A - np.einsum("m,nmi->ni", masses_u, positions_A)[:, None] / total
    squares = np.einsum("m,nmi,nmi->n", masses_u, arms, arms)
    inertia = squares[:, None, None] * np.eye(3) - np.einsum("m,nmi,nmj->nij", masses_u, arms, arms)
    moments, principal = np.linalg.eigh(inertia)
    # an atom does not turn, and neither does a linear molecule about its axis
    turning = moments > 1e-6 * total
    spread = np.sqrt(np.divide(kT_eV, moments, out=np.zeros_like(moments), where=turning))
    turns = np.einsum("nij,nj->ni", principal, spread * random.standard_normal((count, 3)))
    drift = np.sqrt(kT_eV / total) * random.standard_normal((count, 1, 3))
    return drift + np.cross(turns[:, None, :], arms)
