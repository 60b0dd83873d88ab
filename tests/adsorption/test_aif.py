"""Adsorption Information Files, read back with another program's parser of CIF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase.io.cif import parse_cif

from assay.adsorption.aif import COLUMNS, isotherm_text, write_isotherms

CARDS = [{"model": "m", "label": 'A model\'s name, "quoted"'}, {"model": "n", "label": "#other"}]


def table(equilibrated: tuple[bool, ...] = (True, True, False), model: str = "m") -> pd.DataFrame:
    """Three points, not in the order of pressure, one without a heat."""
    return pd.DataFrame(
        {
            "model": model,
            "system": "CO2-in-channel",
            "temperature_K": 298.0,
            "status": "ok",
            "equilibrated": equilibrated,
            "pressure_bar": [1.0, 0.01, 3.0],
            "fugacity_bar": [0.9945, 0.01, 2.95],
            "loading_mol_kg": [8.5, 2.4567891234, 9.9],
            "excess_mol_kg": [8.4, 2.45, 9.8],
            "isosteric_heat_kJ_mol": [35.0, np.nan, 33.0],
            "loading_stderr_mol_kg": [0.1, 0.02, 0.3],
            "isosteric_heat_stderr_kJ_mol": [1.0, np.nan, 2.0],
            "engine": "assay",
            "moves": "mc",
            "guest": "rigid",
            "supercell": "1x1x4",
        }
    )


def read(path: Path) -> dict:
    with path.open(encoding="utf-8") as file:
        (block,) = parse_cif(file)
    return dict(block.items()) | {"name": block.name}


def test_what_is_written_can_be_read_back(tmp_path):
    (path,) = write_isotherms(tmp_path, table(), {"CO2-in-channel": "CO2"}, CARDS)
    assert path.name == "m-CO2-in-channel-298K.aif"
    found = read(path)
    assert found["_adsorp_pressure"] == [0.01, 1]
    assert found["_adsorp_amount"] == pytest.approx([2.456789, 8.5])
    assert found["_adsorp_amount_excess"] == [2.45, 8.4]
    assert found["_adsorp_enthalpy"] == ["?", 35]
    assert found["_assay_amount_stderr"] == [0.02, 0.1]
    assert (found["_exptl_adsorptive"], found["_exptl_temperature"]) == ("CO2", 298)
    assert (found["_units_pressure"], found["_units_loading"]) == ("bar", "mol/kg")
    assert found["_adsnt_material_id"] == "CO2-in-channel"
    assert set(COLUMNS) <= set(found)


@pytest.mark.parametrize("model", ["m", "n"])
def test_names_with_blanks_and_signs_are_quoted(tmp_path, model):
    (path,) = write_isotherms(tmp_path, table(model=model), {"CO2-in-channel": "CO2"}, CARDS)
    found = read(path)
    expected = {"m": 'A models name, "quoted"', "n": "#other"}[model]
    assert found["_simltn_forcefield_adsorptive"] == expected
    assert found["_simltn_code"] == "assay, engine assay"


def test_isotherms_without_an_equilibrated_point_are_not_written(tmp_path):
    (tmp_path / "old.aif").write_text("data_old\n")
    assert write_isotherms(tmp_path / "new", table((False, False, False)), {"CO2-in-channel": "CO2"}, CARDS) == []
    assert (tmp_path / "new").is_dir()
    write_isotherms(tmp_path, table(), {"CO2-in-channel": "CO2"}, CARDS)
    assert [path.name for path in tmp_path.glob("*.aif")] == ["m-CO2-in-channel-298K.aif"]


def test_a_block_has_no_blanks_in_its_name():
    assert isotherm_text("a b", table(), "CO2", "x").startswith("data_ab\n")
