"""Closest contacts are exact, overlaps are left out only where a sample is repulsive, sites have their names."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.data import covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st
from insertion_toys import CO2, pair_potential, toy_settings, toy_system, with_a_hole

from assay.contacts import Contacts
from assay.failures import PotentialFailure
from assay.hosts import placed
from assay.widom.attempts import FILE
from assay.widom.overlaps import REPULSIVE_eV, repulsive_everywhere
from assay.widom.protocol import insert_case
from assay.widom.sampling import draw_insertions
from assay.widom.sites import locate, site_class


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_closest_contact_counts_all_images(seed):
    rng = np.random.default_rng(seed)
    host = Atoms("MgONe", cell=rng.uniform(-2, 2, (3, 3)) + np.diag([4, 6, 9]), pbc=True)
    host.set_scaled_positions(rng.uniform(-2, 2, (3, 3)))
    drawn = draw_insertions(4, seed=seed, path="")
    # far outside of the cell, too
    positions = placed(CO2, (drawn.fractional * 9 - 4) @ host.cell.array, drawn.quaternions)
    fraction, distance = Contacts.of(host, CO2).closest(positions)
    shifts = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3), axis=-1).reshape(-1, 3) @ host.cell.array
    between = positions[:, :, None, None, :] - host.positions[:, None, :] - shifts
    all_distances = np.linalg.norm(between, axis=-1).min(axis=-1)
    sums = covalent_radii[CO2.numbers][:, None] + covalent_radii[host.numbers]
    assert distance == pytest.approx(all_distances.min(axis=(1, 2)), abs=1e-9)
    assert fraction == pytest.approx((all_distances / sums).min(axis=(1, 2)), abs=1e-9)


def test_only_a_sample_that_is_repulsive_allows_to_skip():
    high = np.full(50, 40.0)
    assert repulsive_everywhere(high) == (True, "all of 50 sampled overlaps are above 1 eV (lowest: 40 eV)")
    for value, why in ((REPULSIVE_eV, "the lowest of 50"), (-3.0, "the lowest of 50"), (np.nan, "1 of 50")):
        allowed, reason = repulsive_everywhere(np.append(high[1:], value))
        assert not allowed and reason.startswith(why)
    assert repulsive_everywhere(np.empty(0)) == (False, "there are no overlaps")
    assert repulsive_everywhere(np.append(high, np.inf))[0]


def run(folder, potential, **changes):
    drawn = draw_insertions(250, seed=1, path="overlaps")
    given = toy_settings(insertions=250, minima=0, **changes)
    seen = insert_case(potential, toy_system(), drawn, given, folder, stream=repr(changes))
    return seen, read(folder / FILE)


def read(path):
    import h5py

    with h5py.File(path) as file:
        return {name: values[:] for name, values in file.items()}


def test_repulsive_overlaps_are_skipped_and_counted(tmp_path):
    counted = pair_potential()
    everything, full = run(tmp_path / "all", pair_potential())
    seen, kept = run(tmp_path / "some", counted, skip_overlaps=True)
    overlaps = full["closest_fraction"] < 0.7
    assert everything["n_skipped"] == 0 and everything["skip_reason"] is None
    assert seen["n_overlaps"] == everything["n_overlaps"] == overlaps.sum() > 20
    assert seen["n_skipped"] == kept["skipped"].sum() == overlaps.sum() - 10
    assert "all of 10 sampled overlaps" in seen["skip_reason"]
    assert (kept["energy_eV"][kept["skipped"]] == np.inf).all()
    assert np.array_equal(kept["energy_eV"][~kept["skipped"]], full["energy_eV"][~kept["skipped"]])
    assert seen["overlap_sample_min_energy_eV"] == everything["overlap_sample_min_energy_eV"]
    # what was skipped had no weight
    assert full["energy_eV"][kept["skipped"]].min() > REPULSIVE_eV


def test_a_planted_hole_is_not_skipped(tmp_path):
    seen, kept = run(tmp_path, pair_potential(with_a_hole), skip_overlaps=True, overlap_sample=40)
    assert seen["n_skipped"] == 0 and not kept["skipped"].any()
    assert "all are evaluated" in seen["skip_reason"]
    assert seen["overlap_sample_min_energy_eV"] < 0
    deep = kept["closest_A"] < 0.8
    assert deep.any() and (kept["energy_eV"][deep] < -1).any()
    assert np.isfinite(kept["energy_eV"]).all()


def test_no_number_is_counted_in_an_overlap_and_a_failure_elsewhere(tmp_path):
    def lost_below(distance_A):
        def law(distance):
            return np.where(distance < distance_A, np.nan, 0.0), 0 * distance

        return pair_potential(law)

    seen, kept = run(tmp_path / "a", lost_below(0.6), skip_overlaps=True)
    lost = np.isnan(kept["energy_eV"])
    assert seen["n_non_finite"] == lost.sum() > 0 and seen["n_skipped"] == 0
    assert np.array_equal(lost, kept["closest_A"] < 0.6)
    with pytest.raises(PotentialFailure, match="has no finite energy") as failure:
        run(tmp_path / "b", lost_below(1.9))
    assert failure.value.reason == "non_finite"
    assert (tmp_path / "b" / FILE).exists()


def test_sites_have_names():
    metals = np.array([True, False])
    near, far = [[1.1, 3.0]], [[1.6, 3.0]]
    assert site_class(np.array(near), np.array([[0.6, 1.05]]), metals, 0.7) == "metal"
    assert site_class(np.array(far), np.array([[0.9, 1.05]]), metals, 0.7) == "linker"
    assert site_class(np.array(far), np.array([[0.9, 1.2]]), metals, 0.7) == "pore"
    assert site_class(np.array([[1.1, 0.69]]), np.array([[0.6, 0.4]]), metals, 0.7) == "overlap"


def test_a_guest_at_a_metal_is_measured_through_the_cell_boundary():
    host = Atoms("MgC", [(0.2, 5, 5), (5, 5, 5)], cell=[10.0] * 3, pbc=True)
    guest = CO2.copy()
    # one oxygen 2.3 Å from the magnesium's image, the molecule at an angle of 120 degrees
    along = np.array([np.cos(np.radians(120)), np.sin(np.radians(120)), 0.0])
    oxygen = np.array([0.2 - 2.3 + 10, 5, 5])
    guest.positions = [oxygen + 1.16 * along, oxygen, oxygen + 2.32 * along]
    site = locate(host, guest)
    assert (site.site, site.metal) == ("metal", "Mg")
    assert site.metal_distance_A == pytest.approx(2.3)
    assert site.angle_deg == pytest.approx(120.0)
    assert locate(Atoms("Ne", cell=[30.0] * 3, pbc=True), Atoms("He", [(15, 15, 15)])).metal is None
