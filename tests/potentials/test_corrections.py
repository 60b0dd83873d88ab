"""Potentials that wear a wall: what is added, where, and what stays as it was."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from fakes import FakeModel
from fakes import potential as fake

from assay.campaign import load_catalogue
from assay.failures import PotentialFailure, UserError
from assay.potentials import fading, laws, load, zbl
from assay.potentials.base import PROPERTIES, Result
from assay.potentials.close_pairs import Radii
from assay.potentials.conformance import conformance, summary
from assay.potentials.corrections import corrected

CATALOGUE = Path(__file__).parents[2] / "config/models.yaml"

# a wall so wide that it acts in ordinary crystals
WIDE = {"zbl": {"main_group": [0.6, 1.4], "transition": [0.6, 1.4], "noble_gas": [0.6, 1.1]}}
COPPER = {"name": "emt", "package": "classical", "loader": {"kind": "emt"}}
ARGON = {
    "name": "lj-argon",
    "package": "classical",
    "elements": ["Ar"],
    "loader": {"kind": "lennard-jones", "epsilon_eV": 0.0104, "sigma_A": 3.4, "cutoff_A": 8.0, "smooth": True},
}
NOTHING = {"name": "nothing", "package": "ase", "loader": {"calculator": "zero_potential:Zero"}}
ZERO = """
import numpy as np
from ase.calculators.calculator import Calculator

