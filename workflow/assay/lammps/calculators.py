"""Calculators as functions: one structure in, one `Result` out, with as little around the calculation as can be.

An ase calculator is normally asked through ``atoms.get_forces()`` and its siblings, which compare the structure with
the one before at every question. LAMMPS calls after every step, and what has changed since is known: the calculation
itself is called, once for all properties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.potentials.ase_calculator import evaluate_with
from assay.potentials.base import Potential, Result

Evaluator = Callable[[Atoms, frozenset[str], Sequence[str]], Result]
"""``evaluator(atoms, wanted, changes)``: `wanted` of ``energy``, ``forces``, ``stress``; `changes` in ase's words."""


def evaluator_of(calculator: Calculator | Potential) -> Evaluator:
    """The function that evaluates a structure with a calculator.

    Parameters
    ----------
    calculator : ase calculator or Potential
        Of calculators in ase's sense that are no subclass of ase's `Calculator`, or that answer questions in a way of
        their own, the usual methods are called.

    Returns
    -------
    callable
        ``evaluator(atoms, wanted, changes) -> Result``.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(calculator, Potential):
        return lambda atoms, wanted, changes: calculator.evaluate([atoms], wanted)[0]
    if isinstance(calculator, Calculator) and type(calculator).get_property is Calculator.get_property:
        return lambda atoms, wanted, changes: _calculated(calculator, atoms, wanted, changes)
    if hasattr(calculator, "get_potential_energy"):
        return lambda atoms, wanted, changes: evaluate_with(calculator, atoms, wanted)
    raise TypeError(f"expected an ase calculator or a Potential, got {calculator!r}")


def _calculated(calculator: Calculator, atoms: Atoms, wanted: frozenset[str], changes: Sequence[str]) -> Result:
    properties = ["energy"]
    if "forces" in wanted:
        properties.append("forces")
    if "stress" in wanted and "stress" in calculator.implemented_properties and atoms.pbc.all():
        properties.append("stress")
    calculator.reset()
    calculator.calculate(atoms, properties, list(changes))
    found: dict[str, Any] = calculator.results
    return Result(
        float(found["energy"]),
        np.asarray(found["forces"], dtype=float) if "forces" in properties else None,
        np.asarray(found["stress"], dtype=float) if "stress" in properties else None,
    )
