"""A potential made of numpy, to test what surrounds a model: packing, budgets, memory that runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from ase.calculators.lj import LennardJones

from assay.potentials import Potential, Result
from assay.potentials.batching import Budget, Prepared


class OutOfMemoryError(RuntimeError):
    """Bears the name and the module of torch's."""


OutOfMemoryError.__module__ = "torch"


def energy_of(atoms: Atoms) -> float:
    """An energy that tells structures apart: sum of atomic numbers plus a spring to the origin."""
    return float(atoms.numbers.sum() + (atoms.positions**2).sum())


class FakeModel:
    """Prepares and evaluates; `passes` lists the number of atoms of every pass that was tried.

    Parameters
    ----------
    largest_pass : float
        Atoms beyond which memory runs out.
    error : callable
        Makes the exception that says so.
    edges_per_atom : int
        Directed edges of an atom.
    """

    def __init__(
        self,
        largest_pass: float = np.inf,
        error: Callable[[], Exception] = lambda: OutOfMemoryError("CUDA out of memory"),
        edges_per_atom: int = 50,
    ) -> None:
        self.largest_pass = largest_pass
        self.error = error
        self.edges_per_atom = edges_per_atom
        self.passes: list[int] = []
        self.properties: list[frozenset[str]] = []
        self.released = 0

    def prepare(self, atoms: Atoms) -> Prepared:
        return Prepared(atoms, atoms=len(atoms), edges=self.edges_per_atom * len(atoms))

    def forward(self, graphs: Sequence[Atoms], wanted: frozenset[str]) -> list[Result]:
        size = sum(len(atoms) for atoms in graphs)
        self.passes.append(size)
        self.properties.append(wanted)
        if size > self.largest_pass:
            raise self.error()
        return [Result(energy_of(atoms), -2 * atoms.positions, np.arange(6.0)) for atoms in graphs]

    def release(self) -> None:
        self.released += 1


def potential(model: FakeModel, device: str = "cuda", elements: Sequence[str] | None = None, **budget) -> Potential:
    """A natively batched potential around the fake model. No test here touches a GPU: ``cuda`` is only a word."""
    return Potential(
        name="fake",
        device=device,
        dtype="float64",
        conservative=True,
        elements=None if elements is None else frozenset(elements),
        prepare=model.prepare,
        forward=model.forward,
        make_package_calculator=LennardJones,
        package_calculator_name="none",
        native=True,
        budget=Budget(**budget),
        release=model.release,
    )


def molecules(sizes: Sequence[int], seed: int = 0) -> list[Atoms]:
    """Structures of so many hydrogen atoms each, at random places."""
    rng = np.random.default_rng(seed)
    return [Atoms(f"H{size}" if size else "", positions=rng.normal(size=(size, 3))) for size in sizes]
