"""Settings of the GPAW references: meshes, cut-offs, and names that do not exist."""

from __future__ import annotations

import numpy as np
import pytest
from reference_stubs import ROOT

from assay.failures import UserError
from assay.references.gpaw_settings import (
    DIATOMICS,
    PHONONS,
    diatomic_settings,
    is_metal,
    kpoint_mesh,
    mesh_length,
    phonon_settings,
)
from assay.structures import load_crystals


@pytest.mark.parametrize(("length", "mesh"), [(9.9, (1, 1, 1)), (10.5, (2, 2, 1)), (39.0, (4, 4, 2))])
def test_mesh_reaches_the_length_in_every_direction(length, mesh):
    assert kpoint_mesh(np.diag([10.0, 10.0, 20.0]), length) == mesh


def test_mesh_uses_the_thickness_of_the_cell_and_not_its_edges():
    sheared = np.array([[10.0, 0, 0], [30.0, 10.0, 0], [0, 0, 10.0]])
    assert kpoint_mesh(sheared, 15.0) == (5, 2, 2)


def test_mesh_does_not_jump_with_the_last_digit_of_the_lattice_constant():
    assert kpoint_mesh(np.eye(3) * 5.0, 10.0) == kpoint_mesh(np.eye(3) * 4.999, 10.0) == (2, 2, 2)


def test_the_length_of_a_mesh_gives_the_mesh_back():
    cell = np.array([[0, 4.2, 4.2], [4.2, 0, 4.2], [4.2, 4.2, 0]])
    assert kpoint_mesh(cell, mesh_length(cell, (3, 3, 3))) == (3, 3, 3)
    assert mesh_length(np.diag([10.0, 10.0, 20.0]), (2, 2, 1)) == pytest.approx(20)


def test_metals_are_crystals_without_a_non_metal():
    assert is_metal(["Al"])
    assert is_metal(["Cu", "Ag"])
    assert not is_metal(["Al", "N"])
    assert not is_metal(["Si"])


def test_a_crystal_takes_the_largest_cutoff_of_its_elements():
    quick = phonon_settings("quick")
    assert quick.cutoff(["Si"]) == 400
    assert quick.cutoff(["Si", "C"]) == 500
    assert quick.smearing(["Cu"]) > quick.smearing(["Mg", "O"])


@pytest.mark.parametrize("look_up", [phonon_settings, diatomic_settings])
def test_an_unknown_name_gets_a_near_miss(look_up):
    with pytest.raises(UserError, match="did you mean 'reference'"):
        look_up("referense")


def test_reference_is_finer_than_quick_in_every_number():
    for element in ("H", "Si", "Cu", "O"):
        assert PHONONS["reference"].cutoff([element]) > PHONONS["quick"].cutoff([element])
        assert DIATOMICS["reference"].cutoff(element) > DIATOMICS["quick"].cutoff(element)
        assert min(DIATOMICS["reference"].box(element)) > max(DIATOMICS["quick"].box(element))
    for name in ("lattice_kpoint_length_A", "supercell_kpoint_length_A"):
        assert min(np.subtract(getattr(PHONONS["reference"], name), getattr(PHONONS["quick"], name))) > 0


def test_every_crystal_of_the_campaign_has_a_mesh():
    quick = phonon_settings("quick")
    for crystal in load_crystals(ROOT / "resources/structures/crystals.yaml").values():
        supercell = crystal.supercell_matrix.T @ crystal.atoms().cell.array
        assert min(quick.supercell_kpoints(supercell, crystal.sites)) >= 2
