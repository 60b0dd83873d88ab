"""Figures of a made-up campaign: what they show, and what they say where there is nothing to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_isotherms import CARDS, PRESSURES_BAR, SEED, SETTINGS, SYSTEM, write_campaign
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from assay.adsorption.analysis import analyse, metals_of, read_prepared
from assay.adsorption.chain_figures import molecules_figure
from assay.adsorption.density_figures import choose, density_figure, distance_figure
from assay.adsorption.experiments import read_experiment
from assay.adsorption.figures import acceptance_figure, heat_figure, isotherm_figure, low_pressure_figure
from assay.adsorption.isotherm_scores import score_isotherms
from assay.adsorption.scores import score
from assay.results import read_results
from assay.style import plt
from assay.tables import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = {SYSTEM: read_experiment(ROOT / "resources/experiments/CO2-isotherms-in-Mg-MOF-74.yaml")}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict:
    """Tables as they are read back, and the chains."""
    folder = tmp_path_factory.mktemp("figures")
    write_campaign(folder)
    prepared = read_prepared([folder / "inputs/batch-000.json"])
    results = read_results(sorted(folder.glob("models/*/adsorption/batch-000.json")))
    runs = analyse(prepared, results, SETTINGS)
    metals = metals_of(prepared)
    found = {"runs": runs, "shown": choose(runs, CARDS), "prepared": prepared}
    for name, some_results, some_runs in (("table", results, runs), ("nothing", {}, {})):
        table = score(prepared, some_results, some_runs, EXPERIMENTS, metals, CARDS, SETTINGS, SEED)
        for suffix, content in (("", table), ("_isotherms", score_isotherms(table, None, EXPERIMENTS, CARDS))):
            write_table(folder / f"{name}{suffix}.csv", content)
            found[name + suffix] = read_table(folder / f"{name}{suffix}.csv")
    return found


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    shown = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return "\n".join(shown)


def with_widom(isotherms: pd.DataFrame, henry: float) -> pd.DataFrame:
    return isotherms.assign(henry_widom_mol_kg_Pa=np.where(isotherms["model"] == "sound", henry, np.nan))


def test_isotherms_show_models_fits_experiments_and_simulations(data):
    figure = isotherm_figure(data["table"], data["table_isotherms"], EXPERIMENTS, CARDS)
    shown = texts(figure)
    for words in ("Sound", "Drifting", "experiment, Yu 2013", "simulation, Mercado 2016", "line: Langmuir fit"):
        assert words in shown
    assert "hollow: not equilibrated" in shown and "Broken" not in shown
    axes = figure.axes[0]
    fits = [line for line in axes.lines if len(line.get_xdata()) == 200]
    assert [line.get_color() for line in fits] == [CARDS[0]["colour"]]
    drifting = [line for line in axes.lines if line.get_color() == CARDS[1]["colour"] and line.get_marker() == "o"]
    assert {line.get_markerfacecolor() for line in drifting} == {"white"}
    assert axes.get_xlim()[0] == 0 and axes.get_ylim()[0] == 0


def test_the_fit_runs_through_the_points(data):
    axes = isotherm_figure(data["table"], data["table_isotherms"], {}, CARDS).axes[0]
    (fit,) = [line for line in axes.lines if len(line.get_xdata()) == 200]
    rows = data["table"][data["table"]["model"] == "sound"]
    drawn = np.interp(rows["pressure_bar"], fit.get_xdata(), fit.get_ydata())
    assert drawn == pytest.approx(rows["loading_mol_kg"].to_numpy(), rel=0.05)


def test_low_pressures_have_henrys_line(data):
    isotherms = with_widom(data["table_isotherms"], 2e-3)
    figure = low_pressure_figure(data["table"], isotherms, EXPERIMENTS, CARDS)
    axes = figure.axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log" and "Henry's law, Widom" in texts(figure)
    (line,) = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert line.get_ydata() / line.get_xdata() == pytest.approx(2e-3 * 1e5)
    bare = low_pressure_figure(data["table"], data["table_isotherms"], EXPERIMENTS, CARDS)
    assert "Henry's law" not in texts(bare)


def test_heats_have_the_measured_band(data):
    figure = heat_figure(data["table"], EXPERIMENTS, CARDS)
    shown = texts(figure)
    for words in ("Sound", "experiment at low loading", "spread of laboratories"):
        assert words in shown
    low, high = figure.axes[0].get_ylim()
    assert low < 39 and high > 44


def test_a_heat_that_is_hardly_known_does_not_widen_the_axis(data):
    table = data["table"].copy()
    worst = table.index[table["model"] == "sound"][0]
    table.loc[worst, ["isosteric_heat_kJ_mol", "isosteric_heat_stderr_kJ_mol"]] = 900.0, 400.0
    assert heat_figure(table, EXPERIMENTS, CARDS).axes[0].get_ylim()[1] < 100


def test_acceptance_has_a_panel_for_each_move(data):
    figure = acceptance_figure(data["table"], CARDS)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["translation", "rotation", "insertion", "deletion"]
    none_tried = data["table"].assign(acceptance_translation=np.nan)
    assert "none was tried" in texts(acceptance_figure(none_tried, CARDS))


def test_chains_of_all_pressures_and_their_starts(data):
    figure = molecules_figure(data["runs"], CARDS)
    shown = texts(figure)
    for words in ("Sound", "Drifting", "0.01 bar", "3 bar", "start of production", "molecules in 3 cells"):
        assert words in shown
    sound = figure.axes[0]
    dots = [line for line in sound.lines if line.get_marker() == "o"]
    assert len(dots) == 2 * len(PRESSURES_BAR) == len(sound.lines) - len(dots)


def test_the_highest_equilibrated_pressure_is_shown(data):
    assert [one.title for one in data["shown"]] == ["Sound, 3 bar", "Drifting, 1 bar, not equilibrated"]


def test_maps_have_a_row_per_model_and_a_column_per_element(data):
    figure = density_figure(data["shown"], SETTINGS)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left")[:8] for axes in panels] == ["C\nSound,", "O\nSound,", "C\nDrifti", "O\nDrifti"]
    assert all(axes.get_xlim() == (-15, 15) for axes in panels)
    tiles = [item for axes in panels for item in axes.collections if isinstance(item, PolyCollection)]
    assert len({id(item.norm) for item in tiles}) == 1
    assert max(item.get_array().max() for item in tiles) == pytest.approx(tiles[0].norm.vmax)


def test_oxygen_is_where_it_was_put(data):
    figure = distance_figure(data["shown"], EXPERIMENTS)
    carbon, oxygen = figure.axes
    assert (carbon.get_title(loc="left"), oxygen.get_title(loc="left")) == ("metal – C", "metal – O")
    curve = oxygen.lines[0]
    near = curve.get_xdata() < 3
    assert curve.get_xdata()[near][np.argmax(curve.get_ydata()[near])] == pytest.approx(2.2, abs=0.15)
    # the measured distance is that of the nearest atom
    assert any(line.get_linestyle() == ":" for line in oxygen.lines)
    assert not any(line.get_linestyle() == ":" and len(line.get_xdata()) for line in carbon.lines)


def test_figures_without_any_result_say_so(data):
    table, isotherms = data["nothing"], data["nothing_isotherms"]
    nothing = "no model has a result"
    assert nothing in texts(isotherm_figure(table, isotherms, EXPERIMENTS, CARDS))
    assert nothing in texts(low_pressure_figure(table, isotherms, EXPERIMENTS, CARDS))
    assert nothing in texts(heat_figure(table, EXPERIMENTS, CARDS))
    assert nothing in texts(acceptance_figure(table, CARDS))
    assert nothing in texts(molecules_figure({}, CARDS))
    assert choose({}, CARDS) == []
    assert "no model has frames" in texts(density_figure([], SETTINGS))
    assert "no model has frames" in texts(distance_figure([], EXPERIMENTS))


def test_several_isotherms_have_a_panel_each(data):
    table = pd.concat([data["table"], data["table"].assign(temperature_K=313.0)])
    isotherms = pd.concat([data["table_isotherms"], data["table_isotherms"].assign(temperature_K=313.0)])
    figure = isotherm_figure(table, isotherms, EXPERIMENTS, CARDS)
    assert [axes.get_title(loc="left")[-5:] for axes in figure.axes] == ["298 K", "313 K"]
    assert len(acceptance_figure(table, CARDS).axes) == 8
