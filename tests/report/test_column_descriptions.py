"""Every column is described, and what is described exists; the export carries it all."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from made_up_tables import MODELS, run_program, tables, write_tables

from assay.campaign import CHAPTERS, load_campaign
from assay.failures import UserError
from assay.records import file_sha256
from assay.report.catalogue_table import catalogue_table
from assay.report.descriptions import (
    Column,
    Descriptions,
    Mark,
    Table,
    fits,
    problems,
    read_descriptions,
    stale,
    unit_of,
)
from assay.report.tidy import FIELDS, tidy
from assay.validation import read_yaml

DESCRIPTIONS = read_descriptions()
SMALL = Descriptions(
    {"heats": Table("heats", "Heats", ("model",), {"heat_kJ_mol": Column("heat_kJ_mol", "A heat.", unit="kJ/mol")})},
    {"model": Column("model", "A model.", "string")},
    (Mark("_stderr", "Standard error of {name}: {of}"),),
)


def test_descriptions_are_sentences():
    columns = [column for table in DESCRIPTIONS.tables.values() for column in table.columns.values()]
    for column in (*columns, *DESCRIPTIONS.shared.values()):
        assert column.definition[0].isupper() or column.definition.split(" ")[0].strip(",:") in SMALL_WORDS, column
        assert column.definition.endswith("."), column


SMALL_WORDS = {"ok", "conservative", "passed", "mc"}


def test_all_chapters_have_descriptions_of_all_their_tables(monkeypatch):
    monkeypatch.chdir(ROOT)
    campaign = load_campaign(read_yaml(ROOT / "config/config.yaml"))
    named = {name for chapter in CHAPTERS for name in getattr(campaign, chapter).table_names}
    assert named <= set(DESCRIPTIONS.tables)


@pytest.mark.parametrize(
    ("table", "name", "unit", "kind"),
    [
        ("phonons_summary", "frequency_max_mae_stderr_THz", "THz", "number"),
        ("diatomics_summary", "bond_length_error_A_n_common", None, "integer"),
        ("gas", "rdf_peak_C_O_stderr_A", "Å", "number"),
        ("gas", "rdf_peak_C_O_height", None, "number"),
        ("speed_summary", "hours_per_ns_stderr_1000_atoms", "h/ns", "number"),
        ("speed", "atoms_per_s_q10", "1/s", "number"),
        ("widom", "henry_coefficient_stderr_mol_kg_Pa", "mol/(kg Pa)", "number"),
    ],
)
def test_columns_that_are_made_of_others(table, name, unit, kind):
    found = DESCRIPTIONS.column(table, name)
    assert (found.unit, found.type) == (unit, kind)
    if "stderr" in name:
        assert found.definition.startswith("Standard error of ")


def test_units_come_from_the_longest_ending_of_a_name():
    units = {"Pa": "Pa", "mol_kg_Pa": "mol/(kg Pa)", "eV": "eV", "meV_per_atom": "meV/atom"}
    assert unit_of("henry_mol_kg_Pa", units) == "mol/(kg Pa)"
    assert unit_of("drift_meV_per_atom", units) == "meV/atom"
    assert unit_of("eV", units) is None
    assert unit_of("exponent", units) is None


def test_problems_are_columns_without_description_descriptions_without_column_wrong_types_and_equal_rows():
    good = pd.DataFrame({"model": ["a", "b"], "heat_kJ_mol": [1.0, 2.0], "heat_stderr_kJ_mol": [0.1, np.nan]})
    assert problems({"heats": good}, SMALL) == []
    assert problems({"heats": good.assign(colour="red")}, SMALL) == ["heats.colour is not described"]
    assert problems({"heats": good[["model"]]}, SMALL) == ["heats.heat_kJ_mol is described and does not exist"]
    assert stale(SMALL, {}) == ["heats", "shared.model"]
    assert problems({"heats": good.assign(heat_kJ_mol="warm")}, SMALL) == [
        "heats.heat_kJ_mol is not of the type number"
    ]
    assert problems({"heats": good.assign(model="a")}, SMALL) == ["heats: model do not tell its rows apart"]
    assert "colours: the table is not described" in problems({"heats": good, "colours": good}, SMALL)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1.0, np.nan], "integer", True),
        ([1.5], "integer", False),
        ([True, None], "boolean", True),
        (["yes"], "boolean", False),
        ([True, False], "number", False),
        (["warm"], "number", False),
        (["warm", 1], "string", True),
    ],
)
def test_types(values, kind, expected):
    assert fits(pd.Series(values), kind) is expected


def test_a_wrong_description_is_one_sentence(tmp_path):
    (tmp_path / "shared.yaml").write_text("columns: {}\nderived: []\nunits: {}\n")
    (tmp_path / "heats.yaml").write_text("heats: {title: Heats, key: [model], columns: {heat: {tipe: number}}}\n")
    with pytest.raises(UserError, match=r"heats\.yaml: heat: expected definition"):
        read_descriptions(tmp_path)


def test_the_long_table_keeps_every_number_with_its_error_and_every_failure():
    content = tables()
    rows = tidy(content, DESCRIPTIONS)
    assert list(rows.columns) == list(FIELDS)
    drift = rows[(rows["quantity"] == "drift_fit_meV_per_atom_ps") & (rows["model"] == "near")].iloc[0]
    assert (drift["value"], drift["stderr"], drift["unit"], drift["case"]) == (-0.5, 0.01, "meV/(atom ps)", "CO2-300K")
    assert not rows["quantity"].str.contains("stderr").any()
    failed = rows[(rows["quantity"] == "reason") & (rows["table"] == "phonons")]
    assert failed["text"].tolist() == ["non_finite"]
    agree = rows[(rows["quantity"] == "levels_agree") & (rows["model"] == "near")]
    assert set(agree["value"]) == {1.0}
    numbers = rows[(rows["table"] == "phonons") & (rows["quantity"] == "zone_mean_absolute_error_THz")]
    assert numbers["value"].to_numpy() == pytest.approx(
        content["phonons"]["zone_mean_absolute_error_THz"].dropna().to_numpy()
    )


def test_further_keys_stand_in_the_long_table():
    table = pd.DataFrame({"model": "m", "case": "c", "temperature_K": [300.0, 400.5], "n_effective": [1.0, 2.0]})
    assert tidy({"widom": table}, DESCRIPTIONS)["key"].tolist() == ["temperature_K=300", "temperature_K=400.5"]


def test_the_catalogue_as_a_table_keeps_counts_and_lists():
    entries = {
        "a": {"label": "A", "package": "p", "parameters": 30161153, "elements": ["H", "O"], "corrections": {"zbl": {}}},
        "b": {"package": "p", "default_devices": ["cuda", "cpu"]},
    }
    table = catalogue_table(entries).set_index("model")
    assert table.loc["a", ["parameters", "elements", "corrections"]].tolist() == [30161153, "H O", "zbl"]
    assert table.loc["b", ["label", "default_devices"]].tolist() == ["b", "cuda cpu"]
    assert DESCRIPTIONS.undescribed("catalogue", table.reset_index()) == []
    assert set(DESCRIPTIONS.tables["catalogue"].columns) == set(table.columns)


def test_the_export_is_a_folder_whose_description_is_true(tmp_path):
    results = write_tables(tmp_path, tables())
    folder = tmp_path / "export"
    run = run_program("export_tables", "--folder", folder, "--tables", *(results / "tables").glob("*.csv"))
    assert run.returncode == 0, run.stderr
    package = json.loads((folder / "datapackage.json").read_text())
    by_path = {resource["path"]: resource for resource in package["resources"]}
    assert set(by_path) == {*(f"tables/{name}.csv" for name in tables()), "assay.parquet"}
    for name in tables():
        resource = by_path[f"tables/{name}.csv"]
        copy = folder / resource["path"]
        assert copy.read_text() == (results / "tables" / f"{name}.csv").read_text()
        assert resource["hash"] == f"sha256:{file_sha256(copy)}"
        assert resource["bytes"] == copy.stat().st_size
        fields = resource["schema"]["fields"]
        assert [field["name"] for field in fields] == list(pd.read_csv(copy).columns)
        assert all(
            field["description"] and field["type"] in ("number", "integer", "boolean", "string") for field in fields
        )
        assert set(resource["schema"]["primaryKey"]) <= {field["name"] for field in fields}
    schema = pq.read_schema(folder / "assay.parquet")
    assert schema.names == list(FIELDS)
    rows = pd.read_parquet(folder / "assay.parquet")
    assert set(rows["model"]) == set(MODELS)
    expected = tidy({name: pd.read_csv(results / "tables" / f"{name}.csv") for name in sorted(tables())}, DESCRIPTIONS)
    assert len(rows) == len(expected)


def test_a_column_that_nobody_has_described_is_exported_and_named(tmp_path):
    content = {"phonons": tables()["phonons"].assign(colour_eV=1.5)}
    results = write_tables(tmp_path, content)
    run = run_program("export_tables", "--folder", tmp_path / "export", "--tables", results / "tables/phonons.csv")
    assert run.returncode == 0
    assert "phonons.colour_eV is not described" in run.stderr
