"""The default campaign with real models, in their real environments (`make environments` builds them).

All of its phonons; of the pairs of atoms fewer elements and orientations, of the sizes the small ones.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, copy_project

pytestmark = pytest.mark.models

ENVS = Path(os.environ.get("ASSAY_ENVS", ROOT / ".envs"))
FREQUENCY_TOLERANCE_THz = 1e-3
SMALLER = """
models:
  - sevennet-0: [diatomics, phonons, gas, widom, speed]
  - sevennet-0+zbl: [diatomics, widom]
  - chgnet-0.3.0:
      diatomics: {}
      phonons: {}
      gas: {}
      widom: {}
      speed: {}
      conformance: {}
      adsorption:
        {pressures_bar: [1.0], replicas: 1, trials: 12, equilibration_trials: 4, sample_every: 1, frame_every: 2}
  - chgnet-0.3.0+zbl: [diatomics]
  - co2-mof74-dft: {widom: {insertions: 2000}, adsorption: {}}
  - uff-trappe: {widom: {insertions: 2000}}
  - co2-trappe-flexible: {gas: {yardstick: true, repeats: 2, equilibration_ps: 0.5, production_ps: 2}}
diatomics: {elements: [H, N, Mg, Cu], orientations: 8}
gas:
  equilibration_ps: 0.05
  production_ps: 0.1
widom: {insertions: 32}
adsorption: {pressures_bar: [0.001, 1.0], batch_size: null, trials: 1500, equilibration_trials: 500}
speed: {sizes: [10, 32], batch_sizes: [1, 4], budget_s: 60}
conformance: {laws: [rotation, force-gradient, batch]}
"""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A finished default campaign that borrows the built environments."""
    for name in ("sevennet", "chgnet", "lammps"):
        if not (ENVS / name / "environment.lock").exists():
            pytest.skip(f"{ENVS / name} is not built; run `make environments`")
    project = copy_project(tmp_path_factory.mktemp("default") / "assay")
    (project.root / ".envs").symlink_to(ENVS.resolve())
    (project.root / "smaller.yaml").write_text(SMALLER)
    # the environments are borrowed: this campaign must never rebuild them
    assert "build_environment" not in project.plan(configfile="smaller.yaml")
    run = project.snakemake(configfile="smaller.yaml")
    assert run.returncode == 0, run.stdout
    return project


@pytest.fixture(scope="module")
def table(campaign) -> pd.DataFrame:
    return pd.read_csv(campaign.root / "results/tables/phonons.csv").set_index(["model", "case"])


def test_every_crystal_has_a_result_by_every_model(table):
    assert set(table["status"]) == {"ok"}
    assert table.groupby("model").size().to_dict() == {"sevennet-0": 10, "chgnet-0.3.0": 10}


def test_silicon_with_sevennet_has_no_imaginary_modes(table):
    row = table.loc[("sevennet-0", "Si")]
    assert not row["imaginary"]
    assert row["frequency_min_THz"] > -0.05


def test_references_are_filled_in(table):
    with_reference = table[table["frequency_max_reference_THz"].notna()]
    assert set(with_reference["level_of_theory_reference"]) <= {"PBE"}
    assert table.loc[("sevennet-0", "Si"), "frequency_max_reference_THz"] == pytest.approx(15.1, abs=0.3)
    shipped = {path.parent.name for path in (ROOT / "resources/references/phonons").glob("*/record.json")}
    assert {case for _, case in with_reference.index} == shipped


def test_phonopys_command_line_gives_the_same_maximum(campaign, table, tmp_path):
    source = campaign.root / "results/models/sevennet-0/phonons/Si/phonopy_params.yaml.xz"
    program = Path(sys.executable).with_name("phonopy-load")
    subprocess.run([program, source, "--mesh", "31", "31", "31", "--gc"], cwd=tmp_path, check=True, capture_output=True)
    frequencies = re.findall(r"frequency:\s+(\S+)", (tmp_path / "mesh.yaml").read_text())
    expected = table.loc[("sevennet-0", "Si"), "frequency_max_THz"]
    assert max(map(float, frequencies)) == pytest.approx(expected, abs=FREQUENCY_TOLERANCE_THz)


def test_records_tell_what_ran(campaign):
    for model, package in (("sevennet-0", "sevenn"), ("chgnet-0.3.0", "chgnet")):
        record = json.loads((campaign.root / f"results/models/{model}/phonons/batch-000.json").read_text())
        assert record["environment"]["packages"][package]
        assert record["potential"]["batching"]["mode"] == "native"
        assert record["potential"]["batching"]["atoms_per_pass"] >= 1
        assert record["timings"]["load_s"] > 0
        assert record["device"].startswith(("cpu", "cuda"))


def test_a_second_run_does_nothing_and_one_branch_reruns_alone(campaign):
    assert "Nothing to be done" in campaign.snakemake(configfile="smaller.yaml").stdout
    branch = ("--dry-run", "--forcerun=run_phonons", "results/models/chgnet-0.3.0/summary.json")
    run = campaign.snakemake(*branch, configfile="smaller.yaml")
    assert "chgnet-0.3.0" in run.stdout
    assert "sevennet" not in run.stdout.replace("sevennet.yaml", "")


def test_every_model_and_crystal_has_a_band_structure(campaign):
    folder = campaign.root / "results/figures/phonons/bands"
    assert len(list(folder.glob("*.png"))) == 20
    assert len(list(folder.glob("*.svg"))) == 20


@pytest.fixture(scope="module")
def pairs(campaign) -> pd.DataFrame:
    return pd.read_csv(campaign.root / "results/tables/diatomics.csv").set_index(["model", "case"])


