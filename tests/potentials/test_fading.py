"""Potentials that fade out between atoms that nearly touch: closed forms, derivatives, symmetries, a planted hole."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.data import atomic_numbers, covalent_radii
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.potentials import fading, laws, zbl
from assay.potentials.ase_calculator import evaluate_with, from_factory
from assay.potentials.base import PROPERTIES
from assay.potentials.close_pairs import Batch, Radii, close_pairs
from assay.potentials.corrections import corrected, walled

INNER, OUTER = 0.8, 1.9

# hydrogen's wall is low: a wrong force of the potential would not hide below it
HYDROGEN = Radii.of(pairs_A={(1, 1): (INNER, OUTER)})

SEEDS = st.integers(0, 2**32 - 1)


def morse() -> Calculator:
    return MorsePotential(epsilon=3.0, r0=1.4, rho0=3.0, rcut1=1.3, rcut2=1.8)


def lennard_jones() -> Calculator:
    return LennardJones(epsilon=0.5, sigma=1.6, rc=6.0, smooth=True)


def potential(factory=morse):
    return from_factory({"name": "hybrid"}, "cpu", factory)


def hybrid(factory=morse, radii=HYDROGEN):
    return walled(potential(factory), radii)


def pair(distance: float, symbol: str = "H") -> Atoms:
    """Two atoms along an axis of no symmetry."""
    axis = np.array([2.0, -1.0, 0.5]) / np.linalg.norm([2.0, -1.0, 0.5])
    return Atoms([symbol] * 2, positions=[(0.1, 0.2, 0.3), np.array([0.1, 0.2, 0.3]) + distance * axis])


def cluster(seed: int, atoms: int = 6) -> Atoms:
    return Atoms(f"H{atoms}", positions=np.random.default_rng(seed).uniform(0, 2.2, (atoms, 3)))


def crystal(seed: int) -> Atoms:
    """Two to four atoms in a small skew cell: every atom is close to several images, of itself too."""
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(1.3, 2.2, 3)) + rng.normal(0, 0.1, (3, 3))
    count = rng.integers(2, 5)
    return Atoms(f"H{count}", scaled_positions=rng.uniform(0, 1, (count, 3)), cell=cell, pbc=True)


def nearest(atoms: Atoms) -> float:
    pairs = close_pairs(atoms, HYDROGEN)
    return OUTER if pairs is None else float(np.linalg.norm(pairs.vectors_A, axis=1).min())


def seen(distance: float, inner: float = INNER, outer: float = OUTER) -> float:
    return distance + 2 * fading.shifts(distance, inner, outer)[0]


def test_what_the_potential_sees_has_a_floor_and_ends_where_the_pair_is_no_longer_close():
    for distance in (0.0, 0.3, INNER):
        assert seen(distance) == pytest.approx((INNER + OUTER) / 2, abs=1e-14)
    for distance in (OUTER, 2.5):
        assert seen(distance) == distance
    distances = np.linspace(0, 3, 1000)
    assert (np.diff(seen(distances)) > -1e-14).all() and (seen(distances) >= (INNER + OUTER) / 2 - 1e-14).all()


@given(st.floats(0.0, 2.5))
def test_the_slope_of_what_is_seen_is_what_the_switch_leaves(distance):
    _, slope = fading.shifts(distance, INNER, OUTER)
    step = 1e-4
    difference = (seen(distance + step) - seen(distance - step)) / (2 * step)
    assert 1 + 2 * slope == pytest.approx(difference, abs=1e-6)
    assert 1 + 2 * slope == pytest.approx(1 - zbl.switch(distance, INNER, OUTER)[0])


@pytest.mark.parametrize("factory", [morse, lennard_jones])
@settings(deadline=None)
@given(distance=st.floats(0.05, 2.3))
def test_a_pair_has_the_energy_and_the_force_of_the_formula(factory, distance):
    (result,) = hybrid(factory).evaluate([pair(distance)])
    floor = evaluate_with(factory(), pair(seen(distance)), frozenset(PROPERTIES))
    share, fall = zbl.switch(distance, INNER, OUTER)
    repulsion, slope = zbl.repulsion(distance, 1, 1)
    assert result.energy_eV == pytest.approx(floor.energy_eV + share * repulsion, rel=1e-9, abs=1e-9)
    axis = pair(1.0).positions[1] - pair(1.0).positions[0]
    expected = (1 - share) * (floor.forces_eV_A[1] @ axis) - share * slope - fall * repulsion
    assert np.allclose(result.forces_eV_A, np.outer([-expected, expected], axis), rtol=1e-7, atol=1e-7)


def assert_derivatives(atoms: Atoms, seed: int, factory) -> None:
    steps = (1e-3, 3e-4)
    wearing = hybrid(factory)
    (result,) = wearing.evaluate([atoms], PROPERTIES)
    scale = 1e3 * np.abs(result.forces_eV_A).max() + 1e3
    worst = laws.force_derivative(wearing, atoms, np.random.default_rng(seed), steps, samples=3)
    assert worst["force_derivative_meV_A"] < 1e-7 * scale
    if result.stress_eV_A3 is not None:
        worst = laws.stress_derivative(wearing, atoms, steps)
        # differences over a strain of a thousandth are good to a few 1e-7 where atoms nearly touch
        assert worst["stress_derivative_meV_A3"] < 5e-7 * (1e3 * np.abs(result.stress_eV_A3).max() + 1e3)


@pytest.mark.parametrize("factory", [morse, lennard_jones])
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_forces_are_derivatives_where_several_pairs_are_close_at_once(factory, seed):
    atoms = cluster(seed)
    assume(nearest(atoms) > 0.25 and nearest(fading.spread(atoms, close_pairs(atoms, HYDROGEN))) > 0.7)
    assert len(close_pairs(atoms, HYDROGEN).first) > 10
    assert_derivatives(atoms, seed, factory)


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS)
def test_forces_and_stress_are_derivatives_where_images_are_close(seed):
    atoms = crystal(seed)
    assume(nearest(atoms) > 0.25)
    moved = fading.spread(atoms, close_pairs(atoms, HYDROGEN))
    assert np.abs(moved.positions - atoms.positions).max() > 1e-3
    assert_derivatives(atoms, seed, morse)


@pytest.mark.parametrize("factor", [0.45, 0.6])
def test_forces_and_stress_are_derivatives_in_a_compressed_alloy(factor):
    # EMT depends on coordination, so that its forces are no sum of pairs
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[0] = "Au"
    shear = np.array([[1, 0.05, 0], [0, 1.02, 0.03], [0.04, 0, 1]])
    atoms.set_cell(factor * atoms.cell.array @ shear, scale_atoms=True)
    atoms.rattle(0.1, seed=3)
    wearing = corrected(from_factory({"name": "emt"}, "cpu", EMT), {"zbl": {"transition": [0.4, 0.9]}})
    (result,) = wearing.evaluate([atoms], PROPERTIES)
    steps = (1e-3, 3e-4)
    worst = laws.force_derivative(wearing, atoms, np.random.default_rng(0), steps, samples=6)
    assert worst["force_derivative_meV_A"] < 1e-6 * 1e3 * np.abs(result.forces_eV_A).max()
    worst = laws.stress_derivative(wearing, atoms, steps)
    assert worst["stress_derivative_meV_A3"] < 1e-6 * 1e3 * np.abs(result.stress_eV_A3).max()


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, periodic=st.booleans())
def test_symmetries_and_newtons_third_law(seed, periodic):
    atoms, rng, wearing = (crystal if periodic else cluster)(seed), np.random.default_rng(seed), hybrid()
    assume(nearest(atoms) > 0.25)
    (result,) = wearing.evaluate([atoms], PROPERTIES)
    scale = 1e3 * max(np.abs(result.forces_eV_A).max(), abs(result.energy_eV), 1.0)
    measured = [law(wearing, atoms, rng) for law in (laws.translation, laws.rotation, laws.permutation, laws.wrapping)]
    measured += [laws.inversion(wearing, atoms), laws.net_force(wearing, atoms)]
    if periodic:
        measured.append(laws.extensivity(wearing, atoms))
    assert max(value for numbers in measured for value in numbers.values()) < 1e-9 * scale


def test_a_batch_gives_what_each_structure_gives_alone():
    structures = [pair(0.4), cluster(1), pair(3.0), crystal(2), cluster(4), bulk("Cu"), crystal(5)]
    wearing = hybrid()
    results = wearing.evaluate(structures, PROPERTIES)
    for atoms, together in zip(structures, results, strict=True):
        (alone,) = wearing.evaluate([atoms], PROPERTIES)
        assert alone.energy_eV == together.energy_eV and np.array_equal(alone.forces_eV_A, together.forces_eV_A)
        assert np.array_equal(alone.stress_eV_A3, together.stress_eV_A3) or not atoms.pbc.all()


class Hole(MorsePotential):
    """A Morse potential with a deep Gaussian hole at short distances, between two atoms."""

    def __init__(self, length_A: float) -> None:
        super().__init__(epsilon=3.0, r0=length_A, rho0=4.0)
        self.length_A = length_A

    def calculate(self, atoms, properties, changes):
        super().calculate(atoms, properties, changes)
        vector = atoms.positions[1] - atoms.positions[0]
        distance, centre, width = np.linalg.norm(vector), 0.3 * self.length_A, 0.03 * self.length_A
        hole = -2e4 * np.exp(-(((distance - centre) / width) ** 2) / 2)
        pull = hole * (distance - centre) / width**2 * vector / distance
        self.results["energy"] += hole
        self.results["forces"] = self.results["forces"] + np.array([-pull, pull])


@pytest.mark.parametrize("symbol", ["H", "C", "Na", "Si", "Cu", "Ba", "U"])
def test_a_hole_that_swallows_atoms_is_gone(symbol):
    length = 2 * covalent_radii[atomic_numbers[symbol]]
    bare = potential(lambda: Hole(length))
    wearing = corrected(bare, {"zbl": {}})
    distances = np.linspace(0.02, 0.999, 120) * length
    energies, forces = {}, {}
    for name, each in (("bare", bare), ("hybrid", wearing)):
        results = each.evaluate([pair(distance, symbol) for distance in distances])
        energies[name] = np.array([result.energy_eV for result in results])
        axis = pair(1.0).positions[1] - pair(1.0).positions[0]
        forces[name] = np.array([result.forces_eV_A[1] @ axis for result in results])
    assert forces["bare"].min() < -1e3
    assert (np.diff(energies["hybrid"]) < 0).all() and (forces["hybrid"] > 0).all()
    # the repulsion alone does not fill the hole
    number = atomic_numbers[symbol]
    radii = Radii.of()
    ends = radii.inner_A[number, number], radii.outer_A[number, number]
    added = energies["bare"] + zbl.wall(distances, number, number, *ends)[0]
    assert (np.diff(added) > 0).any()


def test_an_atom_halfway_between_two_others_does_not_move():
    atoms = Atoms("H3", positions=[(-1.0, 0, 0), (0, 0, 0), (1.0, 0, 0)])
    moved = fading.spread(atoms, close_pairs(atoms, HYDROGEN))
    outwards, _ = fading.shifts(1.0, INNER, OUTER)
    assert np.allclose(moved.positions[:, 0], [-1 - outwards, 0, 1 + outwards], atol=1e-15)


def test_atoms_in_the_same_place_stay_there():
    atoms = Atoms("H3", positions=[(0.5, 0, 0), (0.5, 0, 0), (0, 0, 1.0)])
    moved = fading.spread(atoms, close_pairs(atoms, HYDROGEN))
    assert np.isfinite(moved.positions).all() and np.array_equal(moved.positions[0], moved.positions[1])
    result = evaluate_with(_Springs(), moved, frozenset(PROPERTIES))
    (faded,) = fading.pulled_back([result], Batch.of([close_pairs(atoms, HYDROGEN)]), frozenset(PROPERTIES))
    assert faded.finite
    (whole,) = hybrid(_Springs).evaluate([atoms])
    assert not whole.finite


def test_forces_are_finite_down_to_the_smallest_distances():
    for distance in (1e-2, 1e-4, 1e-8):
        atoms = pair(distance)
        pairs = close_pairs(atoms, HYDROGEN)
        result = evaluate_with(morse(), fading.spread(atoms, pairs), frozenset(PROPERTIES))
        (faded,) = fading.pulled_back([result], Batch.of([pairs]), frozenset(PROPERTIES))
        # the potential has faded out
        assert faded.finite and np.abs(faded.forces_eV_A).max() < 1e-12 / distance


def test_the_structure_itself_is_left_alone():
    atoms = pair(0.4)
    before = atoms.positions.copy()
    moved = fading.spread(atoms, close_pairs(atoms, HYDROGEN))
    assert np.array_equal(atoms.positions, before) and moved is not atoms


class _Springs(Calculator):
    """Springs to the origin: finite wherever the atoms are."""

    implemented_properties = ("energy", "forces", "stress")

    def calculate(self, atoms, properties, changes):
        super().calculate(atoms, properties, changes)
        self.results = {"energy": (atoms.positions**2).sum(), "forces": -2 * atoms.positions, "stress": np.zeros(6)}
