"""Laws that any potential obeys, held against tolerances: symmetries, extensivity, derivatives, batch = single.

How far a structure deviates from a law is measured in `assay.potentials.laws`; here is which structures are measured,
and what is a deviation and what is rounding. A potential whose forces are not derivatives of an energy, or which is not
equivariant by construction, is measured on those laws too, but not required to obey them; inversion is only reported,
for potentials without parity break it by construction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ase import Atoms

from assay.failures import PotentialFailure, UserError
from assay.potentials import laws
from assay.potentials.base import PROPERTIES, Potential
from assay.potentials.law_systems import spread, systems
from assay.potentials.law_titles import TITLES
from assay.randomness import random_stream

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from what a law says, for one floating-point type.

    Attributes
    ----------
    energy_meV_per_atom, force_meV_A, stress_meV_A3 : float
        For what is computed twice in different ways: the part that does not depend on the structure.
    relative : float
        The part that grows with the structure's largest force or stress.
    force_derivative_meV_A, stress_derivative_meV_A3, relative_derivative : float
        The same for what is compared with a difference quotient of energies.
    steps_A, strains : tuple of float
        Steps to try in difference quotients.
    """

    energy_meV_per_atom: float
    force_meV_A: float
    stress_meV_A3: float
    relative: float
    force_derivative_meV_A: float
    stress_derivative_meV_A3: float
    relative_derivative: float
    steps_A: tuple[float, ...]
    strains: tuple[float, ...]

    def of(self, quantity: str, forces_meV_A: float, stress_meV_A3: float) -> float:
        """The tolerance of a quantity for a structure with such largest force and stress; of a count it is zero."""
        if quantity == laws.WRONG:
            return 0.0
        scale = {"force": forces_meV_A, "stress": stress_meV_A3}.get(quantity.partition("_")[0], 0.0)
        relative = self.relative_derivative if "derivative" in quantity else self.relative
        return getattr(self, quantity) + relative * scale


TOLERANCES = {
    "float32": Tolerance(0.01, 0.1, 0.01, 2e-5, 2.0, 0.2, 1e-3, (0.02, 0.005, 0.002), (0.004, 0.001, 0.0005)),
    "float64": Tolerance(1e-6, 1e-6, 1e-7, 1e-8, 1e-3, 1e-4, 1e-6, (2e-3, 5e-4), (1e-3, 2e-4)),
    # electronic structure: cycles of self-consistency, sums over images and wave vectors end somewhere
    "self-consistent": Tolerance(0.1, 0.5, 0.05, 1e-4, 10.0, 0.5, 5e-3, (0.02, 0.005), (0.004, 0.001)),
}


@dataclass(frozen=True)
class Measurement:
    """One number of one law on one structure.

    Attributes
    ----------
    law, system, quantity : str
        The quantity's name ends with its unit.
    value, tolerance : float
    required : bool
        Whether the potential has to keep within the tolerance; if not, the number is only reported.
    """

    law: str
    system: str
    quantity: str
    value: float
    tolerance: float
    required: bool

    @property
    def passed(self) -> bool:
        """Whether the number is finite and, where that is required, within its tolerance."""
        return bool(np.isfinite(self.value)) and (self.value <= self.tolerance or not self.required)

    def as_row(self) -> dict[str, Any]:
        """Plain values, with the verdict."""
        return {**asdict(self), "passed": self.passed}


@dataclass(frozen=True)
class Failure:
    """A law that could not be measured on a structure."""

    law: str
    system: str
    reason: str
    message: str


@dataclass(frozen=True)
class Law:
    """How one law is measured.

    Attributes
    ----------
    measure : callable
        ``measure(subject, atoms, rng) -> deviations``; `atoms` is a list of structures where `together`.
    together : bool
        Whether it is about many structures at once instead of each by itself.
    periodic : int
        It is about structures that are periodic in so many directions at least.
    required : callable
        Whether a potential has to obey it.
    """

    measure: Callable[[Subject, Any, np.random.Generator], Mapping[str, float]]
    together: bool = False
    periodic: int = 0
    required: Callable[[Potential], bool] = lambda potential: True


