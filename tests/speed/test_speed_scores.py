"""Tables and figures on made-up records: models that are complete, that fail, and that have not been run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.records import write_json
from assay.results import read_results
from assay.speed.figures import (
    batch_figure,
    curve_figure,
    error_column,
    memory_figure,
    plane_case,
    plane_figure,
    relative_figure,
)
from assay.speed.scores import (
    DftCost,
    common_size,
    read_dft_costs,
    read_machines,
    read_prepared,
    score,
    speeds,
    summarise,
)
from assay.tables import read_table

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "resources/references/phonons/MgO/record.json"
CARDS = [
    {"model": "quick", "label": "Quick", "colour": "#0072B2", "level_of_theory": "PBE"},
    {"model": "slow", "label": "Slow", "colour": "#D55E00"},
    {"model": "absent", "label": "Absent", "colour": "#009E73"},
]
SIZES = (10, 32, 100, 320, 1000)
OVERHEAD_s = 0.02


def step_s(model: str, n_atoms: int) -> float:
    return OVERHEAD_s + (1e-4 if model == "quick" else 1e-3) * n_atoms


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    """Inputs and records of two models on two devices; `slow` ends at 320 atoms on the CPU, `absent` has none."""
    folder = tmp_path_factory.mktemp("campaign")
    for batch, device in enumerate(("cpu", "cuda")):
        ladders = [("helium", size, 1) for size in SIZES] + [("MgO", size, 1) for size in SIZES]
        ladders += [("batch", 8, count) for count in (1, 2, 4)]
        cases = {}
        for ladder, size, count in ladders:
            name = f"{ladder}-{count if ladder == 'batch' else size}-{device}"
            system = "MgO" if ladder == "batch" else ladder
            facts = {"system": system, "ladder": ladder, "size": size, "n_structures": count, "n_atoms": size * count}
            cases[name] = facts | {"device_asked": device}
        write_json(folder / f"inputs/batch-00{batch}.json", {"cases": cases})
        for model in ("quick", "slow"):
            write_record(folder / f"models/{model}/speed/batch-00{batch}.json", model, device, cases)
    return folder


def write_record(path: Path, model: str, device: str, cases: dict) -> None:
    results = {}
    for case, facts in cases.items():
        result = {"status": "ok", "reason": None, "message": None, "observations": {}}
        if model == "slow" and device == "cpu" and facts["size"] >= 320:
            reason = "out_of_memory" if facts["size"] == 320 else "not_reached"
            results[case] = result | {"status": "failed", "reason": reason, "message": "too large"}
            continue
        seconds = step_s(model, facts["n_atoms"]) * (1.0 if device == "cpu" else 0.1)
        times = seconds * np.array([9.0, 0.8, 0.9, 1.0, 1.1, 1.2])
        content = {"dropped": 1, "step_s": times, "neighbour_s": 0.1 * times, "model_s": 0.9 * times}
        write_json(path.parent / case / "times.json", content)
        seen = {"dtype": "float32", "n_passes": 1, "peak_host_memory_MB": 5.0 + facts["n_atoms"], "load_average": 1.0}
        seen["peak_gpu_memory_MB"] = None if device == "cpu" else 200.0 + facts["n_atoms"]
        results[case] = result | {"observations": seen}
    content = {"model": model, "cases": results, "device": device, "threads": 2, "potential": {"compile": False}}
    write_json(path, content | {"hardware": {"processor": "a processor", "gpu": "a card"}})


@pytest.fixture(scope="module")
def table(campaign) -> pd.DataFrame:
    records = sorted(campaign.glob("models/*/speed/batch-*.json"))
    prepared = read_prepared(sorted(campaign.glob("inputs/*.json")))
    return score(prepared, read_results(records), read_machines(records), CARDS)


@pytest.fixture(scope="module")
def summary(table) -> pd.DataFrame:
    return summarise(table, {"MgO": DftCost(16, 200.0, "PBE")}).set_index(["model", "device", "system"])


def test_every_model_and_case_has_a_row(table):
    assert len(table) == 3 * 2 * 13
    assert list(table.columns[:5]) == ["model", "case", "status", "reason", "message"]
    assert set(table.loc[table["model"] == "absent", "status"]) == {"missing"}
    failed = table[table["status"] == "failed"].set_index("case")["reason"]
    assert failed["MgO-320-cpu"] == "out_of_memory" and failed["MgO-1000-cpu"] == "not_reached"


def test_tables_tell_the_level_of_theory(table, summary):
    for one in (table, summary.reset_index()):
        assert set(one.loc[one["model"] == "quick", "level_of_theory_model"]) == {"PBE"}


def test_a_row_says_how_fast_and_on_what(table):
    row = table.set_index(["model", "case"]).loc[("quick", "helium-100-cuda")]
    middle = 0.1 * step_s("quick", 100)
    assert row["step_s"] == pytest.approx(middle)
    assert (row["step_q10_s"], row["step_q90_s"]) == (pytest.approx(0.84 * middle), pytest.approx(1.16 * middle))
    assert row["ns_per_day"] == pytest.approx(86400 * 1e-6 / middle)
    assert row["ns_per_day_q10"] < row["ns_per_day"] < row["ns_per_day_q90"]
    assert row["atoms_per_s"] == pytest.approx(100 / middle)
    assert row["neighbour_s"] + row["model_s"] == pytest.approx(middle)
    assert (row["device"], row["hardware"], row["threads"], row["dtype"]) == ("cuda", "a card", 2, "float32")
    assert row["peak_gpu_memory_MB"] == 300.0
    assert row["n_repeats"] == 5


def test_a_step_of_86_ms_is_one_nanosecond_a_day():
    found = speeds(np.array([0.0864, 0.0864]), 100, 1)
    assert found["ns_per_day"] == pytest.approx(1.0)
    assert found["step_stderr_s"] == 0.0
    assert np.isnan(speeds(np.array([]), 100, 1)["ns_per_day"])


def test_the_error_of_the_median_is_the_scatter_of_medians():
    rng = np.random.default_rng(0)
    rows = [speeds(one, 1, 1) for one in rng.normal(1.0, 0.1, (2000, 19))]
    medians, errors = (np.array([row[key] for row in rows]) for key in ("step_s", "step_stderr_s"))
    assert errors.mean() == pytest.approx(medians.std(), rel=0.06)


def test_the_summary_quotes_sizes_that_were_measured(summary):
    row = summary.loc[("quick", "cpu", "helium")]
    assert row["ns_per_day_100_atoms"] == pytest.approx(0.0864 / step_s("quick", 100))
    assert np.isnan(row["ns_per_day_10000_atoms"])
    assert row[["n_ok", "n_total", "n_missing"]].tolist() == [5, 5, 0]
    assert row["overhead_s"] == pytest.approx(OVERHEAD_s, rel=0.01)
    assert row["exponent"] == pytest.approx(1.0, abs=0.01)
    assert row["hours_per_ns_1000000_atoms"] == pytest.approx(1e6 * step_s("quick", 10**6) / 3600, rel=0.02)
    assert row["hours_per_ns_stderr_1000000_atoms"] > 0
    assert row["linear_from_atoms"] == pytest.approx(10 * OVERHEAD_s / 1e-4, rel=0.05)


def test_the_summary_says_where_and_why_a_ladder_ends(summary):
    row = summary.loc[("slow", "cpu", "MgO")]
    assert (row["largest_n_atoms"], row["ends_at_n_atoms"], row["ends_with"]) == (100, 320, "out_of_memory")
    assert row["failures"] == "out_of_memory (1), not_reached (1)"
    assert np.isnan(row["exponent"]) and np.isnan(row["times_faster_than_dft"])
    assert summary.loc[("absent", "cuda", "MgO"), "n_missing"] == 5


def test_dft_stands_beside_the_crystal(summary):
    row = summary.loc[("quick", "cpu", "MgO")]
    assert row["times_faster_than_dft"] == pytest.approx(200.0 / step_s("quick", 16), rel=0.01)
    assert row["times_faster_than_dft_stderr"] > 0
    assert np.isnan(summary.loc[("quick", "cpu", "helium"), "dft_step_s"])


def test_the_shipped_record_tells_the_cost_of_dft(tmp_path):
    silent = tmp_path / "Al" / "record.json"
    write_json(silent, {"level_of_theory": "PBEsol"})
    costs = read_dft_costs([RECORD, silent])
    assert set(costs) == {"MgO"}
    cost = costs["MgO"]
    assert cost.n_atoms == 16
    assert cost.step_s == pytest.approx(193.75, abs=0.01)
    assert cost.method == "PBE, GPAW, quick"


def test_the_best_batch_and_its_gain(summary):
    row = summary.loc[("quick", "cpu", "helium")]
    assert row["best_batch"] == 4
    assert row["batch_speed_up"] == pytest.approx(4 * step_s("quick", 8) / step_s("quick", 32))
    assert row["batch_speed_up_stderr"] > 0
    assert np.isnan(summary.loc[("absent", "cpu", "MgO"), "batch_speed_up"])


def test_the_fastest_at_the_largest_common_size_comes_first(table, summary):
    assert common_size(table[table["ladder"] == "MgO"]) == 100
    order = [key for key in summary.index if key[2] == "MgO"]
    assert order[:4] == [(model, device, "MgO") for device in ("cuda", "cpu") for model in ("quick", "slow")]
    assert [model for model, _, _ in order[4:]] == ["absent", "absent"]


def test_nothing_in_common_is_no_size(table):
    assert common_size(table[table["model"] == "absent"]) is None


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text")))


def test_figures_name_models_devices_and_endings(table):
    shown = texts(curve_figure(table, CARDS, {"MgO": DftCost(16, 200.0, "PBE")}))
    for words in ("Quick", "Slow", "CPU", "GPU", "then out of memory", "DFT", "ns per day", "MgO, dense solid"):
        assert words in shown
    assert "Absent" not in shown and "out of time" not in shown
    assert "fastest" in texts(relative_figure(table, CARDS))
    assert "memory on the GPU (MB)" in texts(memory_figure(table, CARDS))
    assert "one at a time" in texts(batch_figure(table, CARDS))


def test_memory_has_one_row_where_there_is_no_gpu(table):
    assert "GPU" not in texts(memory_figure(table[table["device"] == "cpu"], CARDS))


def test_figures_say_what_is_missing(table):
    nothing = table[table["model"] == "absent"]
    for draw in (curve_figure, relative_figure):
        assert "nothing was timed" in texts(draw(nothing, CARDS))
    assert "no memory was measured" in texts(memory_figure(nothing, CARDS))
    assert "no batch was timed" in texts(batch_figure(nothing, CARDS))
    assert "nothing was timed" in texts(plane_figure(nothing, {}, ["phonons_summary.zone_mae_THz"], CARDS))
    assert "no metric was chosen" in texts(plane_figure(table, {}, [], CARDS))


def test_an_empty_panel_leaves_the_ticks_of_the_others(table):
    half = table.copy()
    half.loc[half["ladder"] == "helium", ["status", "step_s"]] = ["failed", np.nan]
    empty, full = curve_figure(half, CARDS).axes[:2]
    assert len(empty.get_xticks()) == 0 and len(full.get_xticks()) > 0 and len(full.get_yticks()) > 0


def test_the_plane_of_cost_and_accuracy(table):
    summaries = {
        "phonons_summary": pd.DataFrame(
            {"model": ["quick", "slow"], "zone_mae_THz": [1.0, 0.5], "zone_mae_stderr_THz": [0.1, np.nan]}
        ),
        "other_summary": pd.DataFrame({"model": ["absent"], "error_eV": [1.0]}),
    }
    metrics = [
        "phonons_summary.zone_mae_THz",
        "phonons_summary.typo_THz",
        "none_summary.x_eV",
        "other_summary.error_eV",
    ]
    figure = plane_figure(table, summaries, metrics, CARDS)
    shown = texts(figure)
    assert "time of a step (s), 1,000 atoms of MgO" in shown
    assert "phonons_summary has no column typo_THz" in shown
    assert "this campaign has no table none_summary" in shown
    assert "no model has both cost and accuracy" in shown
    # at 1,000 atoms: the quick model on both devices, the slow one on the GPU
    assert len(figure.axes[0].containers) == 3
    assert "100 atoms of helium" in texts(plane_figure(table, summaries, metrics, CARDS, "helium-100"))


def test_axes_of_the_plane_say_what_a_metric_means(table):
    metric = "phonons_summary.zone_mae_THz"
    summaries = {"phonons_summary": pd.DataFrame({"model": ["quick"], "zone_mae_THz": [1.0]})}
    plain = plane_figure(table, summaries, [metric], CARDS)
    told = plane_figure(table, summaries, [metric], CARDS, words={metric: "Mean deviation of frequencies (THz)"})
    assert plain.axes[0].get_ylabel() == metric and told.axes[0].get_ylabel() == "Mean deviation of frequencies (THz)"


def test_the_case_of_the_plane_is_the_largest_that_most_models_have(table):
    assert plane_case(table[table["device"] == "cpu"]) == ("MgO", 100)
    assert plane_case(table[table["ladder"] == "helium"]) == ("helium", 1000)
    assert plane_case(table, "Si-64") == ("Si", 64)
    assert plane_case(table[table["status"] == "missing"]) is None


def test_the_error_of_a_metric_is_found_before_or_after_its_unit():
    assert error_column(["a", "zone_mae_stderr_THz"], "zone_mae_THz") == "zone_mae_stderr_THz"
    assert error_column(["bond_length_error_A_stderr"], "bond_length_error_A") == "bond_length_error_A_stderr"
    assert error_column(["zone_mae_THz"], "zone_mae_THz") is None


def test_the_programs_make_tables_and_figures(campaign):
    scripts, cards = ROOT / "workflow/scripts", json.dumps(CARDS)
    inputs = sorted(map(str, campaign.glob("inputs/*.json")))
    records = sorted(map(str, campaign.glob("models/*/speed/batch-*.json")))
    output = campaign / "tables"
    made = [sys.executable, scripts / "score_speed.py", "--inputs", *inputs, "--references", RECORD, "--cards", cards]
    made += ["--table", output / "speed.csv", "--summary", output / "speed_summary.csv"]
    refused = subprocess.run(made, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "no timings yet" in refused.stderr
    subprocess.run([*made, "--records", *records], check=True)
    assert read_table(output / "speed_summary.csv")["dft_n_atoms"].max() == 16
    drawn = [sys.executable, scripts / "plot_speed.py", "--table", output / "speed.csv", "--references", RECORD]
    settings = json.dumps({"accuracy": ["phonons_summary.zone_mae_THz"], "accuracy_case": ""})
    subprocess.run([*drawn, "--cards", cards, "--settings", settings, "--folder", campaign / "figures"], check=True)
    names = {path.name for path in (campaign / "figures").iterdir()}
    drawn = {f"{n}.{k}" for n in ("curves", "relative", "memory", "batches", "plane") for k in ("png", "svg")}
    assert names == drawn | {"curves.plotly.json"}
