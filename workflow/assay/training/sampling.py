"""Structures with the energies, forces and stresses of an n-body potential: the data that models are trained on.

Crystals of one or two elements in common prototypes, strained and rattled; clusters of a few atoms, from dimers on; and
Langevin dynamics (Bussi and Parrinello, Phys. Rev. E 75, 056707 (2007), doi:10.1103/PhysRevE.75.056707, as ase has it)
that starts from such crystals. Every structure has a random stream of its own, so that a larger set begins with the
structures of a smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, covalent_radii
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta

from assay.randomness import random_stream
from assay.training.nbody import NBodyCalculator, NBodyPotential

PROTOTYPES = {
    "sc": (1.0, 1.1),
    "bcc": (np.sqrt(3) / 2, 1.2),
    "fcc": (np.sqrt(2) / 2, 1.2),
    "diamond": (np.sqrt(3) / 4, 1.0),
    "rocksalt": (0.5, 1.1),
    "zincblende": (np.sqrt(3) / 4, 1.0),
    "cesiumchloride": (np.sqrt(3) / 2, 1.2),
}
"""Prototypes: the distance of nearest neighbours in lattice parameters, and how much longer the bonds are than in
diamond, since atoms have more of them. The last three have two elements."""

SMALLEST_RADIUS_A = 0.8
"""So large are atoms in crystals at least: hydrogen packed as densely as its bond allows has a thousand neighbours."""

TWO_ELEMENTS = ("rocksalt", "zincblende", "cesiumchloride")
SHARES = {"crystals": 0.45, "clusters": 0.25, "dynamics": 0.30}
"""Which part of the data is of which kind."""


@dataclass(frozen=True)
class Sampling:
    """How structures are drawn.

    Attributes
    ----------
    smallest, largest : float
        Nearest distance in crystals and clusters, in sums of covalent radii.
    strain : float
        Standard deviation of the components of the strain.
    rattle_A : float
        Largest standard deviation of the atoms' displacements (Å).
    temperature_K : tuple of float
        Range of the Langevin dynamics.
    atoms_min : int
        Crystals are repeated until they have so many atoms.
    steps_between : int
        Time steps between frames that are kept.
    frames : int
        Frames of one trajectory.
    largest_force_eV_A : float
        Structures with larger forces are drawn again.
    """

    smallest: float = 0.85
    largest: float = 1.3
    strain: float = 0.03
    rattle_A: float = 0.25
    temperature_K: tuple[float, float] = (100.0, 2000.0)
    atoms_min: int = 6
    steps_between: int = 10
    frames: int = 4
    largest_force_eV_A: float = 20.0


def sample(
    potential: NBodyPotential, count: int, seed: int, part: str, sampling: Sampling | None = None
) -> Iterator[Atoms]:
    """Structures in a random order of their kinds, one after the other, with results of `potential`.

    Parameters
    ----------
    potential : NBodyPotential
    count : int
        How many.
    seed : int
        Of the campaign.
    part : str
        What they are for, such as ``training``: parts share no structure and no trajectory.
    sampling : Sampling, optional

    Yields
    ------
    Atoms
        With energy, forces and (crystals) stress; ``info["kind"]`` is a key of `SHARES`.
    """
    sampling = sampling or Sampling()
    calculator = NBodyCalculator(potential)
    trajectory: list[Atoms] = []
    for number in range(count):
        random = random_stream(seed, f"training/{part}/{number}")
        kind = str(random.choice(list(SHARES), p=list(SHARES.values())))
        if kind != "dynamics":
            atoms = _drawn(crystal if kind == "crystals" else cluster, calculator, sampling, random)
        else:
            if not trajectory:
                trajectory = _dynamics(_drawn(crystal, calculator, sampling, random), calculator, sampling, random)
            atoms = trajectory.pop()
        atoms.info["kind"] = kind
        yield atoms


def _drawn(
    draw: Callable[[NBodyPotential, Sampling, np.random.Generator], Atoms],
    calculator: NBodyCalculator,
    sampling: Sampling,
    random: np.random.Generator,
) -> Atoms:
    """A structure with results, and with forces that are not too large."""
    while True:
        atoms = _with_results(draw(calculator.potential, sampling, random), calculator)
        if np.abs(atoms.get_forces()).max() <= sampling.largest_force_eV_A:
            return atoms


def crystal(potential: NBodyPotential, sampling: Sampling, random: np.random.Generator) -> Atoms:
    """A crystal of one or two elements, strained, with atoms off their sites."""
    prototype = str(random.choice(list(PROTOTYPES)))
    first, second = random.choice(potential.elements, 2, replace=False)
    nearest, longer = PROTOTYPES[prototype]
    bond = longer * _bond(first, second if prototype in TWO_ELEMENTS else first, SMALLEST_RADIUS_A)
    edge = bond * random.uniform(sampling.smallest, sampling.largest) / nearest
    name = first + second if prototype in TWO_ELEMENTS else first
    atoms = bulk(name, prototype, a=edge, cubic=prototype not in ("sc", "cesiumchloride"))
    while len(atoms) < sampling.atoms_min:
        repeats = [1, 1, 1]
        repeats[int(np.argmin(atoms.cell.lengths()))] = 2
        atoms = atoms.repeat(repeats)
    strain = random.normal(0.0, sampling.strain, (3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
    atoms.positions += random.normal(0.0, random.uniform(0.0, sampling.rattle_A), atoms.positions.shape)
    return atoms


def cluster(potential: NBodyPotential, sampling: Sampling, random: np.random.Generator) -> Atoms:
    """Two to seven atoms of any elements; each one is near to one that was there before, and to no other nearer."""
    symbols = list(random.choice(potential.elements, random.integers(2, 8)))
    positions = [np.zeros(3)]
    while len(positions) < len(symbols):
        here = symbols[len(positions)]
        anchor = random.integers(len(positions))
        direction = random.normal(size=3)
        reach = _bond(here, symbols[anchor]) * random.uniform(sampling.smallest, 1.6)
        proposed = positions[anchor] + reach * direction / np.linalg.norm(direction)
        apart = np.linalg.norm(np.array(positions) - proposed, axis=1)
        bonds = np.array([_bond(here, symbol) for symbol in symbols[: len(positions)]])
        if (apart >= sampling.smallest * bonds - 1e-9).all():
            positions.append(proposed)
    return Atoms(symbols, positions=positions)


def _dynamics(
    atoms: Atoms, calculator: NBodyCalculator, sampling: Sampling, random: np.random.Generator
) -> list[Atoms]:
    """Frames of Langevin dynamics at a random temperature, the last one first."""
    temperature = random.uniform(*sampling.temperature_K)
    # light atoms move as far in a step as the others do
    atoms.set_masses(np.full(len(atoms), 24.0))
    atoms.calc = calculator
    thermalize_momenta(atoms, temperature_K=temperature, rng=random)
    run = Langevin(atoms, 3 * units.fs, temperature_K=temperature, friction=0.02 / units.fs, fixcm=False, rng=random)
    frames = []
    for _ in range(sampling.frames):
        run.run(sampling.steps_between)
        bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        frames.append(_with_results(bare, calculator))
    return frames[::-1]


def _bond(first: str, second: str, smallest_A: float = 0.0) -> float:
    return sum(max(covalent_radii[atomic_numbers[symbol]], smallest_A) for symbol in (first, second))


def _with_results(atoms: Atoms, calculator: NBodyCalculator) -> Atoms:
    calculator.calculate(atoms)
    atoms.calc = SinglePointCalculator(atoms, **calculator.results)
    return atoms
