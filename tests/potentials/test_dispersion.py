"""DFT-D3 as a correction: published energies, closed forms, laws, and how it goes with passes, hosts and the wall."""

import logging
import sys

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator
from dftd3.ase import DFTD3
from fakes import FakeModel
from fakes import potential as fake
from scipy.optimize import curve_fit

from assay.failures import PotentialFailure, UserError
from assay.potentials import laws, load
from assay.potentials.base import PROPERTIES
from assay.potentials.close_pairs import Radii
from assay.potentials.conformance import conformance, summary
from assay.potentials.corrections import corrected, dispersed, walled
from assay.potentials.dispersion import DAMPINGS, ELEMENTS, Dispersion, damping_parameters

COPPER = {"name": "emt", "package": "classical", "loader": {"kind": "emt"}}
PBE = {"d3": {"functional": "pbe"}}
ALL = frozenset(PROPERTIES)
SI = bulk("Si", cubic=True, a=5.431)


def rattled(atoms: Atoms, seed: int = 0) -> Atoms:
    moved = atoms.copy()
    moved.rattle(0.1, seed=seed)
    return moved


@pytest.mark.parametrize(
    ("atoms", "energy_eV"),
    # silicon as s-dftd3's program gives it; carbon dioxide: the sum over molecules in a box of some 10 Å is -0.02555
    [(SI, -2.5111), (molecule("CO2"), -0.02545)],
    ids=["Si8", "CO2"],
)
def test_energies_are_those_of_the_published_method(atoms, energy_eV):
    found = Dispersion("pbe", smoothing_A=0.0).evaluate(atoms, ALL)
    assert found.energy_eV == pytest.approx(energy_eV, abs=6e-5)
    assert Dispersion("PBE").evaluate(atoms, ALL).energy_eV == pytest.approx(energy_eV, rel=1e-4)


def of_the_library(d3: Dispersion) -> Calculator:
    """The library's own ase calculator with the same settings."""
    name = {"bj": "d3bj", "zero": "d3zero", "mbj": "d3mbj", "mzero": "d3mzero"}[d3.damping]
    lengths = {"disp2": d3.cutoff_A, "disp3": d3.three_body_cutoff_A, "cn": d3.coordination_cutoff_A}
    lengths |= {"width2": d3.smoothing_A, "width3": d3.smoothing_A}
    return DFTD3(damping=name, params_tweaks={"method": d3.functional, "atm": d3.three_body}, realspace_cutoff=lengths)


@pytest.mark.parametrize("damping", DAMPINGS)
@pytest.mark.parametrize("three_body", [False, True])
def test_numbers_are_those_of_the_librarys_calculator(damping, three_body):
    cell = rattled(bulk("Si", a=5.431))
    d3 = Dispersion("pbe", damping, three_body, cutoff_A=12.0, three_body_cutoff_A=8.0)
    for atoms in (cell, molecule("CH3CH2OH")):
        alone = atoms.copy()
        alone.calc = of_the_library(d3)
        found = d3.evaluate(atoms, ALL)
        assert found.energy_eV == pytest.approx(alone.get_potential_energy(), abs=1e-9)
        assert np.allclose(found.forces_eV_A, alone.get_forces(), atol=1e-9)
        if atoms.pbc.all():
            assert np.allclose(found.stress_eV_A3, alone.get_stress(), atol=1e-12)
        else:
            assert found.stress_eV_A3 is None


def pair_energies(functional: str, distances_A: np.ndarray) -> np.ndarray:
    d3 = Dispersion(functional, cutoff_A=60.0, smoothing_A=0.0)
    pairs = [Atoms("Ar2", positions=[(0, 0, 0), (distance, 0, 0)]) for distance in distances_A]
    return np.array([d3.evaluate(atoms, frozenset({"energy"})).energy_eV for atoms in pairs])


