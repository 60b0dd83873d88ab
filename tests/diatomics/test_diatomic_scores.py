"""From curves to tables and figures."""

from __future__ import annotations

import numpy as np
import pytest

from assay.diatomics.figures import curve_figure, deviation_figure, heatmap_figure, wall_figure
from assay.diatomics.protocol import CURVE_FILE, Curve, calculate, make_pair, write_curve, write_pair
from assay.diatomics.scores import (
    HEADLINES,
    OBSERVED,
    atomic_energies,
    curve_of,
    read_prepared,
    reference_at,
    score,
    summarise,
)
from assay.potentials import load
from assay.records import write_json
from assay.style import save_figure
from assay.tables import read_table, write_table

SETTINGS = {"wall_limit": 0.7, "tail_limit": 1.5, "ripple_eV": 0.02}
CARDS = [
    {"model": "right", "label": "right", "colour": "#0072B2", "level_of_theory": "PBE"},
    {"model": "long", "label": "long", "colour": "#D55E00", "base": "right"},
    {"model": "broken", "label": "broken", "colour": "#009E73"},
]
BONDS_A = {"N-N": 1.1, "Cl-Cl": 2.0, "C-O": 1.15}
DEPTH_EV = 3.0
SHIFT_A = 0.05


def morse(bond_A: float):
    entry = {"name": "morse", "package": "classical", "loader": {"kind": "morse", "epsilon": DEPTH_EV, "r0": bond_A}}
    entry["loader"] |= {"rho0": 4.0, "rcut1": 8.0 / bond_A, "rcut2": 9.0 / bond_A}
    return load(entry)


def morse_energy(radii_A: np.ndarray, bond_A: float) -> np.ndarray:
    decay = np.exp(-4.0 * (radii_A / bond_A - 1))
    return DEPTH_EV * decay * (decay - 2)


