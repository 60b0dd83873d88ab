"""Energies of many guests by force fields, in the environment that has LAMMPS (`ASSAY_ENVS`, default ``.envs``)."""

from pathlib import Path

import numpy as np
import pytest
from ase import units
from conftest import report_of

pytestmark = pytest.mark.models

HERE = Path(__file__).parent

MADELUNG_ROCK_SALT = 1.7475645946


@pytest.fixture(scope="module")
def report():
    return report_of(HERE / "check_additive_guests.py")


@pytest.mark.parametrize("quantity", ["whole", "move", "insertion", "deletion"])
def test_energies_and_their_changes_are_those_of_lammps(report, quantity):
    """LAMMPS's own erfc is good to 1e-7, which adds up over pairs: 1e-6 eV for each molecule."""
    assert len(report["against_lammps"]) == 6
    for case, found in report["against_lammps"].items():
        assert found[quantity] < 1e-6, (case, found)
        assert abs(found["energy"]) > 0.05, case


@pytest.mark.parametrize("case", ["framework", "both"])
def test_energies_without_charges_are_those_of_lammps(report, case):
    assert report["uncharged_eV"][case] < {"framework": 1e-6, "both": 1e-10}[case]


@pytest.mark.parametrize("case", ["fitted", "generic"])
def test_many_settled_moves_leave_no_drift(report, case):
    found = report["long_run"][case]
    assert found["settled"] > 300 and found["emptied"] > 10
    assert found["largest_eV"] > 0.1
    assert found["drift_eV"] < 1e-9 * found["largest_eV"]


@pytest.mark.parametrize("case", ["fitted", "generic"])
def test_a_host_without_guests_has_no_energy(report, case):
    emptied = report["long_run"][case]["empty_eV"]
    assert emptied and not any(emptied)


@pytest.mark.parametrize("case", ["fitted", "generic"])
def test_proposals_together_have_the_energies_of_each_alone(report, case):
    assert report["long_run"][case]["one_by_one_eV"] < 1e-12


@pytest.mark.parametrize("case", ["fitted", "generic"])
@pytest.mark.parametrize("law", ["permutation", "images", "translation", "mirrored atoms", "rotation"])
def test_what_cannot_matter_does_not(report, case, law):
    assert abs(report["laws_eV"][case][law]) < 1e-10


@pytest.mark.parametrize("case", ["fitted", "generic"])
def test_one_guest_has_its_energy_in_the_framework_and_that_of_its_images(report, case):
    assert abs(report["laws_eV"][case]["one guest"]) < 1e-6


def test_a_salt_of_guests_has_its_madelung_constant(report):
    found = report["rock_salt"]
    assert found["madelung"] == pytest.approx(MADELUNG_ROCK_SALT, rel=1e-6)
    assert abs(found["repeated_eV"]) < 1e-5


def test_two_guests_have_the_closed_form_up_to_the_cutoff(report):
    found = report["two_guests"]
    distances = np.array(found["distances_A"])
    straight, crossed = distances, np.hypot(distances, 1.0)
    epsilon, sigma = 100.0 * units.kB, 3.0

    def energies(r):
        return np.where(r < 5.0, 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6), 0.0)

    assert found["energies_eV"] == pytest.approx(2 * energies(straight) + 2 * energies(crossed), rel=1e-10, abs=1e-15)


def test_overlaps_are_infinite_and_a_molecule_is_not_in_its_own_way(report):
    found = report["overlaps"]
    assert found["host"] is None and found["guest"] is None and found["start"] is None  # JSON has no infinity
    assert abs(found["itself"]) < 1e-6


def test_the_repeated_cell_of_the_framework_is_found(report):
    found = report["host_cells"]
    assert (found["repeated"], found["displaced"]) == (54, 108)
    assert found["displaced_eV"] < 2e-6


@pytest.mark.parametrize(
    ("case", "kind", "word"),
    [
        ("twice", "ValueError", "twice"),
        ("empty slot", "ValueError", "not there"),
        ("nothing", "ValueError", "not there"),
        ("full", "ValueError", "more slots"),
        ("settled twice", "ValueError", "once only"),
        ("settled overlap", "ValueError", "not finite"),
        ("shapes", "ValueError", "(1, 2, 4, 3)"),
        ("charged guest", "PotentialFailure", "neutral"),
        ("not periodic", "PotentialFailure", "periodic"),
        ("full host", "PotentialFailure", "guest molecules"),
    ],
)
def test_wrong_input_is_told_in_one_sentence(report, case, kind, word):
    found, message = report["answers"][case]
    assert found == kind and word in message and "\n" not in message


def test_the_adapter_offers_the_energies(report):
    assert report["loaded"]
