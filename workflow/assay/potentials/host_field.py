"""Energies of a few guests at a time in a fixed periodic framework, by a classical force field.

A Monte Carlo step asks for some ten molecules, each somewhere else. The cell is cut into bins; each has a list of all
images of the framework's atoms within reach of it, of the same length and the same kinds of atoms in the same columns.
A step is then one array of distances, whatever bins its atoms are in. All is done in the smallest cell that the
framework is made of. `assay.potentials.host_guest` is for thousands of places at once.

Electrostatics: an Ewald sum (see `assay.potentials.ewald_sums`) of which the framework's part is made once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from scipy.spatial import cKDTree

from assay.cells import widths
from assay.failures import PotentialFailure
from assay.potentials.ewald_sums import ReciprocalSum, balanced_cutoff_A, screened
from assay.potentials.force_field_pairs import FLOOR_A, HARD_CORE_A
from assay.potentials.force_fields import Assignment, ForceField
from assay.potentials.pair_sums import PairSums

BIN_A = 1.2
"""Size of a bin: smaller ones have shorter lists, and more of them."""

LISTS_BYTES = 256 * 2**20
"""Bins get larger where their lists would take more memory than this."""

COST_RATIO = 12.0
"""Of an image in real space to a wave vector. Between 4 and 30 the time for CO2 in Mg-MOF-74 is the same."""

ELEMENTS_PER_BLOCK = 1 << 15
"""Distances in memory at a time: few enough for the cache of a core."""

NEAR_A = 4.0
"""Overlaps are looked for among the images that may be as near as this, at least."""

SAME_PLACE_A = 1e-4
"""Repeated atoms may be so far from where they should be."""


@dataclass(frozen=True)
class _Block:
    """How many of the guest's atoms are of one kind, and its interactions with the columns of the lists."""

    count: int
    pairs: PairSums


