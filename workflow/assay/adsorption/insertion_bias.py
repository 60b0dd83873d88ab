"""Where guests are inserted: more often where the empty host attracts them, which the acceptance takes back out.

Energy-biased insertion (Snurr, Bell and Theodorou, J. Phys. Chem. 97, 13742 (1993), doi:10.1021/j100153a051), here of
centres and directions: both are drawn with a known density b/V relative to uniform ones, and insertions and deletions
are accepted with V/b in place of V, b being that of what comes or goes. Averages are those of uniform insertions,
whatever b is. It is constant in boxes of the cell times patches of the sphere, a third each uniform, in proportion to
the Boltzmann factor of a guest in the empty host, and to the root of that. The first keeps every place possible; the
last serves the places that remain when the best are full. A bound guest has a thousandth of the cell and a tenth of the
sphere to itself, so that uniform insertions hardly ever meet its place.
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
HEIGHTS, AZIMUTHS = 4, 8
"""Patches of the sphere: of equal area, by z and by the angle about it."""

LOOKS = 4
"""Random guests in a box, by which it is decided whether its patches are worth a look each."""

HOPELESS_eV = 0.5

Energies = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class InsertionBias:
    """A density of centres and directions, constant in boxes of the host's cell and patches of the sphere.

    It is the same in all repeats of the cell. The direction is that of the guest's own axis; the angle about it is
    uniform.

    Attributes
    ----------
    repeats : ndarray of int, shape (3,)
        Of the host's cell in what is simulated.
    log_ratio : ndarray, shape (a, b, c, h, w)
        ln b of boxes and patches.
    edges : ndarray, shape (a b c h w,)
        Where a uniform number passes from one of them to the next.
    frame : ndarray, shape (3, 3)
        Rows: the guest's axis, and two more of its own directions that make a right-handed frame with it.
    """

    repeats: np.ndarray
    log_ratio: np.ndarray
    edges: np.ndarray
    frame: np.ndarray

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
        boxes = np.ceil(widths(cell.cell.array) / SPACING_A).astype(int)
        patches = (HEIGHTS, AZIMUTHS) if len(guest) > 1 else (1, 1)
        corners = np.stack(np.meshgrid(*map(np.arange, boxes), indexing="ij"), axis=-1).reshape(-1, 1, 3)
        frame = own_frame(guest)

        def centres(chosen: np.ndarray, count: int) -> np.ndarray:
            within = stream.random((len(chosen), count, 3))
            return ((corners[chosen] + within) / boxes).reshape(-1, 3) @ cell.cell.array

        every = np.arange(len(corners))
        seen = energies(placed(guest, centres(every, LOOKS), quaternions_of(stream.random((len(every) * LOOKS, 3)))))
        worth = np.flatnonzero((seen.reshape(-1, LOOKS) < HOPELESS_eV).any(axis=1))
        reduced = np.full((len(corners), int(np.prod(patches))), np.inf)
        if len(worth):
            patch = np.tile(np.arange(reduced.shape[1]), len(worth))
            turns = turned(frame, directions(patch, patches, stream.random((len(patch), 2))), stream.random(len(patch)))
            atoms = guest.positions @ turns.transpose(0, 2, 1) + centres(worth, reduced.shape[1])[:, None]
            reduced[worth] = (energies(atoms) / kT_eV).reshape(len(worth), -1)
        reduced = np.where(np.isnan(reduced), np.inf, reduced)
        # relative to the deepest place, so that no factor overflows
        deepest = reduced.min() if np.isfinite(reduced).any() else 0.0
        return cls.of_weights(np.exp(deepest - reduced).reshape(*boxes, *patches), repeats, frame)

    @classmethod
    def of_weights(cls, weights: np.ndarray, repeats: tuple[int, int, int], frame: np.ndarray) -> InsertionBias:
        """Of a weight for each box and patch, shape (a, b, c, h, w); only their ratios count."""
        parts = [np.ones(weights.size), weights.ravel(), np.sqrt(weights.ravel())]
        shares = np.mean([part / part.sum() for part in parts if part.any()], axis=0)
        log_ratio = np.log(shares * weights.size).reshape(weights.shape)
        return cls(np.array(repeats), log_ratio, np.cumsum(shares) / shares.sum(), frame)

    def draw(self, choice: np.ndarray, place: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres and rotations with this density.

        Parameters
        ----------
        choice : ndarray, shape (k,)
            Uniform numbers that choose repeat, box and patch.
        place, turn : ndarray, shape (k, 3)
            Uniform numbers that choose the place in the box; the direction in the patch and the angle about it.

        Returns
        -------
        fractional : ndarray, shape (k, 3)
            Coordinates in what is simulated.
        rotations : ndarray, shape (k, 3, 3)
        """
        scaled = choice * self.repeats.prod()
        image = scaled.astype(int)
        chosen = np.minimum(np.searchsorted(self.edges, scaled - image, side="right"), self.edges.size - 1)
        boxes, patches = self.log_ratio.shape[:3], self.log_ratio.shape[3:]
        box, patch = np.divmod(chosen, int(np.prod(patches)))
        corner = np.stack(np.unravel_index(box, boxes), axis=-1)
        shift = np.stack(np.unravel_index(image, tuple(self.repeats)), axis=-1)
        fractional = ((corner + place) / boxes + shift) / self.repeats
        return fractional, turned(self.frame, directions(patch, patches, turn[:, :2]), turn[:, 2])

    def log_density(self, fractional: np.ndarray, rotations: np.ndarray) -> np.ndarray:
        """ln b of centres (fractional, shape (k, 3)) and rotations, shape (k, 3, 3) to (k,)."""
        within = fractional * self.repeats
        axis = rotations @ self.frame[0]
        turn = np.arctan2(axis[:, 1], axis[:, 0]) / (2 * np.pi)
        numbers = np.column_stack((within - np.floor(within), (axis[:, 2] + 1) / 2, turn - np.floor(turn)))
        shape = np.array(self.log_ratio.shape)
        # a number just below one is multiplied up to it by rounding
        return self.log_ratio[tuple(np.clip((numbers * shape).astype(int), 0, shape - 1).T)]


