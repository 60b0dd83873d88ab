"""An n-body potential of adjustable difficulty: energies, forces and stress in closed form.

Two neighbours of an atom interact with it through a Morse potential and further smooth pair terms. An n-body term is a
sum over all (n - 1)-tuples of neighbours j, k, ..., m of an atom,

    E = A sum g(r_j) g(r_k) ... g(r_m) (cos_jk + b) ... (cos_mj + b),

a ring product of the factors whose square is the angular term of Stillinger and Weber, Phys. Rev. B 31, 5262 (1985),
doi:10.1103/PhysRevB.31.5262, with smooth radial functions g that end at the cutoff. With v = (u, sqrt(b)), u the unit
vector to a neighbour, the sum is the trace of the (n - 1)-th power of the 4 x 4 matrix of all g v v^T, so that any
body order costs time that is linear in the number of neighbours. Neighbours may be equal in a tuple: a term of n bodies
has parts of fewer. What makes the potential hard to learn is the highest body order and the number of terms of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from ase.stress import full_3x3_to_voigt_6_stress
from matscipy.neighbours import neighbour_list

from assay.failures import PotentialFailure
from assay.potentials.boxes import boxed
from assay.randomness import random_stream

TYPICAL_WEIGHT = 2.0
"""Sum of the radial functions over the neighbours of an atom in condensed matter, by which terms of all orders are made
about equally large."""


@dataclass(frozen=True)
class PairTerm:
    """Pair energies between elements: a Morse potential, or a Gaussian where `width` is set.

    Attributes
    ----------
    strength_eV : ndarray, shape (e, e)
        Well depth, or height of the Gaussian.
    centre_A : ndarray, shape (e, e)
        Distance of the minimum, or of the Gaussian's maximum.
    steepness : float
        Of the Morse potential (1/Å); inverse standard deviation of the Gaussian.
    morse : bool
    """

    strength_eV: np.ndarray
    centre_A: np.ndarray
    steepness: float
    morse: bool

    def energy(self, first: np.ndarray, second: np.ndarray, distance_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (eV) of pairs of elements at distances, and their slopes (eV/Å), without the cutoff."""
        strength = self.strength_eV[first, second]
        apart = self.steepness * (distance_A - self.centre_A[first, second])
        if self.morse:
            decay = np.exp(-apart)
            return strength * decay * (decay - 2), 2 * strength * self.steepness * decay * (1 - decay)
        bump = strength * np.exp(-0.5 * apart**2)
        return bump, -self.steepness * apart * bump


@dataclass(frozen=True)
class ManyBodyTerm:
    """One n-body term.

    Attributes
    ----------
    bodies : int
        n, at least three.
    strength_eV : ndarray, shape (e,)
        A, by the element of the central atom.
    weight : ndarray, shape (e,)
        Factor of g by the element of the neighbour.
    centre_A : ndarray, shape (e, e)
        Where the Gaussian g has its maximum.
    steepness : float
        Its inverse standard deviation (1/Å).
    offset : float
        b, in [0, 1]: three bodies are drawn to the angle whose cosine is -b.
    """

    bodies: int
    strength_eV: np.ndarray
    weight: np.ndarray
    centre_A: np.ndarray
    steepness: float
    offset: float


@dataclass(frozen=True)
class NBodyPotential:
    """The sum of all terms, for a few elements.

    Attributes
    ----------
    elements : tuple of str
    cutoff_A : float
    atomic_eV : ndarray, shape (e,)
        Energy of an atom without neighbours.
    pairs : tuple of PairTerm
    many : tuple of ManyBodyTerm
    """

    elements: tuple[str, ...]
    cutoff_A: float
    atomic_eV: np.ndarray
    pairs: tuple[PairTerm, ...]
    many: tuple[ManyBodyTerm, ...]

    def kinds(self, atoms: Atoms) -> np.ndarray:
        """Where each atom's element is in `elements`.

        Raises
        ------
        PotentialFailure
            ``unsupported_element``.
        """
        unknown = sorted(set(atoms.symbols) - set(self.elements))
        if unknown:
            raise PotentialFailure("unsupported_element", f"the n-body potential does not know {', '.join(unknown)}.")
        places = np.full(len(chemical_symbols), -1)
        places[[atomic_numbers[symbol] for symbol in self.elements]] = range(len(self.elements))
        return places[atoms.numbers]

    def evaluate(self, atoms: Atoms) -> tuple[float, np.ndarray, np.ndarray]:
        """Energy, forces and virial of a structure.

        Returns
        -------
        energy_eV : float
        forces_eV_A : ndarray, shape (n, 3)
        virial_eV : ndarray, shape (3, 3)
            Derivative of the energy for a strain; the stress times the volume.
        """
        kinds = self.kinds(atoms)
        positions, cell = boxed(atoms, self.cutoff_A)
        centre, neighbour, vectors = neighbour_list(
            "ijD", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.cutoff_A
        )
        distance = np.linalg.norm(vectors, axis=1)
        units = vectors / distance[:, None]
        edges = _Edges(centre, kinds[centre], kinds[neighbour], distance, units, *_cutoff(distance, self.cutoff_A))
        energy = float(self.atomic_eV[kinds].sum())
        slopes = np.zeros((len(distance), 3))
        for pair in self.pairs:
            pair_energy, pair_slopes = _pair_part(pair, edges)
            energy, slopes = energy + pair_energy, slopes + pair_slopes
        for term in self.many:
            term_energy, term_slopes = _many_body_part(term, edges, kinds)
            energy, slopes = energy + term_energy, slopes + term_slopes
        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, centre, slopes)
        np.subtract.at(forces, neighbour, slopes)
        return energy, forces, vectors.T @ slopes

    def describe(self) -> dict[str, Any]:
        """All parameters as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Edges:
    """Directed pairs within the cutoff: `smooth` is the cutoff function, `fall` its slope."""

    centre: np.ndarray
    kind: np.ndarray
    other: np.ndarray
    distance: np.ndarray
    units: np.ndarray
    smooth: np.ndarray
    fall: np.ndarray


def _cutoff(distance_A: np.ndarray, cutoff_A: float) -> tuple[np.ndarray, np.ndarray]:
    """(1 - (r / cutoff)^2)^3, whose first two derivatives vanish at the cutoff, and its slope."""
    rest = 1 - (distance_A / cutoff_A) ** 2
    return rest**3, -6 * distance_A / cutoff_A**2 * rest**2


def _pair_part(term: PairTerm, edges: _Edges) -> tuple[float, np.ndarray]:
    """Energy of a pair term and its derivatives for the edges' vectors; a pair is two edges with half of it each."""
    energy, slope = term.energy(edges.kind, edges.other, edges.distance)
    along = 0.5 * (slope * edges.smooth + energy * edges.fall)
    return 0.5 * float(energy @ edges.smooth), along[:, None] * edges.units


