"""A whole campaign in a fresh copy of the project: classical potentials, and three ways to fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import copy_project, with_emt_forces

from assay.diatomics.protocol import calculate, make_pair, read_curve
from assay.phonons.protocol import displaced_crystal, read_phonopy, write_forces
from assay.potentials import load
from assay.records import file_sha256, write_json
from assay.report.descriptions import problems
from assay.structures import load_crystals

CONFIG = "tests/campaign/config.yaml"
MODELS = ["emt", "emt-through-ase", "lennard-jones", "raises-for-copper", "dies-on-copper", "cannot-be-built"]
TIMES = ["seconds_per_step", "seconds_per_insertion", "seconds_per_trial"]


def write_emt_reference(project, case: str) -> None:
    """A reference record whose force sets come from EMT, so that EMT's own errors must vanish."""
    crystal = load_crystals(project.root / "resources/structures/crystals.yaml")[case]
    phonopy = with_emt_forces(displaced_crystal(crystal.atoms(), crystal.supercell_matrix))
    path = project.root / "references" / case / "phonopy_params.yaml.xz"
    write_forces(path, phonopy)
    write_json(path.with_name("record.json"), {"level_of_theory": "EMT", "sha256": file_sha256(path)})


def write_emt_curve(project, element: str) -> None:
    """A reference curve of EMT, likewise."""
    pair = make_pair((element, element), radii=60, orientations=1)
    curve = calculate(load({"name": "emt", "package": "classical", "loader": {"kind": "emt"}}), pair)
    record = {"element": element, "level_of_theory": "EMT", "atom_energy_eV": curve.atoms_eV[0]}
    record |= {"distances_A": pair.radii_A[::2], "energies_eV": curve.energies_eV[::2, 0], "converged": [True] * 30}
    write_json(
        project.root / "references" / f"{element}.json",
        record | {"forces_eV_A": curve.mean_radial_force_eV_A[::2]},
    )


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """The campaign after its first run."""
    project = copy_project(tmp_path_factory.mktemp("campaign") / "it's a copy")
    shutil.copy(project.root / "tests/campaign/envs/broken.yaml", project.root / "envs")
    write_emt_reference(project, "Al")
    write_emt_reference(project, "Cu")
    write_emt_curve(project, "Al")
    run = project.snakemake(configfile=CONFIG)
    return project, run


def table(project, name: str = "phonons") -> pd.DataFrame:
    return pd.read_csv(project.root / f"results/tables/{name}.csv")


def test_the_campaign_ends_well_although_models_fail(campaign):
    _, run = campaign
    assert run.returncode == 0, run.stdout


def test_a_second_run_does_nothing(campaign):
    project, _ = campaign
    run = project.snakemake(configfile=CONFIG)
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout


def test_good_results_are_there(campaign):
    project, _ = campaign
    for model in ("emt", "emt-through-ase"):
        for case in ("Al", "Cu"):
            phonopy = read_phonopy(project.root / f"results/models/{model}/phonons/{case}/phonopy_params.yaml.xz")
            assert phonopy.forces is not None
            assert phonopy.supercell_energies is not None


def test_every_model_and_crystal_has_a_row(campaign):
    rows = table(campaign[0])
    assert list(rows.columns[:4]) == ["model", "case", "status", "reason"]
    assert rows.groupby("model", sort=False)["case"].apply(list).to_dict() == {m: ["Al", "Cu", "Si"] for m in MODELS}


@pytest.mark.parametrize(
    ("model", "case", "reason"),
    [
        ("emt", "Si", "unsupported_element"),
        ("raises-for-copper", "Cu", "error"),
        ("dies-on-copper", "Cu", "crashed"),
        ("cannot-be-built", "Al", "environment"),
        ("cannot-be-built", "Si", "environment"),
    ],
)
def test_failures_are_named(campaign, model, case, reason):
    rows = table(campaign[0]).set_index(["model", "case"])
    assert rows.loc[(model, case), "status"] == "failed"
    assert rows.loc[(model, case), "reason"] == reason
    assert rows.loc[(model, case), "message"]


@pytest.mark.parametrize("model", ["raises-for-copper", "dies-on-copper"])
def test_a_failing_crystal_spares_the_others(campaign, model):
    rows = table(campaign[0]).set_index(["model", "case"])
    assert rows.loc[(model, "Al"), "status"] == "ok"
    assert rows.loc[(model, "Al"), "frequency_max_THz"] == pytest.approx(rows.loc[("emt", "Al"), "frequency_max_THz"])


def test_a_crash_is_recorded_with_its_signal_and_log(campaign):
    project, _ = campaign
    record = json.loads((project.root / "results/models/dies-on-copper/phonons/batch-000.json").read_text())
    assert "SIGSEGV" in record["cases"]["Cu"]["message"]
    assert "failing_potentials.py" in record["log_tail"]
    assert (record["n_ok"], record["n_total"], record["status"]) == (1, 2, "partial")


