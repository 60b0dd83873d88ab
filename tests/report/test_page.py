"""The report's page: self-contained, well formed, and honest about what is not there."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from assay.interactive import line, write_plot
from assay.report import adsorption, conformance, diatomics, gas, phonons, speed, widom
from assay.report.chapter_page import chapter_section
from assay.report.criteria import CRITERIA
from assay.report.document import document
from assay.report.general import introduction
from assay.report.headlines import HEADLINES
from assay.report.html import caption, figure_html, summary_html
from assay.report.interactive import interactive_html
from assay.report.overview import laws_cell, overview_section, step_costs
from assay.report.rank_table import rank_rows, ranks_section
from assay.report.training_data import training_data_section
from assay.style import new_figure, save_figures

PAGES = (diatomics.PAGE, phonons.PAGE, gas.PAGE, widom.PAGE, adsorption.PAGE, speed.PAGE, conformance.PAGE)
VOID = {"meta", "img", "br", "input", "link"}


class Balanced(HTMLParser):
    """Raises where elements are not closed in their order, and collects what is loaded from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded, self.ids = [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.loaded += [given["src"]] if "src" in given else []
        self.loaded += [given["href"]] if tag == "link" else []
        self.ids += [given["id"]] if "id" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def results(tmp_path):
    tables = tmp_path / "tables"
    tables.mkdir()
    frame = pd.DataFrame(
        {
            "model": ["a", "b<i>", "c"],
            "n_ok": [10, 9, 0],
            "n_total": [10, 10, 10],
            "n_reference": [10, 9, 0],
            "zone_mae_THz": [1.0, 3.0, np.nan],
            "zone_mae_stderr_THz": [0.2, 0.3, np.nan],
            "level_of_theory_model": ["PBE", "r2SCAN", "PBE"],
            "level_of_theory_reference": ["PBE"] * 3,
            "levels_agree": [True, False, True],
        }
    )
    frame.to_csv(tables / "phonons_summary.csv", index=False)
    rows = {"model": ["a", "a", "b<i>"], "device": ["cpu", "cuda:0", "cpu"]}
    speeds = pd.DataFrame(rows | {"ns_per_day_100_atoms": [0.0864, 8.64, np.nan], "ns_per_day_1000_atoms": np.nan})
    speeds.to_csv(tables / "speed_summary.csv", index=False)
    return tmp_path


CARDS = [{"model": name, "label": name.upper(), "level_of_theory": "PBE"} for name in ("a", "b<i>", "c")]
RECORDS = [
    {"model": "a", "chapter": "phonons", "n_ok": 10, "n_total": 10, "cases": {}},
    {"model": "c", "chapter": "phonons", "n_ok": 0, "n_total": 2}
    | {"cases": {name: {"status": "failed", "reason": "crashed"} for name in ("x", "y")}},
]


def test_the_page_is_well_formed_and_loads_nothing(results, shipped_config):
    sections = [overview_section(results, CARDS, RECORDS), chapter_section(phonons.PAGE, results, shipped_config), ""]
    page = document("A <title>", introduction(RECORDS), sections)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == [] and parser.ids == ["overview", "phonons"]
    assert all(address.startswith("data:") for address in parser.loaded)
    assert "<b<i>" not in page and "B&lt;I&gt;" in page and "A &lt;title&gt;" in page
    assert "Plotly.newPlot" in page and "plotly.js v" not in page  # without plots there is no need for its script


def test_the_overview_has_errors_counts_failures_and_costs(results):
    section = overview_section(results, CARDS, RECORDS)
    assert "1.00 ± 0.20 <small>(10 of 10)</small>" in section and "3.00 ± 0.30 <small>(9 of 10)</small>" in section
    assert "2 crashed" in section and "0 of 2" in section
    assert "1 <small>(cpu)</small>, 0.01 <small>(cuda:0)</small>" in section


def test_the_smallest_number_is_the_darkest(results):
    shares = [float(share) for share in re.findall(r"--share:([\d.]+)", overview_section(results, CARDS, RECORDS))]
    assert shares[0] == 1 and shares[1] == pytest.approx(1 - np.log10(3), abs=0.01) and len(shares) == 2


def test_a_step_is_told_in_seconds():
    table = pd.DataFrame({"model": ["a"], "device": ["cpu"], "ns_per_day_100_atoms": [0.0864]})
    assert step_costs(table) == {("a", 100): {"cpu": pytest.approx(1.0)}}


def test_laws_that_a_model_breaks_are_named():
    counts = {"n_ok": [13, 14, 14], "n_broken": [2, 0, 0], "broken": ["rotation, net force", np.nan, np.nan]}
    summary = pd.DataFrame(counts | {"conservative": [True, True, False]}, index=["a", "b", "direct"])
    assert "2 of 13 <small>(rotation, net force)</small>" in laws_cell(summary, "a")
    assert laws_cell(summary, "b").endswith(">0 of 14</td>") and laws_cell(summary, "c") == "<td>–</td>"
    assert "0 of 14 <small>(direct forces)</small>" in laws_cell(summary, "direct")


def test_training_data_has_a_section_where_there_is_any(tmp_path):
    assert training_data_section(tmp_path) == ""
    (tmp_path / "tables").mkdir()
    pairs = pd.DataFrame({"dataset": ["b<i>", "b<i>"], "pair": ["all", "Al-Cu"], "n_pairs": [12, 5]})
    pairs.to_csv(tmp_path / "tables/datasets.csv", index=False)
    section = training_data_section(tmp_path)
    assert "<h3>b&lt;i&gt;</h3>" in section and section.count("There is no figure") == 2 and "Al-Cu" in section
    assert "synthetic" not in section
    pd.DataFrame({"model": ["schnet"], "n_train": [16]}).to_csv(tmp_path / "tables/training.csv", index=False)
    assert "synthetic" in training_data_section(tmp_path)


def test_another_level_of_theory_is_told(results, shipped_config):
    section = chapter_section(phonons.PAGE, results, shipped_config)
    assert "b&lt;i&gt; (r2SCAN against PBE)" in section and section.count('class="note"') == 1 + len(
        phonons.PAGE.figures
    )


def test_errors_stand_beside_their_numbers(results):
    text = summary_html(results / "tables/phonons_summary.csv")
    assert "1.00 ± 0.20" in text and "zone_mae_stderr_THz" not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.chapter)
