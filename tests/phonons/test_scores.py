from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.failures import UserError
from assay.levels import level_columns
from assay.phonons.figures import band_figure, deviation_figure, parity_figure
from assay.phonons.scores import HEADLINES, SPECTRAL, properties, summarise
from assay.phonons.spectra import Spectrum
from assay.style import save_figure
from assay.tables import read_table, write_table

CARDS = [
    {"model": "a", "label": "A", "colour": "#0072B2", "level_of_theory": "PBE"},
    {"model": "b", "label": "B", "colour": "#D55E00"},
]


def make_table(rows) -> pd.DataFrame:
    """A table by model and crystal with the columns that the summary needs; deviations as given."""
    made = []
    for model, case, status, deviation, imaginary in rows:
        row = {"model": model, "case": case, "status": status, "reason": None if status == "ok" else "crashed"}
        row |= level_columns({"level_of_theory": "r2SCAN" if model == "b" else "PBE(+U)"}, "PBE")
        for quantity in SPECTRAL:
            ok = status == "ok"
            row[quantity.column("reference")] = False if quantity.name == "imaginary" else 10.0
            row[quantity.column()] = (imaginary if quantity.name == "imaginary" else 10.0 + deviation) if ok else None
        row["zone_mean_absolute_error_THz"] = abs(deviation) if status == "ok" else None
        row["residual_force_max_eV_A"] = 0.01 if status == "ok" else None
        made.append(row)
    return pd.DataFrame(made)


@pytest.fixture
def table():
    return make_table(
        [
            ("a", "Si", "ok", 1.0, False),
            ("a", "Al", "ok", -3.0, False),
            ("a", "Cu", "ok", 5.0, True),
            ("b", "Si", "ok", 2.0, False),
            ("b", "Al", "failed", 0.0, False),
            ("b", "Cu", "missing", 0.0, False),
        ]
    )


def test_means_over_all_and_over_the_common_crystals(table):
    summary = summarise(table).set_index("model")
    assert summary.loc["a", "frequency_max_mae_THz"] == pytest.approx(3.0)
    assert summary.loc["a", "frequency_max_bias_THz"] == pytest.approx(1.0)
    assert summary.loc["a", "frequency_max_mae_common_THz"] == pytest.approx(1.0)
    assert summary.loc["b", "frequency_max_mae_common_THz"] == pytest.approx(2.0)
    assert set(summary["n_common"]) == {1}


def test_the_summary_tells_whether_the_levels_of_theory_agree(table):
    summary = summarise(table).set_index("model")
    assert summary["level_of_theory_model"].to_dict() == {"a": "PBE(+U)", "b": "r2SCAN"}
    assert set(summary["level_of_theory_reference"]) == {"PBE"}
    assert summary["levels_agree"].to_dict() == {"a": True, "b": False}
    assert summary.loc["a", "levels_remark"] == "+U in the model only"


def test_the_standard_error_is_that_of_the_mean(table):
    summary = summarise(table).set_index("model")
    expected = np.std([1.0, 3.0, 5.0], ddof=1) / np.sqrt(3)
    assert summary.loc["a", "frequency_max_mae_stderr_THz"] == pytest.approx(expected)
    assert np.isnan(summary.loc["b", "frequency_max_mae_stderr_THz"])


def test_thermal_sums_with_imaginary_modes_are_not_compared(table):
    summary = summarise(table).set_index("model")
    assert summary.loc["a", "entropy_300K_n"] == 2
    assert summary.loc["a", "entropy_300K_mae_J_K_mol"] == pytest.approx(2.0)


def test_common_means_are_over_the_same_crystals_for_every_model():
    rows = [("a", "Si", "ok", 1.0, False), ("a", "Al", "ok", 3.0, False), ("b", "Si", "ok", 2.0, False)]
    summary = summarise(make_table([*rows, ("b", "Al", "ok", 5.0, True)])).set_index("model")
    assert summary["frequency_max_mae_common_THz"].tolist() == [2.0, 3.5]
    assert summary["entropy_300K_mae_common_J_K_mol"].tolist() == [1.0, 2.0]
    assert summary["entropy_300K_n_common"].tolist() == [1, 1]


