"""Wells of curves against closed forms, comparison of references, and checksums."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from assay.failures import UserError
from assay.references.comparison import ALLOWED, compare_curves
from assay.references.curves import Well, largest_force_error, load_curve, verify_checksums, well, well_of_record

DEPTH, STIFFNESS, BOND = 4.5, 1.9, 0.75


def morse(distances):
    return DEPTH * (1 - np.exp(-STIFFNESS * (np.asarray(distances) - BOND))) ** 2 - DEPTH


def morse_force(distances):
    decay = np.exp(-STIFFNESS * (np.asarray(distances) - BOND))
    return -2 * DEPTH * STIFFNESS * (1 - decay) * decay


def record(distances=None, **changes):
    distances = np.unique(np.r_[0.5, 0.6, BOND * np.arange(0.88, 1.16, 0.04), 1.0, 1.2, 1.5, 2, 3, 4, 6])
    return {
        "element": "H",
        "level_of_theory": "PBE",
        "atom_energy_eV": -1.1,
        "distances_A": distances.tolist(),
        "energies_eV": (morse(distances) - 2.2).tolist(),
        "forces_eV_A": morse_force(distances).tolist(),
        "converged": [True] * len(distances),
        **changes,
    }


def test_the_well_of_a_morse_curve():
    found = well_of_record(record())
    assert found.bond_length_A == pytest.approx(BOND, abs=2e-4)
    assert found.depth_eV == pytest.approx(DEPTH, abs=1e-3)
    assert found.bound


def test_points_that_did_not_converge_are_left_out():
    spoiled = record()
    spoiled["energies_eV"][5] = -100.0
    spoiled["converged"][5] = False
    assert well_of_record(spoiled).depth_eV == pytest.approx(DEPTH, abs=0.05)


def test_a_purely_repulsive_curve_is_not_bound():
    distances = np.linspace(1, 6, 20)
    found = well(distances, np.exp(-distances), 0.0)
    assert found == Well(6.0, pytest.approx(-np.exp(-6.0)))
    assert not found.bound


def test_a_curve_without_a_wall_is_refused():
    with pytest.raises(ValueError, match="lowest at its first distance"):
        well([1, 2, 3, 4], [-4, -3, -2, -1], 0.0)
    with pytest.raises(ValueError, match="four points"):
        well([1, 2, 3], [0, -1, 0], 0.0)


def test_forces_of_another_state_are_seen():
    assert largest_force_error(record(), 0.6) < 0.1
    spoiled = record()
    spoiled["forces_eV_A"][8] += 2.0
    assert largest_force_error(spoiled, 0.6) == pytest.approx(2.0, abs=0.1)


def test_equal_curves_agree_and_shifted_ones_do_not():
    assert all(row.agrees for row in compare_curves(record(), record()))
    deeper = record(atom_energy_eV=-1.0)
    rows = compare_curves(deeper, record())
    assert [row.agrees for row in rows] == [True, False, False]
    assert rows[1].value - rows[1].shipped == pytest.approx(0.2)
    assert rows[2].value == pytest.approx(0.2)
    assert ALLOWED["well depth eV"] < 0.2


def test_curves_of_other_distances_are_not_compared():
    other = record()
    other["distances_A"] = [value * 1.01 for value in other["distances_A"]]
    with pytest.raises(UserError, match="other distances"):
        compare_curves(record(), other)


def test_a_file_that_is_no_curve_is_named(tmp_path):
    path = tmp_path / "H.json"
    path.write_text('{"element": "H"}')
    with pytest.raises(UserError, match=r"H\.json: not a curve of a pair.*distances_A"):
        load_curve(path)


def test_checksums(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(UserError, match="SHA256SUMS: the list of checksums is missing"):
        verify_checksums(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  a.json\n")
    assert verify_checksums(tmp_path) == 1
    (tmp_path / "a.json").write_text("{ }")
    with pytest.raises(UserError, match=r"a\.json: not the reference that was shipped"):
        verify_checksums(tmp_path)
    (tmp_path / "a.json").unlink()
    with pytest.raises(UserError, match=r"a\.json: the shipped reference is missing"):
        verify_checksums(tmp_path)
