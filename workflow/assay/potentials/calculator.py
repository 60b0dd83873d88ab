"""An ase calculator that goes through `Potential.evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

if TYPE_CHECKING:
    from assay.potentials.base import Result


class EvaluatingCalculator(Calculator):
    """Energies, forces and stresses of one structure at a time, by the adapter's own pass.

    It gives the numbers of the package's calculator (the conformance suite compares them), takes molecules and slabs
    where the package only knows crystals, and leaves out the derivatives when only an energy is asked for.

    Parameters
    ----------
    evaluate : callable
        `Potential.evaluate`.
    name : str
        The potential's name.
    """

    implemented_properties: ClassVar = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, evaluate: Callable[[Sequence[Atoms], Iterable[str]], list[Result]], name: str) -> None:
        super().__init__()
        self.evaluate = evaluate
        self.potential_name = name

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill ``self.results``.

        Raises
        ------
        PotentialFailure
            As of `Potential.evaluate`.
        PropertyNotImplementedError
            If a stress is asked for that the structure or the potential does not have.
        """
        super().calculate(atoms, properties, system_changes)
        energy_only = set(properties) <= {"energy", "free_energy"}
        # forces and stress are one derivative: whoever asks for one of them gets both for the price of it
        wanted = ("energy",) if energy_only else ("energy", "forces", "stress")
        (result,) = self.evaluate([self.atoms], wanted)
        values: dict[str, Any] = {
            "energy": result.energy_eV,
            "free_energy": result.energy_eV,
            "forces": result.forces_eV_A,
            "stress": result.stress_eV_A3,
        }
        self.results.update({key: value for key, value in values.items() if value is not None})
        if "stress" in properties and result.stress_eV_A3 is None:
            raise PropertyNotImplementedError(f"{self.potential_name} has no stress for this structure")