@dataclass(frozen=True)
class HostField:
    """A framework as a guest's atoms see it. Made by `of`.

    Attributes
    ----------
    cell_A : ndarray, shape (3, 3)
        The smallest cell of the framework.
    n_atoms : int
        In that cell.
    bins : ndarray of int, shape (3,)
        How often it is cut.
    lists : torch.Tensor, shape (bins, 4, columns)
        Of the images around each bin, at r from its centre: -2x, -2y, -2z, r^2 (Å, Å²). Times x, y, z, 1 of a place in
        the bin, that is the squared distance but for a constant of the place. The nearer images are in the first
        columns.
    charges_e : torch.Tensor, shape (bins, near)
        Of those that are near enough for the real half of the Ewald sum.
    order : ndarray of int, shape (m,)
        The guest's atoms, kind by kind.
    guest_charges_e : torch.Tensor, shape (m,)
        In that order.
    blocks : tuple of _Block
        One for each kind.
    to_fractional : ndarray, shape (3, 3)
    reciprocal : ReciprocalSum or None
        None without charges.
    conjugate : torch.Tensor
        The framework's weighted structure factors, as `_potentials_V` takes them.
    cutoff_A : float
        Of the real half of the Ewald sum.
    reach_A : float
        The longest cut-off.
    """

    cell_A: np.ndarray
    n_atoms: int
    bins: np.ndarray
    lists: torch.Tensor
    charges_e: torch.Tensor
    order: np.ndarray
    guest_charges_e: torch.Tensor
    blocks: tuple[_Block, ...]
    to_fractional: np.ndarray
    reciprocal: ReciprocalSum | None
    conjugate: torch.Tensor | None
    cutoff_A: float
    reach_A: float

    @classmethod
    def of(cls, force_field: ForceField, host: Atoms, guest: Assignment) -> HostField:
        """Of a framework and a guest.

        Raises
        ------
        PotentialFailure
            ``unsupported_element`` for atoms that the force field does not know; ``error`` if the host is not periodic
            or holds guests.
        """
        formula = host.get_chemical_formula()
        if not host.pbc.all() or host.cell.rank < 3:
            raise PotentialFailure("error", f"{formula} is not periodic in three directions.")
        sites = force_field.assign(host)
        if sites.guest.any():
            raise PotentialFailure("error", f"{formula} holds guest molecules already; remove them.")
        names, charges = np.array(sites.names), sites.charges_e
        cell, chosen = _smallest_cell(host.cell.array, host.positions, np.column_stack((names, charges)))
        positions, names, charges = host.positions[chosen], names[chosen], charges[chosen]
        charged = bool(charges.any() and guest.charges_e.any())
        cutoff = balanced_cutoff_A(cell, len(positions), COST_RATIO) if charged else 0.0
        reciprocal = ReciprocalSum.of(cell, cutoff) if charged else None
        bins, lists, near_charges, columns = _lists(
            cell, positions, names, charges, max(cutoff, NEAR_A), force_field.cutoff_A
        )
        kinds = sorted(set(guest.names))
        order = np.argsort([kinds.index(name) for name in guest.names], kind="stable")
        return cls(
            cell_A=cell,
            n_atoms=len(positions),
            bins=bins,
            lists=lists,
            charges_e=near_charges,
            order=order,
            guest_charges_e=torch.from_numpy(guest.charges_e[order]),
            blocks=tuple(
                _Block(
                    count=guest.names.count(name),
                    pairs=PairSums.of(
                        [force_field.pair(column, name) for column in columns],
                        force_field.cutoff_A,
                        force_field.shifted,
                    ),
                )
                for name in kinds
            ),
            to_fractional=np.linalg.inv(cell),
            reciprocal=reciprocal,
            conjugate=_conjugate(reciprocal, cell, positions, charges) if charged else None,
            cutoff_A=cutoff,
            reach_A=max(cutoff, force_field.cutoff_A),
        )

    def energies(self, positions_A: np.ndarray) -> np.ndarray:
        """Energies (eV, shape (n,)) of guests at positions (Å, shape (n, m, 3)), infinite within a hard core."""
        step = max(1, ELEMENTS_PER_BLOCK // (self.lists.shape[2] * len(self.order)))
        parts = [self._energies(positions_A[start : start + step]) for start in range(0, len(positions_A), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _energies(self, positions_A: np.ndarray) -> np.ndarray:
        # rows are atoms, those of one kind together
        fractional = positions_A.transpose(1, 0, 2)[self.order].reshape(-1, 3) @ self.to_fractional
        fractional -= np.floor(fractional)
        # a coordinate just below zero is wrapped to 1.0 by rounding
        bins = np.minimum((fractional * self.bins).astype(int), self.bins - 1)
        numbers = torch.from_numpy((bins[:, 0] * self.bins[1] + bins[:, 1]) * self.bins[2] + bins[:, 2])
        place = np.ones((len(bins), 1, 4))
        place[:, 0, :3] = (fractional - (bins + 0.5) / self.bins) @ self.cell_A
        squared = (torch.from_numpy(place) @ self.lists.index_select(0, numbers))[:, 0]
        squared += torch.from_numpy((place[:, :, :3] ** 2).sum(axis=2))
        squared.clamp_(min=FLOOR_A**2, max=self.reach_A**2)
        near = squared[:, : self.charges_e.shape[1]]
        nearest = near.amin(dim=1)
        energies = torch.empty(len(bins), dtype=torch.float64)
        start = 0
        for block in self.blocks:
            rows = slice(start, start + block.count * len(positions_A))
            energies[rows] = block.pairs.energies(squared[rows], float(nearest[rows].min()))
            start = rows.stop
        if self.reciprocal is not None:
            potentials = screened(
                near, self.charges_e.index_select(0, numbers), self.reciprocal.alpha_1_A, self.cutoff_A
            )
            potentials += self._potentials_V(torch.from_numpy(fractional))
            energies += potentials.reshape(len(self.order), -1).mul_(self.guest_charges_e[:, None]).flatten()
        energies[nearest < HARD_CORE_A**2] = torch.inf
        return energies.reshape(len(self.order), -1).sum(dim=0).numpy()

    def _potentials_V(self, fractional: torch.Tensor) -> torch.Tensor:
        """Reciprocal half of the framework's electrostatic potential (V)."""
        columns, third = self.reciprocal.waves(fractional)
        inner = torch.view_as_real(third).flatten(1) @ self.conjugate
        # the real part of their product
        return (inner * torch.view_as_real(columns).flatten(1)).sum(dim=1)


def _conjugate(
    reciprocal: ReciprocalSum, cell_A: np.ndarray, positions_A: np.ndarray, charges_e: np.ndarray
) -> torch.Tensor:
    """A real matrix, shape (2 l, 2 p), which turns waves of the third index into what waves of columns are times.

    It holds twice the weighted conjugate structure factors F. Real and imaginary parts stand in turns in rows and
    columns, the imaginary ones of columns with the sign that makes a sum of products the real part of a product.
    """
    fractional = torch.from_numpy(positions_A @ np.linalg.inv(cell_A))[None]
    factors = 2 * reciprocal.roots * reciprocal.structure_factors(fractional, torch.from_numpy(charges_e)[None])[0]
    real, imaginary = factors.reshape(reciprocal.pairs.shape[1], -1, 2).permute(2, 1, 0)
    rows = torch.stack((real, imaginary, imaginary, -real), dim=-1).reshape(*real.shape, 2, 2)
    return rows.permute(0, 2, 1, 3).reshape(2 * len(real), -1).contiguous()


def _smallest_cell(cell_A: np.ndarray, positions_A: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell that is repeated along the given cell's vectors, and the atoms of it."""
    fractional = positions_A @ np.linalg.inv(cell_A)
    kinds = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    trees = [cKDTree(fractional[kinds == kind] % 1.0, boxsize=1.0) for kind in range(kinds.max() + 1)]
    repeats = np.ones(3, dtype=int)
    allowed = SAME_PLACE_A / np.linalg.norm(cell_A, axis=1).max()
    most = math.gcd(*np.bincount(kinds).tolist())
    for axis in range(3):
        for count in range(most, 1, -1):
            if most % count:
                continue
            moved = fractional + np.eye(3)[axis] / count
            if all(trees[kind].query(moved[kinds == kind] % 1.0)[0].max() < allowed for kind in range(len(trees))):
                repeats[axis] = count
                break
    inside = (((fractional + allowed) % 1.0) * repeats < 1.0).all(axis=1)
    return cell_A / repeats[:, None], np.flatnonzero(inside)


def _lists(
    cell_A: np.ndarray,
    positions_A: np.ndarray,
    names: np.ndarray,
    charges_e: np.ndarray,
    near_A: float,
    cutoff_A: float,
) -> tuple[np.ndarray, torch.Tensor, torch.Tensor, list[str]]:
    """Bins, the lists of their images, the charges of those within `near_A` of a bin, and the columns' kinds."""
    far_A = max(near_A, cutoff_A)
    bins = _bins(cell_A, len(positions_A), far_A)
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
    radius = np.linalg.norm(corners @ (cell_A / bins[:, None]), axis=1).max()
    images, atoms = _images(cell_A, positions_A, far_A + radius)
    tree = cKDTree(images)
    grid = np.stack(np.meshgrid(*(np.arange(count) for count in bins), indexing="ij"), axis=-1).reshape(-1, 3)
    centres = ((grid + 0.5) / bins) @ cell_A
    kinds, kind = np.unique(names, return_inverse=True)
    found: list[list[np.ndarray]] = []
    for centre in centres:
        around = np.array(tree.query_ball_point(centre, far_A + radius), dtype=int)
        distant = np.linalg.norm(images[around] - centre, axis=1) >= near_A + radius
        groups = distant * len(kinds) + kind[atoms[around]]
        found.append([around[groups == group] for group in range(2 * len(kinds))])
    lengths = np.array([[len(members) for members in groups] for groups in found]).max(axis=0)
    columns = np.tile(kinds, 2).repeat(lengths).tolist()
    near = int(lengths[: len(kinds)].sum())
    lists = np.zeros((len(centres), 4, len(columns)))
    # what fills up a list is out of everyone's reach
    lists[:, 3] = (2 * far_A + 2 * radius) ** 2
    charges = np.zeros((len(centres), near))
    starts = np.cumsum(lengths) - lengths
    for number, groups in enumerate(found):
        for group, (start, members) in enumerate(zip(starts, groups, strict=True)):
            places = slice(start, start + len(members))
            offsets = images[members] - centres[number]
            lists[number, :3, places] = -2 * offsets.T
            lists[number, 3, places] = (offsets**2).sum(axis=1)
            if group < len(kinds):
                charges[number, places] = charges_e[atoms[members]]
    return bins, torch.from_numpy(lists), torch.from_numpy(charges), columns


def _bins(cell_A: np.ndarray, n_atoms: int, reach_A: float) -> np.ndarray:
    """How often the cell is cut along its vectors."""
    volume = abs(np.linalg.det(cell_A))
    bytes_per_bin = 32 * n_atoms / volume * 4 * math.pi / 3 * (reach_A + BIN_A) ** 3
    edge = max(BIN_A, (volume * bytes_per_bin / LISTS_BYTES) ** (1 / 3))
    return np.maximum(1, np.ceil(np.linalg.norm(cell_A, axis=1) / edge)).astype(int)


def _images(cell_A: np.ndarray, positions_A: np.ndarray, reach_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions (Å) of the atoms and their images within reach of the cell, and which atoms they are of."""
    margins = reach_A / widths(cell_A)
    counts = np.ceil(margins).astype(int)
    shifts = np.stack(np.meshgrid(*(np.arange(-count, count + 1) for count in counts), indexing="ij"), axis=-1)
    fractional = positions_A @ np.linalg.inv(cell_A)
    images = (fractional - np.floor(fractional))[None] + shifts.reshape(-1, 1, 3)
    within = ((images > -margins) & (images < 1 + margins)).all(axis=2)
    atoms = np.broadcast_to(np.arange(len(positions_A)), within.shape)[within]
    return images[within] @ cell_A, atoms
