"""A whole campaign whose crystals come from a mirror of a phonon database, in a fresh copy of the project."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml
from conftest import copy_project
from small_records import alexandria_bz2, alexandria_content, metal

from assay.records import file_sha256

METALS = {"mp-30": ("Cu", 3.6), "mp-134": ("Al", 4.0)}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """EMT against records whose forces are EMT's own, one of them spoilt: its thermal properties are not its own."""
    project = copy_project(tmp_path_factory.mktemp("database") / "copy")
    mirror = project.root / "mirror"
    mirror.mkdir()
    for case, (symbol, a) in METALS.items():
        content = alexandria_content(metal(symbol, a))
        if case == "mp-134":
            content["entropy"][3] *= 1.01
        (mirror / f"{case}.yaml.bz2").write_bytes(alexandria_bz2(content))
    config = yaml.safe_load((project.root / "tests/campaign/config.yaml").read_text()) | {"models": ["emt"]}
    config["phonons"] |= {"cases": ["Al"], "band_figures": ["mp-30"], "references": "none"}
    config["phonons"]["database"] = {
        "source": "alexandria-pbe",
        "ids": list(METALS),
        "mirror": "mirror",
        "checksums": {"mp-30": file_sha256(mirror / "mp-30.yaml.bz2")},
    }
    (project.root / "my.yaml").write_text(yaml.safe_dump(config))
    run = project.snakemake(configfile="my.yaml")
    assert run.returncode == 0, run.stdout
    return project


def test_reference_columns_are_filled_and_the_errors_of_emt_vanish(campaign):
    rows = pd.read_csv(campaign.root / "results/tables/phonons.csv").set_index("case")
    assert list(rows.index) == ["Al", "mp-30", "mp-134"]
    assert set(rows["status"]) == {"ok"}
    for case in METALS:
        assert rows.loc[case, "level_of_theory_reference"] == "PBE"
        assert rows.loc[case, "frequency_max_THz"] == pytest.approx(rows.loc[case, "frequency_max_reference_THz"])
        assert rows.loc[case, "zone_mean_absolute_error_THz"] == pytest.approx(0, abs=1e-4)
    assert rows.loc["mp-30", "formula"] == "Cu"
    assert rows["frequency_max_reference_THz"].isna().tolist() == [True, False, False]


def test_a_record_that_fails_its_self_check_is_marked_and_said(campaign):
    rows = pd.read_csv(campaign.root / "results/tables/phonons.csv").set_index("case")
    assert rows["reference_self_check"].fillna("none").to_dict() == {
        "Al": "none",
        "mp-30": "passed",
        "mp-134": "failed",
    }
    record = json.loads((campaign.root / "results/references/phonons/mp-134/record.json").read_text())
    assert record["self_check"]["status"] == "failed"
    assert "WARNING: mp-134" in (campaign.root / "results/logs/fetch_phonon_record/mp-134.log").read_text()
    assert (
        "mp-134: the reference failed"
        in (campaign.root / "results/logs/prepare_phonons/000.log").read_text()
        + (campaign.root / "results/logs/prepare_phonons/001.log").read_text()
    )


def test_the_models_got_the_cell_and_displacements_of_the_record(campaign):
    index = json.loads((campaign.root / "results/inputs/phonons/batch-000.json").read_text())
    facts = index["cases"]["mp-30"]
    assert (facts["n_atoms_supercell"], facts["n_displacements"]) == (16, 1)
    assert facts["reference"] == "results/references/phonons/mp-30/phonopy_params.yaml.xz"


def test_a_second_run_does_nothing_and_fetches_nothing(campaign):
    run = campaign.snakemake(configfile="my.yaml")
    assert run.returncode == 0 and "Nothing to be done" in run.stdout


def test_a_mirror_that_changed_is_noticed(campaign):
    path = campaign.root / "mirror/mp-134.yaml.bz2"
    path.write_bytes(path.read_bytes() + b"\0")
    run = campaign.snakemake("--forcerun=fetch_phonon_record", "--retries=0", configfile="my.yaml")
    assert run.returncode != 0
    assert "was recorded on first use" in run.stdout
