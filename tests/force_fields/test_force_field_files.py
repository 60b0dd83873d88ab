"""Force fields on disk: what ships, what is refused, and which atom gets which parameters."""

import numpy as np
import pytest
import yaml
from ase import Atoms
from conftest import ROOT

from assay.failures import PotentialFailure, UserError
from assay.frameworks import read_framework, read_molecule
from assay.potentials import load
from assay.potentials.force_field_files import read_force_field

FOLDER = ROOT / "resources/force_fields"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def changed(folder, name="co2-mof74-dft", **changes):
    """A copy of a shipped file with some keys replaced, or removed if they are None."""
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) | changes
    path = folder / "field.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_read_and_name_their_sources(name):
    field = read_force_field(FOLDER / f"{name}.yaml")
    assert {"C", "O"} <= field.elements and len(field.sha256) == 64
    assert "doi:" in yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["source"]
    assert 2 * field.guest["O_co2"].charge_e == pytest.approx(-field.guest["C_co2"].charge_e)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cutoff": 12.0}, ["unknown key 'cutoff'", "cutoff_A"]),
        ({"cutoff_A": None}, ["'cutoff_A' is missing"]),
        ({"cutoff_A": -1}, ["cutoff_A", "above 0", "-1"]),
        ({"cutoff_A": "wide"}, ["cutoff_A", "'wide'"]),
        ({"mixing": "lorentz"}, ["mixing", "lorentz-berthelot"]),
        ({"at_cutoff": True}, ["at_cutoff", "shifted"]),
        ({"guest": {"C": {"element": "C", "epsilon_K": 1, "sigma_A": 1}}}, ["C.charge_e", "missing"]),
        ({"guest": {"Mg": {"element": "Mg", "epsilon_K": 1, "sigma_A": 1, "charge_e": 0}}}, ["guest.Mg", "rename"]),
        ({"guest": ["C_co2"]}, ["guest", "mapping"]),
        ({"pairs": [{"sites": ["Mg", "O_co"], "form": "lennard-jones"}]}, ["pairs.0.sites", "'O_co2'"]),
        ({"pairs": [{"sites": ["Mg"], "form": "lennard-jones"}]}, ["pairs.0.sites", "expected 2 names"]),
        ({"pairs": [{"sites": ["Mg", "O_co2"], "form": "morse"}]}, ["pairs.0.form", "'morse'"]),
        (
            {"pairs": [{"sites": ["Mg", "O_co2"], "form": "lennard-jones", "A_K": 1, "epsilon_K": 1, "sigma_A": 1}]},
            ["pairs.0", "'A_K'"],
        ),
        (
            {"pairs": [{"sites": ["Mg", "O_co2"], "form": "buckingham", "A_K": 4e5, "B_1_A": 3.9, "C_K_A6": 2.5e7}]},
            ["pairs.0", "order of A, B and C"],
        ),
        ({"pairs": [{"sites": ["Mg", "O_co2"], "form": "lennard-jones", "epsilon_K": 1, "sigma_A": 1}] * 2}, ["twice"]),
        ({"bonds": {"C-O": 1.16}}, ["bonds", "list"]),
        ({"angles": [{"sites": ["O_co2", "C_co2", "Mg"], "angle_deg": 1, "constant_kJ_mol_rad2": 1}]}, ["angles.0"]),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(tmp_path, changes, words):
    path = changed(tmp_path, **changes)
    with pytest.raises(UserError) as error:
        read_force_field(path)
    text = str(error.value)
    assert text.startswith(str(path)) and "\n" not in text and all(word in text for word in words), text


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="no such force field"):
        read_force_field(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("loader", "word"),
    [({}, "file"), ({"file": "none.yaml", "cutoff": 3}, "cutoff"), ({"file": "none.yaml"}, "no such force field")],
)
def test_a_wrong_entry_is_told(loader, word):
    with pytest.raises(UserError, match=word):
        load({"name": "field", "package": "classical", "loader": {"kind": "force-field", **loader}})


