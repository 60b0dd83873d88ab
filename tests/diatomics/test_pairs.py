"""Geometries of pairs, their evaluation and what is written of it."""

from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.calculator import Calculator
from hypothesis import given
from hypothesis import strategies as st

from assay.diatomics.protocol import (
    calculate,
    fibonacci_orientations,
    make_pair,
    radial_grid,
    read_curve,
    read_pair,
    require_finite_curve,
    write_curve,
    write_pair,
)
from assay.failures import PotentialFailure, UserError
from assay.potentials import load
from assay.potentials.ase_calculator import from_factory

MORSE = {
    "name": "morse",
    "package": "classical",
    "loader": {"kind": "morse", "epsilon": 2.0, "r0": 1.4, "rho0": 4.0, "rcut1": 3.9, "rcut2": 4.2},
}


def test_orientations_are_unit_vectors_spread_evenly():
    vectors = fibonacci_orientations(125)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(125))
    assert np.abs(vectors.mean(axis=0)).max() < 0.005
    # the second moments of a uniform sphere are a third of the unit matrix
    assert np.abs(vectors.T @ vectors / 125 - np.eye(3) / 3).max() < 0.005
    angles = np.arccos(np.clip(vectors @ vectors.T, -1, 1)) + 10 * np.eye(125)
    nearest = angles.min(axis=1)
    assert nearest.min() > 0.8 * np.sqrt(4 * np.pi / 125) and nearest.max() < 1.3 * np.sqrt(4 * np.pi / 125)


@given(
    st.lists(st.floats(0.3, 7.0), max_size=90).map(lambda values: [round(value, 3) for value in values]),
    st.integers(60, 120),
)
def test_a_grid_holds_what_it_must(dense, count):
    radii = radial_grid(count, dense_A=dense)
    assert radii[0] == 0.5 and radii[-1] == 6.0
    assert (np.diff(radii) > 0).all()
    assert {radius for radius in dense if 0.5 <= radius <= 6.0} <= set(radii)
    assert len(radii) >= count
    if len(dense) < count - 2:
        assert len(radii) == count


def test_a_grid_without_a_reference_is_dense_around_the_covalent_length():
    pair = make_pair(("C", "O"))
    length = pair.covalent_length_A
    near = pair.radii_A[(pair.radii_A > 0.7 * length) & (pair.radii_A < 1.1 * length)]
    assert len(pair.radii_A) == 80
    assert np.diff(near).max() < 0.06 * length


def test_a_geometry_has_its_distance_and_orientation():
    pair = make_pair(("C", "O"), orientations=7, box_A=20.0)
    atoms = pair.geometry(1.25, 3)
    assert atoms.get_chemical_symbols() == ["C", "O"] and atoms.pbc.all()
    assert atoms.positions[0] == pytest.approx([10, 10, 10])
    assert atoms.positions[1] - atoms.positions[0] == pytest.approx(1.25 * pair.orientations[3])


def test_a_pair_is_read_as_it_was_written(tmp_path):
    pair = make_pair(("N", "N"), orientations=5, reference_A=[0.5, 1.1, 6.0])
    write_pair(tmp_path / "N-N.json", pair)
    again = read_pair(tmp_path / "N-N.json")
    assert again.symbols == pair.symbols and again.box_A == pair.box_A
    assert np.array_equal(again.radii_A, pair.radii_A) and np.array_equal(again.orientations, pair.orientations)


@pytest.fixture(scope="module")
def curve():
    return calculate(load(MORSE), make_pair(("N", "N"), orientations=6, radii=60))


def test_a_curve_is_that_of_the_potential(curve):
    decay = np.exp(-4.0 * (curve.radii_A / 1.4 - 1))
    near = curve.radii_A < 3.9 * 1.4
    assert curve.mean_interaction_eV[near] == pytest.approx(2.0 * decay[near] * (decay[near] - 2), rel=1e-9)
    slope = 2.0 * 4.0 / 1.4 * 2 * decay * (1 - decay)
    assert curve.mean_radial_force_eV_A[near] == pytest.approx(-slope[near], rel=1e-9)
    assert curve.atoms_eV.tolist() == [0.0, 0.0]
    assert curve.probe_eV.shape == (60, 3)
    assert np.allclose((curve.probe_eV[:, 2] - curve.probe_eV[:, 0])[near] / 0.01, slope[near], rtol=2e-3)


def test_a_curve_is_read_as_it_was_written(curve, tmp_path):
    write_curve(tmp_path / "curve.h5", curve)
    again = read_curve(tmp_path / "curve.h5")
    assert np.array_equal(again.energies_eV, curve.energies_eV)
    assert again.forces_eV_A == pytest.approx(curve.forces_eV_A, rel=1e-6, abs=1e-6)
    assert (again.stencil_A, again.probed) == (curve.stencil_A, curve.probed)


@pytest.mark.parametrize("content", [b"", b"not hdf5 at all"])
def test_a_damaged_curve_is_told_in_one_sentence(tmp_path, content):
    (tmp_path / "curve.h5").write_bytes(content)
    with pytest.raises(UserError, match=r"curve\.h5: not a curve of a pair .* rerun"):
        read_curve(tmp_path / "curve.h5")


class NotANumberWithin(Calculator):
    """A flat potential that knows no numbers below 0.7 Å."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        close = len(atoms) == 2 and atoms.get_distance(0, 1) < 0.7
        self.results = {"energy": np.nan if close else 0.0, "forces": np.zeros((len(atoms), 3))}


def test_where_a_curve_is_not_finite_is_told():
    potential = from_factory({"name": "hole"}, "cpu", NotANumberWithin)
    curve = calculate(potential, make_pair(("H", "H"), orientations=3, radii=60))
    assert curve.not_finite.sum() == (curve.radii_A - 0.005 < 0.7).sum()
    with pytest.raises(
        PotentialFailure, match=r"H-H: energies or forces at \d+ of 60 distances \(0\.5 to 0\.[67]"
    ) as failure:
        require_finite_curve(curve, "H-H")
    assert failure.value.reason == "non_finite"