def write_reference(path, pair: str):
    """The exact Morse curve as reference_diatomics would write it, one point not converged."""
    distances = np.round(np.geomspace(0.5, 6.0, 40), 4)
    energies = morse_energy(distances, BONDS_A[pair])
    step = 1e-5
    ahead, behind = (morse_energy(distances + shift, BONDS_A[pair]) for shift in (step, -step))
    forces = -(ahead - behind) / (2 * step)
    converged = [True] * len(distances)
    converged[5] = False
    energies[5] += 7
    record = {"element": pair.split("-")[0], "level_of_theory": "Morse", "atom_energy_eV": -2.0}
    record |= {"distances_A": distances, "energies_eV": energies - 4.0, "forces_eV_A": forces, "converged": converged}
    write_json(path, record)
    return distances


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Three pairs, two of them with a reference; a right model, one whose bonds are too long, one that failed."""
    folder = tmp_path_factory.mktemp("diatomics")
    cases, results = {}, {}
    for name, bond_A in BONDS_A.items():
        reference = None if name == "C-O" else folder / f"{name}.reference.json"
        distances = None if reference is None else write_reference(reference, name)
        pair = make_pair(tuple(name.split("-")), orientations=4, radii=90, reference_A=distances)
        write_pair(folder / f"{name}.json", pair)
        cases[name] = {"file": f"{name}.json", "reference": None if reference is None else str(reference)}
        for model, shift in (("right", 0.0), ("long", SHIFT_A)):
            path = folder / model / name / CURVE_FILE
            write_curve(path, calculate(morse(bond_A + shift), pair))
            shared = {"folder": path.parent, "device": "cpu", "threads": 1, "wall_time_s": 1.0, "message": None}
            results[model, name] = shared | {"status": "ok", "reason": None}
            broken = {"status": "failed", "reason": "non_finite", "message": "not a number"}
            results["broken", name] = shared | broken
    write_json(folder / "batch-000.json", {"settings": {}, "cases": cases})
    prepared = read_prepared([folder / "batch-000.json"], SETTINGS)
    return prepared, results, score(prepared, results, CARDS)


def test_the_right_model_has_no_errors(campaign):
    rows = campaign[2].set_index(["model", "case"])
    for case in ("N-N", "Cl-Cl"):
        row = rows.loc[("right", case)]
        assert row["bond_length_A"] == pytest.approx(BONDS_A[case], abs=1e-4)
        assert row["well_depth_eV"] == pytest.approx(DEPTH_EV, abs=1e-4)
        assert row["bond_length_reference_A"] == pytest.approx(BONDS_A[case], abs=2e-3)
        for name in ("wall", "bond", "tail"):
            assert row[f"energy_mae_{name}_eV"] == pytest.approx(0, abs=1e-6)
            assert row[f"force_mae_{name}_eV_A"] == pytest.approx(0, abs=1e-4)
        assert not row["locked"] and row["spurious_minima"] == 0
        assert row["force_deviation_max_eV_A"] < 1e-3 and row["energy_jump_eV"] < 1e-3
        assert row["asymptote_eV"] == pytest.approx(morse_energy(np.array(6.0), BONDS_A[case]), abs=1e-9)


def test_a_point_of_the_reference_that_did_not_converge_plays_no_part(campaign):
    reference = campaign[0]["N-N"].reference
    assert np.isfinite(reference.energies_eV).sum() == 39
    assert np.nanmax(reference.energies_eV) == pytest.approx(morse_energy(np.array(0.5), 1.1))


def test_errors_of_bonds_are_those_that_were_made(campaign):
    rows = campaign[2].set_index(["model", "case"])
    for case in ("N-N", "Cl-Cl"):
        assert rows.loc[("long", case), "bond_length_error_A"] == pytest.approx(SHIFT_A, abs=2e-3)
        assert rows.loc[("long", case), "bond_length_change_A"] == pytest.approx(SHIFT_A, abs=1e-4)
        assert rows.loc[("long", case), "well_depth_change_eV"] == pytest.approx(0, abs=1e-4)
    assert rows["bond_length_change_A"].loc["right"].isna().all()


def test_pairs_without_a_reference_and_failures_have_rows(campaign):
    rows = campaign[2].set_index(["model", "case"])
    other = rows.loc[("right", "C-O")]
    assert other["status"] == "ok"
    assert other[["energy_mae_bond_eV", "level_of_theory_reference", "levels_agree"]].isna().all()
    assert rows.loc[("right", "N-N"), "levels_agree"] is False  # PBE beside a Morse curve
    assert other["bond_length_A"] == pytest.approx(1.15, abs=1e-4)
    broken = rows.loc[("broken", "N-N")]
    assert broken["reason"] == "non_finite" and broken[list(OBSERVED)].isna().all()
    assert rows.loc[("broken", "N-N"), "bond_length_reference_A"] == pytest.approx(1.1, abs=2e-3)


def test_the_summary_counts_and_averages(campaign):
    summary = summarise(campaign[2]).set_index("model")
    assert summary.loc["long", ["n_ok", "n_total", "n_bonds_reference", "n_bonds_found", "n_locked"]].tolist() == [
        3,
        3,
        2,
        2,
        0,
    ]
    assert summary.loc["long", "bond_length_error_A"] == pytest.approx(SHIFT_A, abs=2e-3)
    assert summary.loc["long", "bond_length_error_A_n"] == 2
    assert summary.loc["long", "bond_length_change_max_A"] == pytest.approx(SHIFT_A, abs=1e-4)
    assert summary.loc["broken", "failures"] == "non_finite (3)"
    # what failed for one model is not common to all
    assert summary.loc["long", "bond_length_error_A_n_common"] == 0


def test_a_model_that_was_not_run_is_missing(campaign):
    prepared, results, _ = campaign
    some = {key: value for key, value in results.items() if key[0] != "long"}
    table = score(prepared, some, CARDS)
    assert set(table.loc[table["model"] == "long", "status"]) == {"missing"}
    assert summarise(table).set_index("model").loc["long", "n_missing"] == 3


def test_isolated_atoms_have_a_row_for_each_model_and_element(campaign):
    prepared, results, _ = campaign
    atoms = atomic_energies(prepared, results, CARDS)
    assert atoms[atoms["model"] == "right"]["case"].tolist() == ["N", "Cl", "C", "O"]
    assert atoms.loc[atoms["model"] == "right", "energy_eV"].tolist() == [0.0] * 4
    assert set(atoms.loc[atoms["model"] == "broken", "status"]) == {"failed"}


def test_reference_points_are_found_in_the_grid():
    record = {"distances_A": [0.5, 1.0, 6.0], "energies_eV": [3.0, -5.0, -4.0], "forces_eV_A": [1.0, 0.0, None]}
    record |= {"converged": [True, True, True], "atom_energy_eV": -2.0, "level_of_theory": "PBE"}
    reference = reference_at(record, np.array([0.5, 0.7, 1.0, 6.0]))
    assert reference.energies_eV.tolist()[::2] == [7.0, -1.0] and np.isnan(reference.energies_eV[1])
    assert reference.energies_eV[3] == 0.0 and np.isnan(reference.forces_eV_A[3])


def test_figures_are_drawn_and_say_what_is_missing(campaign, tmp_path):
    prepared, results, table = campaign
    write_table(tmp_path / "table.csv", table)
    table = read_table(tmp_path / "table.csv")
    curves: dict[tuple[str, str], Curve] = {
        key: curve_of(result) for key, result in results.items() if result["status"] == "ok"
    }
    figures = {
        "curves": curve_figure(prepared, curves, table, CARDS),
        "walls": wall_figure(prepared, curves, CARDS),
        "deviations": deviation_figure(prepared, curves, CARDS),
        "heatmap": heatmap_figure(table, CARDS),
    }
    titles = [axes.get_title(loc="right") for axes in figures["curves"].axes]
    assert titles[0] == "1 of 3 without result"
    assert [axes.get_title(loc="left") for axes in figures["heatmap"].axes] == [
        headline.label for headline in HEADLINES
    ]
    hatched = [patch for patch in figures["heatmap"].axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 3
    for name, figure in figures.items():
        save_figure(figure, tmp_path, name)
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    alone = {"C-O": prepared["C-O"]}
    empty = deviation_figure(alone, {("right", "C-O"): curves["right", "C-O"]}, CARDS)
    assert "no pair with a reference" in [text.get_text() for text in empty.axes[0].texts]
