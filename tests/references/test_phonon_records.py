"""Both layouts read into one form, and whatever is wrong with a record named in one sentence."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import yaml
from ase.calculators.emt import EMT
from small_records import alexandria_content, mdr_yaml, metal

from assay.kinds import UnreadableRecord
from assay.phonons.protocol import read_displacements, read_phonopy, write_forces
from assay.phonons.references import SELF_CHECK_TOLERANCE, self_check
from assay.references.phonon_records import read_record
from assay.structures import to_ase


@pytest.fixture(scope="module")
def copper():
    return metal()


@pytest.fixture(scope="module")
def content(copper):
    return alexandria_content(copper)


@pytest.fixture(scope="module")
def mdr_text(copper, tmp_path_factory):
    return mdr_yaml(copper, tmp_path_factory.mktemp("mdr"))


def parse(content) -> object:
    return read_record(yaml.safe_dump(content).encode(), "here")


def checked(record, folder):
    path = folder / "phonopy_params.yaml.xz"
    write_forces(path, record.phonopy(), force_constants=record.forces_eV_A is None)
    return self_check(read_phonopy(path), record)


def test_both_layouts_give_the_same_record(copper, content, mdr_text):
    for record in (parse(content), read_record(mdr_text, "here")):
        assert record.elements == {"Cu"}
        assert record.n_atoms_supercell == 16
        assert np.allclose(record.unitcell.cell, copper.unitcell.cell)
        assert np.allclose(record.primitive_matrix, copper.primitive_matrix)
        assert np.allclose(record.forces_eV_A, copper.forces, atol=1e-9)
        assert np.allclose(record.displacements_A[0], copper.dataset["first_atoms"][0]["displacement"])
        assert record.energy_eV is None


def test_what_is_written_has_the_forces_and_displacements_of_the_record(content, tmp_path):
    record = parse(content)
    write_forces(tmp_path / "phonopy_params.yaml.xz", record.phonopy())
    again = read_phonopy(tmp_path / "phonopy_params.yaml.xz")
    assert np.abs(again.forces - record.forces_eV_A).max() < 1e-14
    displaced = read_displacements(tmp_path / "phonopy_params.yaml.xz").supercells_with_displacements[0]
    atoms = to_ase(displaced)
    atoms.calc = EMT()
    assert np.allclose(atoms.get_forces(), record.forces_eV_A[0], atol=1e-10)


def test_stored_thermal_properties_are_reproduced(content, tmp_path):
    check = checked(parse(content), tmp_path)
    assert check["status"] == "passed"
    assert check["deviation_max"] < 1e-6
    assert check["force_constants_deviation_max_eV_A2"] < 1e-10
    assert (tmp_path / "phonopy_params.yaml.xz").exists()


@pytest.mark.parametrize("modes", [1, 2, 3])
def test_rounding_at_gamma_in_stored_sums_is_told_from_an_error(content, tmp_path, modes):
    """Modes of 1e-7 THz at Gamma add R ln(kT / h nu) to the entropy: present or not, the check passes."""
    base = checked(parse(content), tmp_path)
    R, n_q, T = 8.31446261815324, np.prod(base["mesh"]), np.array(content["temperatures"])
    number = modes - base["modes_at_gamma_in_stored_sums"]
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(T > 0, np.log(1e-7 * 47.99243073 / T), 0.0)
    made = copy.deepcopy(content)
    made["free_e"] = (np.array(content["free_e"]) + number * R * T * logarithm / 1000 / n_q).tolist()
    made["entropy"] = (np.array(content["entropy"]) + np.where(T > 0, number * R * (1 - logarithm) / n_q, 0)).tolist()
    made["heat_capacity"] = (np.array(content["heat_capacity"]) + np.where(T > 0, number * R / n_q, 0)).tolist()
    check = checked(parse(made), tmp_path)
    assert (check["status"], check["modes_at_gamma_in_stored_sums"]) == ("passed", modes)


@pytest.mark.parametrize(
    ("key", "error"), [("free_e", 5e-4), ("entropy", 5e-4), ("heat_capacity", 5e-4), ("heat_capacity", 1e-2)]
)
def test_a_record_that_does_not_fit_its_forces_is_marked(content, tmp_path, key, error):
    made = copy.deepcopy(content)
    made[key][3] *= 1 + error
    check = checked(parse(made), tmp_path)
    assert check["status"] == "failed"
    assert check["deviation_max"] > SELF_CHECK_TOLERANCE


def test_forces_in_another_order_are_marked(content, tmp_path):
    made = copy.deepcopy(content)
    made["displacements"][0]["forces"] = made["displacements"][0]["forces"][::-1]
    assert checked(parse(made), tmp_path)["status"] == "failed"


@pytest.mark.parametrize("keep_displacements", [True, False])
def test_force_constants_alone_are_enough(content, tmp_path, keep_displacements):
    made = copy.deepcopy(content)
    if keep_displacements:
        del made["displacements"][0]["forces"]
    else:
        del made["displacements"]
    record = parse(made)
    check = checked(record, tmp_path)
    assert check["status"] == "passed"
    displaced = read_displacements(tmp_path / "phonopy_params.yaml.xz")
    assert np.linalg.norm(displaced.displacements[0][1:]) == pytest.approx(0.01)


def test_a_record_without_thermal_properties_has_no_check(mdr_text, tmp_path):
    assert checked(read_record(mdr_text, "here"), tmp_path) is None


def change(content, path, value):
    """The content with the item at `path` replaced, or removed for None."""
    made = copy.deepcopy(content)
    *parents, last = path
    target = made
    for key in parents:
        target = target[key]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (["unit_cell"], None, "unit_cell: the key is missing"),
        (["supercell_matrix"], None, "supercell_matrix: the key is missing"),
        (["supercell_matrix"], [[1, 0, 0], [0, 1, 0], [0, 0, 0]], "supercell_matrix: expected three rows"),
        (["supercell_matrix"], [1, 1], "supercell_matrix: expected 3 x 3 numbers"),
        (["unit_cell", "lattice", 0, 0], "wide", "unit_cell.lattice: expected numbers, got 'wide'"),
        (["unit_cell", "lattice"], [[1.0, 0, 0], [1.0, 0, 0], [0, 0, 1.0]], "the cell has no volume"),
        (["unit_cell", "points", 0, "symbol"], "Xx", "unit_cell.points: phonopy does not accept"),
        (["displacements", 0, "atom"], 17, "displacements.atom: expected a number from 1 to 16, got 17"),
        (["displacements", 0, "forces"], [[0.0, 0.0, 0.0]], "displacements.forces: expected 16 x 3 numbers"),
        (["displacements", 0, "forces", 3, 1], float("nan"), "displacements.forces: there are numbers that are not"),
        (["displacements", 0, "displacement"], [0.01, 0.0], "displacements.displacement: expected 3 numbers"),
        (["force_constants", "elements"], [], "force_constants.elements: expected 256 x 3 x 3 numbers"),
        (["supercell", "points", 1, "symbol"], "Ag", "supercell: its atoms are in another order"),
        (["entropy"], [1.0], "entropy: expected 5 numbers"),
    ],
)
def test_what_is_wrong_is_named(content, path, value, expected):
    with pytest.raises(UnreadableRecord) as caught:
        parse(change(content, path, value))
    assert str(caught.value).startswith("here: ") and expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_neither_forces_nor_force_constants(content):
    made = copy.deepcopy(content)
    del made["force_constants"], made["displacements"][0]["forces"]
    with pytest.raises(UnreadableRecord, match="there are neither forces nor force constants"):
        parse(made)


def test_atoms_in_another_order_than_phonopys_are_refused(content):
    made = copy.deepcopy(content)
    points = made["supercell"]["points"]
    points[0], points[5] = points[5], points[0]
    with pytest.raises(UnreadableRecord, match="in another order"):
        parse(made)


@pytest.mark.parametrize(
    "text",
    [b"", b"[1, 2", b"just words", b"\xff\xfe\x00", b"!!python/object/apply:os.system ['true']", b"a: &x [*x, *x]"],
)
def test_what_is_no_record_is_refused(text):
    with pytest.raises(UnreadableRecord, match=r"^here: "):
        read_record(text, "here")


def test_aliases_that_multiply_are_not_expanded():
    """Ten levels of ten references each: ten thousand million numbers, if anybody made an array of them."""
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    text = "\n".join([*lines, "unit_cell: {lattice: *a9, points: [{symbol: Cu, coordinates: *a9}]}"])
    with pytest.raises(UnreadableRecord, match=r"unit_cell.lattice: expected 3 x 3 numbers"):
        read_record(text.encode(), "here")


def test_magnetic_moments_are_kept(content):
    made = copy.deepcopy(content)
    for point in made["unit_cell"]["points"]:
        point["magnetic_moment"] = 1.0
    assert np.allclose(parse(made).unitcell.magnetic_moments, 1.0)
