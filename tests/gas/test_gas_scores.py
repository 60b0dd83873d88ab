"""Tables on made-up runs of known drift, diffusion and vibrations: models that last, explode, fail, and are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.io import write
from made_up_gas import COUNT, MODES_per_cm, walk, write_inputs, write_model

from assay.failures import UserError
from assay.gas.analysis import analyse_all, read_prepared
from assay.gas.kinetic_theory import read_gas
from assay.gas.observables import observables
from assay.gas.reference import compare_with_reference, read_reference
from assay.gas.scores import EINSTEIN, WALK, best_diffusion, score
from assay.gas.summary import summarise
from assay.gas.trajectories import Trajectory, read_trajectory
from assay.records import read_json, write_json
from assay.results import read_results
from assay.tables import read_table

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = ROOT / "resources/experiments/CO2-gas.yaml"
CARDS = [
    {"model": "good", "label": "Good", "colour": "#0072B2", "level_of_theory": "PBE"},
    {"model": "hot", "label": "Hot", "colour": "#D55E00", "level_of_theory": "PBE"},
    {"model": "classical", "label": "Classical", "colour": "#777777", "level_of_theory": "none"},
    {"model": "absent", "label": "Absent", "colour": "#009E73"},
]
GOOD_m2_s, CLASSICAL_m2_s = 2.0e-8, 2.0e-9
OWN_MOTION = 1 - 1 / COUNT
"""Diffusion relative to the centre of all molecules."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    """`good` lasts; `hot` drifts, breaks a bond, explodes, and has no memory for 400 K; `absent` has nothing."""
    folder = tmp_path_factory.mktemp("gas")
    inputs = write_inputs(folder, [300, 400])
    write_model(folder, inputs, "good", diffusion_m2_s=GOOD_m2_s)
    write_model(
        folder,
        inputs,
        "hot",
        drift=3.0,
        broken_from_fs=1000.0,
        explodes_at_fs=2000.0,
        fails=["CO2-400K"],
    )
    write_model(folder, inputs, "classical", diffusion_m2_s=CLASSICAL_m2_s)
    return folder


def records_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("models/*/gas/batch-*.json"))


def table_of(folder: Path) -> pd.DataFrame:
    prepared, results = read_prepared(sorted(folder.glob("inputs/*.json"))), read_results(records_of(folder))
    analyses = analyse_all(prepared, results, [card["model"] for card in CARDS], 1.5)
    return score(prepared, results, analyses, CARDS, read_gas(EXPERIMENTS), "classical")


@pytest.fixture(scope="module")
def table(campaign) -> pd.DataFrame:
    return table_of(campaign).set_index(["model", "case"], drop=False)


@pytest.fixture(scope="module")
def summary(table) -> pd.DataFrame:
    return summarise(table.reset_index(drop=True)).set_index("model")


def test_every_model_and_case_has_a_row(table):
    assert list(table.columns[:5]) == ["model", "case", "status", "reason", "message"]
    assert len(table) == 8
    assert table.loc[("absent", "CO2-300K"), "status"] == "missing"
    assert table.loc[("hot", "CO2-400K"), ["status", "reason"]].tolist() == ["failed", "out_of_memory"]
    numbers = table.loc[("absent", "CO2-300K")].drop(["model", "case"])
    assert np.isnan(numbers["drift_fit_meV_per_atom_ps"]) and pd.isna(numbers["n_stable"])


def test_tables_tell_the_levels_of_theory(table, summary):
    for one in (table.reset_index(drop=True).groupby("model").first(), summary):
        assert one.loc["good", ["level_of_theory_model", "level_of_theory_reference"]].tolist() == ["PBE", "experiment"]
        assert one["levels_agree"].isna().all()


def test_a_row_has_the_planted_energies(table):
    row = table.loc[("good", "CO2-300K")]
    assert abs(row["drift_fit_meV_per_atom_ps"]) < 4 * row["drift_fit_stderr_meV_per_atom_ps"] + 1e-3
    assert row["fluctuation_meV_per_atom"] == pytest.approx(0.2 / np.sqrt(2), rel=0.01)
    assert row["timestep_exponent"] == pytest.approx(2.0, abs=4 * row["timestep_exponent_stderr"])
    assert row["temperature_nve_K"] == pytest.approx(300, abs=4 * row["temperature_nve_stderr_K"])


def test_a_drift_is_told_from_that_of_the_time_step(table):
    row = table.loc[("hot", "CO2-300K")]
    assert row["drift_fit_meV_per_atom_ps"] == pytest.approx(3.0, rel=0.3)
    assert row["residual_drift_meV_per_atom_ps"] == pytest.approx(3.0, abs=0.01)


def test_what_broke_and_what_exploded_is_told_with_its_time(table):
    row = table.loc[("hot", "CO2-300K")]
    assert row[["n_stable", "n_exploded", "n_repeats"]].tolist() == [0, 1, 2]
    # repeat 0 breaks a bond at 1 ps, repeat 1 explodes at 2 ps
    assert row["stability_time_ps"] == pytest.approx(1.5)
    assert not row["stability_time_is_lower_bound"]
    assert row["bond_survival"] == pytest.approx(1 - 0.5 / (2 * COUNT))
    assert row["molecule_survival"] == pytest.approx(1 - 0.5 / COUNT)
    assert np.isnan(row["diffusion_m2_s"]) and np.isnan(row["speed_ks"]) and np.isnan(row["bend_per_cm"])
    good = table.loc[("good", "CO2-300K")]
    assert good["stability_time_ps"] == 4.0 and good["stability_time_is_lower_bound"] and pd.isna(good["cause"])
    assert good["angle_mean_degrees"] > 170


def test_diffusion_is_the_planted_one_and_its_route_is_stated(table):
    slow = table.loc[("classical", "CO2-300K")]
    assert slow["diffusion_route"] == EINSTEIN and "diffusive from" in slow["msd_regime"]
    assert slow["msd_slope"] == pytest.approx(1.0, abs=0.1)
    expected = CLASSICAL_m2_s * OWN_MOTION
    for name in ("diffusion", "diffusion_msd", "diffusion_walk", "diffusion_vacf"):
        assert abs(slow[f"{name}_m2_s"] - expected) < 4 * slow[f"{name}_stderr_m2_s"] + 0.05 * expected, name
    fast = table.loc[("good", "CO2-400K")]
    assert (
        fast["diffusion_m2_s"]
        == fast["diffusion_walk_m2_s" if fast["diffusion_route"] == WALK else "diffusion_msd_m2_s"]
    )
    assert abs(fast["diffusion_m2_s"] - 4 / 3 * GOOD_m2_s * OWN_MOTION) < 4 * fast["diffusion_stderr_m2_s"]


def test_diffusion_stands_beside_theory_at_the_same_density(table):
    row = table.loc[("good", "CO2-400K")]
    # 50 molecules in (25 Å)³
    assert row["diffusion_reference_m2_s"] == pytest.approx(8.12e-8, rel=0.02)
    assert row["diffusion_experiment_scaled_m2_s"] == pytest.approx(1.107e-7, rel=0.02)
    assert row["diffusion_reference_low_m2_s"] < row["diffusion_reference_high_m2_s"] < 1e-6
    assert row["diffusion_ratio"] == pytest.approx(row["diffusion_m2_s"] / row["diffusion_reference_m2_s"])
    assert row["diffusion_yeh_hummer_m2_s"] > row["diffusion_m2_s"]
    assert row["experiment_extrapolated"]


def test_modes_and_speeds(table):
    row = table.loc[("good", "CO2-300K")]
    for mode, planted in MODES_per_cm.items():
        # frames come every 4 fs, but the made-up molecules move exactly: the shift of Verlet's 1 fs is taken off
        assert row[f"{mode}_per_cm"] == pytest.approx(planted, abs=row["mode_resolution_per_cm"])
    assert row["antisymmetric_experiment_per_cm"] == 2349
    assert row["speed_ks"] < 4 * row["speed_ks_expected"]


def test_the_yardstick_has_no_distance_to_itself(table):
    assert table.loc[("good", "CO2-300K"), "rdf_error_yardstick_A"] > 0
    assert np.isnan(table.loc[("classical", "CO2-300K"), "rdf_error_yardstick_A"])


def test_the_summary_has_one_row_per_model(summary):
    assert list(summary.index) == ["good", "hot", "classical", "absent"]
    assert summary.loc["good", "stable_fraction"] == 1.0 and summary.loc["hot", "stable_fraction"] == 0.0
    assert summary.loc["hot", ["n_ok", "n_total", "failures"]].tolist() == [1, 2, "out_of_memory (1)"]
    assert summary.loc["hot", "drift_max_abs_meV_per_atom_ps"] == pytest.approx(3.0, rel=0.3)
    assert summary.loc["absent", "n_missing"] == 2 and np.isnan(summary.loc["absent", "stable_fraction"])
    assert summary.loc["good", "bend_error_per_cm"] == pytest.approx(640 - 667, abs=25)


def test_the_activation_energy_is_that_of_the_planted_diffusion(summary):
    # D ~ T between 300 and 400 K: E = R ln(4/3) / (1/300 - 1/400)
    expected = 8.314e-3 * np.log(4 / 3) / (1 / 300 - 1 / 400)
    row = summary.loc["classical"]
    error = row["activation_energy_stderr_kJ_mol"]
    assert abs(row["activation_energy_kJ_mol"] - expected) < 4 * error
    assert row["n_temperatures"] == 2
    assert 0 < row["activation_energy_reference_kJ_mol"] < 5
    assert np.isnan(summary.loc["hot", "activation_energy_kJ_mol"])


def test_a_campaign_without_runs_of_one_model_alone(tmp_path):
    inputs = write_inputs(tmp_path, [300])
    record = write_model(tmp_path, inputs, "good")
    content = read_json(record)
    exploded = [{"repeat": k, "phase": "nvt", "time_fs": 5.0, "cause": "temperature"} for k in range(2)]
    content["cases"]["CO2-300K"]["observations"]["exploded"] = exploded
    write_json(record, content)
    folder = record.parent / "CO2-300K"
    (folder / "trajectory.h5").unlink()
    (folder / "scan.parquet").unlink()
    table = pd.read_parquet(folder / "thermodynamics.parquet")
    table[table["phase"] == "nvt"].to_parquet(folder / "thermodynamics.parquet")
    row = table_of(tmp_path).set_index("model").loc["good"]
    assert row["stability_time_ps"] == 0.0 and "equilibration" in row["cause"]
    assert np.isnan(row["drift_fit_meV_per_atom_ps"]) and np.isnan(row["timestep_exponent"])


def test_a_trajectory_of_reference_gives_error_stability_and_diffusivity(tmp_path):
    """The run itself as its reference, then the starts, then two cells that differ."""
    inputs = write_inputs(tmp_path, [300])
    write_model(tmp_path, inputs, "good", diffusion_m2_s=CLASSICAL_m2_s)
    folder = tmp_path / "models/good/gas/CO2-300K"
    runs = [read_trajectory(folder / "trajectory.h5", repeat) for repeat in range(2)]
    first = inputs.starts[0][0]
    frames = [Atoms(first.numbers, xyz, cell=first.cell, pbc=True) for run in runs for xyz in run.positions_A]
    write(tmp_path / "reference.xyz", frames[:400], format="extxyz")
    itself = compare_with_reference(tmp_path / "reference.xyz", runs, runs)
    # a box of 60 Å: g(r) is integrated over 30 Å
    assert itself.rdf_error_A < 2.0
    assert itself.diffusivity_m2_s.value > 0 and itself.stability_time_ps.value <= 4.02
    write(tmp_path / "reference.xyz", [atoms for atoms, _ in inputs.starts], format="extxyz")
    index = read_json(inputs.index)
    index["cases"]["CO2-300K"]["reference"] = str(tmp_path / "reference.xyz")
    write_json(inputs.index, index)
    row = table_of(tmp_path).set_index("model").loc["good"]
    assert row["rdf_error_reference_A"] > 2 * itself.rdf_error_A
    assert row["rdf_stability_time_ps"] < 1.0 and row["n_rdf_stable"] == 0
    inputs.starts[1][0].cell *= 1.1
    write(tmp_path / "reference.xyz", [atoms for atoms, _ in inputs.starts], format="extxyz")
    with pytest.raises(UserError, match="one periodic cell"):
        read_reference(tmp_path / "reference.xyz")


def test_of_a_solid_the_most_mobile_element_diffuses():
    """Lithium on a walk among sulphur that stands still: no molecules, no bonds, no modes, no walk of a gas."""
    random = np.random.default_rng(3)
    times_fs = np.arange(0.0, 4001.0, 20.0)
    start = random.uniform(0, 12, (40, 3))
    places, velocities = walk(random, times_fs, start, 600, CLASSICAL_m2_s)
    numbers = np.array([3] * 20 + [16] * 20)
    places[:, 20:] = start[20:] + 0.01 * random.normal(size=(len(times_fs), 20, 3))
    run = Trajectory(
        positions_A=places,
        position_time_fs=times_fs,
        velocities_A_fs=velocities,
        velocity_time_fs=times_fs,
        cell_A=12 * np.eye(3),
        numbers=numbers,
        masses_u=np.where(numbers == 3, 6.94, 32.06),
        molecules=np.arange(40),
    )
    found = observables([run, run], None, 600.0)
    assert found.motion.of == "Li"
    assert best_diffusion(found.motion, is_gas=False)[1] in (EINSTEIN, None)
    assert set(found.structure) == {"Li-Li", "Li-S", "S-S", "all"}
    assert np.isnan(found.modes.bend_cm1) and found.modes.reason
    assert observables([], None, 600.0) is None


def test_the_program_makes_tables(tmp_path):
    inputs = write_inputs(tmp_path, [300])
    record = write_model(tmp_path, inputs, "good")
    settings = json.dumps({"yardstick": "", "bond_limit": 1.5, "experiments": str(EXPERIMENTS)})
    command = [sys.executable, ROOT / "workflow/scripts/score_gas.py", "--inputs", inputs.index]
    command += ["--cards", json.dumps(CARDS), "--settings", settings]
    command += ["--table", tmp_path / "gas.csv", "--summary", tmp_path / "gas_summary.csv"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "no runs of gases" in refused.stderr
    subprocess.run([*command, "--records", record], check=True)
    assert read_table(tmp_path / "gas.csv")["status"].tolist() == ["ok", "missing", "missing", "missing"]
    assert read_table(tmp_path / "gas_summary.csv")["n_diffusion"].tolist() == [1, 0, 0, 0]