def test_without_its_packages_a_force_field_is_a_broken_environment(monkeypatch):
    monkeypatch.setattr("assay.potentials.classical.FORCE_FIELD_PACKAGES", ("no-such-package",))
    path = str(FOLDER / "uff-trappe.yaml")
    with pytest.raises(PotentialFailure, match="no-such-package") as failure:
        load({"name": "field", "package": "classical", "loader": {"kind": "force-field", "file": path}})
    assert failure.value.reason == "environment"


def test_sites_are_found_by_label_then_by_element():
    field = read_force_field(FOLDER / "uff-trappe.yaml")
    atoms = Atoms("OOMgCO", positions=np.arange(15).reshape(5, 3), cell=[20] * 3, pbc=True)
    atoms.set_array("site", np.array(["Oa", "O12", "", "C_co2", "O_co2"]))
    atoms.set_array("molecule", np.array([-1, -1, -1, 0, 0]))
    atoms.set_initial_charges([-0.5, -0.5, 1.0, 9.0, 9.0])
    assigned = field.assign(atoms)
    assert assigned.names == ("O", "O", "Mg", "C_co2", "O_co2")
    assert assigned.molecules.tolist() == [-1, -1, -1, 0, 0]
    assert assigned.charges_e.tolist() == [-0.5, -0.5, 1.0, 0.70, -0.35]


def test_numbers_after_a_label_do_not_matter_but_the_label_does():
    field = read_force_field(FOLDER / "co2-mof74-dft.yaml")
    atoms = Atoms("OO", cell=[20] * 3, pbc=True)
    atoms.set_array("site", np.array(["Oa3", "Ob"]))
    assert field.assign(atoms).names == ("Oa", "Ob")
    atoms.set_array("site", np.array(["O", "Ob"]))
    with pytest.raises(PotentialFailure, match="no site for O "):
        field.assign(atoms)


@pytest.mark.parametrize("numbered", [True, False])
def test_framework_and_guest_put_together_keep_their_sites(numbered):
    """Ase fills the numbers of a host that has none with zeros; labels decide."""
    host = read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif")
    if not numbered:
        del host.arrays["molecule"]
    both = host + read_molecule(ROOT / "resources/molecules/CO2.xyz")
    assigned = read_force_field(FOLDER / "co2-mof74-dft.yaml").assign(both)
    assert assigned.guest.sum() == 3 and assigned.guest[-3:].all()
    assert assigned.charges_e.sum() == pytest.approx(0.0, abs=1e-12)


def test_the_charges_of_the_shipped_framework_are_those_of_the_force_field():
    host = read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif")
    field = read_force_field(FOLDER / "co2-mof74-dft.yaml")
    assert np.array_equal(field.assign(host).charges_e, host.get_initial_charges())


def test_a_molecule_without_labels_is_the_guest_where_there_is_no_framework():
    field = read_force_field(FOLDER / "co2-trappe-flexible.yaml")
    atoms = Atoms("OCO", cell=[20] * 3, pbc=True)
    atoms.set_array("molecule", np.zeros(3, dtype=int))
    assert field.assign(atoms).names == ("O_co2", "C_co2", "O_co2")


def test_a_guest_that_is_labelled_by_element_is_no_part_of_the_framework():
    """UFF has sites C and O of the framework, TraPPE others of the guest."""
    field = read_force_field(FOLDER / "uff-trappe.yaml")
    guest = Atoms("OCO", positions=[(0, 0, -1.16), (0, 0, 0), (0, 0, 1.16)])
    guest.set_array("site", np.array(["O", "C", "O"]))
    guest.set_array("molecule", np.zeros(3, dtype=int))
    assert field.assign_guest(guest).names == ("O_co2", "C_co2", "O_co2")
    both = read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif") + guest
    assert field.assign(both).guest.tolist() == [False] * 54 + [True] * 3
    with pytest.raises(PotentialFailure, match="no site for Mg"):
        field.assign_guest(Atoms("Mg"))
