"""Interactions of guest molecules with one another in real space, with all images of a periodic cell.

Van der Waals interactions end at the force field's cut-off, the real half of the Ewald sum at its own. Images are
found by rounding, which finds all of them where both are below half the cell's smallest width; in narrower cells more
images are summed over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import lsq_linear

from assay.cells import widths
from assay.potentials.ewald_sums import screened, smeared
from assay.potentials.force_field_pairs import FLOOR_A, HARD_CORE_A
from assay.potentials.force_fields import ForceField
from assay.potentials.pair_sums import PairSums

PAIRS_PER_BLOCK = 1 << 13
"""Pairs of molecules in memory at a time."""


@dataclass(frozen=True)
class GuestPairs:
    """The pairs of atoms of two guests. Made by `of`.

    Attributes
    ----------
    cell_A : torch.Tensor, shape (3, 3)
    shifts : torch.Tensor, shape (s, 3)
        Multiples of the cell's vectors that lead from the nearest image to others that may count, zero among them.
    own_shifts : torch.Tensor, shape (t, 3)
        Those that lead to a molecule's own images that may count; of each pair of opposite ones one.
    pairs : PairSums
        Of m x m columns.
    charges_e2 : torch.Tensor, shape (m * m,)
    alpha_1_A, cutoff_A : float or None
        Of the Ewald sum; None without charges.
    reach_A : float
        The longer cut-off.
    """

    cell_A: torch.Tensor
    shifts: torch.Tensor
    own_shifts: torch.Tensor
    pairs: PairSums
    charges_e2: torch.Tensor
    alpha_1_A: float | None
    cutoff_A: float | None
    reach_A: float

    @classmethod
    def of(
        cls,
        force_field: ForceField,
        names: Sequence[str],
        charges_e: np.ndarray,
        extent_A: float,
        cell_A: np.ndarray,
        alpha_1_A: float | None,
        cutoff_A: float | None,
    ) -> GuestPairs:
        """Of guests with atoms of these sites, no further from one another than their extent."""
        reach = max(force_field.cutoff_A, cutoff_A or 0.0)
        # fractional coordinates of nearest images are at most a half
        shifts = _multiples(np.ceil(reach / widths(cell_A) - 0.5).clip(0))
        shifts = shifts[[_least_distance_A(cell_A, shift) < reach for shift in shifts]]
        own = _multiples(np.ceil((reach + extent_A) / widths(cell_A)))
        own = own[len(own) // 2 + 1 :]
        own = own[np.linalg.norm(own @ cell_A, axis=1) < reach + extent_A]
        return cls(
            cell_A=torch.from_numpy(cell_A),
            shifts=torch.from_numpy(shifts),
            own_shifts=torch.from_numpy(own),
            pairs=PairSums.of(
                [force_field.pair(one, other) for one in names for other in names],
                force_field.cutoff_A,
                force_field.shifted,
            ),
            charges_e2=torch.from_numpy(np.outer(charges_e, charges_e).ravel()),
            alpha_1_A=alpha_1_A,
            cutoff_A=cutoff_A,
            reach_A=reach,
        )

    def energies(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Energies (eV, shape (n,)) of pairs of molecules at fractional coordinates, shapes (n, m, 3).

        Infinite where atoms of theirs are in one another's hard core.
        """
        found = [
            self._energies(one[start : start + step], other[start : start + step])
            for step in [max(1, PAIRS_PER_BLOCK // len(self.shifts))]
            for start in range(0, len(one), step)
        ]
        return np.concatenate(found) if found else np.zeros(0)

    def _energies(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        separations = _separations(one, other)
        separations -= separations.round()
        return self._sums(separations, self.shifts)

    def own_energies(self, molecules: np.ndarray) -> np.ndarray:
        """Energies (eV, shape (n,)) of molecules with their own images, at fractional coordinates (n, m, 3).

        What the reciprocal sum holds of the pairs within a molecule, which do not interact, is taken off.
        """
        energies = np.zeros(len(molecules))
        if len(self.own_shifts) and len(molecules):
            energies += self._sums(_separations(molecules, molecules), self.own_shifts)
        if self.alpha_1_A is not None:
            one, other = np.triu_indices(molecules.shape[1], 1)
            distances = np.linalg.norm((molecules[:, one] - molecules[:, other]) @ self.cell_A.numpy(), axis=2)
            charges = self.charges_e2.numpy()[one * molecules.shape[1] + other]
            energies -= smeared(distances, charges, self.alpha_1_A)
        return energies

    def _sums(self, separations: torch.Tensor, shifts: torch.Tensor) -> np.ndarray:
        """Energies (eV, shape (n,)) over all shifts, given fractional separations, shape (3, m m, n)."""
        if len(shifts) > 1 or shifts.any():
            separations = (separations[:, :, None] + shifts.T[:, None, :, None]).flatten(2)
        vectors = self.cell_A.T @ separations.flatten(1)
        squared = vectors.square_().sum(dim=0).clamp_(min=FLOOR_A**2, max=self.reach_A**2)
        # pairs of molecules are the rows, and lie behind one another in memory: nine columns are few for a processor
        squared = squared.reshape(len(self.charges_e2), -1).T
        nearest = squared.amin(dim=1)
        energies = self.pairs.energies(squared, float(nearest.min()))
        if self.alpha_1_A is not None:
            energies += screened(squared, self.charges_e2, self.alpha_1_A, self.cutoff_A)
        energies[nearest < HARD_CORE_A**2] = torch.inf
        return energies.reshape(len(shifts), -1).sum(dim=0).numpy()


def _multiples(limits: np.ndarray) -> np.ndarray:
    """All triples of whole numbers up to the limits, shape (n, 3), the opposite of each as far from the list's end."""
    ranges = [np.arange(-limit, limit + 1) for limit in limits]
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3).astype(float)


def _least_distance_A(cell_A: np.ndarray, shift: np.ndarray) -> float:
    """From the origin to the points with fractional coordinates within a half of a shift."""
    found = lsq_linear(cell_A.T, np.zeros(3), bounds=(shift - 0.5, shift + 0.5))
    return math.sqrt(2 * found.cost)


def _separations(one: np.ndarray, other: np.ndarray) -> torch.Tensor:
    """Between all atoms of molecules with positions of shape (n, m, 3), shape (3, m m, n)."""
    one, other = (torch.from_numpy(np.ascontiguousarray(array.transpose(2, 1, 0))) for array in (one, other))
    return (one[:, :, None] - other[:, None]).flatten(1, 2)
