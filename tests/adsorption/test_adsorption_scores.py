"""Tables on a made-up campaign whose answers are known, and the programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_isotherms import (
    AFFINITY_PER_PA,
    CARDS,
    PRESSURES_BAR,
    REPEATS,
    SEED,
    SETTINGS,
    SITE_ENERGY_EV,
    SITES,
    SYSTEM,
    TEMPERATURE_K,
    case_of,
    channel,
    coverage,
    write_campaign,
)
from scipy import constants

from assay import levels
from assay.adsorption.analysis import analyse, metals_of, read_prepared
from assay.adsorption.experiments import read_experiment
from assay.adsorption.heats import EV_IN_KJ_MOL
from assay.adsorption.isotherm_scores import MOST_CORRECTION, score_isotherms, widom_henry
from assay.adsorption.scores import score, summarise
from assay.failures import UserError
from assay.report.adsorption import COLUMNS, ISOTHERM_COLUMNS, PAGE
from assay.report.chapter_page import chapter_section
from assay.results import read_results
from assay.tables import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "resources/experiments/CO2-isotherms-in-Mg-MOF-74.yaml"
HOST_MASS_U = float(channel().get_masses().sum()) * np.prod(REPEATS)
HENRY = 1000 * SITES * AFFINITY_PER_PA / HOST_MASS_U
HEAT = constants.R * TEMPERATURE_K / 1000 - SITE_ENERGY_EV * EV_IN_KJ_MOL
WIDOM = pd.DataFrame(
    [
        {"model": "sound", "case": SYSTEM, "status": "ok", "temperature_K": 298.0, "trusted": True}
        | {"henry_coefficient_mol_kg_Pa": HENRY, "henry_coefficient_stderr_mol_kg_Pa": 0.01 * HENRY}
        | {"heat_of_adsorption_kJ_mol": HEAT},
        {"model": "drifting", "case": SYSTEM, "status": "failed", "temperature_K": 298.0},
    ]
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("adsorption")
    write_campaign(folder)
    return folder


@pytest.fixture(scope="module")
def prepared(campaign) -> dict:
    return read_prepared([campaign / "inputs/batch-000.json"])


@pytest.fixture(scope="module")
def table(campaign, prepared) -> pd.DataFrame:
    results = read_results(sorted(campaign.glob("models/*/adsorption/batch-000.json")))
    runs = analyse(prepared, results, SETTINGS)
    experiments = {SYSTEM: read_experiment(MEASURED)}
    return score(prepared, results, runs, experiments, metals_of(prepared), CARDS, SETTINGS, SEED)


@pytest.fixture(scope="module")
def isotherms(table) -> pd.DataFrame:
    return score_isotherms(table, WIDOM, {SYSTEM: read_experiment(MEASURED)}, CARDS)


def row(table: pd.DataFrame, model: str, pressure_bar: float) -> pd.Series:
    return table.set_index(["model", "case"]).loc[(model, case_of(pressure_bar))]


def isotherm(isotherms: pd.DataFrame, model: str) -> pd.Series:
    return isotherms.set_index("model").loc[model]


def test_every_model_and_pressure_has_a_row_but_those_left_out(table):
    counts = table.groupby("model", sort=False)["status"].value_counts().to_dict()
    assert counts == {("sound", "ok"): 6, ("drifting", "ok"): 2, ("broken", "failed"): 6, ("absent", "missing"): 6}
    assert list(table.columns[:5]) == ["model", "case", "status", "reason", "message"]
    assert list(table.columns[5:9]) == list(levels.COLUMNS)
    assert list(table.loc[table["model"] == "sound", "pressure_bar"]) == list(PRESSURES_BAR)


@pytest.mark.parametrize("pressure_bar", PRESSURES_BAR)
def test_the_loading_is_that_of_langmuir(table, pressure_bar):
    found = row(table, "sound", pressure_bar)
    expected = SITES * coverage(pressure_bar)
    assert found["equilibrated"] and pd.isna(found["equilibration_remark"])
    assert 0 < found["n_molecules_stderr"] < 0.3
    assert abs(found["n_molecules"] - expected) < 4 * found["n_molecules_stderr"]
    assert found["molecules_per_cell"] == pytest.approx(found["n_molecules"] / 3)
    assert found["loading_mol_kg"] == pytest.approx(1000 * found["n_molecules"] / HOST_MASS_U)
    assert found["loading_stderr_mol_kg"] == pytest.approx(1000 * found["n_molecules_stderr"] / HOST_MASS_U)
    # six metals in a cell
    assert found["loading_per_metal"] == pytest.approx(found["n_molecules"] / 18)


def test_the_excess_is_below_the_absolute_amount(table):
    found = table[table["model"] == "sound"]
    gas = found["pressure_bar"] * 1e5 * channel().get_volume() * 3e-30 / (constants.k * TEMPERATURE_K)
    difference = found["loading_mol_kg"] - found["excess_mol_kg"]
    assert difference.to_numpy() == pytest.approx(0.7 * 1000 * gas.to_numpy() / HOST_MASS_U)
    assert (found["excess_stderr_mol_kg"] >= found["loading_stderr_mol_kg"]).all()


def test_the_heat_is_that_of_the_sites(table):
    found = table[table["model"] == "sound"]
    pulls = (found["isosteric_heat_kJ_mol"] - HEAT) / found["isosteric_heat_stderr_kJ_mol"]
    assert pulls.abs().max() < 4


def test_acceptance_is_of_the_production(table):
    found = row(table, "sound", 1.0)
    assert found["acceptance_translation"] == pytest.approx(0.4)
    assert found["acceptance_insertion"] == pytest.approx(0.05 * (1 - coverage(1.0)), abs=1e-4)
    assert found["overlap_share"] == pytest.approx(0.05)
    assert (found["non_finite_share"], found["inside_share"], found["closest_fraction_min"]) == (0, 0, 1)


def test_a_drift_is_found_out(table):
    found = table[(table["model"] == "drifting") & (table["status"] == "ok")]
    assert not found["equilibrated"].any() and found["equilibration_remark"].notna().all()


def test_rows_without_a_result_are_empty_but_for_the_state_and_what_is_published(table):
    for model in ("broken", "absent"):
        found = row(table, model, 0.1)
        assert np.isnan(found["loading_mol_kg"]) and np.isnan(found["excess_change_mol_kg"])
        assert found["loading_experiment_low_mol_kg"] < found["loading_experiment_high_mol_kg"]
        assert (found["temperature_K"], found["fugacity_bar"]) == (TEMPERATURE_K, pytest.approx(0.1))
    assert row(table, "broken", 0.1)["reason"] == "non_finite"


def test_the_published_simulation_stands_beside_its_own_model_only(campaign, prepared, table):
    assert table["loading_published_mol_kg"].isna().all()
    cards = [{"model": "co2-mof74-dft"}]
    again = score(prepared, {}, {}, {SYSTEM: read_experiment(MEASURED)}, {SYSTEM: 6}, cards, SETTINGS, SEED)
    assert again.set_index("pressure_bar")["loading_published_mol_kg"][1.0] == pytest.approx(11.91)
    assert again["loading_published_ratio"].isna().all()


def test_the_isotherm_is_langmuirs(isotherms):
    found = isotherm(isotherms, "sound")
    assert (found["status"], found["n_ok"], found["n_equilibrated"]) == ("ok", 6, 6)
    assert found["preferred_fit"] == "Langmuir" and not found["dual_site_identified"]
    assert found["langmuir_henry_mol_kg_Pa"] == pytest.approx(HENRY, abs=4 * found["langmuir_henry_stderr_mol_kg_Pa"])
    assert found["saturation_mol_kg"] == pytest.approx(
        1000 * SITES / HOST_MASS_U, abs=4 * found["saturation_stderr_mol_kg"]
    )
    assert abs(found["heat_low_loading_kJ_mol"] - HEAT) < 4 * found["heat_low_loading_stderr_kJ_mol"]
    assert found["pressure_highest_bar"] == 3.0


def test_the_slope_agrees_with_widom(isotherms):
    found = isotherm(isotherms, "sound")
    assert found["henry_widom_mol_kg_Pa"] == HENRY and found["henry_widom_trusted"]
    assert 1 < found["henry_low_pressure_correction"] < MOST_CORRECTION
    assert abs(found["henry_z"]) < 3
    expected = (found["henry_low_pressure_mol_kg_Pa"] - HENRY) / np.hypot(
        found["henry_low_pressure_stderr_mol_kg_Pa"], 0.01 * HENRY
    )
    assert found["henry_z"] == pytest.approx(expected)


def test_what_is_not_equilibrated_has_no_isotherm(isotherms):
    found = isotherm(isotherms, "drifting")
    assert (found["status"], found["n_ok"], found["n_equilibrated"]) == ("ok", 2, 0)
    assert np.isnan(found["henry_low_pressure_mol_kg_Pa"]) and pd.isna(found["preferred_fit"])
    assert [isotherm(isotherms, model)["status"] for model in ("broken", "absent")] == ["failed", "missing"]


def test_an_isotherm_that_starts_beyond_henrys_law_is_not_compared(table):
    filled = table[(table["model"] != "sound") | (table["pressure_bar"] > 0.2)]
    found = isotherm(score_isotherms(filled, WIDOM, {}, CARDS), "sound")
    assert found["henry_low_pressure_correction"] > MOST_CORRECTION and np.isnan(found["henry_z"])


def test_widom_at_another_temperature_is_carried_over_by_its_heat():
    near = WIDOM.assign(temperature_K=297.5)
    found = widom_henry(near, "sound", SYSTEM, 298.0)["henry_widom_mol_kg_Pa"]
    assert found == pytest.approx(HENRY * np.exp(1000 * HEAT / constants.R * (1 / 298 - 1 / 297.5)))
    for nothing in (None, pd.DataFrame({"model": []}), WIDOM.assign(temperature_K=320.0), WIDOM.assign(case="other")):
        assert np.isnan(widom_henry(nothing, "sound", SYSTEM, 298.0)["henry_widom_mol_kg_Pa"])
    assert np.isnan(widom_henry(WIDOM, "drifting", SYSTEM, 298.0)["henry_widom_mol_kg_Pa"])


def test_the_summary_has_a_row_per_model(table, isotherms):
    found = summarise(table, isotherms, CARDS).set_index("model")
    assert found["n_equilibrated"].to_dict() == {"sound": 6, "drifting": 0, "broken": 0, "absent": 0}
    assert found.loc["broken", "failures"] == "non_finite (6)" and found.loc["absent", "n_missing"] == 6
    sound = table[(table["model"] == "sound")]
    assert found.loc["sound", "n_compared"] == sound["excess_change_mol_kg"].notna().sum()
    assert found.loc["sound", "excess_deviation_mol_kg"] == pytest.approx(sound["excess_change_mol_kg"].abs().mean())
    assert np.isnan(found.loc["drifting", "excess_deviation_mol_kg"])
    assert found.loc["sound", "henry_z_largest"] == abs(isotherm(isotherms, "sound")["henry_z"])


def test_all_tables_tell_the_levels_of_theory(table, isotherms):
    for one in (table, isotherms, summarise(table, isotherms, CARDS)):
        assert set(one["level_of_theory_reference"]) == {"experiment"}
        assert one["levels_agree"].isna().all()


def test_what_all_models_have_is_compared_apart(table, isotherms):
    one = summarise(table, isotherms, [CARDS[0]])
    assert one["excess_deviation_common_mol_kg"].iloc[0] == one["excess_deviation_mol_kg"].iloc[0]


def test_tables_without_any_result(prepared):
    nothing = score(prepared, {}, {}, {}, {SYSTEM: 6}, CARDS, SETTINGS, SEED)
    found = score_isotherms(nothing, None, {}, CARDS)
    assert set(found["status"]) == {"missing"} and found["langmuir_henry_mol_kg_Pa"].isna().all()
    assert (summarise(nothing, found, CARDS)["n_ok"] == 0).all()


def test_a_row_does_not_depend_on_the_other_models(campaign, prepared, table):
    results = read_results([campaign / "models/sound/adsorption/batch-000.json"])
    runs = analyse(prepared, results, SETTINGS)
    alone = score(prepared, results, runs, {}, {SYSTEM: 6}, CARDS[:1], SETTINGS, SEED)
    assert alone["isosteric_heat_stderr_kJ_mol"].tolist() == (
        table.loc[table["model"] == "sound", "isosteric_heat_stderr_kJ_mol"].tolist()
    )


def program(name: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / f"workflow/scripts/{name}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_programs_make_tables_isotherms_figures_and_a_section(campaign, tmp_path, shipped_config):
    records = [str(path) for path in sorted(campaign.glob("models/*/adsorption/batch-000.json"))]
    inputs = ["--inputs", str(campaign / "inputs/batch-000.json"), "--records", *records]
    shared = ["--cards", json.dumps(CARDS), "--settings", json.dumps(SETTINGS)]
    shared += ["--experiments", json.dumps({SYSTEM: str(MEASURED)})]
    tables = {name: tmp_path / f"tables/adsorption{name}.csv" for name in ("", "_isotherms", "_summary")}
    paths = ["--table", str(tables[""]), "--isotherms", str(tables["_isotherms"])]
    write_table(tmp_path / "widom.csv", WIDOM)
    scored = program(
        "score_adsorption",
        *inputs,
        *shared,
        *paths,
        *["--summary", str(tables["_summary"]), "--aif", str(tmp_path / "aif"), "--seed", str(SEED)],
        *["--widom", str(tmp_path / "widom.csv")],
    )
    assert scored.returncode == 0, scored.stderr
    assert "8 ok, 6 failed, 6 missing; 1 isotherms" in scored.stdout and not scored.stderr
    assert [path.name for path in (tmp_path / "aif").iterdir()] == [f"sound-{SYSTEM}-298K.aif"]
    assert set(COLUMNS) <= set(read_table(tables[""]).columns)
    assert set(ISOTHERM_COLUMNS) <= set(read_table(tables["_isotherms"]).columns)
    drawn = program("plot_adsorption", *inputs, *shared, *paths, "--folder", str(tmp_path / "figures/adsorption"))
    assert drawn.returncode == 0, drawn.stderr
    assert {path.stem for path in (tmp_path / "figures/adsorption").glob("*.png")} == set(PAGE.figures)
    section = chapter_section(PAGE, tmp_path, shipped_config)
    assert section.count("<figure>") == len(PAGE.figures) and "drifts" in section


def test_without_records_the_program_says_what_to_do(campaign, tmp_path):
    paths = [f"--{name}={tmp_path / name}" for name in ("table", "isotherms", "summary", "aif")]
    index = str(campaign / "inputs/batch-000.json")
    done = program("score_adsorption", f"--inputs={index}", *paths, "--settings={}", "--cards=[]", "--seed=1")
    assert done.returncode == 1 and done.stderr.startswith("There are no isotherms yet")
    assert not (tmp_path / "table").exists()


def test_a_missing_raw_file_is_told(campaign, prepared):
    result = {"status": "ok", "folder": campaign / "nowhere", "observations": {"equilibration_trials": 0}}
    with pytest.raises(UserError, match=r"samples\.parquet: no such file"):
        analyse(prepared, {("sound", case_of(0.1)): result}, SETTINGS)


def test_there_is_no_section_without_tables(tmp_path, shipped_config):
    assert chapter_section(PAGE, tmp_path, shipped_config) == ""
