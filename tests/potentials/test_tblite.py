"""GFN1-xTB and GFN2-xTB: energies that the package's documentation quotes, laws, charges, and what is refused."""

from pathlib import Path

import pytest
from conftest import report_of

pytestmark = pytest.mark.other_models

METHODS = ("GFN1-xTB", "GFN2-xTB")

DOCUMENTED = {"GFN1-xTB": -156.96750590276173, "GFN2-xTB": -137.96777594361677}
"""Energy of water (eV), geometry of the G2 set, as the documentation of tblite.ase prints it."""

ANION = -131.50015843891822
"""The same of the anion by GFN2-xTB."""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tblite")
    return report_of(Path(__file__).parent / "check_tblite.py", folder, environment="tblite")


@pytest.mark.parametrize("method", METHODS)
def test_water_has_the_documented_energy(report, method):
    assert report[method]["water_eV"] == pytest.approx(DOCUMENTED[method], abs=2e-6)


def test_the_charge_of_the_entry_counts(report):
    assert report["GFN2-xTB"]["anion_eV"] == pytest.approx(ANION, abs=2e-6)


@pytest.mark.parametrize("method", METHODS)
def test_charge_and_spin_of_a_structure_go_before_those_of_the_entry(report, method):
    assert 10 < report[method]["ionisation_eV"] < 25
    assert report[method]["cation_e"] == pytest.approx(1.0, abs=1e-6)
    assert abs(report[method]["triplet_eV"]) > 0.01


@pytest.mark.parametrize("method", METHODS)
def test_partial_charges_of_water_are_in_the_result(report, method):
    oxygen, one, other = report[method]["charges_e"]
    assert (
        oxygen < -0.4 and one == pytest.approx(other, abs=1e-6) and oxygen + one + other == pytest.approx(0, abs=1e-6)
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_molecule_obeys_the_laws_in_double_precision(report, method):
    found = report[method]["laws"]
    for law in ("translation", "rotation", "permutation"):
        assert found[law]["energy_meV_per_atom"] < 1e-6 and found[law]["force_meV_A"] < 1e-4, law
    assert found["force"]["force_derivative_meV_A"] < 1e-3 + 1e-6 * report[method]["largest_force_meV_A"]
    assert found["package"]["energy_meV_per_atom"] < 1e-3 and found["package"]["force_meV_A"] < 0.1
    assert report[method]["slab_forces"]["force_meV_A"] < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_results_do_not_depend_on_what_was_evaluated_before(report, method):
    assert report[method]["order_eV"] == 0.0
    assert report[method]["batching"] == {"mode": "loop"}
    assert report[method]["declared"] == [True, False, "self-consistent"]
    assert report[method]["unknown"] is True


def test_what_is_wrong_with_an_entry_is_told(report):
    (given, missing, method, key) = report["loading"]
    assert given[:2] == missing[:2] == ["PotentialFailure", "checkpoint"]
    assert "has no weights" in given[2] and "does not exist" in missing[2]
    assert method[0] == key[0] == "UserError"
    assert "GFN2-xTB" in method[2] and "did you mean 'accuracy'" in key[2]
