"""Bands, mesh and thermal properties against closed forms and stored records."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from conftest import with_emt_forces

from assay.phonons.protocol import displaced_crystal, read_phonopy
from assay.phonons.spectra import band_path, commensurate_qpoints, load_spectrum, mesh_numbers, save_spectrum, spectrum


@pytest.fixture(scope="module")
def copper():
    phonopy = with_emt_forces(displaced_crystal(bulk("Cu", cubic=True, a=3.59), np.diag([2, 2, 2])))
    phonopy.produce_force_constants()
    phonopy.symmetrize_force_constants()
    return phonopy


@pytest.fixture(scope="module")
def found(copper):
    return spectrum(copper, band_path(copper, 21), [12, 12, 12], [0, 300, 1000])


def test_the_path_starts_at_gamma_and_is_that_of_fcc(copper):
    path = band_path(copper, 21)
    assert path.labels[0, 0] == "GAMMA"
    assert {"X", "L", "K"} <= set(path.labels.ravel())
    assert path.qpoints.shape == (len(path.labels), 21, 3)
    assert np.allclose(path.distances[1:, 0], path.distances[:-1, -1])


def test_the_path_does_not_depend_on_the_choice_of_primitive_cell(copper):
    """A path in the crystal's own basis: the same frequencies whatever basis was chosen."""
    from phonopy import Phonopy

    other = Phonopy(
        copper.unitcell,
        copper.supercell_matrix,
        primitive_matrix=copper.primitive_matrix @ [[1, 1, 0], [0, 1, 0], [0, 0, 1]],
    )
    other.dataset = copper.dataset
    other.produce_force_constants()
    other.symmetrize_force_constants()
    first = spectrum(copper, band_path(copper, 11), [4, 4, 4], [300])
    second = spectrum(other, band_path(other, 11), [4, 4, 4], [300])
    assert np.allclose(first.band_frequencies, second.band_frequencies, atol=1e-4)


def test_acoustic_modes_vanish_at_gamma(found):
    assert np.allclose(found.band_frequencies[0, 0], 0, atol=1e-4)


def test_the_heat_capacity_tends_to_dulong_and_petit(found):
    assert found.at(1000)[2] == pytest.approx(3 * 8.314462618, rel=0.01)


def test_entropy_is_minus_the_slope_of_the_free_energy(copper):
    content = spectrum(copper, band_path(copper, 11), [12, 12, 12], [299, 300, 301])
    slope = -(content.free_energy_kJ_mol[2] - content.free_energy_kJ_mol[0]) / 2 * 1000
    assert content.at(300)[1] == pytest.approx(slope, rel=1e-4)


def test_at_zero_kelvin_there_is_only_zero_point_energy(found):
    free_energy, entropy, heat_capacity = found.at(0)
    weights = found.mesh_weights / found.mesh_weights.sum()
    zero_point = 0.5 * 6.62607015e-34 * 1e12 * 6.02214076e23 / 1000 * (weights @ found.mesh_frequencies.sum(axis=1))
    assert free_energy == pytest.approx(zero_point, rel=1e-4)
    assert (entropy, heat_capacity) == (0, 0)


def test_the_density_of_states_counts_branches(found):
    assert np.trapezoid(found.dos, found.dos_frequencies) == pytest.approx(3, rel=0.02)


def test_a_temperature_that_was_not_computed_is_refused(found):
    with pytest.raises(ValueError, match="301"):
        found.at(301)


def test_commensurate_points_are_as_many_as_primitive_cells_in_the_supercell(copper):
    assert len(commensurate_qpoints(copper)) == len(copper.supercell) // len(copper.primitive)


def test_mesh_numbers_are_phonopys_own(copper):
    copper.run_mesh(60.0)
    assert mesh_numbers(copper, 60.0) == list(copper.mesh.mesh_numbers)


def test_a_spectrum_is_kept_for_its_input_only(found, tmp_path):
    path = tmp_path / "spectrum.npz"
    save_spectrum(path, found, "one")
    again = load_spectrum(path, "one")
    assert np.array_equal(again.band_frequencies, found.band_frequencies)
    assert np.array_equal(again.band_labels, found.band_labels)
    assert load_spectrum(path, "another") is None
    path.write_bytes(path.read_bytes()[:100])
    assert load_spectrum(path, "one") is None
    assert load_spectrum(tmp_path / "absent.npz", "one") is None


@pytest.mark.parametrize("name", ["mp-149", "mp-661", "mp-1265", "mp-2998"])
def test_records_of_the_database_are_read_and_scored(shared_data, name):
    phonopy = read_phonopy(shared_data / "phonons/mdr_phonondb" / f"phonopy_{name}.yaml.xz")
    content = spectrum(phonopy, band_path(phonopy, 21), mesh_numbers(phonopy, 40.0), [300])
    published = {"mp-149": 15.2, "mp-1265": 18.26}
    cubic_perovskite = name == "mp-2998"  # BaTiO3 above its ferroelectric transition
    assert (content.commensurate_frequencies.min() < -0.05) == cubic_perovskite
    if name in published:
        assert content.band_frequencies.max() == pytest.approx(published[name], abs=0.4)
