"""Hosts, guests and potentials whose insertion energies are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from matscipy.neighbours import neighbour_list

from assay.hosts import System, make_system
from assay.potentials.ase_calculator import from_factory
from assay.potentials.base import Potential

CUTOFF_A = 3.0
HOST = Atoms(
    "Mg2Ne",
    scaled_positions=[(0.1, 0.2, 0.3), (0.6, 0.1, 0.8), (0.4, 0.7, 0.5)],
    cell=[(5.0, 0, 0), (1.5, 6.5, 0), (-1.0, 1.0, 7.0)],
    pbc=True,
)
CO2 = Atoms("CO2", [(0, 0, 0), (0, 0, 1.16), (0, 0, -1.16)])


def lennard_jones(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A well of 0.5 eV near 2.2 Å, faded so that energy and slope go to zero at the cutoff; and its slope."""
    inverse = (2.2 / distance) ** 6
    fade, fall = (1 - (distance / CUTOFF_A) ** 2) ** 2, -4 * distance / CUTOFF_A**2 * (1 - (distance / CUTOFF_A) ** 2)
    energy, slope = 0.5 * (inverse**2 - 2 * inverse), 6.0 / distance * (inverse - inverse**2)
    return energy * fade, slope * fade + energy * fall


def with_a_hole(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same, but -5 eV below 0.8 Å."""
    energy, slope = lennard_jones(distance)
    return np.where(distance < 0.8, -5.0, energy), np.where(distance < 0.8, 0.0, slope)


def lost_inside(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same, but no number below 0.6 Å."""
    energy, slope = lennard_jones(distance)
    return np.where(distance < 0.6, np.nan, energy), slope


class Pairs(Calculator):
    """Pairs of a light atom (C, O) and another one, images included; and so much per square of the number of atoms."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, law: Callable, whole_eV: float = 0.0) -> None:
        super().__init__()
        self.law, self.whole_eV, self.calls = law, whole_eV, 0

    def calculate(self, atoms, properties, changes=all_changes):
        super().calculate(atoms, properties, changes)
        self.calls += 1
        first, second, distances, vectors = neighbour_list("ijdD", atoms, CUTOFF_A)
        light = np.isin(atoms.numbers, (6, 8))
        mixed = light[first] != light[second]
        first, distances, vectors = first[mixed], distances[mixed], vectors[mixed]
        energies, slopes = self.law(distances)
        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, first, slopes[:, None] * vectors / distances[:, None])
        energy = energies.sum() / 2 + self.whole_eV * len(atoms) ** 2
        self.results = {"energy": float(energy), "forces": forces}


def pair_potential(law: Callable = lennard_jones, whole_eV: float = 0.0) -> Potential:
    return from_factory({"name": "toy"}, "cpu", lambda: Pairs(law, whole_eV), details={"cutoff_A": CUTOFF_A})


def as_interaction(potential: Potential) -> Potential:
    """The same potential as one that gives its energy with the host itself."""

    def interaction(host: Atoms, guest: Atoms) -> Callable[[np.ndarray], np.ndarray]:
        def energies(positions: np.ndarray) -> np.ndarray:
            return np.array([pair_sum(host, guest, one, lennard_jones) for one in positions])

        return energies

    return replace(potential, interaction=interaction)


def pair_sum(host: Atoms, guest: Atoms, positions: np.ndarray, law: Callable) -> float:
    """The sum over guest and host, with all images within the cutoff, by brute force."""
    shifts = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3) @ host.cell.array
    wrapped = positions - np.floor(positions[0] @ np.linalg.inv(host.cell.array)) @ host.cell.array
    images = (host.positions[:, None, :] + shifts).reshape(-1, 3)
    distances = np.linalg.norm(wrapped[:, None, :] - images, axis=2)
    return float(law(distances[distances < CUTOFF_A])[0].sum())


def toy_system() -> System:
    return make_system(HOST, CO2)


def toy_settings(**changes) -> dict:
    settings = {
        **{"insertions": 60, "sampling": "random", "replicates": 4, "supercell": "auto", "relax_host": False},
        **{"relax_fmax_eV_A": 0.01, "relax_steps": 200, "skip_overlaps": False, "overlap_fraction": 0.7},
        **{"overlap_sample": 10, "minima": 2},
    }
    return settings | changes
