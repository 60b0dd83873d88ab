"""Passes: order, packing by a budget, memory that runs out, and what the record says of it."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from fakes import FakeModel, OutOfMemoryError, energy_of, molecules, potential
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.failures import PotentialFailure
from assay.potentials import Result, require_finite
from assay.potentials.batching import Budget
from assay.potentials.memory import is_out_of_memory

sizes_of_structures = st.lists(st.integers(0, 40), max_size=30)


@given(sizes=sizes_of_structures, atoms_per_pass=st.integers(1, 60), limit=st.integers(40, 200))
@settings(max_examples=200, deadline=None)
def test_results_are_complete_and_in_order_whatever_the_budget_and_the_memory(sizes, atoms_per_pass, limit):
    batch = molecules(sizes)
    model = FakeModel(largest_pass=limit)
    fake = potential(model, atoms_per_pass=atoms_per_pass, sparse_atoms_per_pass=10 * atoms_per_pass)
    results = fake.evaluate(batch)
    assert [result.energy_eV for result in results] == pytest.approx([energy_of(atoms) for atoms in batch])
    for atoms, result in zip(batch, results, strict=True):
        assert np.array_equal(result.forces_eV_A, -2 * atoms.positions)
    assert fake.batching["structures"] == sum(size > 0 for size in sizes)


@given(sizes=sizes_of_structures, atoms_per_pass=st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_no_pass_exceeds_the_budget_unless_it_is_a_single_structure(sizes, atoms_per_pass):
    model = FakeModel()
    potential(model, atoms_per_pass=atoms_per_pass, sparse_atoms_per_pass=1000).evaluate(molecules(sizes))
    assert all(size <= atoms_per_pass or size in sizes for size in model.passes)


def test_sparse_structures_go_many_per_pass():
    dense, sparse = FakeModel(edges_per_atom=50), FakeModel(edges_per_atom=0)
    budget = {"atoms_per_pass": 64, "sparse_atoms_per_pass": 1024, "edges_per_atom": 50.0}
    potential(dense, **budget).evaluate(molecules([2] * 512))
    potential(sparse, **budget).evaluate(molecules([2] * 512))
    assert max(dense.passes) == 64
    assert sparse.passes == [1024]


def test_a_full_pass_is_what_the_two_budgets_say():
    budget = Budget(atoms_per_pass=64, sparse_atoms_per_pass=1024, edges_per_atom=28.0)
    assert budget.share(64, 64 * 28) == pytest.approx(1.0)
    assert budget.share(1024, 0) == pytest.approx(1.0)
    assert budget.share(64, 64 * 56) > 1.0


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: ..."),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes."),
        RuntimeError("std::bad_alloc"),
        MemoryError(),
    ],
)
def test_running_out_of_memory_halves_the_pass_and_lowers_the_budget(error):
    model = FakeModel(largest_pass=16, error=lambda: error)
    fake = potential(model, atoms_per_pass=64, sparse_atoms_per_pass=640)
    results = fake.evaluate(molecules([4] * 32))
    assert len(results) == 32
    assert model.passes[:3] == [64, 32, 16]
    assert fake.batching["atoms_per_pass"] == 16
    assert len(fake.batching["halvings"]) == model.released == 2
    model.passes.clear()
    fake.evaluate(molecules([4] * 32))
    assert max(model.passes) <= 16, "the lower budget holds for what follows"


def test_a_structure_that_does_not_fit_alone_is_a_failure_with_a_reason():
    fake = potential(FakeModel(largest_pass=16), atoms_per_pass=64)
    with pytest.raises(PotentialFailure) as failure:
        fake.evaluate(molecules([4, 17]))
    assert failure.value.reason == "out_of_memory"
    assert "17 atoms" in failure.value.message and "fake" in failure.value.message


def test_other_errors_are_not_taken_for_lack_of_memory():
    fake = potential(FakeModel(largest_pass=0, error=lambda: RuntimeError("shape mismatch")))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        fake.evaluate(molecules([4]))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_passes_on_a_cpu_stay_within_the_free_memory(monkeypatch):
    monkeypatch.setattr("assay.potentials.batching.available_MB", lambda: 400.0)
    model = FakeModel()
    fake = potential(model, device="cpu", atoms_per_pass=640, sparse_atoms_per_pass=640, MB_per_atom=10.0)
    fake.evaluate(molecules([4] * 20))
    assert max(model.passes) == 20, "half of 400 MB at 10 MB per atom"
    assert fake.batching["memory_caps"] > 0


def test_an_empty_batch_costs_nothing():
    model = FakeModel()
    assert potential(model).evaluate([]) == []
    assert model.passes == []


def test_a_structure_without_atoms_has_no_energy():
    model = FakeModel()
    (result,) = potential(model).evaluate([Atoms(cell=[5, 5, 5], pbc=True)], ("energy", "forces", "stress"))
    assert (result.energy_eV, result.forces_eV_A.shape) == (0.0, (0, 3))
    assert np.array_equal(result.stress_eV_A3, np.zeros(6))
    assert model.passes == []


def test_an_unsupported_element_is_refused_before_any_pass():
    model = FakeModel()
    with pytest.raises(PotentialFailure) as failure:
        potential(model, elements=["H"]).evaluate([*molecules([2]), bulk("NaCl", "rocksalt", 5.6)])
    assert failure.value.reason == "unsupported_element"
    assert all(word in failure.value.message for word in ("Na", "Cl", "fake", "ClNa"))
    assert model.passes == []


def test_only_what_is_asked_for_is_computed_and_given():
    model = FakeModel()
    fake = potential(model)
    (result,) = fake.evaluate([bulk("Cu")], "energy")
    assert (result.forces_eV_A, result.stress_eV_A3) == (None, None)
    assert model.properties == [frozenset({"energy"})]
    with pytest.raises(ValueError, match="did you mean 'forces'"):
        fake.evaluate([bulk("Cu")], ["force"])


def test_there_is_no_stress_without_three_periodic_directions():
    slab = bulk("Cu")
    slab.pbc = (True, True, False)
    crystal, sheet = potential(FakeModel()).evaluate([bulk("Cu"), slab], ("stress",))
    assert crystal.stress_eV_A3 is not None and sheet.stress_eV_A3 is None


def test_numbers_that_are_not_finite_are_carried_and_found():
    fine = Result(1.0, np.zeros((2, 3)), None)
    assert require_finite(fine, "x") is fine and fine.finite
    broken = Result(1.0, np.array([[np.nan, 0, 0]]), None)
    assert not broken.finite
    with pytest.raises(PotentialFailure, match=r"displacement 3 of Si.*forces") as failure:
        require_finite(broken, "displacement 3 of Si")
    assert failure.value.reason == "non_finite"


def test_the_record_is_plain_data():
    model = FakeModel(largest_pass=8)
    fake = potential(model, atoms_per_pass=32, sparse_atoms_per_pass=64)
    fake.evaluate(molecules([4] * 8))
    record = json.loads(json.dumps(fake.batching))
    assert record["mode"] == "native" and record["source"] == "default" and record["largest_pass_atoms"] == 8
    assert record["halvings"][0]["atoms"] == 32


def test_the_calculator_gives_what_evaluate_gives():
    model = FakeModel()
    atoms = bulk("Cu", cubic=True)
    atoms.calc = potential(model).calculator()
    assert atoms.get_potential_energy() == pytest.approx(energy_of(atoms))
    assert np.array_equal(atoms.get_forces(), -2 * atoms.positions)
    assert np.array_equal(atoms.get_stress(), np.arange(6.0))
    assert len(model.passes) == 2, "one for the energy alone, one for both derivatives"