def test_far_apart_two_atoms_attract_as_c6():
    near, far = pair_energies("pbe", np.array([25.0, 50.0]))
    assert near / far == pytest.approx(64.0, rel=0.02) and far < 0
    # the C6 of two argon atoms, in the literature 64.3 atomic units (doi:10.1063/1.3382344)
    c6 = -far * (50.0 / units.Bohr) ** 6 / units.Hartree
    assert c6 == pytest.approx(64.6, rel=0.02)


@pytest.mark.parametrize("functional", ["pbe", "b3lyp", "r2scan"])
def test_a_pair_has_the_closed_form_of_becke_and_johnson(functional):
    # argon's coefficients do not depend on its neighbours, so that two numbers describe the pair at all distances
    given = damping_parameters("bj")[functional]
    distances = np.array([2.5, 3.0, 4.0, 5.0, 8.0, 20.0])
    found = pair_energies(functional, distances)

    def closed_form(distances_A: np.ndarray, c6: float, ratio: float) -> np.ndarray:
        """-s6 C6 / (r⁶ + f⁶) - s8 C8 / (r⁸ + f⁸), f = a1 (C8/C6)^1/2 + a2, in atomic units, over what was found."""
        r, f = distances_A / units.Bohr, given["a1"] * np.sqrt(ratio) + given["a2"]
        energies = -given["s6"] * c6 / (r**6 + f**6) - given["s8"] * c6 * ratio / (r**8 + f**8)
        return energies * units.Hartree / found

    (c6, ratio), _ = curve_fit(closed_form, distances, np.ones(6), p0=(64.0, 20.0))
    assert np.allclose(closed_form(distances, c6, ratio), 1.0, rtol=1e-6)
    assert c6 == pytest.approx(64.6, rel=0.01)


@pytest.mark.parametrize("axis", range(3))
def test_a_wire_and_a_slab_are_crystals_with_much_vacuum(axis):
    d3 = Dispersion("pbe", cutoff_A=15.0)
    order = np.roll(np.arange(3), axis)
    positions = np.array([(0, 0, 0), (0.3, 1.2, 0.2), (-4.0, 5.0, 0.9)])[:, order]
    for cell, periodic in (((0, 0, 2.5), (False, False, True)), ((0, 4.1, 2.5), (False, True, True))):
        cell, periodic = np.array(cell)[order], np.array(periodic)[order]
        bare = Atoms("CON", positions=positions, cell=cell, pbc=periodic)
        box = Atoms("CON", positions=positions, cell=np.where(periodic, cell, 60.0), pbc=True)
        one, other = d3.evaluate(bare, ALL), d3.evaluate(box, ALL)
        assert one.energy_eV == pytest.approx(other.energy_eV, abs=1e-12)
        assert np.allclose(one.forces_eV_A, other.forces_eV_A, atol=1e-12)


def test_a_potential_with_dispersion_obeys_every_law():
    report = conformance(load({**COPPER, "corrections": {"d3": {"functional": "pbe", "cutoff_A": 12.0}}}))
    assert report["passed"], summary(report)


def test_forces_and_stress_are_derivatives_at_the_librarys_own_cutoff():
    potential, atoms = load({**COPPER, "corrections": PBE}), rattled(bulk("Cu", cubic=True), seed=3)
    found = laws.force_derivative(potential, atoms, np.random.default_rng(0), (2e-3, 5e-4), samples=2)
    assert found["force_derivative_meV_A"] < 1e-4
    assert laws.stress_derivative(potential, atoms, (2e-4,))["stress_derivative_meV_A3"] < 1e-6


def test_what_is_added_is_the_dispersion():
    structures = [rattled(bulk("Cu", cubic=True)), Atoms("Cu2", positions=[(0, 0, 0), (2.4, 0, 0)])]
    bare, worn = load(COPPER), load({**COPPER, "corrections": PBE})
    for atoms in structures:
        (one,), (other,) = bare.evaluate([atoms], ALL), worn.evaluate([atoms], ALL)
        added = Dispersion("pbe").evaluate(atoms, ALL)
        assert other.energy_eV == pytest.approx(one.energy_eV + added.energy_eV, rel=1e-14)
        assert np.allclose(other.forces_eV_A, one.forces_eV_A + added.forces_eV_A, rtol=1e-14)
    assert np.allclose(
        worn.evaluate(structures[:1], ALL)[0].stress_eV_A3,
        bare.evaluate(structures[:1], ALL)[0].stress_eV_A3
        + Dispersion("pbe").evaluate(structures[0], ALL).stress_eV_A3,
    )


