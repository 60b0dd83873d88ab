"""Physics of the finite-displacement protocol, on potentials whose phonons are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from conftest import ROOT
from phonopy import Phonopy

import assay.phonons.protocol as protocol
from assay.failures import PotentialFailure, UserError
from assay.phonons.protocol import (
    Calculation,
    calculate,
    displaced_crystal,
    groups,
    read_displacements,
    read_phonopy,
    write_displacements,
    write_forces,
)
from assay.potentials import Result, load
from assay.structures import load_crystals, to_ase

SETTINGS = {
    "relax": False,
    "relax_fmax_eV_A": 0.001,
    "relax_steps": 300,
    "subtract_residual_forces": True,
    "symmetry_tolerance_A": 1e-5,
}
FREQUENCY_TOLERANCE_THz = 1e-3


class Springs:
    """A potential made of one function of a structure."""

    def __init__(self, evaluate):
        self._evaluate = evaluate

    def evaluate(self, batch, properties=("energy", "forces")):
        return [self._evaluate(atoms) for atoms in batch]


@pytest.fixture(scope="module")
def emt():
    return load({"name": "emt", "package": "classical", "loader": {"kind": "emt"}, "checkpoint": "bundled"})


@pytest.fixture
def aluminium():
    return displaced_crystal(bulk("Al", cubic=True, a=4.0), np.diag([2, 2, 2]))


def frequencies(phonopy, mesh=(6, 6, 6)):
    """Of the force sets, with the symmetry found anew as when they are loaded from disk."""
    made = Phonopy(phonopy.unitcell, phonopy.supercell_matrix, primitive_matrix=phonopy.primitive_matrix)
    made.dataset = phonopy.dataset
    phonopy = made
    phonopy.produce_force_constants()
    phonopy.symmetrize_force_constants()
    phonopy.run_mesh(mesh, is_gamma_center=True)
    return phonopy.mesh.frequencies


def test_a_spring_between_neighbours_gives_the_textbook_chain():
    """A linear chain with longitudinal springs: omega_max = 2 sqrt(K/m) (Ashcroft and Mermin, eq. 22.29)."""
    from ase import Atoms

    stiffness, spacing, mass = 3.0, 2.0, 20.0
    chain = Atoms("Ne", cell=[spacing, 9, 9], pbc=True)
    chain.set_masses([mass])
    phonopy = displaced_crystal(chain, np.diag([6, 1, 1]))

    def evaluate(atoms):
        forces = np.zeros((len(atoms), 3))
        order = np.argsort(atoms.positions[:, 0])
        x = atoms.positions[order, 0]
        stretch = np.diff(np.append(x, x[0] + atoms.cell[0, 0])) - spacing
        forces[order, 0] = stiffness * (stretch - np.roll(stretch, 1))
        return Result(0.5 * stiffness * (stretch**2).sum(), forces, np.zeros(6))

    outcome = calculate(Springs(evaluate), {"chain": phonopy}, SETTINGS)["chain"]
    highest = frequencies(outcome.phonopy, (12, 12, 12)).max()
    in_THz = np.sqrt(1.602176634e-19 / 1.66053906660e-27) / 1e-10 / (2 * np.pi) / 1e12
    assert highest == pytest.approx(2 * np.sqrt(stiffness / mass) * in_THz, abs=FREQUENCY_TOLERANCE_THz)


def test_emt_through_evaluate_is_emt_through_ase(emt, aluminium):
    outcome = calculate(emt, {"Al": aluminium}, SETTINGS)["Al"]
    forces = []
    for cell in aluminium.supercells_with_displacements:
        atoms = to_ase(cell)
        atoms.calc = EMT()
        forces.append(atoms.get_forces() - atoms.get_forces().mean(axis=0))
    assert np.allclose(outcome.phonopy.forces, forces, atol=1e-10)
    assert outcome.observations["residual_force_max_eV_A"] < 1e-10


def test_the_written_file_gives_the_same_frequencies_in_phonopy_alone(emt, aluminium, tmp_path):
    import phonopy

    outcome = calculate(emt, {"Al": aluminium}, SETTINGS)["Al"]
    path = tmp_path / "phonopy_params.yaml.xz"
    write_forces(path, outcome.phonopy)
    loaded = phonopy.load(path, log_level=0)
    loaded.run_mesh([6, 6, 6], is_gamma_center=True)
    alone = loaded.mesh.frequencies
    assert alone.max() == pytest.approx(frequencies(outcome.phonopy).max(), abs=FREQUENCY_TOLERANCE_THz)
    assert list(tmp_path.iterdir()) == [path]


def test_displacements_survive_the_round_trip(aluminium, tmp_path):
    write_displacements(tmp_path / "Al.yaml", aluminium)
    again = read_displacements(tmp_path / "Al.yaml")
    assert np.allclose(again.displacements, aluminium.displacements)
    assert np.allclose(again.primitive_matrix, aluminium.primitive_matrix)
    first, second = (p.supercells_with_displacements[0] for p in (again, aluminium))
    assert np.allclose(first.positions, second.positions)


def test_a_reference_keeps_its_own_displacements(aluminium, tmp_path):
    """Not those that this version of phonopy would make."""
    dataset = aluminium.dataset
    dataset["first_atoms"][0]["displacement"] = np.array([0.0, 0.006, 0.008])
    aluminium.dataset = dataset
    write_displacements(tmp_path / "Al.yaml", aluminium)
    assert np.allclose(read_displacements(tmp_path / "Al.yaml").displacements[0][1:], [0.0, 0.006, 0.008])


@pytest.mark.parametrize("subtract", [True, False])
def test_a_constant_force_does_not_enter_force_constants(emt, aluminium, subtract):
    """A force that does not depend on positions is the gradient of a linear potential: no stiffness."""
    push = np.random.default_rng(0).normal(0, 0.05, (32, 3))

    def evaluate(atoms):
        result = emt.evaluate([atoms], ("energy", "forces", "stress"))[0]
        return Result(result.energy_eV, result.forces_eV_A + push, result.stress_eV_A3)

    clean = frequencies(calculate(emt, {"Al": aluminium}, SETTINGS)["Al"].phonopy)
    outcome = calculate(Springs(evaluate), {"Al": aluminium}, SETTINGS | {"subtract_residual_forces": subtract})["Al"]
    same = np.allclose(frequencies(outcome.phonopy), clean, atol=FREQUENCY_TOLERANCE_THz)
    assert same is subtract
    assert outcome.observations["residual_force_max_eV_A"] > 0.05


def test_a_net_force_is_reported_and_removed(emt, aluminium):
    def evaluate(atoms):
        result = emt.evaluate([atoms], ("energy", "forces", "stress"))[0]
        displaced = np.abs(atoms.positions - aluminium.supercell.positions).max() > 1e-3
        return Result(result.energy_eV, result.forces_eV_A + 0.01 * displaced, result.stress_eV_A3)

    outcome = calculate(Springs(evaluate), {"Al": aluminium}, SETTINGS)["Al"]
    assert outcome.observations["drift_force_max_eV_A"] == pytest.approx(0.01 * np.sqrt(3), rel=1e-6)
    assert np.allclose(outcome.phonopy.forces.mean(axis=1), 0, atol=1e-12)


def test_relaxation_finds_the_minimum_and_keeps_the_space_group(emt, tmp_path):
    strained = displaced_crystal(bulk("Al", cubic=True, a=4.2), np.diag([2, 2, 2]))
    outcome = calculate(emt, {"Al": strained}, SETTINGS | {"relax": True})["Al"]
    assert isinstance(outcome, Calculation)
    assert outcome.phonopy.unitcell.cell[0, 0] == pytest.approx(3.994, abs=0.005)  # EMT's lattice constant
    assert abs(outcome.observations["residual_pressure_GPa"]) < 0.1
    assert outcome.observations["relaxation_volume_change"] == pytest.approx((3.994 / 4.2) ** 3 - 1, abs=0.005)
    write_forces(tmp_path / "Al.yaml.xz", outcome.phonopy)
    assert read_phonopy(tmp_path / "Al.yaml.xz").symmetry.dataset.number == 225


def test_a_relaxation_that_does_not_converge_is_a_failure(emt):
    strained = displaced_crystal(bulk("Al", cubic=True, a=4.4), np.diag([2, 2, 2]))
    outcome = calculate(emt, {"Al": strained}, SETTINGS | {"relax": True, "relax_steps": 2})["Al"]
    assert isinstance(outcome, PotentialFailure)
    assert outcome.reason == "not_converged"


def test_one_crystal_that_fails_spares_the_others(emt, aluminium):
    silicon = displaced_crystal(bulk("Si", cubic=True), np.diag([1, 1, 1]))
    outcomes = calculate(emt, {"Si": silicon, "Al": aluminium}, SETTINGS)
    assert outcomes["Si"].reason == "unsupported_element"
    assert isinstance(outcomes["Al"], Calculation)
    assert list(outcomes) == ["Si", "Al"]


def test_not_a_number_is_a_failure(aluminium):
    def evaluate(atoms):
        return Result(np.nan, np.zeros((len(atoms), 3)), np.zeros(6))

    assert calculate(Springs(evaluate), {"Al": aluminium}, SETTINGS)["Al"].reason == "non_finite"


def test_a_full_disk_is_not_the_potentials_failure(aluminium):
    def evaluate(atoms):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        calculate(Springs(evaluate), {"Al": aluminium}, SETTINGS)


def test_lennard_jones_argon_has_the_published_maximum():
    """fcc Ar, nearest neighbours dominate: omega_max near 2.0 THz (neutron scattering: Fujii et al. 1974)."""
    atoms = bulk("Ar", cubic=True, a=5.26)
    phonopy = displaced_crystal(atoms, np.diag([2, 2, 2]))
    calculator = LennardJones(sigma=3.405, epsilon=0.0103235, rc=8.0, smooth=True)

    def evaluate(atoms):
        atoms.calc = calculator
        return Result(atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())

    outcome = calculate(Springs(evaluate), {"Ar": phonopy}, SETTINGS)["Ar"]
    assert 1.7 < frequencies(outcome.phonopy).max() < 2.4


def test_groups_fill_a_pass_and_respect_loners():
    sizes = {"a": 30, "b": 40, "c": 100, "d": 10, "e": 10}
    assert groups(sizes, 64) == [["a", "b"], ["c"], ["d", "e"]]
    assert groups(sizes, 1) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert groups(sizes, 64, alone=["a"]) == [["a"], ["b", "c"], ["d", "e"]]


@pytest.mark.parametrize("content", [b"", b"not xz", b"phonopy: {}\n"])
def test_damaged_files_are_told_in_one_sentence(tmp_path, content):
    path = tmp_path / "phonopy_params.yaml.xz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"phonopy_params.yaml.xz: not readable"):
        read_phonopy(path)


def test_all_shipped_crystals_have_their_space_group():
    import spglib

    for case, crystal in load_crystals(ROOT / "resources/structures/crystals.yaml").items():
        atoms = crystal.atoms()
        dataset = spglib.get_symmetry_dataset(
            (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers), symprec=1e-5
        )
        assert dataset.number == crystal.space_group, case
        assert np.linalg.det(crystal.supercell_matrix) * len(atoms) >= 16, case


def test_protocol_has_published_numbers_as_defaults():
    defaults = protocol.displaced_crystal.__kwdefaults__
    assert defaults == {"displacement_A": 0.01, "symmetry_tolerance_A": 1e-5}
