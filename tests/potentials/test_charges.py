"""Charge and spin: who says them, who is told them, and who refuses them."""

import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.failures import UserError
from assay.potentials.charges import ChargedCalculator, charge_and_multiplicity, refuse_charge

ENTRY = {"name": "ions", "charge": 1, "spin_multiplicity": 2}


class Telling(Calculator):
    """A calculator whose energy is ten times the charge that it was told, plus the spin multiplicity."""

    implemented_properties = ("energy",)

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 10 * atoms.info["charge"] + atoms.info["spin"]}


@pytest.mark.parametrize(
    ("info", "entry", "expected"),
    [
        ({}, {}, (0, 1)),
        ({}, ENTRY, (1, 2)),
        ({"charge": -1}, ENTRY, (-1, 2)),
        ({"charge": 0, "spin": 3}, ENTRY, (0, 3)),
    ],
)
def test_a_structure_goes_before_the_entry(info, entry, expected):
    assert charge_and_multiplicity(Atoms("O", info=info), entry) == expected


def test_a_package_is_told_what_the_entry_says_and_the_structure_stays_as_it_is():
    atoms = Atoms("O")
    atoms.calc = ChargedCalculator(Telling(), ENTRY)
    assert atoms.get_potential_energy() == 12 and atoms.info == {}


def test_a_change_of_charge_is_a_change_of_the_structure():
    atoms = Atoms("O")
    atoms.calc = ChargedCalculator(Telling(), {"name": "ions"})
    assert atoms.get_potential_energy() == 1
    atoms.info["charge"] = 2
    assert atoms.get_potential_energy() == 21


@pytest.mark.parametrize("key", ["charge", "spin_multiplicity"])
def test_models_that_know_no_charge_refuse_one(key):
    with pytest.raises(UserError, match=f"models: ions.{key}: .* leave it out"):
        refuse_charge({"name": "ions", key: 3})
    refuse_charge({"name": "neutral", "charge": 0, "spin_multiplicity": 1})