@pytest.mark.parametrize("wanted", [{"energy"}, {"energy", "forces"}, {"energy", "stress"}])
def test_what_is_not_wanted_is_neither_computed_nor_given(wanted):
    model = FakeModel()
    (result,) = corrected(fake(model), PBE).evaluate([SI], wanted)
    assert model.properties == [frozenset(wanted)]
    assert (result.forces_eV_A is not None) == ("forces" in wanted)
    assert (result.stress_eV_A3 is not None) == ("stress" in wanted)


def test_a_batched_potential_keeps_its_passes_and_its_budget():
    model = FakeModel(largest_pass=8)
    bare = fake(model, atoms_per_pass=16, sparse_atoms_per_pass=16)
    worn = corrected(bare, PBE)
    results = worn.evaluate([SI, SI, SI])
    assert worn.budget is bare.budget and worn.native and worn.budget.halvings and model.released
    assert len({result.energy_eV for result in results}) == 1


def test_both_calculators_have_the_dispersion():
    potential, atoms = load({**COPPER, "corrections": PBE}), rattled(bulk("Cu", cubic=True))
    (expected,) = potential.evaluate([atoms], ALL)
    for calculator in (potential.calculator(), potential.package_calculator()):
        assert isinstance(calculator, Calculator)
        atoms.calc = calculator
        assert atoms.get_potential_energy() == pytest.approx(expected.energy_eV, abs=1e-9)
        assert np.allclose(atoms.get_forces(), expected.forces_eV_A, atol=1e-9)
        assert np.allclose(atoms.get_stress(), expected.stress_eV_A3, atol=1e-11)


def test_a_guest_in_a_host_has_the_dispersion_of_both():
    model = FakeModel()
    bare = fake(model)
    bare.prepare_in_host = lambda host: lambda guest: model.prepare(host + guest)
    worn = corrected(bare, PBE)
    guest = Atoms("CO", positions=[(2.0, 2.0, 2.0), (3.1, 2.0, 2.0)])
    (inside,) = worn.evaluate([guest], ("energy",), prepare=worn.prepare_in_host(SI))
    (whole,) = worn.evaluate([SI + guest], ("energy",))
    assert inside.energy_eV == whole.energy_eV
    assert whole.energy_eV != bare.evaluate([SI + guest], ("energy",))[0].energy_eV
    assert corrected(fake(model), PBE).prepare_in_host is None


def test_the_wall_stands_in_for_the_potential_and_its_dispersion():
    both = load({**COPPER, "corrections": {"zbl": {}, **PBE}})
    radii = Radii.of()
    by_hand = walled(dispersed(load(COPPER), Dispersion("pbe")), radii)
    only_wall = load({**COPPER, "corrections": {"zbl": {}}})
    inner, outer = radii.inner_A[29, 29], radii.outer_A[29, 29]
    for distance, feels in ((0.9 * inner, False), (0.5 * (inner + outer), True), (1.1 * outer, True)):
        atoms = Atoms("Cu2", positions=[(0, 0, 0), (distance, 0, 0)])
        (found,), (expected,), (bare,) = (one.evaluate([atoms]) for one in (both, by_hand, only_wall))
        assert found.energy_eV == expected.energy_eV and np.array_equal(found.forces_eV_A, expected.forces_eV_A)
        # inside of the wall the energy of dispersion is that at the floor: a constant, no force
        assert (np.abs(found.forces_eV_A - bare.forces_eV_A).max() > 1e-9) == feels
    assert both.details["corrections"].keys() == {"d3", "zbl"}


