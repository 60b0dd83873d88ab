"""The references that ship: whole, as described, and in agreement with published PBE numbers."""

from __future__ import annotations

import numpy as np
import phonopy
import pytest
from reference_stubs import ROOT

from assay.records import file_sha256, read_json
from assay.references.comparison import force_set_facts
from assay.references.curves import largest_force_error, load_curve, verify_checksums, well_of_record
from assay.references.gpaw_diatomics import pair_distances
from assay.structures import load_crystals

SHIPPED = ROOT / "resources" / "references"
CURVES = sorted((SHIPPED / "diatomics").glob("*.json"))
CASES = sorted(load_crystals(ROOT / "resources" / "structures" / "crystals.yaml"))


def test_every_shipped_file_has_its_checksum():
    listed = verify_checksums(SHIPPED)
    files = [path for path in SHIPPED.rglob("*") if path.is_file() and path.name not in ("SHA256SUMS", "README.md")]
    assert listed == len(files) == len(CURVES) + 2 * len(CASES)


@pytest.mark.parametrize("path", CURVES, ids=lambda path: path.stem)
def test_a_curve_is_whole(path):
    record = load_curve(path)
    distances = np.array(record["distances_A"])
    assert record["element"] == path.stem
    assert record["level_of_theory"] == "PBE"
    assert len(distances) >= 24
    assert distances == pytest.approx(pair_distances(path.stem))
    assert record["atom"]["converged"]
    assert len(record["points"]) == len(record["energies_eV"]) == len(record["converged"]) == len(distances)
    for point in record["points"]:
        assert {"scheme", "iterations", "energy_change_eV", "density_residual", "candidates"} <= set(point)
        energies = [candidate["energy_eV"] for candidate in point["candidates"] if candidate["converged"]]
        assert point["converged"] == bool(energies)
        if energies:
            assert point["energy_eV"] == min(energies)
            assert np.shape(point["forces_eV_A"]) == (2, 3)


@pytest.mark.parametrize("path", CURVES, ids=lambda path: path.stem)
def test_what_bond_length_and_depth_depend_on_is_converged(path):
    record = load_curve(path)
    bond_length = well_of_record(record).bond_length_A
    points = list(zip(record["distances_A"], record["converged"], strict=True))
    assert all(converged for distance, converged in points if 0.85 < distance / bond_length < 2.0)
    assert points[-1][1] and record["atom"]["converged"]
    # elsewhere a point may be marked as not converged, but hardly any is
    assert sum(not converged for _, converged in points) <= 1


@pytest.mark.parametrize(
    ("element", "bond_length_A", "length_tolerance_A", "depth_eV", "depth_tolerance_eV"),
    [("N", 1.103, 0.015, 10.57, 0.35), ("H", 0.750, 0.01, 4.54, 0.15)],
)
def test_published_bonds(element, bond_length_A, length_tolerance_A, depth_eV, depth_tolerance_eV):
    """PBE values of Kurth, Perdew and Blaha (doi:10.1002/(SICI)1097-461X(1999)75:4/5<889::AID-QUA54>3.0.CO;2-8)."""
    found = well_of_record(load_curve(SHIPPED / "diatomics" / f"{element}.json"))
    assert found.bond_length_A == pytest.approx(bond_length_A, abs=length_tolerance_A)
    assert found.depth_eV == pytest.approx(depth_eV, abs=depth_tolerance_eV)


@pytest.mark.parametrize("element", ["H", "N"])
def test_forces_are_the_gradient_of_the_energies(element):
    assert largest_force_error(load_curve(SHIPPED / "diatomics" / f"{element}.json"), 0.9) < 0.5


@pytest.mark.parametrize("case", CASES)
def test_a_force_set_is_whole(case):
    folder = SHIPPED / "phonons" / case
    record = read_json(folder / "record.json")
    path = folder / "phonopy_params.yaml.xz"
    assert record["case"] == case
    assert record["level_of_theory"] == "PBE"
    assert record["sha256"] == file_sha256(path)
    phonon = phonopy.load(path, log_level=0)
    crystal = load_crystals(ROOT / "resources" / "structures" / "crystals.yaml")[case]
    assert np.array_equal(phonon.supercell_matrix, crystal.supercell_matrix)
    assert phonon.unitcell.symbols == crystal.atoms().get_chemical_symbols()
    assert phonon.supercell_energies == pytest.approx([point["energy_eV"] for point in record["displacements"]])
    assert np.abs(phonon.forces.sum(axis=1)).max() < 1e-6
    assert phonon.forces.shape == (len(record["displacements"]), record["atoms_in_supercell"], 3)


@pytest.mark.parametrize("case", CASES)
def test_pbe_lattice_constants_are_close_to_experiment(case):
    record = read_json(SHIPPED / "phonons" / case / "record.json")
    crystal = load_crystals(ROOT / "resources" / "structures" / "crystals.yaml")[case]
    assert np.array(record["cell_lengths_A"]) == pytest.approx(np.array(crystal.cell[:3]), rel=0.025)


@pytest.mark.parametrize("case", CASES)
def test_no_mode_is_imaginary(case):
    phonon = phonopy.load(SHIPPED / "phonons" / case / "phonopy_params.yaml.xz", log_level=0)
    phonon.symmetrize_force_constants()
    phonon.run_mesh(30.0)
    assert phonon.mesh.frequencies.min() > -0.02


def test_silicon_has_the_published_maximum():
    """PBE, Alexandria's recomputation of mp-149 (doi:10.1038/s41524-025-01650-1)."""
    assert force_set_facts(SHIPPED / "phonons" / "Si" / "phonopy_params.yaml.xz")[1] == pytest.approx(15.1, abs=0.3)


def test_two_crystals_at_least_have_converged_numbers():
    tested = 0
    for case in CASES:
        for test in read_json(SHIPPED / "phonons" / case / "record.json")["convergence_tests"]:
            assert abs(test["frequency_max_THz"] - test["frequency_max_base_THz"]) < 0.2, (case, test["change"])
            tested += 1
    assert tested >= 4
