"""Calculators that break laws on purpose, each one of them."""

import numpy as np
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT


class Leaning(EMT):
    """Forces that are not derivatives of the energy."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results["forces"] = self.results["forces"] + 0.02 * np.sin(atoms.positions)


class Upright(EMT):
    """An energy that knows where up is."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        heights = atoms.get_all_distances(vector=True)[..., 2] if not atoms.pbc.any() else np.zeros(1)
        self.results["energy"] += 0.01 * float((heights**2).sum())


class Periodic(EMT):
    """Takes no molecules."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        if not atoms.pbc.any():
            raise ValueError("a crystal, please")
        super().calculate(atoms, properties, system_changes)
