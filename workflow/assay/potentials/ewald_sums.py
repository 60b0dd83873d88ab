"""The reciprocal half of Ewald sums, with waves as products of three one-dimensional ones.

Ewald, Ann. Phys. 369, 253 (1921), doi:10.1002/andp.19213690304. With charges smeared by a Gaussian of 1/alpha, the
energy of neutral sets of charges q at r in a cell of volume V is

    sum over pairs and images of q q' erfc(alpha r)/r
    + 2 pi/V sum over k of exp(-k^2/(4 alpha^2))/k^2 |S(k)|^2 - alpha/sqrt(pi) sum of q^2,    S(k) = sum of q exp(i k r)

exp(i k r) is the product of exp(2 pi i h f) over the three lattice directions with fractional coordinates f: what is
summed over atoms is a matrix product, several times as fast as waves one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import block_diag
from scipy.special import erf

from assay.cells import widths
from assay.potentials.force_field_pairs import COULOMB_EV_A, FLOOR_A

EWALD_X = 3.8
"""Both halves end where their terms have fallen to exp(-x^2), 5e-7: errors of 1e-7 eV for each guest molecule."""


@dataclass(frozen=True)
class ReciprocalSum:
    """The wave vectors of a cell and their weights.

    Vectors are kept as columns of the third index: the pairs (h, k) of the first two that the sphere of wave vectors
    reaches, and for each all l. S(-k) is the conjugate of S(k): pairs with a negative h are left out, and their
    partners count twice.

    Attributes
    ----------
    alpha_1_A : float
        Inverse width of the smearing.
    phases : torch.Tensor, shape (3, h + k + l)
        What fractional coordinates are multiplied by: 2 pi times the indices along each of the directions.
    pairs : torch.Tensor of int, shape (2, p)
        Where the h and the k of every column stand among these.
    roots : torch.Tensor, shape (2 p l,)
        Square roots of what |S(k)|^2 is multiplied by in the energy (eV/e^2), for real and imaginary parts in turns;
        zero outside of the sphere.
    """

    alpha_1_A: float
    phases: torch.Tensor
    pairs: torch.Tensor
    roots: torch.Tensor

    @classmethod
    def of(cls, cell_A: np.ndarray, real_cutoff_A: float) -> ReciprocalSum:
        """As exact as the sum in real space up to a cut-off."""
        alpha = EWALD_X / real_cutoff_A
        longest = 2 * EWALD_X * alpha
        basis = 2 * math.pi * np.linalg.inv(cell_A).T
        limits = np.floor(longest / widths(basis)).astype(int)
        indices = [np.arange(0 if axis == 0 else -limit, limit + 1) for axis, limit in enumerate(limits)]
        squared = ((np.stack(np.meshgrid(*indices, indexing="ij"), axis=-1) @ basis) ** 2).sum(axis=-1)
        counted = (squared > 0) & (squared <= longest**2)
        squared[~counted] = 1.0
        volume = abs(np.linalg.det(cell_A))
        weights = COULOMB_EV_A * 2 * math.pi / volume * counted * np.exp(-squared / (4 * alpha**2)) / squared
        weights[1:] *= 2
        columns = np.nonzero(counted.any(axis=2))
        return cls(
            alpha_1_A=alpha,
            phases=torch.from_numpy(2 * math.pi * block_diag(*indices)),
            pairs=torch.from_numpy(np.stack((columns[0], columns[1] + len(indices[0])))),
            roots=torch.from_numpy(np.sqrt(weights[columns]).repeat(2)),
        )

    @property
    def count(self) -> int:
        """How many wave vectors count, of each pair of opposite ones one."""
        return int((self.roots > 0).sum()) // 2

    def waves(self, fractional: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Waves at positions, shape (..., 3), as factors: of the columns (..., p), of the third index (..., l)."""
        angles = fractional @ self.phases
        waves = torch.complex(angles.cos(), angles.sin())
        columns = waves.index_select(-1, self.pairs[0]).mul_(waves.index_select(-1, self.pairs[1]))
        return columns, waves[..., -(len(self.roots) // (2 * self.pairs.shape[1])) :]

    def structure_factors(self, fractional: torch.Tensor, charges_e: torch.Tensor) -> torch.Tensor:
        """Weighted structure factors of sets of charges, whose squares add up to their energies.

        Parameters
        ----------
        fractional : torch.Tensor, shape (n, a, 3)
        charges_e : torch.Tensor, shape (n, a)

        Returns
        -------
        torch.Tensor, shape (n, 2 p l)
            S(k) times the root of its weight, real and imaginary parts in turns (sqrt(eV)).
        """
        columns, third = self.waves(fractional)
        factors = columns.transpose(1, 2) @ (third * charges_e[:, :, None])
        return torch.view_as_real(factors).flatten(1).mul_(self.roots)

    def self_energy(self, charges_e: np.ndarray) -> float:
        """What the reciprocal sum has in excess for each charge's interaction with itself (eV), to be taken off."""
        return COULOMB_EV_A * self.alpha_1_A / math.sqrt(math.pi) * float((charges_e**2).sum())


def screened(squared_A2: torch.Tensor, charges_e2: torch.Tensor, alpha_1_A: float, cutoff_A: float) -> torch.Tensor:
    """Real half of an Ewald sum: ``q q' erfc(alpha r)/r`` (eV) of each row's pairs, without those beyond a cut-off.

    Parameters
    ----------
    squared_A2 : torch.Tensor, shape (rows, columns)
    charges_e2 : torch.Tensor
        Products of charges, of that shape or of one that broadcasts to it.
    alpha_1_A, cutoff_A : float

    Returns
    -------
    torch.Tensor, shape (rows,)
    """
    distances = squared_A2.sqrt()
    terms = (distances * alpha_1_A).erfc_().div_(distances).mul_(charges_e2)
    return COULOMB_EV_A * terms.mul_(distances.lt_(cutoff_A)).sum(dim=1)


def smeared(distances_A: np.ndarray, charges_e2: np.ndarray, alpha_1_A: float) -> np.ndarray:
    """What the reciprocal half of an Ewald sum holds of pairs: ``q q' erf(alpha r)/r`` (eV), summed over each row."""
    distances = np.maximum(distances_A, FLOOR_A)
    return COULOMB_EV_A * (erf(alpha_1_A * distances) / distances * charges_e2).sum(axis=1)


def balanced_cutoff_A(cell_A: np.ndarray, n_charges: int, cost_ratio: float) -> float:
    """The cut-off at which both halves of an Ewald sum cost the same.

    The numbers of terms for each charge are 4 pi/3 r^3 N/V in real and V k^3/(6 pi^2) in reciprocal
    space, where k = 2 x^2/r, x being `EWALD_X`.

    Parameters
    ----------
    cell_A : ndarray, shape (3, 3)
    n_charges : int
        Charges in the cell.
    cost_ratio : float
        Of a term in real space to one in reciprocal space.
    """
    volume = abs(np.linalg.det(cell_A))
    reciprocal = volume * (2 * EWALD_X**2) ** 3 / (6 * math.pi**2)
    return (reciprocal / (4 * math.pi / 3 * n_charges / volume * cost_ratio)) ** (1 / 6)
