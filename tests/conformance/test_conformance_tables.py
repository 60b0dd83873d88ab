"""The chapter's programs, tables and figure: records that are complete, that fail in part, and that are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.conformance.figures import law_figure
from assay.conformance.plan import conformance_chapter
from assay.conformance.scores import score, split_quantity, summarise
from assay.failures import UserError
from assay.potentials.measured_laws import LAWS
from assay.records import write_json
from assay.results import read_results
from assay.tables import read_table

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow/scripts"
CASES = ["permutation", "net-force", "empty-batch"]
CARDS = [{"model": name, "label": name.title()} for name in ("emt", "periodic", "broken", "absent")]
SEEN = {"dtype": "float64", "conservative": True, "equivariant": True, "batching": "loop"}


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    """Two models that ran, one of which refuses molecules; one whose record is made up and breaks a law."""
    folder = tmp_path_factory.mktemp("conformance")
    (folder / "environment.lock").write_text("# python 3.11\n")
    index = folder / "inputs/batch-000.json"
    made = run(
        *(SCRIPTS / "prepare_conformance.py", "--cases", *CASES, "--settings", '{"protocol": 1}', "--seed", 3),
        *("--index", index),
    )
    assert made.returncode == 0, made.stderr
    lawless = {"calculator": "lawless_potentials:Periodic", "path": str(Path(__file__).parent)}
    entries = {
        "emt": {"package": "classical", "loader": {"kind": "emt"}},
        "periodic": {"package": "ase", "loader": lawless, "elements": ["Cu", "Al"]},
    }
    for name, entry in entries.items():
        model = folder / f"models/{name}/model.json"
        write_json(model, {"name": name, "checkpoint": "none", "dtype": "float64", **entry})
        ended = run(
            *(SCRIPTS / "run_conformance.py", "--model", model, "--inputs", index),
            *("--lock", folder / "environment.lock", "--record", model.parent / "conformance/batch-000.json"),
        )
        assert ended.returncode == 0, ended.stderr
    record = folder / "models/broken/conformance/batch-000.json"
    row = {"law": "permutation", "system": "slab", "quantity": "force_meV_A", "tolerance": 0.1, "required": True}
    write_json(
        record.parent / "permutation/law.json",
        {"measurements": [row | {"value": 20.0, "passed": False}], "failures": []},
    )
    result = {"status": "ok", "reason": None, "message": None, "observations": SEEN, "files": {"law.json": "0"}}
    write_json(
        record, {"model": "broken", "cases": {"permutation": result}, "device": "cpu", "threads": 1, "hardware": {}}
    )
    return folder


@pytest.fixture(scope="module")
def table(campaign) -> pd.DataFrame:
    return score(CASES, read_results(sorted(campaign.glob("models/*/conformance/batch-*.json"))), CARDS)


@pytest.fixture(scope="module")
def totals(table) -> pd.DataFrame:
    return summarise(table, CARDS).set_index("model")


def test_a_job_measures_every_law_and_can_be_resumed(campaign):
    record = json.loads((campaign / "models/emt/conformance/batch-000.json").read_text())
    assert (record["n_ok"], record["n_total"], record["status"]) == (3, 3, "ok")
    assert list(record["cases"]) == CASES
    assert record["cases"]["permutation"]["observations"]["n_measured"] > 10


def test_a_law_that_fails_on_one_structure_has_the_numbers_of_the_others(table):
    rows = table[(table["model"] == "periodic") & (table["case"] == "permutation")]
    failed = rows[rows["status"] == "failed"]
    assert list(failed["system"]) == ["molecule"] and "a crystal, please" in failed["message"].iloc[0]
    assert set(rows.loc[rows["status"] == "ok", "system"]) == {"crystal", "compound", "small cell", "slab"}


def test_rows_carry_units_and_verdicts(table):
    assert list(table.columns[:5]) == ["model", "case", "status", "reason", "message"]
    row = table[table["model"] == "broken"].iloc[0]
    assert (row["quantity"], row["unit"], row["value"], row["passed"]) == ("force", "meV/Å", 20.0, False)
    assert row["value_over_tolerance"] == pytest.approx(200.0)
    assert set(table.loc[table["model"] == "absent", "status"]) == {"missing"}
    assert split_quantity("stress_derivative_meV_A3") == ("stress_derivative", "meV/Å³")
    assert split_quantity("wrong_answers") == ("wrong_answers", None)


def test_the_summary_says_who_obeys(totals):
    assert totals.loc["emt", "passed"] and totals.loc["emt", "n_broken"] == 0
    assert totals.loc["broken", "broken"] == "permutation" and not totals.loc["broken", "passed"]
    assert totals.loc["broken", "permutation_force_meV_A"] == 20.0
    assert np.isnan(totals.loc["broken", "rotation_force_meV_A"])
    assert totals.loc["periodic", "failures"] == "error (2)" and not totals.loc["periodic", "passed"]
    assert totals.loc["absent", "n_missing"] == 3 and totals.loc["absent", "passed"] is None
    assert (totals.loc["emt", ["dtype", "device", "batching"]] == ["float64", "cpu", "loop"]).all()


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text"))]


def test_the_figure_marks_broken_laws_failures_and_what_is_missing(table):
    figure = law_figure(table, CARDS)
    shown = texts(figure)
    assert "2.3" in shown and "–" in shown and any(text.endswith("*") for text in shown)
    frames = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    assert len(frames) == 1
    assert "no law was measured" in texts(law_figure(table[table["model"] == "absent"], CARDS))


def test_the_programs_make_tables_and_the_figure(campaign):
    cards = json.dumps(CARDS)
    words = ["--inputs", campaign / "inputs/batch-000.json", "--cards", cards]
    words += ["--table", campaign / "tables/conformance.csv", "--summary", campaign / "tables/conformance_summary.csv"]
    refused = run(SCRIPTS / "score_conformance.py", *words)
    assert refused.returncode == 1 and "No law has been measured yet" in refused.stderr
    records = sorted(campaign.glob("models/*/conformance/batch-*.json"))
    made = run(SCRIPTS / "score_conformance.py", *words, "--records", *records)
    assert made.returncode == 0, made.stderr
    assert len(read_table(campaign / "tables/conformance_summary.csv")) == 4
    drawn = run(
        *(SCRIPTS / "plot_conformance.py", "--table", campaign / "tables/conformance.csv", "--cards", cards),
        *("--folder", campaign / "figures"),
    )
    assert drawn.returncode == 0, drawn.stderr
    assert {path.name for path in (campaign / "figures").iterdir()} == {"laws.png", "laws.svg"}


def test_the_chapter_has_all_laws_or_those_that_are_named():
    block = {"protocol": 1, "laws": "all", "batch_size": 50}
    chapter = conformance_chapter({"conformance": block}, {"emt": {}}, [])
    assert chapter.cases == list(LAWS) and list(chapter.batches) == ["000"]
    assert not conformance_chapter({"conformance": block | {"laws": []}}, {"emt": {}}, []).batches
    with pytest.raises(UserError, match="'rotatoin' is not a law; did you mean 'rotation'"):
        conformance_chapter({"conformance": block | {"laws": ["rotatoin"]}}, {"emt": {}}, [])
