"""A guest is found where its energy is least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from hypothesis import given, settings
from hypothesis import strategies as st
from insertion_toys import CO2, HOST, as_interaction, lennard_jones, pair_potential, toy_settings, with_a_hole
from scipy.spatial.transform import Rotation

from assay.hosts import make_system, placed
from assay.widom import minima
from assay.widom.insertions import inserter
from assay.widom.minima import by_differences, distinct, relax_guest, rotation_jacobian, surface_of, symmetry_operations
from assay.widom.protocol import insert_case
from assay.widom.sampling import draw_insertions

MAGNESIUM = Atoms("Mg", [(4, 4, 4)], cell=[8.0] * 3, pbc=True)


def insert(folder, potential, host, guest, **changes):
    drawn = draw_insertions(300, seed=2, path="minima")
    given = toy_settings(insertions=300, supercell=[1, 1, 1], **changes)
    return insert_case(potential, make_system(host, guest), drawn, given, folder, stream="a")


def bottom() -> tuple[float, float]:
    """Distance (Å) and energy (eV) of the least energy of a pair."""
    distances = np.linspace(1.8, 2.6, 80001)
    energies, _ = lennard_jones(distances)
    return distances[energies.argmin()], energies.min()


@pytest.mark.parametrize("dress", [lambda potential: potential, as_interaction], ids=["forces", "differences"])
def test_an_atom_comes_to_rest_at_the_bottom_of_the_well(tmp_path, dress):
    seen = insert(tmp_path, dress(pair_potential()), MAGNESIUM, Atoms("O"), minima=1)
    distance, energy = bottom()
    (found,) = seen["minima"]
    assert found["metal_distance_A"] == pytest.approx(distance, abs=0.02)
    assert found["energy_eV"] == pytest.approx(energy, abs=1e-3)
    assert found["binding_energy_kJ_mol"] == pytest.approx(96.485 * found["energy_eV"], rel=1e-4)
    assert found["converged"] and found["energy_eV"] <= found["start_energy_eV"]
    assert (found["site"], found["metal"], found["angle_deg"]) == ("metal", "Mg", None)
    atoms = read(tmp_path / minima.FILE)
    assert atoms.get_distance(0, 1, mic=True) == pytest.approx(distance, abs=0.02)
    assert atoms.info["energy_eV"] == pytest.approx(found["energy_eV"]) and atoms.info["minimum"] == 1


def test_a_molecule_stays_rigid_and_leaves_no_force_and_torque(tmp_path):
    potential = pair_potential()
    seen = insert(tmp_path, potential, HOST.repeat(2), CO2, minima=3)
    assert 1 <= len(seen["minima"]) <= 3
    energies = [found["energy_eV"] for found in seen["minima"]]
    assert energies == sorted(energies) and energies[0] < -0.1
    for atoms, found in zip(read(tmp_path / minima.FILE, ":"), seen["minima"], strict=True):
        assert atoms[-3:].get_distance(1, 2) == pytest.approx(2.32)
        forces = potential.evaluate([atoms])[0].forces_eV_A[-3:]
        arms = atoms.positions[-3:] - atoms.positions[-3:].mean(axis=0)
        assert np.abs(forces.sum(axis=0)).max() < 0.02
        assert np.abs(np.cross(arms, forces).sum(axis=0)).max() < 0.02
        assert found["converged"] and found["force_max_eV_A"] < 0.02


def test_a_minimum_in_a_hole_says_so(tmp_path):
    def slide(distance):
        deep = distance < 2.5
        return np.where(deep, distance**2 - 2.5**2, 0.0), np.where(deep, 2 * distance, 0.0)

    (found,) = insert(tmp_path, pair_potential(slide), MAGNESIUM, Atoms("O"), minima=1)["minima"]
    assert found["site"] == "overlap" and found["closest_fraction"] < 0.7
    # an overlap is no start, however deep
    (found,) = insert(tmp_path / "b", pair_potential(with_a_hole), MAGNESIUM, Atoms("O"), minima=1)["minima"]
    assert found["site"] == "metal" and found["energy_eV"] > -1


def test_nothing_but_overlaps_has_no_minima(tmp_path):
    assert insert(tmp_path, pair_potential(), MAGNESIUM, Atoms("O"), minima=2, overlap_fraction=9.0)["minima"] == []
    assert (tmp_path / minima.FILE).exists()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_jacobian_is_that_of_a_rotation_vector(seed):
    rng = np.random.default_rng(seed)
    turn, change, vector = rng.normal(0, 1.2, 3), 1e-6 * rng.normal(0, 1, 3), rng.normal(0, 1, 3)
    turned = Rotation.from_rotvec(turn).apply(vector)
    moved = Rotation.from_rotvec(turn + change).apply(vector) - turned
    assert moved == pytest.approx(np.cross(rotation_jacobian(turn) @ change, turned), abs=1e-11)
    assert rotation_jacobian(np.zeros(3)) == pytest.approx(np.eye(3))


def test_differences_give_the_forces_and_the_torque():
    potential, host = pair_potential(), HOST.repeat((2, 1, 1))
    how = inserter(potential, host, CO2)
    surface = surface_of(potential, how, host, CO2)
    drawn = draw_insertions(40, seed=1, path="w")
    soft = 0
    for positions in placed(CO2, drawn.fractional @ HOST.cell.array, drawn.quaternions):
        energy, force, torque = surface(positions)
        if energy > 1:
            continue
        soft += 1
        other_energy, other_force, other_torque = by_differences(how.energies, positions)
        assert energy == pytest.approx(other_energy)
        assert force == pytest.approx(other_force, abs=2e-2) and torque == pytest.approx(other_torque, abs=2e-2)
    assert soft > 3


def test_a_wall_without_numbers_does_not_stop_a_relaxation():
    def surface(positions):
        height = positions[0, 2]
        if height < 1.0:
            return np.inf, np.full(3, np.nan), np.zeros(3)
        return (height - 1.2) ** 2 * 5, np.array([0, 0, -10 * (height - 1.2)]), np.zeros(3)

    positions, force, evaluations = relax_guest(surface, np.array([[0.0, 0.0, 2.2]]))
    assert positions[0, 2] == pytest.approx(1.2, abs=0.01) and force < 0.02 and evaluations < 60
    positions, force, evaluations = relax_guest(surface, np.array([[0.0, 0.0, 0.9]]))
    assert positions[0, 2] == 0.9 and force == np.inf and evaluations == 1


def test_equivalent_places_count_once():
    cell = bulk("Cu", cubic=True)
    operations = symmetry_operations(cell)
    assert len(operations[0]) == 192
    # octahedral hole, its equivalents, a tetrahedral hole
    points = np.array([(0.5, 0.5, 0.5), (0.5, 0, 0), (0.25, 0.25, 0.25), (0.5, 1.02, 0.0), (0.75, 0.25, 0.75)])
    assert distinct(points, cell.cell.array, operations, 5) == [0, 2]
    lone = (np.eye(3)[None], np.zeros((1, 3)))
    assert distinct(points, cell.cell.array, lone, 2) == [0, 1]
    assert distinct(points, cell.cell.array, lone, 9) == [0, 1, 2, 4]


def test_a_relaxation_does_not_jump_over_a_barrier():
    def surface(positions):
        # wells at 0 (shallow) and 0.6 Å from there, a barrier of 0.1 eV in between, a slope of 1.6 eV/Å at the start
        z = positions[0, 2]
        energy = 0.1 * np.cos(2 * np.pi * (z / 0.6 - 0.5)) - 0.5 * z
        slope = -0.1 * 2 * np.pi / 0.6 * np.sin(2 * np.pi * (z / 0.6 - 0.5)) - 0.5
        return energy, np.array([0, 0, -slope]), np.zeros(3)

    positions, force, _ = relax_guest(surface, np.array([[0.0, 0.0, -0.15]]))
    assert abs(positions[0, 2]) < 0.1 and force < 0.02


def test_forces_are_not_needed_for_an_interaction():
    potential = replace(as_interaction(pair_potential()), forward=None)
    how = inserter(potential, HOST, CO2)
    energy, force, _ = surface_of(potential, how, HOST, CO2)(CO2.positions + HOST.positions[0] + (2.2, 0, 0))
    assert np.isfinite(energy) and np.isfinite(force).all()
