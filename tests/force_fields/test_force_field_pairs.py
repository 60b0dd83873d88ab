"""Pair interactions and their sums over two molecules, against closed forms and symmetries."""

import numpy as np
import pytest
from ase import units
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from assay.potentials.force_field_files import read_force_field
from assay.potentials.force_field_pairs import Buckingham, LennardJones
from assay.potentials.force_fields import pair_energies

SITES = ("C_co2", "O_co2", "O_co2")
LINEAR = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.16], [0.0, 0.0, -1.16]])
TRAPPE = read_force_field(ROOT / "resources/force_fields/co2-trappe-flexible.yaml")
FITTED = read_force_field(ROOT / "resources/force_fields/co2-mof74-dft.yaml")
BUCKINGHAM = {"-".join(sorted(names)): pair for names, pair in FITTED.pairs.items() if isinstance(pair, Buckingham)}

angles = st.floats(-3.1, 3.1)
places = st.floats(-6.0, 6.0)


def turned(a, b, c):
    return LINEAR @ Rotation.from_euler("zyz", [a, b, c]).as_matrix().T


def test_lennard_jones_has_its_minimum_and_its_zero():
    pair = LennardJones(0.01, 3.0)
    assert pair.energies(np.array([3.0, 2 ** (1 / 6) * 3.0])) == pytest.approx([0.0, -0.01], abs=1e-15)


def test_buckingham_is_what_it_says_outside_of_its_maximum():
    pair = Buckingham.of(2000.0, 3.9, 35.0)
    r = np.linspace(pair.core_A * 1.001, 12.0, 50)
    assert pair.energies(r) == pytest.approx(2000.0 * np.exp(-3.9 * r) - 35.0 / r**6, rel=1e-12)


@pytest.mark.parametrize("name", BUCKINGHAM)
def test_buckingham_grows_towards_the_nucleus(name):
    pair = BUCKINGHAM[name]
    energies = pair.energies(np.geomspace(1e-3, pair.core_A, 2000))
    assert np.all(np.isfinite(energies)) and np.all(np.diff(energies) < 0)
    assert energies[-1] == pytest.approx(pair.core_eV, rel=1e-9) and pair.core_eV > 0


@pytest.mark.parametrize("name", BUCKINGHAM)
def test_the_wall_joins_with_its_slope(name):
    pair, step = BUCKINGHAM[name], 1e-6
    inside, outside = pair.energies(pair.core_A + np.array([-step, step]))
    # both sides are flat at the maximum, so a kink would be of first order in the step
    assert abs(inside - pair.core_eV) < 1e-7 and abs(outside - pair.core_eV) < 1e-7


def test_no_repulsion_at_any_distance_is_refused():
    with pytest.raises(ValueError, match="attracts"):
        Buckingham.of(1.0, 4.0, 1e4)


def test_the_columns_of_the_published_file_are_read_in_the_right_order():
    """The same authors' LAMMPS input: 49146.688 kcal/mol, 0.2522 Å, 812.34516 kcal/mol Å^6."""
    pair = FITTED.pair("Mg", "O_co2")
    kcal_mol = units.kcal / units.mol
    assert pair.A_eV / kcal_mol == pytest.approx(49146.688, rel=2e-4)
    length_A = 1 / pair.B_1_A
    assert length_A == pytest.approx(0.2522, rel=1e-4)
    assert pair.C_eV_A6 / kcal_mol == pytest.approx(812.34516, rel=2e-4)


def test_mixing_rules():
    epm2 = read_force_field(ROOT / "resources/force_fields/co2-epm2-flexible.yaml")
    assert epm2.pair("C_co2", "O_co2").sigma_A == pytest.approx(2.89170901, rel=1e-8)
    assert TRAPPE.pair("C_co2", "O_co2").sigma_A == pytest.approx((2.80 + 3.05) / 2)
    assert TRAPPE.pair("C_co2", "O_co2").epsilon_eV == pytest.approx(np.sqrt(27.0 * 79.0) * units.kB)
    assert FITTED.pair("Mg", "Oa") is None


def test_far_molecules_interact_as_quadrupoles():
    """In line: 6 Theta^2 / (4 pi eps0 R^5) with Theta = sum of q z^2, while dispersion goes with R^-6."""
    distance = 400.0
    (energy,) = pair_energies(TRAPPE, LINEAR[None], LINEAR[None] + [0, 0, distance], SITES)
    quadrupole = 2 * -0.35 * 1.16**2
    assert energy == pytest.approx(6 * units.Hartree * units.Bohr * quadrupole**2 / distance**5, rel=0.02)


@given(angles, angles, angles, angles, places, places, places)
def test_the_energy_of_a_pair_is_symmetric(a, b, c, d, x, y, z):
    one, other = turned(a, b, 0.3)[None], (turned(c, d, -0.8) + np.array([x, y, z]))[None]
    forth, back = (pair_energies(TRAPPE, *pair, SITES)[0] for pair in ((one, other), (other, one)))
    assert forth == pytest.approx(back, rel=1e-9, abs=1e-12) and not np.isnan(forth)


@given(angles, angles, angles, places, places, places)
def test_the_energy_of_a_pair_does_not_depend_on_the_frame(a, b, c, x, y, z):
    one, other = LINEAR[None], (turned(0.4, 1.1, 0.0) + np.array([3.9, 0.7, -1.2]))[None]
    rotation = Rotation.from_euler("zyz", [a, b, c]).as_matrix().T
    moved = [positions @ rotation + [x, y, z] for positions in (one, other)]
    (energy,), (same,) = pair_energies(TRAPPE, one, other, SITES), pair_energies(TRAPPE, *moved, SITES)
    assert energy == pytest.approx(same, rel=1e-9)


def test_molecules_on_top_of_each_other_repel_without_end():
    assert pair_energies(TRAPPE, LINEAR[None], LINEAR[None], SITES)[0] == np.inf


def test_positions_of_another_molecule_are_refused():
    with pytest.raises(ValueError, match="shape"):
        pair_energies(TRAPPE, LINEAR[None, :2], LINEAR[None, :2], SITES)
