"""The budget of a pass: measured, fixed by the catalogue, or cautious."""

import time

import pytest
from fakes import FakeModel, OutOfMemoryError, potential

from assay.potentials.probe import PLANS, choose_budget, fastest_small, probe_crystal, probe_dimer


class TimedModel(FakeModel):
    """A model of known cost: an overhead per pass, a cost per atom, and ten times that beyond a size."""

    def __init__(self, overhead_s=2e-3, per_atom_s=2e-5, good_atoms=64, **keywords):
        super().__init__(**keywords)
        self.cost = overhead_s, per_atom_s, good_atoms

    def forward(self, graphs, wanted):
        results = super().forward(graphs, wanted)
        overhead, per_atom, good = self.cost
        size = self.passes[-1]
        end = time.perf_counter() + overhead + per_atom * (min(size, good) + 10 * max(0, size - good))
        while time.perf_counter() < end:
            pass
        return results


def test_the_smallest_of_nearly_equal_sizes_is_taken():
    assert fastest_small([8, 16, 32, 64], [4.0, 1.05, 1.0, 1.5]) == 16


def test_the_probe_finds_the_size_beyond_which_passes_get_slow():
    fake = potential(TimedModel(good_atoms=128), device="cpu")
    budget = choose_budget(fake)
    assert budget.source == "probe"
    assert 32 <= budget.atoms_per_pass <= 256
    assert budget.edges_per_atom == 50
    assert budget.probe and all({"system", "structures", "atoms", "ms_per_atom"} <= set(line) for line in budget.probe)


def test_the_probe_keeps_to_its_time_when_a_model_is_slow():
    fake = potential(TimedModel(overhead_s=0.3, per_atom_s=0.0), device="cpu")
    start = time.perf_counter()
    budget = choose_budget(fake)
    assert budget.probe_s < 4.5, time.perf_counter() - start
    assert budget.atoms_per_pass >= 8


def test_the_probe_stops_where_memory_ends():
    fake = potential(FakeModel(largest_pass=100, error=lambda: OutOfMemoryError("full")), device="cpu")
    budget = choose_budget(fake)
    assert budget.atoms_per_pass <= 100 and budget.sparse_atoms_per_pass <= 100
    assert any(line["ms_per_atom"] is None for line in budget.probe)


def test_the_catalogue_can_fix_the_budget():
    model = FakeModel()
    budget = choose_budget(potential(model, device="cpu"), fixed_atoms=200)
    assert (budget.source, budget.atoms_per_pass) == ("entry", 200)
    assert budget.sparse_atoms_per_pass > 200
    assert model.passes == []


@pytest.mark.parametrize("device", sorted(PLANS))
def test_without_a_measurement_the_budget_is_cautious(device):
    model = FakeModel()
    budget = choose_budget(potential(model, device=device), measure=False)
    assert budget.source == "default" and budget.atoms_per_pass == PLANS[device].default_atoms
    assert model.passes == []


@pytest.mark.parametrize("elements", [None, ["Cu", "O"], ["Fe"], ["H", "O"], ["Mg"], ["Pu"]])
def test_the_probe_uses_elements_that_the_potential_knows(elements):
    crystal = probe_crystal(None if elements is None else frozenset(elements))
    assert crystal.pbc.all() and len(crystal) >= 2
    if elements is not None:
        assert set(crystal.symbols) <= set(elements)
    assert len(probe_dimer(crystal.symbols[0])) == 2
