"""Finished points on disk: found again, and not found when what they depend on has changed."""

from __future__ import annotations

import pytest
from ase.build import bulk

from assay.failures import UserError
from assay.references.points import PointStore, geometry


def test_a_point_is_made_once(tmp_path):
    store = PointStore(tmp_path, {"version": 1})
    made = []

    def make():
        made.append(1)
        return {"energy_eV": -1.5}

    first, computed = store.get_or_make("a", make, "settings")
    again, computed_again = store.get_or_make("a", make, "settings")
    assert (first, computed, computed_again, len(made)) == (again, True, False, 1)


@pytest.mark.parametrize("depends_on, parts", [({"version": 2}, ("settings",)), ({"version": 1}, ("other",))])
def test_a_change_of_settings_or_versions_invalidates(tmp_path, depends_on, parts):
    PointStore(tmp_path, {"version": 1}).put("a", {"energy_eV": -1.5}, "settings")
    assert PointStore(tmp_path, depends_on).get("a", *parts) is None


def test_a_truncated_point_is_named(tmp_path):
    store = PointStore(tmp_path, {})
    store.put("a", {"energy_eV": -1.5})
    (tmp_path / "a.json").write_text('{"fingerprint": ')
    with pytest.raises(UserError, match=r"a\.json: not readable as JSON"):
        store.get("a")


def test_geometry_ignores_rounding_and_sees_displacements(tmp_path):
    atoms = bulk("Cu", cubic=True)
    store = PointStore(tmp_path, {})
    store.put("a", {}, geometry(atoms))
    rounded, moved, magnetic = atoms.copy(), atoms.copy(), atoms.copy()
    rounded.positions += 1e-13
    moved.positions[0, 0] += 1e-3
    magnetic.set_initial_magnetic_moments([1, 0, 0, 0])
    assert store.get("a", geometry(rounded)) is not None
    assert store.get("a", geometry(moved)) is None
    assert store.get("a", geometry(magnetic)) is None
