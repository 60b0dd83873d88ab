"""Tables on a made-up campaign, measured values, and the programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from channel_campaign import CARDS, CASE, SEED, SETTINGS, channel, write_campaign

from assay import levels
from assay.failures import UserError
from assay.records import read_json, write_json
from assay.report.chapter_page import chapter_section
from assay.report.widom import COLUMNS, PAGE
from assay.results import read_results
from assay.tables import read_table
from assay.widom.estimators import GAS_CONSTANT_J_MOL_K, KB_EV_K
from assay.widom.experiments import read_experiment
from assay.widom.raw import read_all_energies, read_energies, read_prepared, read_views
from assay.widom.scores import score, summarise

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "resources/experiments/CO2-in-Mg-MOF-74.yaml"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("widom")
    write_campaign(folder)
    return folder


@pytest.fixture(scope="module")
def results(campaign) -> dict:
    return read_results(sorted(campaign.glob("models/*/widom/batch-000.json")))


@pytest.fixture(scope="module")
def table(campaign, results) -> pd.DataFrame:
    prepared = read_prepared([campaign / "inputs/batch-000.json"])
    return score(prepared, results, {CASE: read_experiment(MEASURED)}, CARDS, SETTINGS, SEED)


def row(table: pd.DataFrame, model: str, temperature_K: float = 300.0) -> pd.Series:
    return table.set_index(["model", "temperature_K"]).loc[(model, temperature_K)]


def test_every_model_case_and_temperature_has_a_row(table):
    assert len(table) == len(CARDS) * 3
    assert list(table.columns[:5]) == ["model", "case", "status", "reason", "message"]
    assert list(table.columns[5:10]) == [*levels.COLUMNS, "temperature_K"]
    assert set(table.loc[table["model"] == "absent", "status"]) == {"missing"}
    assert set(table.loc[table["model"] == "broken", "reason"]) == {"non_finite"}


def test_a_row_is_what_the_energies_say(table, results, campaign):
    found = row(table, "sound")
    facts = read_prepared([campaign / "inputs/batch-000.json"])[CASE]
    energies = read_energies(results["sound", CASE]["folder"] / "insertions.h5", 0.7).energies_eV
    factor = np.exp(-energies / (KB_EV_K * 300)).mean()
    expected = factor / (facts["density_kg_m3"] * GAS_CONSTANT_J_MOL_K * 300)
    assert found["henry_coefficient_mol_kg_Pa"] == pytest.approx(expected, rel=1e-9)
    assert found["henry_coefficient_low_mol_kg_Pa"] < expected < found["henry_coefficient_high_mol_kg_Pa"]
    assert found["energy_min_eV"] == energies.min()
    assert (found["n_insertions"], found["n_blocks"], found["sampling"]) == (2000, 20, "random")
    assert (found["supercell"], found["binding_site"], found["metal_angle_deg"]) == ("1x1x2", "metal", 130.0)
    assert found["far_field_offset_eV"] == 1e-6
    assert found["n_overlaps"] > 0 and not found["hole"] and found["trusted"]


def test_the_hole_is_found_and_what_has_no_energy_is_counted(table):
    found = row(table, "holey")
    assert found["hole"] and not found["trusted"]
    assert found["overlap_share"] > 0.99
    assert (found["n_non_finite"], found["n_skipped"]) == (1, 1)
    assert found["henry_coefficient_mol_kg_Pa"] > 1e6 * row(table, "sound")["henry_coefficient_mol_kg_Pa"]
    without = row(table, "sound")["henry_coefficient_mol_kg_Pa"]
    assert found["henry_without_overlaps_mol_kg_Pa"] == pytest.approx(without, rel=1e-2)


def test_models_of_a_case_share_the_draws_of_the_bootstrap(campaign, results):
    prepared = read_prepared([campaign / "inputs/batch-000.json"])
    cards = [{"model": "sound"}, {"model": "same"}]
    both = score(prepared, results | {("same", CASE): results["sound", CASE]}, {}, cards, SETTINGS, SEED)
    columns = [name for name in both if name != "model"]
    halves = [both.loc[both["model"] == card["model"], columns].reset_index(drop=True) for card in cards]
    pd.testing.assert_frame_equal(*halves)


def test_experiment_stands_beside_the_models(table):
    found, failed = row(table, "sound"), row(table, "broken")
    for one in (found, failed):
        slope = 6.8 * 2.44e-11 * np.exp(42e3 / (8.314462618 * 300)) + 9.9 * 1.39e-10 * np.exp(
            24e3 / (8.314462618 * 300)
        )
        assert one["henry_experiment_mol_kg_Pa"] == pytest.approx(slope, rel=1e-9)
        assert one["heat_experiment_kJ_mol"] == 42.0
        assert "10.1039/c1ee01720a" in one["henry_experiment_doi"]
    ratio = found["henry_coefficient_mol_kg_Pa"] / found["henry_experiment_mol_kg_Pa"]
    assert found["henry_log10_ratio"] == pytest.approx(np.log10(ratio))
    assert found["heat_change_kJ_mol"] == pytest.approx(found["heat_of_adsorption_kJ_mol"] - 42.0)
    assert np.isnan(row(table, "sound", 280.0)["henry_experiment_mol_kg_Pa"])
    assert np.isnan(row(table, "sound", 280.0)["henry_log10_ratio"])
    assert np.isnan(failed["henry_log10_ratio"])


def test_an_experiment_has_no_level_of_theory_to_agree_with(table):
    for one in (table, summarise(table, CARDS, 300.0)):
        assert set(one["level_of_theory_reference"]) == {"experiment"}
        assert one["levels_agree"].isna().all()


def test_a_host_that_the_model_has_stretched_is_less_dense(campaign, results):
    prepared = read_prepared([campaign / "inputs/batch-000.json"])
    seen = results["sound", CASE]
    stretched = seen | {"observations": seen["observations"] | {"host_volume_change": 0.25}}
    as_it_is, wider = (
        row(score(prepared, {("sound", CASE): one}, {}, CARDS[:1], SETTINGS, SEED), "sound")
        for one in (seen, stretched)
    )
    ratio = wider["henry_coefficient_mol_kg_Pa"] / as_it_is["henry_coefficient_mol_kg_Pa"]
    assert ratio == pytest.approx(1.25)
    assert wider["mu_excess_kJ_mol"] == as_it_is["mu_excess_kJ_mol"]


def test_the_summary_counts_and_compares_at_the_headline_temperature(table):
    summary = summarise(table, CARDS, 300.0).set_index("model")
    assert summary["n_ok"].tolist() == [1, 1, 0, 0]
    assert summary["n_total"].tolist() == [1, 1, 1, 1]
    assert summary.loc["broken", "failures"] == "non_finite (1)"
    assert summary["n_holes"].tolist() == [0, 1, 0, 0]
    assert summary["n_trusted"].tolist() == [1, 0, 0, 0]
    sound = row(table, "sound")
    assert summary.loc["sound", "henry_log10_deviation"] == pytest.approx(abs(sound["henry_log10_ratio"]))
    assert summary.loc["sound", "henry_log10_deviation_stderr"] == pytest.approx(sound["henry_log10_stderr"])
    assert summary.loc["sound", "heat_deviation_kJ_mol"] == pytest.approx(abs(sound["heat_change_kJ_mol"]))
    assert np.isnan(summary.loc["holey", "henry_log10_deviation_trusted"])
    assert summary.loc["absent", "n_compared"] == 0


def test_a_campaign_without_any_result_still_has_its_rows(campaign):
    prepared = read_prepared([campaign / "inputs/batch-000.json"])
    table = score(prepared, {}, {}, CARDS, SETTINGS, SEED)
    assert set(table["status"]) == {"missing"}
    summary = summarise(table, CARDS, 300.0)
    assert summary["n_missing"].tolist() == [1, 1, 1, 1]
    assert summary["henry_log10_deviation"].isna().all()


def test_quasi_random_points_have_their_replicates_as_blocks(tmp_path):
    write_campaign(tmp_path, 640, sampling="sobol")
    prepared = read_prepared([tmp_path / "inputs/batch-000.json"])
    results = read_results([tmp_path / "models/sound/widom/batch-000.json"])
    found = row(score(prepared, results, {}, CARDS[:1], SETTINGS, SEED), "sound")
    assert (found["sampling"], found["n_blocks"]) == ("sobol", 16)
    assert np.isnan(found["henry_experiment_mol_kg_Pa"])


def test_raw_files_that_are_missing_or_damaged_are_named(tmp_path, campaign, results):
    with pytest.raises(UserError, match="delete it and rerun"):
        read_energies(tmp_path / "insertions.h5", 0.7)
    (tmp_path / "insertions.h5").write_bytes(b"\x89HDF")
    with pytest.raises(UserError, match=r"insertions\.h5"):
        read_energies(tmp_path / "insertions.h5", 0.7)
    prepared = read_prepared([campaign / "inputs/batch-000.json"])
    assert set(read_all_energies(prepared, results)) == {("sound", CASE), ("holey", CASE)}
    prepared[CASE]["axis"] = [0.1, 0.27, 0.9]
    with pytest.raises(UserError, match=f"widom.cases.{CASE}.axis"):
        read_views(prepared)


def test_the_fraction_of_one_model_alone_is_taken(tmp_path):
    write_campaign(tmp_path, 500)
    index = read_json(tmp_path / "inputs/batch-000.json")
    write_json(tmp_path / "inputs/batch-000.json", index | {"by_model": {"holey": {"overlap_fraction": 0.1}}})
    prepared = read_prepared([tmp_path / "inputs/batch-000.json"])
    records = sorted(tmp_path.glob("models/*/widom/batch-000.json"))
    energies = read_all_energies(prepared, read_results(records))
    assert energies["holey", CASE].overlaps.sum() < energies["sound", CASE].overlaps.sum()


def test_published_parameters_give_the_published_henry_coefficient():
    experiment = read_experiment(MEASURED)
    henry = experiment.henry(298.15)
    assert henry.value == pytest.approx(3.81e-3, abs=0.005e-3)
    assert (henry.low, henry.high) == pytest.approx((1.87e-3, 4.14e-3))
    # the slope of the isotherm, and the loading that the same parameters are quoted with
    assert experiment.loading_mol_kg(np.array([1e-3]), 298.15)[0] / 1e-3 == pytest.approx(henry.value, rel=1e-4)
    loadings = experiment.loading_mol_kg(1e5 * np.array([0.001, 0.01, 0.1, 1.0]), 298.15)
    assert loadings == pytest.approx([0.36, 2.45, 5.98, 8.48], abs=0.02)


def test_the_experiment_is_nothing_where_it_does_not_hold():
    experiment = read_experiment(MEASURED)
    assert np.isnan(experiment.henry(250.0).value) and np.isnan(experiment.henry(450.0).high)
    assert experiment.henry(313.0).low / experiment.henry(313.0).value == pytest.approx(1.87e-3 / 3.81e-3, rel=0.01)
    assert (experiment.heat().value, experiment.heat().low, experiment.heat().high) == (42.0, 39.0, 47.0)
    assert experiment.metal_distance_A.value == 2.27


def test_the_isotherms_follow_the_digitised_points(shared_data):
    """The points of the paper whose parameters they are: within a few ten percent where the model is said to hold."""
    experiment = read_experiment(MEASURED)
    folder = shared_data / "mof74/isotherms"
    for path in sorted(folder.glob("10.1039c1ee01720a.isotherm*.json")):
        isotherm = read_json(path)
        temperature = float(isotherm["temperature"])
        if not 300 <= temperature <= 393:
            continue
        points = np.array([(point["pressure"], point["total_adsorption"]) for point in isotherm["isotherm_data"]])
        points = points[points[:, 0] > 0]
        loadings = experiment.loading_mol_kg(1e5 * points[:, 0], temperature)
        assert np.sqrt(np.mean((loadings / points[:, 1] - 1) ** 2)) < 0.2, path.name


def test_single_values_stand_for_temperatures_nearby(tmp_path):
    path = tmp_path / "measured.yaml"
    values = [
        {"temperature_K": 298.0, "value_mol_kg_Pa": value, "doi": f"10.1/{value}"} for value in (1e-5, 2e-5, 4e-5)
    ]
    path.write_text(json.dumps({"guest": "Ar", "host": "MFI", "henry_coefficients": values}))
    experiment = read_experiment(path)
    near = experiment.henry(300.0)
    assert (near.value, near.low, near.high) == (2e-5, 1e-5, 4e-5)
    assert len(near.dois) == 3
    assert np.isnan(experiment.henry(310.0).value) and np.isnan(experiment.heat().value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hots": "x"}, "unknown key 'hots'; did you mean 'host'"),
        ({"guest": None, "delete": "guest"}, "the key 'guest' is missing"),
        (
            {"heats_of_adsorption": [{"value_kJ_mol": "warm", "doi": "10.1/1"}]},
            r"heats_of_adsorption\[0\].value_kJ_mol",
        ),
        ({"heats_of_adsorption": [{"value_kJ_mol": 1}]}, "the key 'doi' is missing"),
        ({"heats_of_adsorption": {}}, "expected a list"),
        ({"langmuir": {"doi": "1", "temperatures_K": [1], "sites": []}}, "langmuir.temperatures_K"),
        ({"langmuir": {"doi": "1", "temperatures_K": [1, 2], "sites": [3]}}, r"langmuir.sites\[0\]"),
        ({"metal_distance_A": 2.0}, "metal_distance_A: expected a mapping"),
    ],
)
def test_bad_files_of_measured_values_are_told_in_a_sentence(tmp_path, change, words):
    content = {"guest": "CO2", "host": "x"} | change
    content.pop(content.pop("delete", ""), None)
    path = tmp_path / "measured.yaml"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=words) as error:
        read_experiment(path)
    assert str(path) in str(error.value)


def test_a_missing_file_of_measured_values(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_experiment(tmp_path / "none.yaml")


def test_the_programs_make_tables_figures_and_the_report(campaign, shipped_config):
    scripts, output = ROOT / "workflow/scripts", campaign / "results"
    shared = ["--inputs", campaign / "inputs/batch-000.json", "--cards", json.dumps(CARDS)]
    shared += ["--settings", json.dumps(SETTINGS)]
    records = ["--records", *sorted(campaign.glob("models/*/widom/batch-000.json"))]
    tables = ["--table", output / "tables/widom.csv"]
    made = [sys.executable, scripts / "score_widom.py", *shared, "--experiments", json.dumps({CASE: str(MEASURED)})]
    made += ["--seed", "1", *tables, "--summary", output / "tables/widom_summary.csv"]
    refused = subprocess.run(made, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "no insertions yet" in refused.stderr
    subprocess.run([*made, *records], check=True)
    table = read_table(output / "tables/widom.csv")
    assert set(COLUMNS) <= set(table.columns)
    drawn = [sys.executable, scripts / "plot_widom.py", *shared, *records, *tables]
    subprocess.run([*drawn, "--folder", output / "figures/widom"], check=True)
    names = {"henry", "heats", "temperature", "histogram", "profile", "map_energy", "map_free_energy"}
    found = {path.name for path in (output / "figures/widom").iterdir()}
    assert found == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    page = chapter_section(PAGE, output, shipped_config)
    assert page.count("<img") == len(names) and "Sound" not in page and "holey" in page
    assert chapter_section(PAGE, campaign / "nothing", shipped_config) == ""


def test_the_made_up_host_is_periodic():
    assert channel().pbc.all()