def _many_body_part(term: ManyBodyTerm, edges: _Edges, kinds: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy of an n-body term and its derivatives for the edges' vectors."""
    apart = term.steepness * (edges.distance - term.centre_A[edges.kind, edges.other])
    bump = term.weight[edges.other] * np.exp(-0.5 * apart**2)
    radial = bump * edges.smooth
    radial_slope = bump * (edges.fall - term.steepness * apart * edges.smooth)
    four = np.concatenate([edges.units, np.full((len(apart), 1), np.sqrt(term.offset))], axis=1)
    matrices = np.zeros((len(kinds), 4, 4))
    np.add.at(matrices, edges.centre, radial[:, None, None] * four[:, :, None] * four[:, None, :])
    power = np.linalg.matrix_power(matrices, term.bodies - 2)
    strength = term.strength_eV[kinds]
    energy = float(strength @ np.einsum("iab,iba->i", power, matrices))
    outer = (term.bodies - 1) * strength[:, None, None] * power
    pulled = np.einsum("eab,eb->ea", outer[edges.centre], four)
    along = np.einsum("ea,ea->e", pulled, four)
    turning = pulled[:, :3] - np.einsum("ea,ea->e", pulled[:, :3], edges.units)[:, None] * edges.units
    slopes = (radial_slope * along)[:, None] * edges.units
    return energy, slopes + 2 * (radial / edges.distance)[:, None] * turning


def make_potential(
    elements: Sequence[str], *, body_order: int, terms: int, cutoff_A: float, seed: int
) -> NBodyPotential:
    """A potential with parameters drawn at random, the same for the same arguments.

    Parameters
    ----------
    elements : sequence of str
    body_order : int
        The highest one: 2, 3, ...
    terms : int
        Of each order. The pair terms are the Morse potential, whose minimum is at the sum of the covalent radii, and
        ``terms - 1`` Gaussians.
    cutoff_A : float
    seed : int
        Of the campaign.
    """
    random = random_stream(seed, f"training/potential/{','.join(elements)}")
    count = len(elements)
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in elements])
    bonds = radii[:, None] + radii[None, :]

    def symmetric(low: float, high: float) -> np.ndarray:
        drawn = random.uniform(low, high, (count, count))
        return np.triu(drawn) + np.triu(drawn, 1).T

    atomic_eV = random.uniform(-3.0, -0.5, count)
    pairs = [PairTerm(symmetric(0.6, 1.4), bonds, 1.8, morse=True)]
    for _ in range(terms - 1):
        steepness = random.uniform(1.5, 3.0)
        pairs.append(PairTerm(symmetric(-0.2, 0.2), bonds * random.uniform(1.2, 2.0), steepness, morse=False))
    many = []
    for bodies in range(3, body_order + 1):
        scale = TYPICAL_WEIGHT ** (bodies - 1) * terms
        for _ in range(terms):
            # matrices with positive weights have no negative eigenvalues: with positive strengths a term only repels,
            # and atoms cannot fall into each other
            many.append(
                ManyBodyTerm(
                    bodies=bodies,
                    strength_eV=random.uniform(0.4, 2.0, count) / scale,
                    weight=random.uniform(0.5, 1.5, count),
                    centre_A=bonds * random.uniform(0.8, 1.4),
                    steepness=random.uniform(1.2, 2.5),
                    offset=random.uniform(0.0, 1.0),
                )
            )
    return NBodyPotential(tuple(elements), cutoff_A, atomic_eV, tuple(pairs), tuple(many))


class NBodyCalculator(Calculator):
    """The potential as an ase calculator: energy, forces and, in periodic crystals, stress."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, potential: NBodyPotential) -> None:
        super().__init__()
        self.potential = potential

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        """Compute all properties at once."""
        super().calculate(atoms, properties, system_changes)
        energy, forces, virial = self.potential.evaluate(self.atoms)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}
        if self.atoms.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(virial / self.atoms.get_volume())
