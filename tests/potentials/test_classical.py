"""Potentials that loop over an ase calculator: ase's own, and any factory of the user's."""

import sys

import numpy as np
import pytest
from ase import Atoms, units
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


GIRIFALCO_WEIZER = {
    "name": "morse-copper",
    "package": "classical",
    "elements": ["Cu"],
    "loader": {"kind": "morse", "epsilon": 0.3429, "r0": 2.866, "rho0": 3.89432, "rcut1": 2.5, "rcut2": 3.0},
}
ZBL = {"name": "zbl", "package": "classical", "loader": {"kind": "zbl"}}


@pytest.mark.parametrize("entry", [ARGON, COPPER, MORSE, ZBL], ids=lambda entry: entry["name"])
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


def test_the_morse_potential_of_copper_gives_what_it_was_fitted_to():
    """Girifalco and Weizer, doi:10.1103/PhysRev.114.687: lattice constant, sublimation energy, compressibility."""
    potential = load(GIRIFALCO_WEIZER)
    edges = np.linspace(3.56, 3.66, 11)
    energies = [result.energy_eV for result in potential.evaluate([bulk("Cu", a=edge) for edge in edges], "energy")]
    fit = np.polynomial.Polynomial.fit(edges, energies, 4)
    (edge,) = (root.real for root in fit.deriv().roots() if 3.56 < root.real < 3.66 and root.imag == 0)
    bulk_modulus_GPa = fit.deriv(2)(edge) * 4 / (9 * edge) / units.GPa
    assert edge == pytest.approx(3.61, abs=0.01)
    assert fit(edge) == pytest.approx(-3.52, abs=0.02)
    assert bulk_modulus_GPa == pytest.approx(138, rel=0.03)


def test_the_repulsion_of_nuclei_is_that_of_the_textbook_until_it_is_switched_off():
    """At half an Angstrom from two carbon nuclei, the universal screening function by hand; nothing beyond 6 Å."""
    reduced = 0.5 / (0.46850 / (2 * 6**0.23))
    screening = sum(
        weight * np.exp(-decay * reduced)
        for weight, decay in ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.02817, 0.20162))
    )
    expected = 36 * units.Hartree * units.Bohr / 0.5 * screening
    near, far = (Atoms("C2", positions=[(0, 0, 0), (0, 0, distance)]) for distance in (0.5, 6.0))
    results = load(ZBL).evaluate([near, far, near])
    assert results[0].energy_eV == results[2].energy_eV == pytest.approx(expected, rel=1e-12)
    assert results[0].forces_eV_A[1, 2] > 0
    assert results[1].energy_eV == 0 and not results[1].forces_eV_A.any()


def test_radii_of_a_repulsion_that_do_not_grow_are_refused():
    with pytest.raises(UserError, match="inner_A < outer_A"):
        load({**ZBL, "loader": {"kind": "zbl", "inner_A": 4.0, "outer_A": 3.0}})


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
        ({"loader": {"kind": "zbl", "iner_A": 1.0}}, ["lj-argon.loader.iner_A", "inner_A"]),
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

class Charged(WithoutStress):
    def calculate(self, atoms, properties, changes):
        super().calculate(atoms, properties, changes)
        self.results["charges"] = list(range(len(atoms)))

class Licensed(EMT):
    def __init__(self, weights):
        raise ValueError("no licence for\\n " + weights)

class Incomplete(EMT):
    def __init__(self):
        import no_such_package

def number():
    return 3
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


def test_charges_are_in_the_result_where_the_calculator_gives_them(private):
    private["loader"]["calculator"] = "private_model:Charged"
    (result,) = load(private).evaluate([Atoms("H2", positions=[(0, 0, 0), (0, 0, 1)])], "energy")
    assert result.charges_e.tolist() == [0.0, 1.0] and result.forces_eV_A is None
    (none,) = load(COPPER).evaluate([bulk("Cu")])
    assert none.charges_e is None


@pytest.mark.parametrize(
    ("factory", "arguments", "reason", "words"),
    [
        ("Licensed", {"weights": "{checkpoint}"}, "error", "raised ValueError: no licence for /.*weights.bin$"),
        ("Incomplete", {}, "environment", "no_such_package"),
        ("number", {}, "error", "made an object of type int"),
    ],
)
def test_a_factory_that_fails_is_told_in_one_sentence(private, tmp_path, factory, arguments, reason, words):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    private["loader"] |= {"calculator": f"private_model:{factory}", "arguments": arguments}
    with pytest.raises(PotentialFailure, match=words) as failure:
        load({**private, "checkpoint": {"path": str(weights)}})
    assert failure.value.reason == reason
    assert failure.value.message.startswith("mine: ") and "\n" not in failure.value.message


def test_weights_of_a_factory_have_to_be_there(private, tmp_path):
    private["loader"] |= {"calculator": "private_model:Licensed", "arguments": {"weights": "{checkpoint}"}}
    with pytest.raises(PotentialFailure, match="does not exist") as failure:
        load({**private, "checkpoint": {"path": str(tmp_path / "missing.pt")}})
    assert failure.value.reason == "checkpoint"
    with pytest.raises(UserError, match=r"mine\.loader\.arguments\.weights"):
        load({**private, "checkpoint": "none"})


@pytest.mark.parametrize("arguments", [{}, {"scale": 2.0, "colour": "red"}])
def test_arguments_that_a_factory_does_not_take_are_told(private, arguments):
    private["loader"] |= {"calculator": "private_model:Private", "arguments": arguments}
    with pytest.raises(UserError, match=r"mine\.loader\.arguments: private_model:Private does not take these"):
        load(private)


def test_direct_forces_are_as_the_entry_says(private):
    private["loader"]["calculator"] = "private_model:WithoutStress"
    assert load(private).conservative and not load({**private, "forces": "direct"}).conservative


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