def test_every_figure_and_table_has_a_caption(page, shipped_config):
    assert all(caption(page.chapter, name) for name in page.figures)
    assert re.search(r"\d", page.protocol(shipped_config[page.chapter]))
    assert f"{page.chapter}_summary" in page.tables
    assert (ROOT / f"workflow/report/{page.chapter}_summary.rst").exists()


def test_a_figure_that_is_not_there_is_told(tmp_path):
    assert "no figure nothing.png" in figure_html(tmp_path / "nothing.png", "caption")


def test_pictures_have_letters_of_one_size(tmp_path):
    figure, _ = new_figure(width=5, height=2)
    save_figures({"one": figure}, tmp_path)
    pixels, width = 5 * 200, int(re.search(r'width="(\d+)"', figure_html(tmp_path / "one.png", "words"))[1])
    assert width == pytest.approx(0.6 * pixels, rel=0.02)


def test_a_plot_holds_its_data_and_no_end_of_script(tmp_path):
    path = tmp_path / "curves.plotly.json"
    lines = [line(np.array([1.0, 2.0]), np.array([np.nan, 1 / 3]), "</script>", "#000000")] * 2
    write_plot(path, {"H-H": lines, "N-N": lines[:1]}, {"H-H": {"x": 1}, "N-N": {"x": 2}})
    plot = json.loads(path.read_text())
    assert plot["data"][0]["y"] == [None, 0.333333]
    assert [trace["visible"] for trace in plot["data"]] == [True, True, False]
    assert [trace["showlegend"] for trace in plot["data"]] == [True, False, True]
    (menu,) = plot["layout"]["updatemenus"]
    assert menu["buttons"][1]["args"] == [{"visible": [False, False, True]}, {"x": 2}]
    text = interactive_html(path, "curves")
    assert text.count("</script>") == 1
    embedded = re.search(r'<script type="application/json">(.*)</script>', text)[1]
    assert json.loads(embedded) == plot
    assert interactive_html(tmp_path / "none", "curves") == ""


def test_a_plot_of_nothing_is_empty(tmp_path):
    write_plot(tmp_path / "none.plotly.json", {}, {})
    assert json.loads((tmp_path / "none.plotly.json").read_text()) == {"data": [], "layout": {"updatemenus": []}}


def test_headlines_name_columns_of_their_tables():
    described = {headline.chapter for headline in HEADLINES}
    assert described <= {page.chapter for page in PAGES}


def test_ranks_come_with_their_interval_and_the_common_cases(tmp_path):
    cases = [f"c{number}" for number in range(8)]
    rows = [
        {"model": model, "case": case, "status": "ok", "zone_mean_absolute_error_THz": error + 0.1 * number}
        for model, error in (("near", 1.0), ("far", 5.0))
        for number, case in enumerate(cases)
    ]
    table = pd.DataFrame(rows)
    table.loc[len(cases), ["status", "zone_mean_absolute_error_THz"]] = ["failed", np.nan]
    ranked = rank_rows("phonons", CRITERIA["phonons"][0], table, seed=1)
    assert ranked["model"].tolist() == ["near", "far"]
    assert ranked["mean rank"].tolist() == ["1.00 (1.00 to 1.00)", "2.00 (2.00 to 2.00)"]
    assert ranked["ok of cases"].tolist() == ["8 of 8", "7 of 8"] and set(ranked["common cases"]) == {7}
    assert ranked["first"].tolist() == ["100 %", "0 %"]
    (tmp_path / "tables").mkdir()
    assert ranks_section(tmp_path, seed=1) == ""
    table.to_csv(tmp_path / "tables/phonons.csv", index=False)
    assert ranks_section(tmp_path, seed=1).count('<td class="text">phonons</td>') == 2
    assert rank_rows("phonons", CRITERIA["phonons"][0], table[table["model"] == "near"], seed=1).empty
