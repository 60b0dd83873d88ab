"""The Ziegler-Biersack-Littmark wall: screened repulsion of nuclei, switched off smoothly towards bonding distances.

Energy of a pair of nuclei at the distance r, with the universal screening function:

    V(r) = Z1 Z2 e^2 / (4 pi epsilon_0 r) * sum_k c_k exp(-d_k r / a),   a = 0.46850 Å / (Z1^0.23 + Z2^0.23)

The wall is V(r) S(r), where the switch S falls from 1 at an inner to 0 at an outer radius as a polynomial of degree 5,
with continuous first and second derivatives. Both factors only fall with r, so the wall repels at every distance.

Ziegler, Biersack, Littmark, The Stopping and Range of Ions in Solids, Pergamon, New York (1985); see also Ziegler,
Biersack, in Treatise on Heavy-Ion Science (1985), doi:10.1007/978-1-4615-8103-1_3. LAMMPS's ``pair_style zbl`` has
the same V and coefficients, and another switch.
"""

from __future__ import annotations

import numpy as np
from ase import units

from assay.potentials.base import Result
from assay.potentials.close_pairs import Batch

COULOMB_eV_A = units.Hartree * units.Bohr
"""e²/(4πε₀) in eV Å."""

SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
"""Weights c_k and decays d_k of the universal screening function."""

SCREENING_LENGTH_A = 0.46850
SCREENING_EXPONENT = 0.23


def repulsion(distances_A: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies V (eV) of pairs of nuclei, and dV/dr (eV/Å).

    Parameters
    ----------
    distances_A : array of float
        Distances r (Å).
    first, second : array of int
        Atomic numbers.
    """
    screening_lengths = SCREENING_LENGTH_A / (first**SCREENING_EXPONENT + second**SCREENING_EXPONENT)
    reduced = distances_A / screening_lengths
    terms = [(weight * np.exp(-decay * reduced), decay) for weight, decay in SCREENING]
    screening = sum(term for term, _ in terms)
    slope = -sum(decay * term for term, decay in terms) / screening_lengths
    coulomb = COULOMB_eV_A * first * second / distances_A
    return coulomb * screening, coulomb * (slope - screening / distances_A)


def switch(distances_A: np.ndarray, inner_A: np.ndarray, outer_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The switch S, and dS/dr (1/Å): S = 1 - 10 x³ + 15 x⁴ - 6 x⁵, where x grows from 0 to 1 between the two radii."""
    width = outer_A - inner_A
    x = np.clip((distances_A - inner_A) / width, 0.0, 1.0)
    return 1 - x**3 * (10 - 15 * x + 6 * x**2), -30 * x**2 * (1 - x) ** 2 / width


def switch_integral(distances_A: np.ndarray, inner_A: np.ndarray, outer_A: np.ndarray) -> np.ndarray:
    """The integral of S (Å) from each distance to the outer radius: exactly zero from there on.

    Between the radii it is (1/2 - x + 5/2 x⁴ - 3 x⁵ + x⁶) times their difference.
    """
    width = outer_A - inner_A
    x = np.clip((distances_A - inner_A) / width, 0.0, 1.0)
    return np.maximum(inner_A - distances_A, 0.0) + width * (0.5 - x + x**4 * (2.5 - 3 * x + x**2))


def wall(
    distances_A: np.ndarray, first: np.ndarray, second: np.ndarray, inner_A: np.ndarray, outer_A: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Energies V S (eV) of pairs, and d(V S)/dr (eV/Å). Parameters as of `repulsion` and `switch`."""
    energies, slopes = repulsion(distances_A, first, second)
    shares, falls = switch(distances_A, inner_A, outer_A)
    return energies * shares, slopes * shares + energies * falls


def evaluate(batch: Batch, wanted: frozenset[str]) -> list[Result]:
    """Energies, forces and stresses of the walls of many structures.

    Parameters
    ----------
    batch : Batch
    wanted : frozenset of str
        Of ``energy``, ``forces``, ``stress``. The energy is always given.

    Returns
    -------
    list of Result
        Not finite where two atoms are in the same place.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        pair_energies, slopes = wall(
            batch.distances_A, batch.first_numbers, batch.second_numbers, batch.inner_A, batch.outer_A
        )
        energies = batch.per_structure(pair_energies)
        nothing = [None] * len(energies)
        forces = batch.per_atom(slopes[:, None] * batch.directions) if "forces" in wanted else nothing
        stresses = batch.stresses(slopes) if "stress" in wanted else nothing
    return [Result(float(energy), *rest) for energy, *rest in zip(energies, forces, stresses, strict=True)]
