"""Energies of a rigid guest at many places of a fixed periodic framework, by a classical force field.

The van der Waals part is summed in real space over all images of the framework's atoms within the cut-off, whatever
the cell's size and shape. The electrostatic part is an Ewald sum (Ann. Phys. 369, 253 (1921),
doi:10.1002/andp.19213690304) by torch-pme (J. Chem. Phys. 162, 142501 (2025), doi:10.1063/5.0251713): the guests' atoms
are particles without charge in it, which feel the framework's potential and do not change it, so that thousands of
trial places share one sum.

The energy is E(framework and guest) - E(framework) - E(guest) of the same periodic cell: a guest interacts with the
framework only, and neither with its own images nor with other guests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torchpme
from ase import Atoms
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from assay.cells import widths
from assay.failures import PotentialFailure
from assay.potentials.force_field_pairs import COULOMB_EV_A, FLOOR_A, HARD_CORE_A, Buckingham, LennardJones, Pair
from assay.potentials.force_fields import ForceField
from assay.potentials.pair_sums import one_torch_thread

EWALD_X = 4.4
"""Both Ewald sums end where their terms have fallen to exp(-x^2), 4e-9."""

BIN_A = 3.5
"""Guest atoms within cells of about this size are summed over the same images of the framework."""

ELEMENTS_PER_BLOCK = 1 << 18
"""Distances in memory at a time: few enough for the cache of a core."""


def interaction(force_field: ForceField, host: Atoms, guest: Atoms) -> Callable[[np.ndarray], np.ndarray]:
    """The function that gives the energies of `guest` in `host`.

    Parameters
    ----------
    force_field : ForceField
    host : Atoms
        Periodic in three directions, with the labels and charges that the force field needs.
    guest : Atoms
        One molecule, for its atoms' kinds; its positions play no part.

    Returns
    -------
    callable
        ``energies(positions) -> ndarray``: Cartesian positions (Å) of the guest's atoms, shape (n, m, 3), anywhere in
        space, to energies (eV), shape (n,). Infinite where atoms are within 0.5 Å of each other; never NaN.

    Raises
    ------
    PotentialFailure
        ``unsupported_element`` for atoms that the force field does not know; ``error`` if the host is not periodic or
        holds guests.
    """
    if not host.pbc.all() or host.cell.rank < 3:
        raise PotentialFailure("error", f"{host.get_chemical_formula()} is not periodic in three directions.")
    host_sites, guest_sites = force_field.assign(host), force_field.assign_guest(guest)
    if host_sites.guest.any():
        raise PotentialFailure("error", f"{host.get_chemical_formula()} holds guest molecules already; remove them.")
    surroundings = _Surroundings(
        cell_A=host.cell.array,
        positions_A=host.get_positions(wrap=True),
        names=np.array(host_sites.names),
        charges_e=host_sites.charges_e,
        force_field=force_field,
    )

    def energies(positions_A: np.ndarray) -> np.ndarray:
        positions_A = np.asarray(positions_A, dtype=float)
        if positions_A.ndim != 3 or positions_A.shape[1:] != (len(guest), 3):
            raise ValueError(f"expected positions of shape (n, {len(guest)}, 3), got {positions_A.shape}")
        count = len(positions_A)
        with one_torch_thread():
            site_energies = surroundings.energies(
                positions_A.reshape(-1, 3), np.tile(guest_sites.names, count), np.tile(guest_sites.charges_e, count)
            )
        return site_energies.reshape(count, len(guest)).sum(axis=1)

    return energies


@dataclass(frozen=True)
class _Ewald:
    """How the electrostatic sum is split, so that both halves cost about the same.

    With x fixed, the real-space sum over a sphere of radius r_c and the reciprocal one up to k = 2 x^2 / r_c are
    equally exact; their numbers of terms for each guest atom are 4 pi/3 r_c^3 N/V and V k^3/(6 pi^2). All vectors k of
    that sphere are handed to torch-pme: the ones that it would choose are a box that ends at half of what is asked for.
    """

    cutoff_A: float
    calculator: torchpme.EwaldCalculator
    cell: torch.Tensor
    positions: torch.Tensor
    charges: torch.Tensor
    k_vectors: torch.Tensor

    @classmethod
    def of(cls, cell_A: np.ndarray, positions_A: np.ndarray, charges_e: np.ndarray) -> _Ewald:
        volume_A3 = abs(np.linalg.det(cell_A))
        density_A3 = len(positions_A) / volume_A3
        cutoff_A = (volume_A3 * (2 * EWALD_X**2) ** 3 / (6 * math.pi**2) / (4 * math.pi / 3 * density_A3)) ** (1 / 6)
        smearing_A = cutoff_A / (math.sqrt(2) * EWALD_X)
        k_cutoff_1_A = 2 * EWALD_X**2 / cutoff_A
        potential = torchpme.CoulombPotential(smearing=smearing_A).to(torch.float64)
        return cls(
            cutoff_A=cutoff_A,
            calculator=torchpme.EwaldCalculator(
                potential, lr_wavelength=2 * math.pi / k_cutoff_1_A, full_neighbor_list=True
            ).to(torch.float64),
            cell=torch.tensor(cell_A),
            positions=torch.tensor(positions_A),
            charges=torch.tensor(charges_e),
            k_vectors=torch.tensor(_lattice_sphere(2 * math.pi * np.linalg.inv(cell_A).T, k_cutoff_1_A)),
        )

    def potentials_V(
        self, positions_A: np.ndarray, places: np.ndarray, hosts: np.ndarray, distances_A: np.ndarray
    ) -> np.ndarray:
        """Electrostatic potentials (V) at positions, given the pairs (place, host atom, distance) in real space."""
        count = len(self.charges)
        charges = torch.cat((self.charges, torch.zeros(len(positions_A), dtype=torch.float64)))
        with torch.no_grad():
            half = self.calculator(
                charges=charges[:, None],
                cell=self.cell,
                positions=torch.cat((self.positions, torch.from_numpy(positions_A))),
                neighbor_indices=torch.from_numpy(np.stack((places + count, hosts), axis=1)),
                neighbor_distances=torch.from_numpy(distances_A),
                kvectors=self.k_vectors,
            )
        # torch-pme gives each of two partners half of their energy; here one has all of it
        return 2 * COULOMB_EV_A * half[count:, 0].numpy()


@dataclass(frozen=True)
class _Surroundings:
    """A framework's atoms with all their images, as a guest atom in the cell sees them."""

    cell_A: np.ndarray
    positions_A: np.ndarray
    names: np.ndarray
    charges_e: np.ndarray
    force_field: ForceField

    @cached_property
    def ewald(self) -> _Ewald | None:
        if not self.charges_e.any():
            return None
        return _Ewald.of(self.cell_A, self.positions_A, self.charges_e)

    @cached_property
    def reach_A(self) -> float:
        return max(self.force_field.cutoff_A, self.ewald.cutoff_A if self.ewald else 0.0)

    @cached_property
    def images(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (Å) of the atoms and all images that can matter in the cell, and the atoms that they are of."""
        corners = np.array(np.meshgrid(*[[0.0, 1.0]] * 3)).reshape(3, -1).T @ self.cell_A
        around_A = np.linalg.norm(corners - corners.mean(axis=0), axis=1).max() + self.reach_A
        centre = self.cell_A.sum(axis=0) / 2
        shifts = _lattice_sphere(self.cell_A, around_A + np.linalg.norm(corners, axis=1).max())
        positions = (self.positions_A[None] + shifts[:, None]).reshape(-1, 3)
        atoms = np.tile(np.arange(len(self.positions_A)), len(shifts))
        near = np.linalg.norm(positions - centre, axis=1) < around_A
        return positions[near], atoms[near]

    @cached_property
    def tree(self) -> cKDTree:
        return cKDTree(self.images[0])

    @cached_property
    def bins(self) -> np.ndarray:
        return np.maximum(1, np.ceil(widths(self.cell_A) / BIN_A)).astype(int)

    def energies(self, positions_A: np.ndarray, names: np.ndarray, charges_e: np.ndarray) -> np.ndarray:
        """Energies (eV) of single guest atoms of given kinds and charges."""
        fractional = np.linalg.solve(self.cell_A.T, positions_A.T).T
        fractional -= np.floor(fractional)
        # a coordinate just below zero is wrapped to 1.0 by rounding
        bins = np.minimum((fractional * self.bins).astype(int), self.bins - 1)
        wrapped = fractional @ self.cell_A
        energies = np.empty(len(positions_A))
        for chosen, bin_index, name in _groups(bins, names):
            for block, images in self._blocks(chosen, bin_index):
                energies[block] = self._block(wrapped[block], images, str(name), charges_e[block])
        return energies

    def _blocks(self, chosen: np.ndarray, bin_index: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Atoms of a bin in blocks, each with the images that are within reach of the bin."""
        edges = self.cell_A / self.bins[:, None]
        diagonals = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T @ edges
        radius_A = np.linalg.norm(diagonals, axis=1).max()
        images = np.array(self.tree.query_ball_point((bin_index + 0.5) @ edges, self.reach_A + radius_A), dtype=int)
        step = max(1, ELEMENTS_PER_BLOCK // max(len(images), 1))
        for start in range(0, len(chosen), step):
            yield chosen[start : start + step], images

    def _block(self, positions_A: np.ndarray, images: np.ndarray, name: str, charges_e: np.ndarray) -> np.ndarray:
        """Energies (eV) of atoms of one kind, given the images that can be within reach."""
        image_positions, image_atoms = self.images[0][images], self.images[1][images]
        squared = np.maximum(cdist(positions_A, image_positions, "sqeuclidean"), FLOOR_A**2)
        pairs = {host: self.force_field.pair(host, name) for host in np.unique(self.names[image_atoms])}
        energies = _van_der_waals(
            squared, self.names[image_atoms], pairs, self.force_field.cutoff_A, self.force_field.shifted
        )
        if self.ewald is not None and charges_e.any():
            places, columns = np.nonzero(squared < self.ewald.cutoff_A**2)
            energies += charges_e * self.ewald.potentials_V(
                positions_A, places, image_atoms[columns], np.sqrt(squared[places, columns])
            )
        energies[(squared < HARD_CORE_A**2).any(axis=1)] = np.inf
        return energies


def _van_der_waals(
    squared_A2: np.ndarray, names: np.ndarray, pairs: dict[str, Pair], cutoff_A: float, shifted: bool
) -> np.ndarray:
    """Sums over the columns of the pair energies (eV) at squared distances, the columns being atoms of given kinds.

    By `numpy.einsum`, not by BLAS, whose threads cost more than they bring at these sizes.
    """
    kinds, kind = np.unique(names, return_inverse=True)
    inside = squared_A2 < cutoff_A**2
    energies = np.zeros(len(squared_A2))
    if shifted:
        offsets = np.array([float(pairs[name].energies(np.array(cutoff_A))) for name in kinds])
        energies -= np.einsum("ij,j->i", inside, offsets[kind])
    lennard_jones = {name: pair for name, pair in pairs.items() if isinstance(pair, LennardJones)}
    columns = np.flatnonzero(np.isin(names, list(lennard_jones)))
    if len(columns):
        c12 = np.array([lennard_jones[name].c12_eV_A12 for name in names[columns]])
        c6 = np.array([lennard_jones[name].c6_eV_A6 for name in names[columns]])
        inverse6 = inside[:, columns] / squared_A2[:, columns] ** 3
        energies -= np.einsum("ij,j->i", inverse6, c6)
        energies += np.einsum("ij,ij,j->i", inverse6, inverse6, c12)
    for place, name in enumerate(kinds):
        pair = pairs[name]
        if isinstance(pair, Buckingham):
            columns = np.flatnonzero(kind == place)
            energies += (pair.energies(np.sqrt(squared_A2[:, columns])) * inside[:, columns]).sum(axis=1)
    return energies


def _lattice_sphere(basis: np.ndarray, radius: float) -> np.ndarray:
    """All vectors of the lattice of `basis` (rows) within the radius, the origin among them, shape (n, 3)."""
    limits = np.floor(radius / widths(basis)).astype(int)
    ranges = [np.arange(-limit, limit + 1) for limit in limits]
    vectors = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3) @ basis
    return vectors[np.linalg.norm(vectors, axis=1) <= radius]


def _groups(bins: np.ndarray, names: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Indices of atoms of one kind in one bin, with the bin and the kind."""
    kinds, kind = np.unique(names, return_inverse=True)
    keys = np.column_stack((bins, kind))
    order = np.lexsort(keys.T[::-1])
    changes = np.flatnonzero((np.diff(keys[order], axis=0) != 0).any(axis=1)) + 1
    for chosen in np.split(order, changes):
        if len(chosen):
            yield chosen, bins[chosen[0]], kinds[kind[chosen[0]]]
