"""A code in place of GPAW: ASE's effective-medium and Lennard-Jones potentials behind the same protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from assay.references.gpaw_code import Iterations

ROOT = Path(__file__).resolve().parents[2]


class StubNotConverged(Exception):
    """What the stub raises where it is told not to converge."""


class StubCode:
    """Counts its calculations, and fails where it is told to.

    Parameters
    ----------
    make : callable
        Makes an ASE calculator.
    fails : callable
        Takes atoms and the scheme's eigensolver name; True where self-consistency is not reached.
    """

    def __init__(self, make: Callable[[], Calculator] = EMT, fails: Callable[[Atoms, str], bool] | None = None) -> None:
        self.make = make
        self.fails = fails or (lambda atoms, eigensolver: False)
        self.calculations = 0
        self.parameters: list[Mapping[str, Any]] = []

    def calculator(self, parameters: Mapping[str, Any], log: Path) -> StubCalculator:
        """A calculator that remembers its parameters and writes no log."""
        self.parameters.append(dict(parameters))
        return StubCalculator(self, self.make(), parameters["eigensolver"]["name"])

    def not_converged(self, error: Exception) -> bool:
        """Only what the stub raises itself."""
        return isinstance(error, StubNotConverged)

    def iterations(self, log: Path) -> Iterations:
        """The same end for every cycle."""
        return Iterations(7, -1.25, 1e-6, 1e-5)

    def versions(self) -> dict[str, str]:
        """A version of its own."""
        return {"stub": "1"}


class StubCalculator(Calculator):
    """The potential of a `StubCode`, with what the engines ask of GPAW's calculator."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress", "magmom"]

    def __init__(self, code: StubCode, inner: Calculator, eigensolver: str) -> None:
        super().__init__()
        self.code, self.inner, self.eigensolver = code, inner, eigensolver

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        if self.code.fails(atoms, self.eigensolver):
            raise StubNotConverged(self.eigensolver)
        self.code.calculations += 1
        free = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        free.calc = self.inner
        # Parallel spins cost a little, so that the antiparallel state is the lower one.
        moment = float(atoms.get_initial_magnetic_moments().sum())
        self.results = {
            "energy": free.get_potential_energy() + 0.01 * moment * (len(atoms) - 1),
            "forces": free.get_forces(),
            "stress": free.get_stress() if free.cell.rank == 3 and "stress" in properties else np.zeros(6),
            "magmom": moment,
        }

    def get_number_of_iterations(self) -> int:
        """As GPAW's."""
        return 7
