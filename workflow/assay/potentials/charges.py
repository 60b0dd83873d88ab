"""Charge and spin of a structure, for models that are told them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from assay.failures import UserError

NEUTRAL = {"charge": 0, "spin_multiplicity": 1}
"""Where an entry of the catalogue says them, and what holds for those that do not."""


def charge_and_multiplicity(atoms: Atoms, entry: Mapping[str, Any]) -> tuple[int, int]:
    """Total charge (e) and spin multiplicity 2 S + 1 of a structure.

    Parameters
    ----------
    atoms : Atoms
        ``atoms.info["charge"]`` and ``atoms.info["spin"]`` (a multiplicity, as in the OMol25 dataset) go first.
    entry : mapping
        Of the catalogue; its ``charge`` and ``spin_multiplicity`` hold for structures that say nothing.
    """
    charge = atoms.info.get("charge", entry.get("charge", NEUTRAL["charge"]))
    multiplicity = atoms.info.get("spin", entry.get("spin_multiplicity", NEUTRAL["spin_multiplicity"]))
    return int(charge), int(multiplicity)


def refuse_charge(entry: Mapping[str, Any]) -> None:
    """For models that know neither charge nor spin.

    Raises
    ------
    UserError
        If the entry asks for another than neutral singlets.
    """
    for key, neutral in NEUTRAL.items():
        if entry.get(key, neutral) != neutral:
            raise UserError(f"models: {entry['name']}.{key}: this model knows neither charge nor spin; leave it out.")


class ChargedCalculator(Calculator):
    """A package's calculator that finds charge and spin where packages look for them: in ``atoms.info``.

    Parameters
    ----------
    inner : Calculator
        The package's.
    entry : mapping
        Of the catalogue.
    """

    def __init__(self, inner: Calculator, entry: Mapping[str, Any]) -> None:
        super().__init__()
        self.inner, self.entry = inner, entry
        self.implemented_properties = list(inner.implemented_properties)

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """What changed since the last calculation, charge and spin included."""
        changes = super().check_state(atoms, tol)
        if self.atoms is not None and self._charge(self.atoms) != self._charge(atoms):
            changes.append("info")
        return changes

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """What the inner calculator says of the structure with its charge."""
        super().calculate(atoms, properties, system_changes)
        charged = atoms.copy()
        charged.info["charge"], charged.info["spin"] = self._charge(atoms)
        self.inner.calculate(charged, list(properties), list(system_changes))
        self.results = dict(self.inner.results)

    def _charge(self, atoms: Atoms) -> tuple[int, int]:
        return charge_and_multiplicity(atoms, self.entry)
