"""Calculators with known answers, fast enough for thousands of steps of hundred atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes

KCAL_MOL = 23.060549


class LennardJonesPairs(Calculator):
    """All pairs within half the cell's widths, truncated and shifted, parameters by element; eV and Å."""

    implemented_properties: ClassVar = ["energy", "forces", "stress"]

    def __init__(self, epsilon_eV: dict[int, float], sigma_A: dict[int, float], cutoff_A: float) -> None:
        super().__init__()
        self.epsilon_eV, self.sigma_A, self.cutoff_A = epsilon_eV, sigma_A, cutoff_A
        self.asked: list[tuple[str, ...]] = []

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = (), system_changes: Sequence[str] = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        self.asked.append(tuple(properties))
        first, second = np.triu_indices(len(atoms), 1)
        epsilon = np.array([self.epsilon_eV[number] for number in atoms.numbers.tolist()])
        sigma = np.array([self.sigma_A[number] for number in atoms.numbers.tolist()])
        fractional = (atoms.positions[first] - atoms.positions[second]) @ np.linalg.inv(atoms.cell.array)
        vectors = (fractional - np.round(fractional)) @ atoms.cell.array
        squares = np.einsum("ij,ij->i", vectors, vectors)
        near = np.flatnonzero(squares < self.cutoff_A**2)
        first, second, vectors, squares = first[near], second[near], vectors[near], squares[near]
        depth = np.sqrt(epsilon[first] * epsilon[second])
        width = ((sigma[first] + sigma[second]) / 2) ** 2
        sixth, edge = (width / squares) ** 3, (width / self.cutoff_A**2) ** 3
        pulls = (24 * depth * (2 * sixth**2 - sixth) / squares)[:, None] * vectors
        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, first, pulls)
        np.add.at(forces, second, -pulls)
        tensor = -np.einsum("ia,ib->ab", pulls, vectors) / atoms.cell.volume
        self.results = {
            "energy": float((4 * depth * (sixth**2 - sixth - edge**2 + edge)).sum()),
            "forces": forces,
            "stress": tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }


ARGON = {"epsilon_eV": {18: 119.8 * units.kB}, "sigma_A": {18: 3.405}}


def argon(cutoff_A: float) -> LennardJonesPairs:
    return LennardJonesPairs(**ARGON, cutoff_A=cutoff_A)


class Nothing(Calculator):
    """An ideal gas; keeps copies of the structures that it was given if asked to."""

    implemented_properties: ClassVar = ["energy", "forces", "stress"]

    def __init__(self, keep: bool = False) -> None:
        super().__init__()
        self.keep = keep
        self.seen: list[Atoms] = []

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = (), system_changes: Sequence[str] = all_changes
    ) -> None:
        if self.keep:
            self.seen.append(atoms.copy())
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}


class Well(Nothing):
    """Atoms that do not see each other, lower in energy in one half of the cell."""

    def __init__(self, depth_eV: float) -> None:
        super().__init__()
        self.depth_eV = depth_eV

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = (), system_changes: Sequence[str] = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        inside = atoms.get_scaled_positions(wrap=True)[:, 0] < 0.5
        self.results["energy"] = -self.depth_eV * float(inside.sum())


class Broken(RuntimeError):
    """What `Failing` raises."""


class Failing(Nothing):
    """Fails at one evaluation."""

    def __init__(self, at: int, error: BaseException | None = None) -> None:
        super().__init__()
        self.at, self.count, self.error = at, 0, error or Broken("the model fell over")

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = (), system_changes: Sequence[str] = all_changes
    ) -> None:
        self.count += 1
        if self.count == self.at:
            raise self.error
        super().calculate(atoms, properties, system_changes)


class NotANumber(Nothing):
    """An energy that is none."""

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = (), system_changes: Sequence[str] = all_changes
    ) -> None:
        super().calculate(atoms, properties, system_changes)
        self.results["energy"] = float("nan")
