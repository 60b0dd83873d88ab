"""What the figures of the Widom chapter say, also where there is little or nothing to show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from channel_campaign import CARDS, CASE, SEED, SETTINGS, write_campaign
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection
from matplotlib.container import BarContainer

from assay.results import read_results
from assay.widom.energy_figures import histogram_figure, profile_figure
from assay.widom.experiments import Experiment, Measured
from assay.widom.figures import heat_figure, henry_figure, temperature_figure
from assay.widom.map_figures import energy_map_figure, free_energy_map_figure
from assay.widom.raw import read_all_energies, read_prepared, read_views
from assay.widom.scores import score

T = SETTINGS["temperature_K"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("widom")
    write_campaign(folder, 1500)
    prepared = read_prepared([folder / "inputs/batch-000.json"])
    results = read_results(sorted(folder.glob("models/*/widom/batch-000.json")))
    measured = Experiment(
        guest="x",
        host="y",
        henry_coefficients=(Measured(4e-6, "10.1/1", T), Measured(9e-6, "10.1/2", T)),
        heats=(Measured(14.0, "10.1/1"),),
    )
    views, hosts = read_views(prepared)
    return {
        "table": score(prepared, results, {CASE: measured}, CARDS, SETTINGS, SEED),
        "bare": score(prepared, results, {}, CARDS, SETTINGS, SEED),
        "missing": score(prepared, {}, {}, CARDS, SETTINGS, SEED),
        "energies": read_all_energies(prepared, results),
        "views": views,
        "hosts": hosts,
    }


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text")))


@pytest.mark.parametrize(
    ("draw", "label"),
    [(henry_figure, "Henry coefficient at 300 K (mol/kg/Pa)"), (heat_figure, "heat of adsorption at 300 K (kJ/mol)")],
)
def test_dots_name_every_model_and_what_became_of_it(data, draw, label):
    shown = texts(draw(data["table"], CARDS, T))
    for words in ("Sound", "Holey", "failed: non_finite", "not run", "experiment", "hollow: a hole", CASE, label):
        assert words in shown
    # the holey model's value is far off the axis, which stays on what can be compared
    assert "→" in shown


def test_the_axis_is_not_stretched_by_a_hole(data):
    low, high = henry_figure(data["table"], CARDS, T).axes[0].get_xlim()
    assert 1e-9 < low < high < 1e-2


def test_without_experiment_there_is_no_black_line(data):
    shown = texts(henry_figure(data["bare"], CARDS, T))
    assert "experiment" not in shown and "Sound" in shown


def test_a_model_without_any_weight_says_so(data):
    table = data["bare"].copy()
    own = table["model"] == "holey"
    for name in ("henry_coefficient_mol_kg_Pa", "henry_coefficient_low_mol_kg_Pa", "henry_coefficient_high_mol_kg_Pa"):
        table.loc[own, name] = 0.0
    table.loc[own, "heat_of_adsorption_kJ_mol"] = np.nan
    table.loc[own, "n_effective"] = 0.0
    assert "no attempt has weight" in texts(henry_figure(table, CARDS, T))
    assert "no attempt has weight" in texts(heat_figure(table, CARDS, T))
    assert texts(temperature_figure(table, CARDS))


def test_a_number_too_large_for_floats_is_beyond_the_axis(data):
    table = data["bare"].copy()
    table.loc[table["model"] == "holey", "henry_coefficient_mol_kg_Pa"] = np.inf
    assert "beyond all numbers" in texts(henry_figure(table, CARDS, T))


def test_where_nothing_is_trusted_the_values_are_still_shown(data):
    table = data["bare"].copy()
    table["trusted"] = table["trusted"].where(table["trusted"].isna(), False)
    axes = henry_figure(table, CARDS, T).axes[0]
    value = table.loc[(table["model"] == "sound") & (table["temperature_K"] == T), "henry_coefficient_mol_kg_Pa"].iloc[
        0
    ]
    assert axes.get_xlim()[0] < value < axes.get_xlim()[1]
    assert [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"] == ["white", "white"]


def test_temperatures_name_models_beyond_the_axis(data):
    shown = texts(temperature_figure(data["table"], CARDS))
    for words in ("Sound", "beyond the axis: Holey", "1000 K / temperature", "experiment"):
        assert words in shown


def test_the_histogram_counts_what_it_does_not_show(data):
    figure = histogram_figure(data["energies"], [CASE], CARDS, T, 5.0)
    shown = texts(figure)
    for words in ("of 1,500", "above 5 eV", "1 no number", "1 skipped", "overlaps of nuclei", "±kT at 300 K"):
        assert words in shown
    assert len(figure.axes) == 2
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim() and first.get_ylim() == second.get_ylim()
    bars = next(item for item in first.containers if isinstance(item, BarContainer))
    energies = data["energies"]["sound", CASE]
    inside = (energies.energies_eV <= 5.0) & ~energies.overlaps
    assert sum(bar.get_height() for bar in bars) == pytest.approx(inside.mean())


def test_the_profile_starts_in_the_pore_and_meets_the_wall(data):
    figure = profile_figure(data["energies"], data["views"], CARDS, T)
    axes = figure.axes[0]
    curve = next(line for line in axes.lines if line.get_label() == "Sound")
    values = dict(zip(np.round(curve.get_xdata(), 2), curve.get_ydata(), strict=True))
    assert values[0.25] < 0 < values[3.75]
    assert "nearest atom" in texts(figure)


def test_maps_leave_the_walls_blank(data):
    for draw, label in ((energy_map_figure, "blank above 5 eV"), (free_energy_map_figure, "blank above 20 kT")):
        figure = draw(data["energies"], data["views"], data["hosts"], CARDS, SETTINGS)
        shown = texts(figure)
        for words in ("Sound", "Holey", "per tile", label):
            assert words in shown
        panels = [axes for axes in figure.axes if axes.get_xlabel() == "Å"]
        assert [panel.get_xlim() for panel in panels] == [(-25.0, 25.0)] * 2
        tiles = [item for panel in panels for item in panel.collections if isinstance(item, PolyCollection)]
        assert tiles[0].norm is tiles[1].norm
        n_tiles = 2500 / (1.5**2 * np.sqrt(3) / 2)
        assert 0.02 * n_tiles < len(tiles[0].get_paths()) < 0.8 * n_tiles
        assert tiles[0].get_array().max() <= tiles[0].norm.vmax


def test_figures_without_any_result_say_so(data):
    missing = data["missing"]
    assert "not run" in texts(henry_figure(missing, CARDS, T)) and "not run" in texts(heat_figure(missing, CARDS, T))
    assert "no model has a result" in texts(temperature_figure(missing, CARDS))
    nothing = ({}, data["views"])
    assert "no model has a result" in texts(histogram_figure({}, [CASE], CARDS, T, 5.0))
    assert "no model has a result" in texts(profile_figure(*nothing, CARDS, T))
    for draw in (energy_map_figure, free_energy_map_figure):
        assert "no model has a result" in texts(draw(*nothing, data["hosts"], CARDS, SETTINGS))


def test_several_cases_have_a_panel_each(data):
    table = pd.concat([data["table"], data["table"].assign(case="other")])
    assert len(henry_figure(table, CARDS, T).axes) == 2
    assert len(temperature_figure(table, CARDS).axes) == 2
    energies = data["energies"] | {("sound", "other"): data["energies"]["sound", CASE]}
    views, hosts = (data[name] | {"other": data[name][CASE]} for name in ("views", "hosts"))
    figure = histogram_figure(energies, [CASE, "other"], CARDS, T, 5.0)
    assert len(figure.axes) == 4 and "no result" in texts(figure)
    assert len(profile_figure(energies, views, CARDS, T).axes) == 2
    shown = texts(energy_map_figure(energies, views, hosts, CARDS, SETTINGS))
    assert "Sound\nother" in shown and "Holey\nother" not in shown
