"""What changed between two campaigns: numbers beyond errors, words, rows, and the causes that records tell of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_up_tables import Finished, run_program, tables, write_tables

from assay.records import write_json
from assay.report.causes import NO_RECORDS, NOTHING, causes, differences, facts_of
from assay.report.comparison import compare_tables, expected_by_chance
from assay.report.descriptions import read_descriptions

DESCRIPTIONS = read_descriptions()


def gas_table(**columns) -> pd.DataFrame:
    content = {"model": ["a", "b"], "case": "x", "status": "ok", "reason": None} | columns
    return pd.DataFrame(content)


def compared(a: pd.DataFrame, b: pd.DataFrame, table: str = "gas", **options):
    return compare_tables(table, a, b, DESCRIPTIONS, **options)


def drifts(first: float, second: float, error: float = 0.1) -> pd.DataFrame:
    return gas_table(drift_fit_meV_per_atom_ps=[first, second], drift_fit_stderr_meV_per_atom_ps=[error, error])


def test_a_table_does_not_differ_from_itself():
    for name, table in tables().items():
        assert compared(table, table.copy(), name).changes == []


def test_numbers_with_errors_change_beyond_so_many_standard_errors():
    """z = 0.3 / sqrt(0.1² + 0.1²) = 2.12."""
    a, b = drifts(1.0, 5.0), drifts(1.3, 5.2)
    (change,) = compared(a, b).changes
    assert (change.model, change.kind, change.unit) == ("a", "beyond errors", "meV/(atom ps)")
    assert change.z == pytest.approx(0.3 / np.hypot(0.1, 0.1))
    assert change.a == "1 ± 0.1"
    assert compared(a, b, sigma=2.2).changes == []
    assert compared(a, b).n_with_errors == 2


def test_numbers_without_errors_change_beyond_a_relative_tolerance():
    a, b = gas_table(density_g_cm3=[1.0, 2.0]), gas_table(density_g_cm3=[1.0005, 2.01])
    (change,) = compared(a, b).changes
    assert (change.model, change.kind) == ("b", "beyond tolerance")
    assert change.relative == pytest.approx(0.01 / 2.01)
    assert len(compared(a, b, relative=1e-4).changes) == 2


def test_noise_about_zero_is_no_change():
    a, b = (pd.DataFrame({"model": ["m"], "case": "x", "asymptote_eV": [value]}) for value in (1e-8, -2e-8))
    assert compared(a, b, "diatomics").changes == []


def test_what_varies_from_run_to_run_is_compared_on_demand():
    a, b = gas_table(seconds_per_step=[1.0, 1.0]), gas_table(seconds_per_step=[2.0, 1.0])
    assert compared(a, b).changes == []
    assert len(compared(a, b, everything=True).changes) == 1


def test_status_and_empty_cells_and_rows_are_changes():
    a = gas_table(density_g_cm3=[1.0, np.nan], cause=["explosion", None])
    b = gas_table(density_g_cm3=[np.nan, np.nan], cause=["explosion", None]).assign(status=["failed", "ok"])
    assert [(one.column, one.a, one.b) for one in compared(a, b).changes] == [
        ("status", "ok", "failed"),
        ("density_g_cm3", "1", "empty"),
    ]
    kinds = [one.kind for one in compared(a, b.iloc[:1]).changes]
    assert kinds[0] == "only in a"
    assert compared(a.iloc[:1], a).changes[0].kind == "only in b"


def test_rows_are_matched_by_all_their_keys_in_any_order():
    rows = pd.DataFrame(
        {"model": "m", "case": "c", "temperature_K": [300.0, 400.0], "status": "ok", "n_effective": [10.0, 20.0]}
    )
    assert compared(rows, rows.iloc[::-1], "widom").changes == []
    (change,) = compared(rows, rows.assign(n_effective=[10.0, 21.0]), "widom").changes
    assert change.key == "temperature_K=400"


def test_infinite_numbers_are_equal_to_themselves():
    a = gas_table(fluctuation_meV_per_atom=[np.inf, 1.0], fluctuation_stderr_meV_per_atom=[np.nan, 0.1])
    assert compared(a, a.copy()).changes == []


def test_rows_of_the_same_key_are_told_apart():
    twice = pd.concat([gas_table(density_g_cm3=[1.0, 2.0])] * 2)
    assert compared(twice, twice).changes == []


def test_chance_makes_so_many_changes():
    rng = np.random.default_rng(0)
    n = 20000
    table = pd.DataFrame({"model": "m", "case": np.arange(n).astype(str), "status": "ok"})
    error = {"drift_fit_stderr_meV_per_atom_ps": 1.0}
    a, b = (table.assign(drift_fit_meV_per_atom_ps=10 + rng.standard_normal(n), **error) for _ in range(2))
    expected = expected_by_chance(n, 2.0)
    assert expected == pytest.approx(0.0455 * n, rel=0.001)
    assert len(compared(a, b).changes) == pytest.approx(expected, abs=4 * np.sqrt(expected))


RECORD = {
    "model": "near",
    "chapter": "phonons",
    "environment": {"packages": {"torch": "2.12.0", "ase": "3.29.0"}, "python": "3.11.7"},
    "device": "cpu",
    "hardware": {"processor": "one", "gpu": None},
    "potential": {"cutoff_A": 5.0, "batching": {"atoms_per_pass": 16}},
    "entry": {"name": "near", "dtype": "float32", "loader": {"model": "x"}},
    "settings": {"protocol": 1, "displacement_A": 0.01},
    "seed": 1,
    "git_revision": "abc",
}


def test_causes_are_what_differs_in_the_records():
    other = RECORD | {
        "environment": {"packages": {"torch": "2.13.0", "ase": "3.29.0"}, "python": "3.11.7"},
        "entry": {"name": "near", "dtype": "float64", "loader": {"model": "x"}},
        "settings": {"protocol": 2, "displacement_A": 0.01},
        "potential": {"cutoff_A": 5.0, "batching": {"atoms_per_pass": 512}},
    }
    assert set(differences(facts_of(RECORD), facts_of(other))) == {
        "package torch: 2.12.0 -> 2.13.0",
        "model entry dtype: float32 -> float64",
        "protocol: 1 -> 2",
    }
    assert differences(facts_of(RECORD), facts_of(RECORD)) == (NOTHING,)
    assert differences(None, facts_of(RECORD)) == (NO_RECORDS,)


def test_causes_are_found_for_summaries_too(tmp_path):
    for name, device in (("a", "cpu"), ("b", "cuda")):
        write_json(tmp_path / name / "models/near/phonons/batch-000.json", RECORD | {"device": device})
    found = causes(tmp_path / "a", tmp_path / "b", {"phonons_summary": ["near", "far"]})
    assert found == {("phonons_summary", "near"): ("device: cpu -> cuda",), ("phonons_summary", "far"): (NO_RECORDS,)}


def compare_program(*arguments: object) -> Finished:
    return run_program("compare", *arguments)


def test_the_exit_code_tells_whether_something_changed(tmp_path):
    a = write_tables(tmp_path / "a", tables())
    same = compare_program(a, a)
    assert (same.returncode, same.stderr) == (0, "")
    changed = tables()
    changed["phonons"].loc[0, "zone_mean_absolute_error_THz"] = 0.25
    b = write_tables(tmp_path / "b", changed)
    run = compare_program(a, b, "--csv", tmp_path / "changes.csv")
    assert run.returncode == 1
    assert "phonons near MgO: zone_mean_absolute_error_THz: 0.2 -> 0.25 THz (+20 %)" in run.stdout
    assert "no records" in run.stdout
    rows = pd.read_csv(tmp_path / "changes.csv")
    assert rows[["table", "model", "case", "a", "b", "cause"]].to_numpy().tolist() == [
        ["phonons", "near", "MgO", 0.2, 0.25, NO_RECORDS]
    ]
    assert compare_program(a, b, "--table", "gas").returncode == 0


def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path):
    a = write_tables(tmp_path / "a", tables())
    for arguments in ((a, tmp_path / "none"), (a, a, "--table", "phonon"), (a, a, "--sigma", "-1")):
        run = compare_program(*arguments)
        assert run.returncode == 2
        assert "Traceback" not in run.stderr and run.stderr