class Zero(Calculator):
    implemented_properties = ["energy", "forces", "stress"]
    def calculate(self, atoms, properties, changes):
        super().calculate(atoms, properties, changes)
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}
"""


def wall(distance: float, first: int, second: int):
    """Energy and slope of a pair with default radii."""
    radii = Radii.of()
    return zbl.wall(distance, first, second, radii.inner_A[first, second], radii.outer_A[first, second])


@pytest.fixture
def only_wall(tmp_path, monkeypatch):
    """A function that gives the wall alone: on top of a potential that is zero everywhere."""
    (tmp_path / "zero_potential.py").write_text(ZERO)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "zero_potential", raising=False)
    entry = {**NOTHING, "loader": {**NOTHING["loader"], "path": str(tmp_path)}}
    return lambda **options: load({**entry, "corrections": {"zbl": options}})


def crystal_of_copper() -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.2, seed=4)
    return atoms


def pair(first: str, second: str, distance: float, **cell) -> Atoms:
    return Atoms([first, second], positions=[(0.1, 0.2, 0.3), (0.1 + distance, 0.2, 0.3)], **cell)


def crowded(seed: int = 0) -> Atoms:
    """Six atoms in a small sheared cell, many of them closer than atoms are."""
    rng = np.random.default_rng(seed)
    cell = np.array([[2.1, 0.1, 0.0], [0.3, 1.9, 0.2], [0.0, -0.2, 2.3]])
    return Atoms("CuCOHNAu", scaled_positions=rng.uniform(0, 1, (6, 3)), cell=cell, pbc=True)


@pytest.mark.parametrize("entry", [COPPER, ARGON], ids=lambda entry: entry["name"])
@pytest.mark.parametrize("corrections", [WIDE, {"zbl": {}}], ids=["wide", "default"])
def test_a_potential_with_a_wall_obeys_every_law(entry, corrections):
    report = conformance(load({**entry, "corrections": corrections}))
    assert report["passed"], summary(report)


def test_a_wide_wall_does_act_in_the_systems_of_the_laws():
    bare, walled = (load(entry).evaluate([bulk("Cu")])[0] for entry in (COPPER, {**COPPER, "corrections": WIDE}))
    assert walled.energy_eV - bare.energy_eV > 0.01


def test_a_molecule_gets_one_wall_per_pair(only_wall):
    for distance in (0.3, 0.7, 0.8, 0.95, 2.0):
        (result,) = only_wall().evaluate([pair("C", "O", distance)])
        energy, slope = wall(distance, 6, 8)
        assert result.energy_eV == pytest.approx(energy, rel=1e-12)
        assert np.allclose(result.forces_eV_A, [[slope, 0, 0], [-slope, 0, 0]], rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_forces_and_stress_are_derivatives_in_a_crowded_cell(only_wall, seed):
    potential, atoms = only_wall(main_group=[0.3, 1.1], transition=[0.3, 1.1]), crowded(seed)
    (result,) = potential.evaluate([atoms], PROPERTIES)
    force, stress = 1e3 * np.abs(result.forces_eV_A).max(), 1e3 * np.abs(result.stress_eV_A3).max()
    rng = np.random.default_rng(seed)
    steps = (1e-3, 3e-4, 1e-4)
    assert laws.force_derivative(potential, atoms, rng, steps, samples=18)["force_derivative_meV_A"] < 1e-7 * force
    assert laws.stress_derivative(potential, atoms, steps)["stress_derivative_meV_A3"] < 1e-7 * stress


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, False), (False, True, True)])
def test_atoms_feel_each_other_across_a_boundary(only_wall, pbc):
    split = Atoms("CO", positions=[(0.2, 3, 4), (9.8, 3, 4)], cell=[10, 11, 12], pbc=pbc)
    (result,) = only_wall().evaluate([split])
    expected, _ = wall(0.4, 6, 8) if pbc[0] else (0.0, 0.0)
    assert result.energy_eV == pytest.approx(expected, rel=1e-10)


def test_a_tiny_cell_is_its_supercell(only_wall):
    tiny = Atoms("Cu", cell=[[0.9, 0.1, 0], [0, 0.8, 0.1], [0.05, 0, 1.0]], pbc=True)
    small, large = only_wall().evaluate([tiny, tiny.repeat((3, 2, 4))], PROPERTIES)
    assert large.energy_eV == pytest.approx(24 * small.energy_eV, rel=1e-12)
    assert np.allclose(large.stress_eV_A3, small.stress_eV_A3, rtol=1e-10)
    assert np.abs(large.forces_eV_A).max() < 1e-9 * large.energy_eV
    # every image within reach counts: the sum over lattice vectors, half of each pair
    shifts = np.array(np.meshgrid(*[range(-4, 5)] * 3)).reshape(3, -1).T @ tiny.cell.array
    distances = np.linalg.norm(shifts, axis=1)
    energies, _ = wall(distances[distances > 0], 29, 29)
    assert small.energy_eV == pytest.approx(energies.sum() / 2, rel=1e-10)


def test_without_close_atoms_nothing_changes_to_the_last_bit():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=1)
    bare, walled = (load(entry) for entry in (COPPER, {**COPPER, "corrections": {"zbl": {}}}))
    for structure in (atoms, pair("Cu", "C", 1.2)):
        (one,), (other,) = bare.evaluate([structure], PROPERTIES), walled.evaluate([structure], PROPERTIES)
        assert one.energy_eV == other.energy_eV and np.array_equal(one.forces_eV_A, other.forces_eV_A)
        assert np.array_equal(one.stress_eV_A3, other.stress_eV_A3)


@pytest.mark.parametrize("distance", [0.9, 1.1, 1.3, 1.4, 2.0])
def test_calculators_are_the_same_hybrid(distance):
    hybrid, atoms = load({**COPPER, "corrections": {"zbl": {}}}), pair("Cu", "Cu", distance, cell=[9] * 3, pbc=True)
    (expected,) = hybrid.evaluate([atoms], PROPERTIES)
    for calculator in (hybrid.calculator(), hybrid.package_calculator()):
        atoms.calc = calculator
        assert atoms.get_potential_energy() == pytest.approx(expected.energy_eV, rel=1e-12)
        assert np.allclose(atoms.get_forces(), expected.forces_eV_A, rtol=1e-10, atol=1e-12)
        assert np.allclose(atoms.get_stress(), expected.stress_eV_A3, rtol=1e-10, atol=1e-12)
    wide = load({**COPPER, "corrections": WIDE})
    assert laws.batch_equals_package(wide, [crystal_of_copper()])["force_meV_A"] < 1e-7


def test_a_batched_potential_keeps_its_passes_and_its_budget():
    model = FakeModel()
    bare = fake(model, atoms_per_pass=4, sparse_atoms_per_pass=4)
    walled = corrected(bare, {"zbl": {}})
    near, far = pair("H", "H", 0.35), pair("H", "H", 3.0)
    results = walled.evaluate([near, far, near, far])
    assert model.passes == [4, 4] and walled.budget is bare.budget and walled.native
    radii = Radii.of()
    outwards, outward_slope = fading.shifts(0.35, radii.inner_A[1, 1], radii.outer_A[1, 1])
    moved = near.copy()
    moved.positions[:, 0] += [-outwards, outwards]
    shown, alone = bare.evaluate([moved, far])
    added, slope = wall(0.35, 1, 1)
    assert results[0].energy_eV == pytest.approx(shown.energy_eV + added)
    left, right = shown.forces_eV_A[:, 0]
    assert results[0].forces_eV_A[0, 0] == pytest.approx(left + outward_slope * (left - right) + slope)
    assert results[1].energy_eV == alone.energy_eV
    assert results[2].energy_eV == results[0].energy_eV


def test_without_close_atoms_the_result_is_the_very_same():
    model = FakeModel()
    walled = corrected(fake(model), {"zbl": {}})
    own = Result(1.0, np.zeros((2, 3)))
    model.forward = lambda graphs, wanted: [own for _ in graphs]
    walled = corrected(fake(model), {"zbl": {}})
    graphs = [walled.prepare(pair("H", "H", distance)).graph for distance in (3.0, 0.3)]
    assert walled.forward(graphs[:1], frozenset({"energy"}))[0] is own
    both = walled.forward(graphs, frozenset({"energy", "forces"}))
    assert both[0] is own and both[1] is not own


@pytest.mark.parametrize(
    ("distance", "wanted", "asked"),
    [
        (0.3, {"energy"}, {"energy"}),
        (0.3, {"forces"}, {"energy", "forces"}),
        (0.3, {"stress"}, {"energy", "forces", "stress"}),
        (3.0, {"stress"}, {"energy", "stress"}),
    ],
)
def test_what_is_not_wanted_is_neither_computed_nor_given(distance, wanted, asked):
    model = FakeModel()
    walled = corrected(fake(model), {"zbl": {}})
    (result,) = walled.evaluate([pair("H", "H", distance, cell=[5, 5, 5], pbc=True)], wanted)
    assert model.properties == [asked]
    assert (result.forces_eV_A is not None) == ("forces" in wanted)
    assert (result.stress_eV_A3 is not None) == ("stress" in wanted)


def test_what_a_potential_does_not_give_the_hybrid_does_not_give_either():
    model = FakeModel()
    atoms = pair("H", "H", 0.3, cell=[5, 5, 5], pbc=True)
    model.forward = lambda graphs, wanted: [Result(1.0) for _ in graphs]
    (result,) = corrected(fake(model), {"zbl": {}}).evaluate([atoms], PROPERTIES)
    assert result.forces_eV_A is None and result.stress_eV_A3 is None
    model.forward = lambda graphs, wanted: [Result(1.0, np.zeros((2, 3))) for _ in graphs]
    (result,) = corrected(fake(model), {"zbl": {}}).evaluate([atoms], PROPERTIES)
    assert result.forces_eV_A is not None and result.stress_eV_A3 is None


def test_a_structure_keeps_its_cell_and_its_magnetic_moments():
    seen = []
    model = FakeModel()
    model.prepare = lambda atoms: seen.append(atoms) or FakeModel.prepare(model, atoms)
    atoms = pair("H", "H", 0.3, cell=[5, 6, 7], pbc=(True, False, True))
    atoms.set_initial_magnetic_moments([1.0, -1.0])
    corrected(fake(model), {"zbl": {}}).evaluate([atoms])
    assert np.array_equal(seen[0].cell, atoms.cell) and np.array_equal(seen[0].pbc, atoms.pbc)
    assert np.array_equal(seen[0].get_initial_magnetic_moments(), [1.0, -1.0])


def test_memory_that_runs_out_halves_passes_with_a_wall():
    model = FakeModel(largest_pass=4)
    walled = corrected(fake(model, atoms_per_pass=64, sparse_atoms_per_pass=64), {"zbl": {}})
    results = walled.evaluate([pair("H", "H", 0.3)] * 4)
    assert len({result.energy_eV for result in results}) == 1 and walled.budget.halvings and model.released


def test_the_record_tells_the_correction_in_full():
    details = load({**COPPER, "corrections": {"zbl": {"pairs": {"Cu-Au": [0.8, 1.4]}}}}).details
    classes = {"main_group": [0.5, 0.7], "transition": [0.4, 0.55], "noble_gas": [0.55, 0.75]}
    assert details["corrections"] == {"zbl": {**classes, "pairs": {"Cu-Au": [0.8, 1.4]}}}
    assert "corrections" not in load(COPPER).details


def test_radii_of_a_pair_move_its_wall(only_wall):
    (near,) = only_wall().evaluate([pair("F", "F", 0.82)])
    (moved,) = only_wall(pairs={"F-F": [0.85, 1.0]}).evaluate([pair("F", "F", 0.82)])
    assert near.energy_eV == 0.0 and moved.energy_eV == pytest.approx(zbl.repulsion(0.82, 9, 9)[0])


@pytest.mark.parametrize("name", ["sevennet-0", "chgnet-0.3.0"])
def test_the_catalogue_has_each_default_model_with_a_wall(name):
    catalogue = load_catalogue(CATALOGUE)
    bare, walled = catalogue[name], catalogue[f"{name}+zbl"]
    own = {"base": name} | {key: walled[key] for key in ("label", "colour", "corrections")}
    assert walled == bare | own and walled["colour"] != bare["colour"]
    default = corrected(fake(FakeModel()), {"zbl": {}}).details["corrections"]["zbl"]
    assert walled["corrections"]["zbl"] | {"pairs": {}} == default


@pytest.mark.parametrize(
    ("corrections", "words"),
    [
        ({"zlb": {}}, ["corrections.zlb: unknown correction", "did you mean 'zbl'"]),
        ({"zbl": {"main_grup": [0.5, 0.7]}}, ["corrections.zbl.main_grup: unknown key", "did you mean 'main_group'"]),
        ({"zbl": {"main_group": [0.7, 0.5]}}, ["corrections.zbl.main_group: expected", "[0.7, 0.5]"]),
        ({"zbl": {"transition": [0, 0.5]}}, ["corrections.zbl.transition: expected", "above 0"]),
        ({"zbl": {"noble_gas": "far"}}, ["corrections.zbl.noble_gas: expected", "'far'"]),
        ({"zbl": {"noble_gas": 0.7}}, ["corrections.zbl.noble_gas: expected", "0.7"]),
        ({"zbl": {"pairs": {"Mg-O": [1.0, 0.5]}}}, ["corrections.zbl.pairs.Mg-O", "[1.0, 0.5]"]),
        ({"zbl": {"pairs": {"Mg-O": 1.0}}}, ["corrections.zbl.pairs.Mg-O", "1.0"]),
        ({"zbl": {"pairs": {"Mg-Ox": [0.5, 1.0]}}}, ["corrections.zbl.pairs.Mg-Ox", "'Ox' is not an element"]),
        ({"zbl": {"pairs": {"Mg": [0.5, 1.0]}}}, ["corrections.zbl.pairs.Mg: a pair is two elements"]),
        ({"zbl": {"pairs": {"Mg-O": [0.5, 1.0], "O-Mg": [0.5, 1.0]}}}, ["pairs.O-Mg", "twice"]),
    ],
)
def test_a_wrong_correction_is_told_in_one_sentence(corrections, words):
    with pytest.raises(UserError) as error:
        load({**COPPER, "corrections": corrections})
    text = str(error.value)
    assert text.startswith("models: emt.corrections") and "\n" not in text
    assert all(word in text for word in words), text


def test_an_environment_without_the_neighbour_search_is_a_broken_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "assay.potentials.corrections", None)
    with pytest.raises(PotentialFailure) as failure:
        load({**COPPER, "corrections": {"zbl": {}}})
    assert failure.value.reason == "environment" and "matscipy" in failure.value.message
