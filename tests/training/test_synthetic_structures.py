import numpy as np
import pytest
from ase import Atoms

from assay.failures import UserError
from assay.training.dataset import make_structures, read_structures, write_structures
from assay.training.errors import atomic_energies, errors_of
from assay.training.nbody import make_potential
from assay.training.sampling import SHARES, Sampling, sample

SETTINGS = {
    "elements": ["C", "O"],
    "body_order": 3,
    "terms": 1,
    "cutoff_A": 3.5,
    "structures": {"training": 6, "validation": 3, "test": 3},
}
POTENTIAL = make_potential(("C", "O"), body_order=3, terms=1, cutoff_A=3.5, seed=1)
QUICK = Sampling(steps_between=2)


def same(one: Atoms, other: Atoms) -> bool:
    return len(one) == len(other) and np.array_equal(one.positions, other.positions)


def test_a_larger_set_begins_with_the_smaller_one_and_parts_differ():
    few, more = (list(sample(POTENTIAL, count, 5, "training", QUICK)) for count in (6, 12))
    assert all(same(one, other) for one, other in zip(few, more[:6], strict=True))
    assert not same(few[0], next(sample(POTENTIAL, 1, 5, "test", QUICK)))
    assert not same(few[0], next(sample(POTENTIAL, 1, 6, "training", QUICK)))


def test_structures_are_of_all_kinds_and_carry_bounded_forces_of_the_potential():
    structures = list(sample(POTENTIAL, 30, 1, "training", QUICK))
    assert {atoms.info["kind"] for atoms in structures} == set(SHARES)
    for atoms in structures:
        energy, forces, _ = POTENTIAL.evaluate(atoms)
        assert atoms.get_potential_energy() == energy
        assert np.array_equal(atoms.get_forces(), forces)
        assert atoms.info["kind"] == "dynamics" or np.abs(forces).max() <= Sampling().largest_force_eV_A
        assert atoms.pbc.all() == (atoms.info["kind"] != "clusters")


def test_what_is_written_is_read_by_part(tmp_path):
    made = make_structures(SETTINGS, seed=1)
    write_structures(tmp_path / "data.xyz", made)
    parts = read_structures(tmp_path / "data.xyz")
    assert {part: len(structures) for part, structures in parts.items()} == SETTINGS["structures"]
    read = parts["training"][0]
    assert read.get_forces() == pytest.approx(made[0].get_forces(), abs=1e-7)
    assert read.get_potential_energy() == pytest.approx(made[0].get_potential_energy(), abs=1e-9)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("three\n", "not readable"),
        ("1\nProperties=species:S:1:pos:R:3\nC 0 0 0\n", "structure 1"),
    ],
)
def test_data_that_cannot_be_used_is_named(tmp_path, content, words):
    path = tmp_path / "data.xyz"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=words) as caught:
        read_structures(path)
    assert str(path) in str(caught.value)


def test_errors_count_every_structure_once():
    forces = [np.zeros((1, 3)), np.zeros((4, 3))]
    true = [np.full((1, 3), 0.001), np.full((4, 3), -0.003)]
    errors = errors_of(np.array([1, 4]), np.array([1.0, 2.0]), np.array([1.002, 2.004]), forces, true)
    assert errors["energy_mae_meV_per_atom"] == pytest.approx((2 + 1) / 2)
    assert errors["energy_mae_meV_per_atom_stderr"] == pytest.approx(0.5)
    assert errors["force_mae_meV_A"] == pytest.approx(2.0)
    assert errors["force_mae_meV_A_stderr"] == pytest.approx(1.0)


def test_energies_of_atoms_are_found_where_there_is_nothing_else():
    compositions = np.array([[1, 0], [1, 1], [2, 3]])
    assert atomic_energies(compositions, compositions @ [-1.5, -0.25]) == pytest.approx([-1.5, -0.25])
