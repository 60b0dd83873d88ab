"""Laws that are obeyed, laws that are broken one at a time, and potentials that fail on one structure only."""

import sys
from pathlib import Path

import numpy as np
import pytest

from assay.potentials import load
from assay.potentials.conformance import conformance, summary
from assay.potentials.law_titles import TITLES
from assay.potentials.measured_laws import ALL, LAWS, TOLERANCES, Measurement, Subject, measure

ENTRY = {"package": "ase", "checkpoint": "none", "dtype": "float64", "elements": ["Cu", "Au", "Al"]}


@pytest.fixture
def subject(monkeypatch):
    """A function that loads one of the calculators of `lawless_potentials`."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(name: str, **keys) -> Subject:
        loader = {"calculator": f"lawless_potentials:{name}", "path": str(Path(__file__).parent)}
        return Subject(load({"name": name, "loader": loader, **ENTRY, **keys}))

    return make


@pytest.fixture(scope="module")
def emt() -> Subject:
    return Subject(load({"name": "emt", "package": "classical", "loader": {"kind": "emt"}}))


def worst(rows: list[Measurement]) -> Measurement:
    return max(rows, key=lambda row: row.value / (row.tolerance or 1.0))


@pytest.mark.parametrize("law", [law for law in LAWS if "gradient" not in law])
def test_a_lawful_potential_deviates_by_rounding_alone(emt, law):
    rows, failures = measure(emt, law)
    assert not failures and all(row.passed for row in rows)
    assert {row.law for row in rows} == {TITLES[law]}
    systems = {row.system for row in rows}
    assert systems == {ALL} if LAWS[law].together else systems <= set(emt.systems)


def test_a_law_is_about_structures_that_have_what_it_is_about(emt):
    assert {row.system for row in measure(emt, "extensivity")[0]} == {"crystal", "compound", "small cell"}
    assert {row.system for row in measure(emt, "wrapping")[0]} == {"crystal", "compound", "small cell", "slab"}


def test_forces_that_are_no_derivatives_break_that_law_and_no_symmetry_of_the_energy(subject):
    leaning = subject("Leaning")
    rows, _ = measure(leaning, "force-gradient")
    assert not any(row.passed for row in rows)
    # the deviation is what was added: 20 meV/Å at most
    assert 1.0 < worst(rows).value < 20.0
    assert all(row.passed for row in measure(leaning, "permutation")[0])


def test_what_a_potential_does_not_claim_is_reported_and_not_required(subject):
    direct = subject("Leaning", forces="direct")
    rows, _ = measure(direct, "force-gradient")
    assert all(row.passed and not row.required for row in rows) and worst(rows).value > worst(rows).tolerance
    assert not any(row.required for row in measure(direct, "net-force")[0])
    assert all(row.required for row in measure(direct, "permutation")[0])


def test_an_energy_that_knows_where_up_is_breaks_rotation_on_a_molecule(subject):
    rows, _ = measure(subject("Upright"), "rotation")
    broken = {row.system for row in rows if not row.passed}
    assert broken == {"molecule"}


def test_a_structure_that_is_refused_leaves_the_others(subject):
    rows, failures = measure(subject("Periodic"), "translation")
    assert [failure.system for failure in failures] == ["molecule"]
    assert (failures[0].reason, failures[0].message) == ("error", "ValueError: a crystal, please")
    assert {row.system for row in rows} == {"crystal", "compound", "small cell", "slab"}
    assert all(row.passed for row in rows)


def test_numbers_depend_on_the_seed_the_law_and_the_structure_alone(emt):
    first, again, other = (measure(emt, "translation", seed)[0] for seed in (1, 1, 2))
    assert [row.value for row in first] == [row.value for row in again] != [row.value for row in other]


def test_the_report_has_every_law_and_says_what_failed(subject):
    report = conformance(subject("Periodic").potential)
    assert not report["passed"] and report["failures"]
    assert set(report["answers"]) == {"empty batch", "unsupported element"}
    assert "FAILED: ValueError: a crystal, please" in summary(report)


@pytest.mark.parametrize(
    ("value", "tolerance", "required", "passed"),
    [(1.0, 2.0, True, True), (3.0, 2.0, True, False), (3.0, 2.0, False, True), (np.nan, 2.0, False, False)],
)
def test_a_number_passes_if_it_is_finite_and_within_what_is_required(value, tolerance, required, passed):
    assert Measurement("law", "system", "force_meV_A", value, tolerance, required).passed is passed


def test_tolerances_grow_with_forces_and_not_for_counts():
    limits = TOLERANCES["float32"]
    assert limits.of("force_meV_A", 1e5, 0.0) == pytest.approx(limits.force_meV_A + 2.0)
    assert limits.of("energy_meV_per_atom", 1e5, 1e5) == limits.energy_meV_per_atom
    assert limits.of("wrong_answers", 1e5, 1e5) == 0.0