def test_errors_against_a_reference_of_the_same_potential_vanish(campaign):
    rows = table(campaign[0]).set_index(["model", "case"])
    for case in ("Al", "Cu"):
        row = rows.loc[("emt", case)]
        assert row["frequency_max_THz"] == pytest.approx(row["frequency_max_reference_THz"], abs=1e-4)
        assert row["zone_mean_absolute_error_THz"] == pytest.approx(0, abs=1e-4)
        assert row["level_of_theory_reference"] == "EMT"
    assert np.isnan(rows.loc[("lennard-jones", "Si"), "frequency_max_reference_THz"])


def test_the_summary_counts(campaign):
    rows = table(campaign[0], "phonons_summary").set_index("model")
    assert rows.loc["emt", ["n_ok", "n_total", "n_reference"]].tolist() == [2, 3, 2]
    assert rows.loc["cannot-be-built", ["n_ok", "n_total", "n_reference"]].tolist() == [0, 3, 0]
    assert rows.loc["cannot-be-built", "failures"] == "environment (3)"
    # a model that has nothing leaves no crystal that all models share
    assert set(rows["n_common"]) == {0}


def test_pairs_of_atoms_have_rows_errors_and_reasons(campaign):
    project, _ = campaign
    rows = table(project, "diatomics").set_index(["model", "case"])
    assert len(rows) == 3 * len(MODELS)
    own = rows.loc[("emt", "Al-Al")]
    assert own["level_of_theory_reference"] == "EMT"
    assert own["energy_mae_bond_eV"] == pytest.approx(0, abs=1e-9)
    assert own["bond_length_error_A"] == pytest.approx(0, abs=0.01)
    assert own["rotational_spread_energy_eV"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(rows.loc[("emt", "Cu-Cu"), "energy_mae_bond_eV"])
    assert rows.loc[("emt", "Si-Si"), "reason"] == "unsupported_element"
    assert rows.loc[("dies-on-copper", "Cu-Cu"), "reason"] == "crashed"
    assert rows.loc[("dies-on-copper", "Al-Al"), "status"] == "ok"
    assert rows.loc[("cannot-be-built", "Al-Al"), "reason"] == "environment"
    curve = read_curve(project.root / "results/models/emt/diatomics/Cu-Cu/curve.h5")
    assert curve.energies_eV.shape == (60, 3)
    atoms = table(project, "atomic_energies").set_index(["model", "case"])
    assert atoms.loc[("emt", "Cu"), "energy_eV"] == pytest.approx(curve.atoms_eV[0])


def test_speed_is_measured_and_failures_have_rows(campaign):
    rows = table(campaign[0], "speed").set_index(["model", "case"])
    assert len(rows) == 4 * len(MODELS)
    assert (rows.loc["emt", "step_s"] > 0).all()
    assert rows.loc[("emt", "Al-32"), "n_atoms"] == 32
    assert set(rows.loc["cannot-be-built", "reason"]) == {"environment"}
    summary = table(campaign[0], "speed_summary").set_index("model")
    assert summary.loc["emt", "ns_per_day_at_common_size"] > 0
    assert summary.loc["cannot-be-built", ["n_ok", "n_total"]].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("chapter", "case"), [("gas", "Cu-300K"), ("widom", "Al-in-Cu"), ("adsorption", "Al-in-Cu-3000K-1bar")]
)
def test_dynamics_insertions_and_isotherms_have_rows_and_reasons(campaign, chapter, case):
    rows = table(campaign[0], chapter).set_index(["model", "case"])
    assert set(rows.index.get_level_values("model")) == set(MODELS)
    first = rows.groupby(["model", "case"]).first()
    assert first.loc[("emt", case), "status"] == "ok"
    assert first.loc[("raises-for-copper", case), "reason"] == "error"
    assert first.loc[("dies-on-copper", case), "reason"] == "crashed"
    assert first.loc[("cannot-be-built", case), "reason"] == "environment"
    numbers = rows.select_dtypes("number").drop(columns=TIMES, errors="ignore")
    own, other = numbers.loc["emt"].to_numpy(float), numbers.loc["emt-through-ase"].to_numpy(float)
    assert np.isfinite(own).any()
    np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-9)


def test_a_crystal_at_room_temperature_stays_whole(campaign):
    row = table(campaign[0], "gas").set_index("model").loc["emt"]
    assert row["n_stable"] == row["n_repeats"] == 2
    assert abs(row["drift_fit_meV_per_atom_ps"]) < 5
    assert 0 < row["trajectory_bytes_per_atom_frame"] < 7


