"""Frameworks and molecules from files: symmetry, labels, charges, and what is refused."""

import numpy as np
import pytest
import spglib
from ase import Atoms, units
from ase.build import bulk
from ase.io import write
from ase.neighborlist import neighbor_list
from conftest import ROOT

from assay.failures import UserError
from assay.frameworks import primitive_cell, read_framework, read_molecule

MG_MOF_74 = ROOT / "resources/frameworks/Mg-MOF-74.cif"
CIF = """data_salt
_cell_length_a {a}
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_charge
Na1 Na 0 0 0 {occupancy} {charge}
Cl1 Cl 0.5 0.5 0.5 1.0 -1.0
"""


def cif(folder, a=5.64, occupancy=1.0, charge=1.0):
    path = folder / "salt.cif"
    path.write_text(CIF.format(a=a, occupancy=occupancy, charge=charge))
    return path


@pytest.mark.parametrize(("primitive", "count"), [(True, 54), (False, 162)])
def test_mg_mof_74_is_what_the_literature_says(primitive, count):
    atoms = read_framework(MG_MOF_74, primitive=primitive)
    assert len(atoms) == count and atoms.pbc.all()
    assert atoms.symbols.formula.reduce()[0].format("hill") == "C4HMgO3"
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    assert spglib.get_symmetry_dataset(cell, symprec=1e-3).number == 148
    density_g_cm3 = atoms.get_masses().sum() / atoms.get_volume() * units._amu * 1e27
    assert 0.88 < density_g_cm3 < 0.91
    assert atoms.get_initial_charges().sum() == pytest.approx(0.0, abs=1e-9)
    labels, counts = np.unique(atoms.get_array("site"), return_counts=True)
    assert labels.tolist() == ["Ca", "Cb", "Cc", "Cd", "H", "Mg", "Oa", "Ob", "Oc"]
    assert set(counts) == {count // 9}


def test_its_metal_has_five_oxygens():
    atoms = read_framework(MG_MOF_74)
    first, second, distances = neighbor_list("ijd", atoms, 2.6)
    bonds = (atoms.symbols[first] == "Mg") & (atoms.symbols[second] == "O")
    assert bonds.sum() == 5 * 6
    assert distances[bonds].min() > 2.0 and distances[bonds].max() < 2.1


def test_labels_and_charges_stay_with_their_atoms():
    whole, primitive = read_framework(MG_MOF_74, primitive=False), read_framework(MG_MOF_74)

    def surroundings(atoms):
        """Label, charge and sorted bond lengths, which no lattice vector changes."""
        first, distances = neighbor_list("id", atoms, 2.3)
        rows = [
            (site, round(charge, 3), *np.sort(distances[first == place]).round(3))
            for place, (site, charge) in enumerate(
                zip(atoms.get_array("site"), atoms.get_initial_charges(), strict=True)
            )
        ]
        return sorted(set(rows))

    assert surroundings(whole) == surroundings(primitive) and len(surroundings(whole)) == 9


def test_the_primitive_cell_is_the_niggli_cell_and_a_fixed_point():
    atoms = read_framework(MG_MOF_74)
    again = primitive_cell(atoms)
    assert again.cell.cellpar() == pytest.approx(atoms.cell.cellpar(), abs=1e-6)
    assert atoms.cell.cellpar()[:3] == pytest.approx([6.91674, 15.252, 15.252], abs=1e-3)


def test_symmetry_labels_and_charges_of_a_cif_are_applied(tmp_path):
    atoms = read_framework(cif(tmp_path), primitive=False)
    assert len(atoms) == 8 and set(atoms.get_array("site")) == {"Na1", "Cl1"}
    assert atoms.get_initial_charges()[atoms.symbols == "Na"].tolist() == [1.0] * 4
    assert len(read_framework(cif(tmp_path))) == 2


def test_atoms_of_different_charge_are_not_translations_of_each_other():
    atoms = bulk("Cu", cubic=True)
    atoms.set_array("site", np.array(atoms.get_chemical_symbols()))
    assert len(primitive_cell(atoms)) == 1
    atoms.set_initial_charges([0.3, -0.1, -0.1, -0.1])
    assert len(primitive_cell(atoms)) == 4


def test_other_formats_are_labelled_by_element(tmp_path):
    write(tmp_path / "copper.vasp", bulk("Cu", cubic=True), format="vasp")
    atoms = read_framework(tmp_path / "copper.vasp")
    assert len(atoms) == 1 and atoms.get_array("site").tolist() == ["Cu"]


def test_appended_labels_are_not_cut_off():
    both = read_framework(MG_MOF_74) + read_molecule(ROOT / "resources/molecules/CO2.xyz")
    assert both.get_array("site")[-3:].tolist() == ["C_co2", "O_co2", "O_co2"]


def test_carbon_dioxide_is_centred_and_linear():
    molecule = read_molecule(ROOT / "resources/molecules/CO2.xyz")
    assert not molecule.pbc.any() and molecule.get_array("molecule").tolist() == [0, 0, 0]
    assert molecule.get_center_of_mass() == pytest.approx([0, 0, 0], abs=1e-12)
    assert molecule.get_distance(0, 1) == pytest.approx(1.16) and molecule.get_angle(1, 0, 2) == pytest.approx(180.0)


@pytest.mark.parametrize(
    ("changes", "word"), [({"occupancy": 0.5}, "partly occupied"), ({"charge": "?"}, "_atom_site_charge")]
)
def test_a_cif_that_cannot_be_simulated_is_refused(tmp_path, changes, word):
    path = cif(tmp_path, **changes)
    with pytest.raises(UserError) as error:
        read_framework(path)
    assert str(path) in str(error.value) and word in str(error.value) and "\n" not in str(error.value)


def test_atoms_that_nearly_coincide_are_named(tmp_path):
    path = tmp_path / "double.xyz"
    write(path, Atoms("NaNaCl", positions=[(0, 0, 0), (0.3, 0, 0), (3, 0, 0)], cell=[6] * 3, pbc=True))
    with pytest.raises(UserError, match=r"atoms 1 \(Na\) and 2 \(Na\) are 0\.300 Å apart"):
        read_framework(path)


def test_a_molecule_is_no_framework():
    with pytest.raises(UserError, match="not periodic"):
        read_framework(ROOT / "resources/molecules/CO2.xyz")


@pytest.mark.parametrize("read", [read_framework, read_molecule])
def test_files_that_are_not_there_or_hold_nothing_are_told(tmp_path, read):
    for name in ("missing.cif", "missing.xyz"):
        with pytest.raises(UserError, match="no such file"):
            read(tmp_path / name)
    (tmp_path / "empty.cif").write_text("data_nothing\n")
    with pytest.raises(UserError, match=r"empty\.cif"):
        read(tmp_path / "empty.cif")
    (tmp_path / "words.xyz").write_text("not a structure\n")
    with pytest.raises(UserError, match=r"words\.xyz"):
        read(tmp_path / "words.xyz")