def test_every_pair_has_a_result_by_every_model(pairs):
    assert set(pairs["status"]) == {"ok"}
    assert len(pairs) == 16
    assert pairs["bond_length_reference_A"].notna().all()


@pytest.mark.parametrize("base", ["sevennet-0", "chgnet-0.3.0"])
def test_a_hybrid_loses_no_repulsion_and_keeps_the_bonds(pairs, base):
    assert pairs.loc[base, "locked"].any()
    hybrid = pairs.loc[f"{base}+zbl"]
    assert not hybrid["locked"].any()
    assert np.abs(hybrid[["bond_length_change_A", "well_depth_change_eV"]].to_numpy()).max() < 1e-5


def test_forces_of_real_models_are_gradients_that_know_no_direction(pairs):
    assert (pairs["rotational_spread_energy_eV"] < 1e-4).all()
    assert (pairs["net_force_max_eV_A"] < 1e-3).all()
    assert (pairs["asymptote_eV"].abs() < 0.01).all()


def test_real_models_are_timed_and_stand_beside_dft(campaign):
    speed = pd.read_csv(campaign.root / "results/tables/speed_summary.csv").set_index(["model", "system"])
    assert (speed["n_ok"] > 0).all()
    assert speed.loc[("chgnet-0.3.0", "MgO"), "dft_step_s"] > 1


def test_chgnet_obeys_the_laws_that_were_asked_for(campaign):
    rows = pd.read_csv(campaign.root / "results/tables/conformance.csv")
    assert set(rows["model"]) == {"chgnet-0.3.0"}
    assert set(rows["case"]) == {"rotation", "force-gradient", "batch"}
    assert rows["passed"].all() and (rows["value"] > 0).any()


@pytest.fixture(scope="module")
def gas(campaign) -> pd.DataFrame:
    return pd.read_csv(campaign.root / "results/tables/gas.csv").set_index("model")


def test_the_gas_is_simulated_by_every_model_and_the_yardstick(gas):
    assert set(gas.index) == {"sevennet-0", "chgnet-0.3.0", "co2-trappe-flexible"}
    assert set(gas["status"]) == {"ok"}
    assert (gas["trajectory_bytes_per_atom_frame"] < 7).all()
    assert (gas["n_stable"] == gas["n_repeats"]).all()


def test_the_yardstick_keeps_its_energy_and_vibrates(gas):
    row = gas.loc["co2-trappe-flexible"]
    assert abs(row["drift_fit_meV_per_atom_ps"]) < 0.05
    assert row["antisymmetric_per_cm"] == pytest.approx(2334, abs=2 * row["mode_resolution_per_cm"])


@pytest.fixture(scope="module")
def widom(campaign) -> pd.DataFrame:
    return pd.read_csv(campaign.root / "results/tables/widom.csv").set_index(["model", "temperature_K"])


def test_every_model_inserts_the_same_guests(widom, campaign):
    assert set(widom["status"]) == {"ok"}
    counts = widom["n_insertions"].groupby("model").first().to_dict()
    few = dict.fromkeys(("sevennet-0", "sevennet-0+zbl", "chgnet-0.3.0"), 32)
    assert counts == few | dict.fromkeys(("co2-mof74-dft", "uff-trappe"), 2000)
    places = []
    for model in counts:
        with h5py.File(campaign.root / f"results/models/{model}/widom/CO2-in-Mg-MOF-74/insertions.h5") as file:
            places.append(file["position_A"][:32])
    assert all(np.array_equal(place, places[0]) for place in places)


def test_learned_potentials_are_local_and_see_no_image(widom):
    learned = widom.loc[["sevennet-0", "chgnet-0.3.0"]]
    assert (learned["far_field_offset_eV"].abs() < 1e-3).all()
    assert (learned["image_distance_A"] >= 2 * learned["cutoff_A"]).all()
    assert (learned["n_atoms"] == 111).all()


def test_a_hybrid_has_no_hole_and_the_same_pores(widom):
    bare, hybrid = widom.loc[("sevennet-0", 298)], widom.loc[("sevennet-0+zbl", 298)]
    assert bare["hole"] and bare["overlap_share"] > 0.99
    assert not hybrid["hole"]
    assert hybrid["henry_coefficient_mol_kg_Pa"] == pytest.approx(bare["henry_without_overlaps_mol_kg_Pa"], rel=1e-3)


def test_classical_yardsticks_bind_as_they_should(widom):
    henry = widom["henry_coefficient_mol_kg_Pa"]
    assert 1.5e-5 < henry[("uff-trappe", 313)] < 5e-4
    assert henry[("co2-mof74-dft", 298)] > 3 * henry[("uff-trappe", 298)]
    assert not widom.loc[["uff-trappe", "co2-mof74-dft"], "hole"].any()


def test_isotherms_begin_and_say_that_they_are_not_equilibrated(campaign):
    rows = pd.read_csv(campaign.root / "results/tables/adsorption.csv").set_index(["model", "pressure_bar"])
    assert set(rows.index) == {("chgnet-0.3.0", 1.0), ("co2-mof74-dft", 0.001), ("co2-mof74-dft", 1.0)}
    assert set(rows["status"]) == {"ok"}
    # twelve trials, and the filling of an empty framework; a dilute guest may well be equilibrated
    assert not rows.loc[[("chgnet-0.3.0", 1.0), ("co2-mof74-dft", 1.0)], "equilibrated"].any()
    assert rows.loc[("co2-mof74-dft", 1.0), "loading_mol_kg"] > rows.loc[("co2-mof74-dft", 0.001), "loading_mol_kg"] > 0
    assert (rows["inside_share"].fillna(0) == 0).all()
    assert (rows["image_distance_A"] >= rows["cutoff_A"]).all()
