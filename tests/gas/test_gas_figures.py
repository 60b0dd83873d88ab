"""Figures of a made-up campaign name what they show and what is missing, and are drawn where there is nothing too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_up_gas import write_inputs, write_model

from assay.gas.analysis import analyse_all, read_prepared
from assay.gas.energy_figures import drift_figure, energy_figure, survival_figure
from assay.gas.kinetic_theory import read_gas
from assay.gas.molecule_figures import (
    diffusion_figure,
    displacement_figure,
    speed_figure,
    structure_figure,
    vibration_figure,
)
from assay.gas.scores import score
from assay.gas.summary import summarise
from assay.report.chapter_page import chapter_section
from assay.report.gas import PAGE
from assay.results import read_results
from assay.tables import write_table

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = ROOT / "resources/experiments/CO2-gas.yaml"
GAS = read_gas(EXPERIMENTS)
CARDS = [
    {"model": "good", "label": "Good", "colour": "#0072B2", "level_of_theory": "PBE"},
    {"model": "hot", "label": "Hot", "colour": "#D55E00", "level_of_theory": "PBE"},
    {"model": "absent", "label": "Absent", "colour": "#009E73"},
]
NAMES = ("energies", "drift", "msd", "diffusion", "rdf", "speeds", "vibrations", "survival")


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> SimpleNamespace:
    """`good` lasts; `hot` breaks a bond in one run and explodes in the other, and failed at 400 K."""
    folder = tmp_path_factory.mktemp("gas")
    inputs = write_inputs(folder, [300, 400])
    records = [
        write_model(folder, inputs, "good", diffusion_m2_s=2e-9),
        write_model(
            folder, inputs, "hot", drift=-9.0, broken_from_fs=1000.0, explodes_at_fs=2000.0, fails=["CO2-400K"]
        ),
    ]
    prepared, results = read_prepared([inputs.index]), read_results(records)
    analyses = analyse_all(prepared, results, [card["model"] for card in CARDS], 1.5)
    table = score(prepared, results, analyses, CARDS, GAS, "good")
    return SimpleNamespace(
        folder=folder, index=inputs.index, records=records, prepared=prepared, analyses=analyses, table=table
    )


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text")))


def test_energies_are_drawn_for_every_run_and_the_missing_are_named(campaign):
    figure = energy_figure(campaign.prepared, campaign.analyses, CARDS)
    shown = texts(figure)
    assert "Nothing to show of Hot (CO2-400K), Absent." in shown
    assert "CO2, 400 K, 0.234 g/cm³" in shown and "Good" in shown
    # two runs of two models, and the line at zero
    assert len(figure.axes[0].lines) == 5
    time_ps = figure.axes[0].lines[0].get_xdata()
    assert time_ps[0] < 0.02 and time_ps[-1] > 3.98
    assert figure.axes[0].get_yscale() == "symlog" and figure.axes[2].get_yscale() == "linear"


def test_drift_tells_growth_from_fall_and_limits(campaign):
    shown = texts(drift_figure(campaign.table, CARDS))
    assert "energy falls" in shown and "energy grows" not in shown and "all runs exploded" not in shown
    assert "without a time step" in shown
    grown = campaign.table.copy()
    grown["drift_fit_meV_per_atom_ps"] = grown["drift_fit_meV_per_atom_ps"].abs() + 1
    grown["n_exploded"] = grown["n_repeats"]
    shown = texts(drift_figure(grown, CARDS))
    assert "energy grows" in shown and "all runs exploded" in shown
    grown["drift_fit_stderr_meV_per_atom_ps"] = 100.0
    assert "less than this" in texts(drift_figure(grown, CARDS))


def test_displacements_mark_the_diffusive_regime(campaign):
    shown = texts(displacement_figure(campaign.prepared, campaign.analyses, CARDS))
    assert "diffusive regime" in shown and "~ t²" in shown and "Nothing to show of Hot, Absent." in shown


def test_diffusion_stands_in_the_band_of_its_density(campaign):
    figure = diffusion_figure(campaign.table, campaign.prepared, CARDS, GAS)
    shown = texts(figure)
    assert "Enskog" in shown and "experiment, n D = constant" in shown and "Good" in shown
    axes = figure.axes[0]
    enskog = axes.lines[0].get_ydata()
    assert 4e-8 < enskog.min() < enskog.max() < 1e-7
    assert "Enskog" not in texts(diffusion_figure(campaign.table, campaign.prepared, CARDS, None))
    hollow = campaign.table.copy()
    hollow["diffusion_route"] = "persistent walk"
    assert "no diffusive regime yet" in texts(diffusion_figure(hollow, campaign.prepared, CARDS, GAS))


def test_pair_distributions_have_a_panel_per_pair(campaign):
    figure = structure_figure(campaign.prepared, campaign.analyses, CARDS, "good")
    shown = texts(figure)
    for pair in ("C-C", "C-O", "O-O"):
        assert f"{pair} distance (Å)" in shown
    assert len(figure.axes) == 6
    assert figure.axes[0].lines[0].get_linestyle() == "--"


def test_speeds_stand_beside_maxwell(campaign):
    figure = speed_figure(campaign.prepared, campaign.analyses, CARDS)
    assert "Maxwell" in texts(figure)
    histogram, maxwell = figure.axes[0].lines
    for line in (histogram, maxwell):
        assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(1.0, abs=0.01)
    assert np.abs(histogram.get_ydata() - np.interp(histogram.get_xdata(), *maxwell.get_data())).max() < 0.1


def test_vibrations_stand_beside_the_experiment(campaign):
    figure = vibration_figure(campaign.prepared, campaign.analyses, CARDS, GAS)
    assert "experiment" in texts(figure)
    marked = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert marked == [667, 1333, 2349]
    assert "experiment" not in texts(vibration_figure(campaign.prepared, campaign.analyses, CARDS, None))


def test_survival_marks_explosions(campaign):
    figure = survival_figure(campaign.prepared, campaign.analyses, CARDS)
    assert "explosion" in texts(figure)
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "X"]
    assert [line.get_xdata()[0] for line in crosses] == [pytest.approx(2.0)]
    assert figure.axes[0].get_ylim()[0] > 0.8


def test_every_figure_says_that_it_is_empty(campaign):
    prepared, nothing = campaign.prepared, campaign.table[campaign.table["model"] == "absent"]
    for draw in (displacement_figure, structure_figure, speed_figure):
        assert "no model has a stable run" in texts(draw(prepared, {}, CARDS))
    assert "no model has a stable run" in texts(vibration_figure(prepared, {}, CARDS, GAS))
    assert "no model has a run with molecules" in texts(survival_figure(prepared, {}, CARDS))
    assert "no model has a run" in texts(energy_figure(prepared, {}, CARDS))
    assert "no model has a run" in texts(drift_figure(nothing, CARDS))
    assert "no model has a diffusion coefficient" in texts(diffusion_figure(nothing, prepared, CARDS, GAS))


def test_the_program_draws_all_figures_and_the_report_shows_them(campaign, shipped_config):
    results = campaign.folder / "results"
    write_table(results / "tables/gas.csv", campaign.table)
    assert chapter_section(PAGE, results, shipped_config) == ""
    write_table(results / "tables/gas_summary.csv", summarise(campaign.table))
    settings = json.dumps({"yardstick": "good", "bond_limit": 1.5, "experiments": ""})
    command = [sys.executable, ROOT / "workflow/scripts/plot_gas.py", "--inputs", campaign.index, "--records"]
    command += [*campaign.records, "--table", results / "tables/gas.csv", "--cards", json.dumps(CARDS)]
    subprocess.run([*command, "--settings", settings, "--folder", results / "figures/gas"], check=True)
    names = {path.name for path in (results / "figures/gas").iterdir()}
    assert names == {f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")}
    page = chapter_section(PAGE, results, shipped_config)
    assert page.count("<figure>") == len(NAMES) and "drift_fit_meV_per_atom_ps" in page
