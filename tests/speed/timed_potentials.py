"""Potentials whose cost is known, and a device that works while nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from ase.calculators.lj import LennardJones

from assay.potentials import Potential, Result
from assay.potentials.batching import Budget, Prepared
from assay.speed.timing import Clock


class FakeDevice:
    """A device with a time of its own: orders are queued at once, and done when somebody waits for them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.queued = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, synchronise=self.synchronise)

    def order(self, seconds: float) -> None:
        self.queued += seconds

    def synchronise(self) -> None:
        self.seconds += self.queued
        self.queued = 0.0


def make_potential(
    prepare_s: Callable[[int], None], forward_s: Callable[[int], None], *, native: bool = True, energy: float = 0.0
) -> Potential:
    """A potential that calls `prepare_s` and `forward_s` with the number of atoms, and says `energy` of anything."""

    def prepare(atoms):
        prepare_s(len(atoms))
        return Prepared(atoms, atoms=len(atoms), edges=0)

    def forward(graphs, wanted):
        forward_s(sum(len(atoms) for atoms in graphs))
        return [Result(energy, np.zeros((len(atoms), 3))) for atoms in graphs]

    return Potential(
        name="timed",
        device="cpu",
        dtype="float64",
        conservative=True,
        elements=None,
        prepare=prepare,
        forward=forward,
        make_package_calculator=LennardJones,
        package_calculator_name="none",
        native=native,
        budget=Budget(atoms_per_pass=10**6, sparse_atoms_per_pass=10**6),
    )


@dataclass
class Sleep:
    """Sleeps for so long per atom, and keeps what it really slept: a busy system wakes it late."""

    seconds_per_atom: float
    slept_s: list[float] = field(default_factory=list)

    def __call__(self, count: int) -> None:
        start = time.perf_counter()
        time.sleep(self.seconds_per_atom * count)
        self.slept_s.append(time.perf_counter() - start)