def own_frame(guest: Atoms) -> np.ndarray:
    """A right-handed frame (rows) of a guest, its first direction the one along which its atoms extend furthest."""
    frame = np.linalg.svd(guest.positions - guest.positions.mean(axis=0))[2]
    return frame * np.array([1, 1, np.linalg.det(frame)])[:, None]


def directions(patch: np.ndarray, patches: tuple[int, int], uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height z and azimuth (rad), shape (k,) each, of directions that are uniform in their patches."""
    row, column = np.divmod(patch, patches[1])
    return 2 * (row + uniform[:, 0]) / patches[0] - 1, 2 * np.pi * (column + uniform[:, 1]) / patches[1]


def turned(frame: np.ndarray, direction: tuple[np.ndarray, np.ndarray], uniform: np.ndarray) -> np.ndarray:
    """Rotations, shape (k, 3, 3), that bring a frame's first vector to directions, by a uniform angle about it."""
    height, azimuth = direction
    radius = np.sqrt(np.clip(1 - height**2, 0, None))
    cosine, sine, zero = np.cos(azimuth), np.sin(azimuth), np.zeros_like(azimuth)
    axis = np.stack((radius * cosine, radius * sine, height), axis=-1)
    south, east = np.stack((height * cosine, height * sine, -radius), axis=-1), np.stack((-sine, cosine, zero), axis=-1)
    angle = 2 * np.pi * uniform[:, None]
    second = np.cos(angle) * south + np.sin(angle) * east
    third = np.cos(angle) * east - np.sin(angle) * south
    return np.stack((axis, second, third), axis=-1) @ frame