@dataclass(frozen=True)
class Subject:
    """A potential, with the structures that it is measured on."""

    potential: Potential

    @property
    def limits(self) -> Tolerance:
        """What counts as rounding for the potential's floating-point type."""
        return TOLERANCES.get(self.potential.tolerances or self.potential.dtype, TOLERANCES["float32"])

    @cached_property
    def systems(self) -> dict[str, Atoms]:
        """Structures by name."""
        return systems(self.potential.elements)

    @cached_property
    def scales(self) -> dict[str, tuple[float, float]]:
        """Largest force (meV/Å) and stress (meV/Å³) of each structure that the potential can evaluate."""
        found = {}
        for name, atoms in self.systems.items():
            try:
                (here,) = self.potential.evaluate([atoms], PROPERTIES)
            except Exception:
                # it will fail in the laws as well, where it is told
                continue
            stress = 0.0 if here.stress_eV_A3 is None else float(np.abs(here.stress_eV_A3).max())
            found[name] = (1e3 * float(np.abs(here.forces_eV_A).max()), 1e3 * stress)
        return found

    def scale(self, system: str) -> tuple[float, float]:
        """Of one structure, or the largest of all."""
        every = list(self.scales.values()) or [(0.0, 0.0)]
        return self.scales.get(system, tuple(np.max(every, axis=0).tolist()))


ALL = "all"
"""In place of a system: all of them together."""

LAWS: dict[str, Law] = {
    "translation": Law(lambda subject, atoms, rng: laws.translation(subject.potential, atoms, rng)),
    "rotation": Law(
        lambda subject, atoms, rng: laws.rotation(subject.potential, atoms, rng),
        required=lambda potential: potential.equivariant,
    ),
    "inversion": Law(
        lambda subject, atoms, rng: laws.inversion(subject.potential, atoms),
        required=lambda potential: False,
    ),
    "permutation": Law(lambda subject, atoms, rng: laws.permutation(subject.potential, atoms, rng)),
    "wrapping": Law(lambda subject, atoms, rng: laws.wrapping(subject.potential, atoms, rng), periodic=1),
    "extensivity": Law(
        lambda subject, atoms, rng: laws.extensivity(subject.potential, atoms),
        periodic=3,
        required=lambda potential: potential.extensive,
    ),
    "net-force": Law(
        lambda subject, atoms, rng: laws.net_force(subject.potential, atoms),
        required=lambda potential: potential.conservative,
    ),
    "force-gradient": Law(
        lambda subject, atoms, rng: laws.force_derivative(subject.potential, atoms, rng, subject.limits.steps_A),
        required=lambda potential: potential.conservative,
    ),
    "stress-gradient": Law(
        lambda subject, atoms, rng: laws.stress_derivative(subject.potential, atoms, subject.limits.strains),
        periodic=3,
        required=lambda potential: potential.conservative,
    ),
    "batch": Law(
        lambda subject, atoms, rng: laws.batch_equals_single(subject.potential, [*atoms, *spread(atoms[-1])]),
        together=True,
    ),
    "calculator": Law(
        lambda subject, atoms, rng: laws.calculator_equals_batch(subject.potential, atoms),
        together=True,
    ),
    "package": Law(
        lambda subject, atoms, rng: laws.batch_equals_package(subject.potential, atoms),
        together=True,
    ),
    "empty-batch": Law(lambda subject, atoms, rng: laws.answers_empty_batch(subject.potential), together=True),
    "unknown-element": Law(
        lambda subject, atoms, rng: laws.refuses_unknown_element(subject.potential),
        together=True,
    ),
}
"""All laws by a name that can be that of a file; the order is that of tables and figures."""

ANSWERS = ("empty-batch", "unknown-element")
"""Those of the laws that are about malformed input."""


def measure(subject: Subject, name: str, seed: int = 0) -> tuple[list[Measurement], list[Failure]]:
    """Measure one law on all structures that it is about.

    Parameters
    ----------
    subject : Subject
    name : str
        One of `LAWS`.
    seed : int
        Rotations and displacements depend on it, on the law and on the structure's name alone.

    Returns
    -------
    measurements : list of Measurement
    failures : list of Failure
        Where the potential failed; the other structures are measured.
    """
    law = LAWS[name]
    chosen: dict[str, Any] = {
        system: atoms for system, atoms in subject.systems.items() if atoms.pbc.sum() >= law.periodic
    }
    if law.together:
        chosen = {ALL: list(subject.systems.values())}
    measurements, failures = [], []
    for system, atoms in chosen.items():
        try:
            numbers = law.measure(subject, atoms, random_stream(seed, f"conformance/{name}/{system}"))
        except PotentialFailure as failure:
            failures.append(Failure(TITLES[name], system, failure.reason, failure.message))
            continue
        except (UserError, OSError):
            raise
        except Exception as error:
            # what a model raises on one structure says nothing of the others
            log.warning("%s, %s", TITLES[name], system, exc_info=True)
            told = " ".join(f"{type(error).__name__}: {error}".split())
            failures.append(Failure(TITLES[name], system, "error", told))
            continue
        for quantity, value in numbers.items():
            tolerance = subject.limits.of(quantity, *subject.scale(system))
            required = law.required(subject.potential)
            measurements.append(Measurement(TITLES[name], system, quantity, value, tolerance, required))
    return measurements, failures
