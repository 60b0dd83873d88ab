"""Force fields in their own environment (`ASSAY_ENVS`, default ``.envs``): what LAMMPS and torch-pme must agree on."""

import os
from pathlib import Path

import numpy as np
import pytest
from ase import units
from conftest import report_of

pytestmark = pytest.mark.models

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("ASSAY_SHARED", HERE.parents[2] / "shared")) / "data/mof74"

MADELUNG_ROCK_SALT = 1.7475645946
WIGNER_SIMPLE_CUBIC = 2.8372974795
"""Of an ion in a neutralising background with the images of a cube, in units of its edge."""


@pytest.fixture(scope="module")
def report():
    return report_of(HERE / "check_force_fields.py", *([SHARED] if SHARED.is_dir() else []))


def test_insertions_have_the_energy_that_lammps_gives_by_differences(report):
    for case, found in report["against_lammps"].items():
        assert found["insertions"] >= 3, case
        assert found["relative"] < 1e-4, (case, found)
        # in a wall, where energies are thousands of eV, only the relative deviation says something
        assert found["absolute_eV"] < 1e-5 or "wall" in case, (case, found)


def test_two_atoms_have_the_closed_form_up_to_the_cutoff(report):
    found = report["two_atoms"]
    distances = np.array(found["distances_A"])
    sigma, epsilon = (2.69 + 3.05) / 2, np.sqrt(55.85 * 79.0) * units.kB
    expected = np.where(distances < 14.0, 4 * epsilon * ((sigma / distances) ** 12 - (sigma / distances) ** 6), 0.0)
    assert found["interaction_eV"] == pytest.approx(expected, rel=1e-10, abs=1e-15)
    assert found["lammps_eV"] == pytest.approx(expected, rel=1e-10, abs=1e-15)


def test_rock_salt_has_its_madelung_constant(report):
    assert report["ionic_lattices"]["madelung"] == pytest.approx(MADELUNG_ROCK_SALT, rel=1e-6)


def test_an_ion_in_a_vacancy_feels_the_lattice_without_its_own_images(report):
    found = report["ionic_lattices"]
    expected = -MADELUNG_ROCK_SALT + WIGNER_SIMPLE_CUBIC / found["edge_in_spacings"]
    assert found["vacancy"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("system", ["gas", "framework"])
def test_forces_are_the_gradient_of_the_energy(report, system):
    found = report["derivatives"]
    assert found[f"{system}_force"] < 1e-5 and found[f"{system}_largest_force"] > 0.1


def test_the_stress_is_the_derivative_of_the_energy_by_the_strain(report):
    found = report["derivatives"]
    assert found["stress"] < 1e-7 and found["largest_stress"] > 1e-4


@pytest.mark.parametrize(
    ("name", "bend", "tolerance"), [("co2-trappe-flexible", 667, 0.1), ("co2-epm2-flexible", 1099, 0.01)]
)
def test_the_free_molecule_vibrates_as_the_files_say(report, name, bend, tolerance):
    low, high, symmetric, antisymmetric = report["wavenumbers_1_cm"][name]
    assert low == pytest.approx(high, rel=1e-3)
    assert low == pytest.approx(bend, rel=tolerance)
    assert symmetric == pytest.approx(1333, rel=0.1)
    assert antisymmetric == pytest.approx(2349, rel=0.1)


def test_stretches_have_the_wavenumbers_of_their_springs(report):
    constant, oxygen, carbon = 8443.0 * 1e23 / units._Nav, 15.999 * units._amu, 12.011 * units._amu
    _, _, symmetric, antisymmetric = report["wavenumbers_1_cm"]["co2-trappe-flexible"]
    to_wavenumber = 1 / (2 * np.pi * units._c * 100)
    assert symmetric == pytest.approx(np.sqrt(constant / oxygen) * to_wavenumber, rel=1e-3)
    both = constant * (1 / oxygen + 2 / carbon)
    assert antisymmetric == pytest.approx(np.sqrt(both) * to_wavenumber, rel=1e-3)


def test_energies_are_extensive_in_cells_narrower_than_the_cutoff(report):
    assert report["extensivity_eV"] < 1e-7


def test_the_interaction_obeys_its_laws(report):
    laws = report["laws"]
    assert laws["not_a_number"] == 0 and laws["on_top_of_atoms"]
    assert laws["lattice_translation_eV"] < 1e-9
    assert laws["one_by_one_eV"] < 1e-12
    assert laws["supercell_eV"] < 1e-6


def test_overlaps_repel_in_spite_of_buckingham_and_of_charges(report):
    assert report["laws"]["lowest_overlap_eV"] > 1.0


def test_one_instance_serves_changing_structures(report):
    assert report["one_instance"] < 1e-9


@pytest.mark.parametrize(
    ("case", "reason", "word"),
    [
        ("not periodic", "error", "periodic"),
        ("no molecule", "error", "molecule"),
        ("no charges", "error", "_atom_site_charge"),
        ("unknown site", "unsupported_element", "O_x"),
        ("unknown element", "unsupported_element", "Cu"),
    ],
)
def test_what_a_force_field_cannot_do_is_told_in_one_sentence(report, case, reason, word):
    found, message = report["answers"][case]
    assert found == reason and word in message and "\n" not in message


@pytest.mark.parametrize(
    ("case", "published"),
    [
        ("charges, 273 K", (4.13e-4, 4.34e-4)),
        ("charges, 313 K", (8.31e-5, 8.43e-5)),
        ("no charges, 313 K", (1.48e-5, 1.50e-5)),
    ],
)
def test_published_henry_coefficients_are_found(report, case, published):
    """RASPA2 and gRASPA with the same inputs; 20,000 insertions leave an error of 3 % without and 15 % with charges."""
    if report["henry"] is None:
        pytest.skip("no folder of published inputs (ASSAY_SHARED)")
    found = report["henry"][case]
    low, high = published
    error = found["stderr"]
    assert error < 0.25 * found["mol_kg_Pa"]
    assert low - 3 * error < found["mol_kg_Pa"] < high + 3 * error