def test_an_atom_finds_no_room_in_a_metal(campaign):
    rows = table(campaign[0], "widom")
    row = rows[(rows["model"] == "emt") & (rows["temperature_K"] == 298)].iloc[0]
    assert row["n_insertions"] == 30
    assert not row["trusted"]


def test_a_metal_takes_up_no_atoms(campaign):
    rows = table(campaign[0], "adsorption")
    own = rows[rows["model"] == "emt"]
    assert own["pressure_bar"].tolist() == [0.1, 1.0]
    assert (own["loading_mol_kg"] == 0).all()
    assert not own["equilibrated"].any()


def test_figures_and_report_exist(campaign):
    results = campaign[0].root / "results"
    for chapter, names in (
        ("gas", ("energies", "drift", "msd", "diffusion", "rdf", "speeds", "vibrations", "survival")),
        ("widom", ("henry", "heats", "temperature", "histogram", "profile", "map_energy", "map_free_energy")),
        ("adsorption", ("isotherms", "isotherms_log", "molecules", "heats", "acceptance", "density", "distances")),
    ):
        for name in names:
            assert (results / f"figures/{chapter}/{name}.png").stat().st_size > 5000
    for name in ("curves", "relative", "memory", "batches", "plane"):
        assert (results / f"figures/speed/{name}.png").stat().st_size > 5000
    for name in ("curves", "walls", "deviations", "heatmap"):
        for kind in ("png", "svg"):
            assert (results / f"figures/diatomics/{name}.{kind}").stat().st_size > 5000
    for name in (
        "deviations.png",
        "deviations.svg",
        "parity.png",
        "parity.svg",
        "bands/Al_emt.png",
        "bands/Al_emt.svg",
    ):
        assert (results / "figures/phonons" / name).stat().st_size > 5000
    assert not list((results / "figures/phonons/bands").glob("Cu*"))
    assert (results / "figures/conformance/laws.png").stat().st_size > 5000
    page = (results / "report/index.html").read_text()
    assert "cannot-be-built" in page and "SIGSEGV" in page
    assert "<h3>moved-metals</h3>" in page and "There is no figure" not in page
    assert page.count('class="zoom"') == 3 and "plotly.js v" in page


def test_every_column_of_every_table_is_described(campaign):
    tables = (campaign[0].root / "results/tables").glob("*.csv")
    assert problems({path.stem: pd.read_csv(path) for path in tables}) == []
    package = json.loads((campaign[0].root / "results/export/datapackage.json").read_text())
    assert {"emt"} <= set(pd.read_parquet(campaign[0].root / "results/export/assay.parquet")["model"])
    assert len(package["resources"]) > 10


def test_data_sets_are_part_of_the_campaign(campaign):
    whole = pd.read_csv(campaign[0].root / "results/tables/datasets.csv").iloc[0]
    assert (whole["dataset"], whole["pair"], whole["n_frames"], whole["n_atoms"]) == ("moved-metals", "all", 4, 16)
    rows = pd.read_parquet(campaign[0].root / "results/export/assay.parquet")
    assert set(rows[rows["table"] == "datasets"]["quantity"]) >= {"n_pairs", "distance_min_A", "force_max_eV_A"}


def test_effective_medium_theory_obeys_the_laws(campaign):
    rows = table(campaign[0], "conformance").set_index("model").loc["emt"]
    assert rows["passed"].all() and set(rows["case"]) == {"translation", "rotation", "force-gradient", "batch"}


def test_snakemake_reports_with_captions(campaign):
    project, _ = campaign
    run = project.snakemake("--report=report.zip", configfile=CONFIG)
    assert run.returncode == 0, run.stdout[-2000:]
    with zipfile.ZipFile(project.root / "report.zip") as archive:
        names = archive.namelist()
        pages = [name for name in names if name.endswith("report.html")]
        assert len(pages) == 1 and sum(name.endswith(".svg") for name in names) > 20
        assert "Insertion energies" in archive.read(pages[0]).decode()


def test_no_temporary_file_is_left(campaign):
    project, _ = campaign
    left = [
        path for pattern in (".partial-*", "*.work", "*.progress", "*.session") for path in project.root.rglob(pattern)
    ]
    assert left == []


def test_the_recorded_command_reproduces_the_result(campaign, tmp_path):
    project, _ = campaign
    path = project.root / "results/models/emt/phonons/batch-000.json"
    record = json.loads(path.read_text())
    command = record["command"].replace("results/models/emt/phonons/batch-000.json", f"{tmp_path}/record.json")
    assert command != record["command"]
    subprocess.run(command, shell=True, cwd=project.root, check=True)
    again = json.loads((tmp_path / "record.json").read_text())
    assert again["n_ok"] == record["n_ok"]
    for case in ("Al", "Cu"):
        assert again["cases"][case]["observations"] == pytest.approx(record["cases"][case]["observations"])
