"""Potentials that loop over an ase calculator: ase's own, and any factory of the user's."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from assay.failures import PotentialFailure, UserError
from assay.potentials import load
from assay.potentials.conformance import conformance, summary

ARGON = {
    "name": "lj-argon",
    "package": "classical",
    "elements": ["Ar"],
    "loader": {"kind": "lennard-jones", "epsilon_eV": 0.0104, "sigma_A": 3.4, "cutoff_A": 8.0, "smooth": True},
}
COPPER = {"name": "emt", "package": "classical", "loader": {"kind": "emt"}}
MORSE = {
    "name": "morse",
    "package": "classical",
    "elements": ["Cu"],
    "loader": {"kind": "morse", "epsilon": 0.34, "r0": 2.87, "rho0": 3.9, "rcut1": 1.5, "rcut2": 1.9},
}


@pytest.mark.parametrize("entry", [ARGON, COPPER, MORSE], ids=lambda entry: entry["name"])
def test_classical_potentials_obey_every_law(entry):
    report = conformance(load(entry))
    assert report["passed"], summary(report)
    assert report["answers"] == {"empty batch": True, "unsupported element": True}
    assert max(row["value"] for row in report["measurements"] if row["law"] == "inversion") < 1e-6


def test_the_lennard_jones_minimum_is_where_theory_puts_it():
    potential = load(ARGON)
    distance = 2 ** (1 / 6) * 3.4
    (result,) = potential.evaluate([Atoms("Ar2", positions=[(0, 0, 0), (distance, 0, 0)])])
    assert result.energy_eV == pytest.approx(-0.0104, rel=1e-12)
    assert np.abs(result.forces_eV_A).max() < 1e-12


def test_a_loop_says_that_it_is_one():
    assert load(COPPER).batching == {"mode": "loop"}


def test_emt_knows_what_ase_declares():
    assert load(COPPER).elements == {"Al", "Cu", "Ag", "Au", "Ni", "Pd", "Pt", "H", "C", "N", "O"}


def test_the_entry_can_restrict_the_elements():
    potential = load({**COPPER, "elements": ["Cu", "Fe"]})
    assert potential.elements == {"Cu"}


def test_constraints_and_calculators_of_the_structures_play_no_part():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    (free,) = load(COPPER).evaluate([atoms])
    atoms.set_constraint(FixAtoms([0, 1]))
    atoms.calc = marker = EMT()
    (fixed,) = load(COPPER).evaluate([atoms])
    assert np.array_equal(free.forces_eV_A, fixed.forces_eV_A)
    assert atoms.calc is marker and len(atoms.constraints) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loader": {"kind": "lenard-jones"}}, ["lj-argon.loader.kind", "did you mean 'lennard-jones'"]),
        ({"loader": {"kind": "lennard-jones", "sigma": 3.4}}, ["lj-argon.loader.sigma", "sigma_A"]),
        ({"package": "sevenet"}, ["lj-argon.package", "sevennet"]),
    ],
)
def test_a_wrong_entry_is_told_in_one_sentence(change, words):
    with pytest.raises(UserError) as error:
        load({**ARGON, **change})
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tpu"])
def test_a_device_that_cannot_be_is_refused(device):
    with pytest.raises(UserError, match="cpu"):
        load(ARGON, device)


MODULE = """
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT

class Private(EMT):
    def __init__(self, scale, device):
        super().__init__()
        self.scale, self.device = scale, device

class WithoutStress(Calculator):
    implemented_properties = ["energy", "forces"]
    def calculate(self, atoms, properties, changes):
        super().calculate(atoms, properties, changes)
        self.results = {"energy": 1.0, "forces": 0 * atoms.positions}
"""


@pytest.fixture
def private(tmp_path, monkeypatch):
    (tmp_path / "private_model.py").write_text(MODULE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "private_model", raising=False)
    return {"name": "mine", "package": "ase", "loader": {"path": str(tmp_path)}}


def test_any_calculator_can_be_a_potential(private):
    private["loader"] |= {"calculator": "private_model:Private", "arguments": {"scale": 2.0}}
    potential = load(private)
    calculator = potential.calculator()
    assert isinstance(calculator, Calculator)
    assert (calculator.scale, calculator.device) == (2.0, "cpu")
    assert potential.package_calculator_name == "private_model.Private"
    own, emt = (each.evaluate([bulk("Cu")], ("energy", "stress"))[0] for each in (potential, load(COPPER)))
    assert own.energy_eV == emt.energy_eV and np.array_equal(own.stress_eV_A3, emt.stress_eV_A3)


def test_a_calculator_without_stress_gives_none(private):
    private["loader"]["calculator"] = "private_model:WithoutStress"
    (result,) = load(private).evaluate([bulk("Cu")], ("energy", "forces", "stress"))
    assert result.stress_eV_A3 is None and result.forces_eV_A.shape == (1, 3)


def test_a_module_that_is_not_there_is_a_broken_environment(private):
    private["loader"]["calculator"] = "no_such_module:Model"
    with pytest.raises(PotentialFailure, match="no_such_module") as failure:
        load(private)
    assert failure.value.reason == "environment"


@pytest.mark.parametrize("target", ["private_model", "private_model:Privat", ""])
def test_a_factory_that_is_not_there_is_told(private, target):
    private["loader"]["calculator"] = target
    with pytest.raises(UserError, match=r"mine\.loader\.calculator"):
        load(private)


def test_a_package_that_cannot_be_imported_is_a_broken_environment(monkeypatch):
    monkeypatch.setitem(sys.modules, "assay.potentials.chgnet", None)
    with pytest.raises(PotentialFailure) as failure:
        load({"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}})
    assert failure.value.reason == "environment" and "chgnet-0.3.0" in failure.value.message