def test_both_corrections_obey_every_law():
    corrections = {
        "zbl": {"main_group": [0.6, 1.4], "transition": [0.6, 1.4]},
        "d3": {"functional": "pbe", "cutoff_A": 9},
    }
    report = conformance(load({**COPPER, "corrections": corrections}))
    assert report["passed"], summary(report)


def test_the_record_tells_the_correction_in_full():
    told = load({**COPPER, "corrections": PBE}).details["corrections"]["d3"]
    assert told["functional"] == "pbe" and told["damping"] == "bj" and told["three_body"] is False
    assert told["parameters"] == {"s6": 1.0, "s8": 0.7875, "s9": 0.0, "a1": 0.4289, "a2": 4.4407, "alp": 14.0}
    assert told["library"].startswith("s-dftd3 1.")


@pytest.mark.parametrize(("learned", "warned"), [(None, False), ("none", False), ("included", True), ("d3bj", True)])
def test_dispersion_that_was_learned_already_is_warned_of_and_told(caplog, learned, warned):
    with caplog.at_level(logging.WARNING, logger="assay"):
        worn = corrected(fake(FakeModel()), PBE, dispersion=learned)
    assert bool(caplog.records) == warned
    assert all(f"dispersion: {learned}" in record.getMessage() for record in caplog.records)
    assert worn.details["corrections"]["d3"]["dispersion_of_the_potential"] == learned


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ["d3.functional: missing", "such as pbe"]),
        ({"functional": "pbee"}, ["d3.functional: DFT-D3", "'pbee'", "did you mean 'pbe'"]),
        ({"functional": "pbe", "dampng": "bj"}, ["d3.dampng: unknown key", "did you mean 'damping'"]),
        ({"functional": "pbe", "damping": "bjj"}, ["d3.damping: unknown damping 'bjj'", "did you mean 'bj'"]),
        ({"functional": "pbe", "cutoff_A": 0}, ["d3.cutoff_A: expected a length", "got 0"]),
        ({"functional": "pbe", "cutoff_A": "far"}, ["d3.cutoff_A: expected a length", "'far'"]),
        ({"functional": "pbe", "smoothing_A": -1.0}, ["d3.smoothing_A: expected a length", "-1.0"]),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(options, words):
    with pytest.raises(UserError) as error:
        load({**COPPER, "corrections": {"d3": options}})
    text = str(error.value)
    assert text.startswith("models: emt.corrections") and "\n" not in text
    assert all(word in text for word in words), text


def test_an_element_without_coefficients_is_refused_before_the_library_sees_it():
    worn = corrected(fake(FakeModel()), PBE)
    assert worn.elements == ELEMENTS and {"H", "Lr"} <= ELEMENTS
    with pytest.raises(PotentialFailure, match="does not know Rf"):
        worn.evaluate([Atoms("Rf")])
    assert corrected(fake(FakeModel(), elements=["Si", "Rf"]), PBE).elements == {"Si"}


@pytest.mark.parametrize("pbc", [False, True])
def test_two_atoms_in_one_place_have_no_numbers(pbc):
    atoms = Atoms("H2", cell=[5.0] * 3, pbc=pbc)
    (result,) = corrected(fake(FakeModel()), PBE).evaluate([atoms], ALL)
    assert not result.finite and np.isnan(result.forces_eV_A).all()
    (other,) = corrected(fake(FakeModel()), PBE).evaluate([Atoms("H2", positions=[(0, 0, 0), (1e-6, 0, 0)])], ALL)
    assert other.finite


def test_a_force_field_of_hosts_and_guests_takes_no_correction():
    additive = fake(FakeModel())
    additive.interaction = lambda host, guest: None
    for corrections in (PBE, {"zbl": {}}):
        with pytest.raises(UserError, match="a force field of hosts and guests takes no corrections"):
            corrected(additive, corrections)


def test_an_environment_without_the_library_is_a_broken_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "assay.potentials.dispersion", None)
    monkeypatch.delattr("assay.potentials.dispersion", raising=False)
    with pytest.raises(PotentialFailure) as failure:
        load({**COPPER, "corrections": PBE})
    assert failure.value.reason == "environment" and "dftd3" in failure.value.message
