"""Where guests are inserted: more often where the empty host attracts them, which the acceptance takes back out.

Energy-biased insertion (Snurr, Bell and Theodorou, J. Phys. Chem. 97, 13742 (1993), doi:10.1021/j100153a051). Centres
are drawn with a density b(r)/V that is known, and insertions and deletions are accepted with V/b(r) in place of V, r
being the centre of what comes or goes: averages are those of uniform insertions, whatever b is. Here it is constant in
the boxes of a grid, a third each uniform, in proportion to the mean Boltzmann factor of a guest in the empty host, and
to the root of that. The first keeps every place possible; the last serves the places that remain when the best are
full. A bound guest has a thousandth of the cell to itself, so that uniform insertions hardly ever meet its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from assay.cells import widths
from assay.hosts import placed
from assay.randomness import quaternions_of

SPACING_A = 0.6
SAMPLES = 8
"""Guests with a random place and orientation in each box."""

Energies = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class InsertionBias:
    """A density of centres that is constant in each box of the host's cell, and the same in all its repeats.

    Attributes
    ----------
    repeats : ndarray of int, shape (3,)
        Of the host's cell in what is simulated.
    log_ratio : ndarray, shape (a, b, c)
        ln b of the boxes.
    edges : ndarray, shape (a b c,)
        Where a uniform number passes from one box to the next.
    """

    repeats: np.ndarray
    log_ratio: np.ndarray
    edges: np.ndarray

    @classmethod
    def of(
        cls, energies: Energies, cell: Atoms, guest: Atoms, repeats: tuple[int, int, int], kT_eV: float, stream
    ) -> InsertionBias:
        """Of a guest in an empty host.

        Parameters
        ----------
        energies : callable
            Atoms of guests (Å, shape (n, m, 3)) to energies (eV, shape (n,)); infinite ones weigh nothing.
        cell : Atoms
            The host's, of which `repeats` are simulated.
        guest : Atoms
            Centre of mass at the origin.
        repeats : tuple of int
        kT_eV : float
        stream : Generator
        """
        shape = np.ceil(widths(cell.cell.array) / SPACING_A).astype(int)
        corners = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 1, 3)
        numbers = stream.random((len(corners), SAMPLES, 6))
        centres = ((corners + numbers[..., :3]) / shape).reshape(-1, 3) @ cell.cell.array
        reduced = energies(placed(guest, centres, quaternions_of(numbers[..., 3:].reshape(-1, 3)))) / kT_eV
        reduced = np.where(np.isnan(reduced), np.inf, reduced)
        # relative to the deepest place, so that no factor overflows
        weights = np.exp(reduced.min() - reduced).reshape(-1, SAMPLES).mean(axis=1)
        return cls.of_weights(weights.reshape(shape), repeats)

    @classmethod
    def of_weights(cls, weights: np.ndarray, repeats: tuple[int, int, int]) -> InsertionBias:
        """Of a weight for each box, shape (a, b, c), one of them above zero."""
        parts = [np.ones(weights.size), weights.ravel(), np.sqrt(weights.ravel())]
        shares = np.mean([part / part.sum() for part in parts], axis=0)
        log_ratio = np.log(shares * weights.size).reshape(weights.shape)
        return cls(np.array(repeats), log_ratio, np.cumsum(shares) / shares.sum())

    def place(self, choice: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Centres with this density.

        Parameters
        ----------
        choice : ndarray, shape (...)
            Uniform numbers that choose repeat and box.
        uniform : ndarray, shape (..., 3)
            Uniform numbers that choose the place in the box.

        Returns
        -------
        ndarray, shape (..., 3)
            Fractional coordinates in what is simulated.
        """
        scaled = choice * self.repeats.prod()
        image = scaled.astype(int)
        box = np.minimum(np.searchsorted(self.edges, scaled - image, side="right"), self.edges.size - 1)
        corner = np.stack(np.unravel_index(box, self.log_ratio.shape), axis=-1)
        shift = np.stack(np.unravel_index(image, tuple(self.repeats)), axis=-1)
        return ((corner + uniform) / self.log_ratio.shape + shift) / self.repeats

    def log_density(self, fractional: np.ndarray) -> np.ndarray:
        """ln b at centres in fractional coordinates, shape (k, 3) to (k,)."""
        shape = np.array(self.log_ratio.shape)
        within = fractional * self.repeats
        # a coordinate just below one is multiplied up to it by rounding
        box = np.minimum(((within - np.floor(within)) * shape).astype(int), shape - 1)
        return self.log_ratio[tuple(box.T)]
