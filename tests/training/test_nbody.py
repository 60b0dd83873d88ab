import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.failures import PotentialFailure
from assay.training.nbody import NBodyCalculator, make_potential

ELEMENTS = ("H", "C", "O", "Mg", "Si")


def rattled_crystal() -> Atoms:
    atoms = bulk("MgO", "rocksalt", 4.2, cubic=True)
    atoms.symbols[3] = "C"
    atoms.positions += np.random.default_rng(0).normal(0, 0.1, atoms.positions.shape)
    return atoms


def molecule() -> Atoms:
    return Atoms("SiOCH", positions=[(0, 0, 0), (1.7, 0.1, 0), (-0.4, 1.8, 0.2), (0.3, -0.4, 1.6)])


@pytest.mark.parametrize("body_order", [2, 3, 4, 5])
def test_forces_and_stress_are_derivatives_of_the_energy(body_order):
    potential = make_potential(ELEMENTS, body_order=body_order, terms=2, cutoff_A=4.0, seed=1)
    atoms = rattled_crystal()
    atoms.calc = NBodyCalculator(potential)
    assert np.abs(atoms.get_forces()).max() > 0.5
    assert atoms.get_forces() == pytest.approx(calculate_numerical_forces(atoms, 1e-4), abs=1e-5)
    assert atoms.get_stress() == pytest.approx(calculate_numerical_stress(atoms, 1e-5), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), body_order=st.integers(2, 5))
def test_the_energy_does_not_change_with_the_frame_or_the_order_of_atoms(seed, body_order):
    random = np.random.default_rng(seed)
    potential = make_potential(ELEMENTS, body_order=body_order, terms=1, cutoff_A=4.0, seed=seed)
    atoms = molecule()
    energy, forces, _ = potential.evaluate(atoms)
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))  # reflections too
    order = random.permutation(len(atoms))
    moved = atoms[order]
    moved.positions = moved.positions @ turn.T + random.normal(size=3)
    again, turned, _ = potential.evaluate(moved)
    assert again == pytest.approx(energy, abs=1e-9)
    assert turned == pytest.approx(forces[order] @ turn.T, abs=1e-9)
    assert forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)


@pytest.mark.parametrize("bodies", [3, 4])
def test_a_many_body_term_is_the_sum_over_tuples_of_neighbours(bodies):
    potential = make_potential(ELEMENTS, body_order=bodies, terms=1, cutoff_A=4.0, seed=3)
    term = potential.many[-1]
    assert term.bodies == bodies
    atoms = molecule()
    kinds = potential.kinds(atoms)
    expected = 0.0
    for centre in range(len(atoms)):
        others = [place for place in range(len(atoms)) if place != centre]
        radial, units = {}, {}
        for other in others:
            vector = atoms.positions[other] - atoms.positions[centre]
            distance = np.linalg.norm(vector)
            apart = term.steepness * (distance - term.centre_A[kinds[centre], kinds[other]])
            fade = max(0.0, 1 - (distance / 4.0) ** 2) ** 3
            radial[other] = term.weight[kinds[other]] * np.exp(-(apart**2) / 2) * fade
            units[other] = vector / distance
        for chosen in itertools.product(others, repeat=bodies - 1):
            ring = zip(chosen, (*chosen[1:], chosen[0]), strict=True)
            angles = [units[one] @ units[other] + term.offset for one, other in ring]
            expected += term.strength_eV[kinds[centre]] * np.prod([radial[each] for each in chosen]) * np.prod(angles)
    with_it, _, _ = potential.evaluate(atoms)
    without, _, _ = type(potential)(
        potential.elements, potential.cutoff_A, potential.atomic_eV, potential.pairs, potential.many[:-1]
    ).evaluate(atoms)
    assert with_it - without == pytest.approx(expected, rel=1e-10)


def test_a_supercell_has_as_many_times_the_energy():
    potential = make_potential(ELEMENTS, body_order=4, terms=2, cutoff_A=4.0, seed=1)
    atoms = rattled_crystal()
    energy, forces, virial = potential.evaluate(atoms)
    large, repeated, wide = potential.evaluate(atoms.repeat((1, 2, 1)))
    assert large == pytest.approx(2 * energy, abs=1e-9)
    assert repeated == pytest.approx(np.tile(forces, (2, 1)), abs=1e-9)
    assert wide == pytest.approx(2 * virial, abs=1e-9)


def test_energies_and_forces_vanish_smoothly_at_the_cutoff():
    potential = make_potential(("C", "O"), body_order=4, terms=2, cutoff_A=4.0, seed=1)
    alone = potential.atomic_eV.sum()
    near = [potential.evaluate(Atoms("CO", [(0, 0, 0), (0, 0, distance)])) for distance in (3.99, 3.999, 4.001)]
    energies = [abs(energy - alone) for energy, _, _ in near]
    assert energies[0] > energies[1] > energies[2] == 0.0
    assert energies[1] < 1e-8
    assert np.abs(near[1][1]).max() < 1e-5 and not near[2][1].any()


def test_more_bodies_are_more_terms_and_a_seed_gives_one_potential():
    three, four = (make_potential(ELEMENTS, body_order=order, terms=2, cutoff_A=4.0, seed=1) for order in (3, 4))
    assert [term.bodies for term in four.many] == [3, 3, 4, 4]
    assert four.evaluate(molecule())[0] != pytest.approx(three.evaluate(molecule())[0], abs=1e-3)
    again = make_potential(ELEMENTS, body_order=4, terms=2, cutoff_A=4.0, seed=1)
    assert again.evaluate(molecule())[0] == four.evaluate(molecule())[0]
    other = make_potential(ELEMENTS, body_order=4, terms=2, cutoff_A=4.0, seed=2)
    assert other.evaluate(molecule())[0] != pytest.approx(four.evaluate(molecule())[0], abs=1e-3)


def test_an_unknown_element_is_named():
    potential = make_potential(("C", "O"), body_order=2, terms=1, cutoff_A=4.0, seed=1)
    with pytest.raises(PotentialFailure, match="Fe") as caught:
        potential.evaluate(Atoms("Fe"))
    assert caught.value.reason == "unsupported_element"
