"""Which atoms nearly touch: radii of pairs of elements, and pairs of a structure, images included."""

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.potentials.close_pairs import Radii, close_pairs

# bond lengths (Å): Huber, Herzberg, Constants of Diatomic Molecules (1979); V2, Cr2, Mo2: Morse, Chem. Rev. 86, 1049
# (1986), doi:10.1021/cr00076a005; UO: Kaledin, McCord, Heaven, J. Mol. Spectrosc. 164, 27 (1994)
BONDS = {
    "N-N": 1.098,
    "C-O": 1.128,
    "C-C": 1.243,
    "H-H": 0.741,
    "O-O": 1.208,
    "Be-O": 1.331,
    "Cs-F": 2.345,
    "V-V": 1.77,
    "Cr-Cr": 1.679,
    "Mo-Mo": 1.93,
    "Ca-O": 1.822,
    "Sr-O": 1.920,
    "Ba-O": 1.940,
    "La-O": 1.826,
    "Ce-O": 1.820,
    "Th-O": 1.840,
    "U-O": 1.838,
}

# Å; helium in tungsten: tetrahedral site of the lattice of 3.165 Å; HArF: Khriachtchev et al., doi:10.1038/35022551
CONTACTS = {"He-H": 0.774, "He-W": 1.769, "Ar-H": 1.329, "Ar-F": 1.969}


def numbers(pair: str) -> tuple[int, ...]:
    return tuple(atomic_numbers[symbol] for symbol in pair.split("-"))


@pytest.mark.parametrize(("pair", "length_A"), (BONDS | CONTACTS).items())
def test_bonds_are_longer_than_the_default_radii(pair, length_A):
    assert Radii.of().outer_A[numbers(pair)] < 0.96 * length_A


@pytest.mark.parametrize(("pair", "length_A"), {"He-He": 2.97, "Ne-Ne": 3.09, "Ar-Ar": 3.76}.items())
def test_dimers_of_noble_gases_are_longer_than_the_default_radii(pair, length_A):
    # He2: Aziz, Slaman, J. Chem. Phys. 94, 8047 (1991); Ne2: Chem. Phys. 130, 187 (1989); Ar2: Aziz, J. Chem. Phys. 99,
    # 4518 (1993)
    outer_A = Radii.of().outer_A[numbers(pair)]
    assert 0.6 * length_A < outer_A < 0.8 * length_A


def test_each_class_has_its_own_multiples():
    radii = Radii.of(main_group=(0.1, 0.2), transition=(0.3, 0.4), noble_gas=(0.5, 0.6))
    for pair, inner, outer in (("Si-O", 0.1, 0.2), ("Kr-Xe", 0.1, 0.2), ("Ar-O", 0.1, 0.2), ("Zn-O", 0.3, 0.4)):
        both = sum(covalent_radii[number] for number in numbers(pair))
        assert radii.inner_A[numbers(pair)] == pytest.approx(inner * both), pair
        assert radii.outer_A[numbers(pair)] == pytest.approx(outer * both), pair
    for pair in ("O-U", "La-La", "Lu-H", "Hg-F", "Ba-O", "Ar-Cu"):
        assert radii.outer_A[numbers(pair)] == pytest.approx(0.4 * sum(covalent_radii[n] for n in numbers(pair))), pair
    # Alvarez: helium 1.43, argon 1.83 Å
    assert radii.inner_A[numbers("He-Ar")] == pytest.approx(0.5 * 3.26)
    assert radii.outer_A[numbers("Ar-He")] == pytest.approx(0.6 * 3.26)


def test_every_pair_of_elements_has_growing_radii_in_either_order():
    radii = Radii.of()
    known = slice(1, len(chemical_symbols))
    inner, outer = radii.inner_A[known, known], radii.outer_A[known, known]
    assert (inner > 0).all() and (inner < outer).all() and np.isfinite(outer).all()
    assert np.array_equal(inner, inner.T) and np.array_equal(outer, outer.T)


def test_radii_of_single_pairs_replace_the_multiples_in_either_order():
    radii = Radii.of(pairs_A={(12, 8): (0.5, 0.8)})
    assert radii.outer_A[8, 12] == radii.outer_A[12, 8] == 0.8 and radii.inner_A[8, 12] == 0.5
    assert radii.outer_A[8, 8] == pytest.approx(1.4 * covalent_radii[8])
    assert radii.reach_A(np.array([8, 12, 8])) == radii.outer_A[12, 12]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_pairs_are_those_of_all_images(seed):
    rng = np.random.default_rng(seed)
    atoms = Atoms("COCu", scaled_positions=rng.uniform(-1, 2, (3, 3)), cell=np.eye(3) + rng.normal(0, 0.2, (3, 3)))
    atoms.pbc = True
    assume(atoms.get_volume() > 0.6)
    radii = Radii.of()
    found = close_pairs(atoms, radii)
    shifts = np.array(np.meshgrid(*[range(-10, 11)] * 3)).reshape(3, -1).T @ atoms.cell.array
    between = atoms.positions[None, :] - atoms.positions[:, None]
    distances = np.linalg.norm(between[:, :, None] + shifts, axis=-1)
    outer = radii.outer_A[np.ix_(atoms.numbers, atoms.numbers)]
    near = (distances < outer[..., None]) & (distances > 0)
    count = np.zeros((3, 3), dtype=int)
    if found is not None:
        np.add.at(count, (found.first, found.second), 1)
        assert found.volume_A3 == pytest.approx(atoms.get_volume())
        assert np.array_equal(found.outer_A, radii.outer_A[atoms.numbers[found.first], atoms.numbers[found.second]])
    assert np.array_equal(count, near.sum(axis=-1))


def test_atoms_that_are_far_apart_are_no_pairs():
    assert close_pairs(Atoms("N2", positions=[(0, 0, 0), (1.098, 0, 0)]), Radii.of()) is None
    assert close_pairs(Atoms("Cu"), Radii.of()) is None