def test_counts_and_failures(table):
    summary = summarise(table).set_index("model")
    assert summary.loc["b", ["n_ok", "n_total", "n_missing", "failures"]].tolist() == [1, 3, 1, "crashed (1)"]
    assert summary.loc["a", ["true_stable", "false_unstable"]].tolist() == [2, 1]


def test_without_references_the_errors_are_empty_and_results_stay(table):
    for quantity in SPECTRAL:
        table[quantity.column("reference")] = None
    table["zone_mean_absolute_error_THz"] = None
    summary = summarise(table).set_index("model")
    assert summary.loc["a", "n_ok"] == 3
    assert summary.loc["a", "n_reference"] == 0
    assert np.isnan(summary.loc["a", "frequency_max_mae_THz"])


def make_spectrum(shift: float = 0.0) -> Spectrum:
    distances = np.linspace(0, 1, 11)[None]
    branches = np.array([1.0, 2.0, 3.0]) + shift
    return Spectrum(
        band_distances=distances,
        band_labels=np.array([["GAMMA", "X_1"]]),
        band_frequencies=np.sin(np.pi / 2 * distances)[..., None] * branches,
        mesh_qpoints=np.zeros((2, 3)),
        mesh_weights=np.array([1, 7]),
        mesh_frequencies=np.array([[0, 0, 0], branches]),
        commensurate_frequencies=np.array([[0, 0, 0], branches]),
        dos_frequencies=np.linspace(0, 4, 50),
        dos=np.ones(50),
        temperatures_K=np.array([0.0, 300.0]),
        free_energy_kJ_mol=np.array([3.0, 2.0]),
        entropy_J_K_mol=np.array([0.0, 20.0]),
        heat_capacity_J_K_mol=np.array([0.0, 24.0]),
    )


def test_properties_of_a_spectrum():
    numbers = properties(make_spectrum(), 0.05)
    assert numbers["frequency_max"] == pytest.approx(3.0)
    assert numbers["entropy_300K"] == 20.0
    assert numbers["imaginary"] is False
    assert set(properties(None, 0.05).values()) == {None}


def test_imaginary_modes_are_counted_where_nothing_is_interpolated():
    content = make_spectrum()
    content.mesh_frequencies[0, 0] = -0.3
    numbers = properties(content, 0.05)
    assert numbers["frequency_min"] == pytest.approx(-0.3)
    assert numbers["imaginary"] is False
    content.commensurate_frequencies[0, 0] = -0.3
    assert properties(content, 0.05)["imaginary"] is True


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(match=lambda item: hasattr(item, "get_text")))


def test_figures_say_where_data_is_missing(table):
    for quantity in HEADLINES:
        table[quantity.column("reference")] = None
    assert "no crystal with a reference" in texts(deviation_figure(table, CARDS))
    assert "no crystal with a reference" in texts(parity_figure(table, CARDS))
    figure = band_figure(make_spectrum(), None, title="x", card=CARDS[0], level_of_theory_reference=None)
    assert "no reference" in texts(figure)


def test_figures_name_models_counts_and_levels_of_theory(table, tmp_path):
    shown = texts(deviation_figure(table, CARDS))
    assert "A\n3 of 3" in shown and "B\n1 of 3" in shown
    figure = band_figure(
        make_spectrum(), make_spectrum(0.1), title="x", card=CARDS[0], level_of_theory_reference="PBEsol"
    )
    shown = texts(figure)
    assert "reference (PBEsol)" in shown and "A (PBE)" in shown and "X$_{1}$" in shown
    assert [path.name for path in save_figure(figure, tmp_path, "bands")] == ["bands.png", "bands.svg"]
    assert "<text" in (tmp_path / "bands.svg").read_text()


def test_equal_figures_are_equal_files(table, tmp_path):
    for name in ("one", "two"):
        save_figure(parity_figure(table, CARDS), tmp_path, name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_tables_round_trip_and_empty_ones_are_refused(table, tmp_path):
    write_table(tmp_path / "t.csv", table)
    assert read_table(tmp_path / "t.csv")["model"].tolist() == table["model"].tolist()
    with pytest.raises(UserError, match="nothing to tabulate"):
        write_table(tmp_path / "empty.csv", table.iloc[:0])
    assert not (tmp_path / "empty.csv").exists()
    with pytest.raises(UserError, match="no such table"):
        read_table(tmp_path / "empty.csv")
