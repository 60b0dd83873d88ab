"""Isotherms as Adsorption Information Files, which databases and other people's programs read.

A STAR file with agreed names (Evans et al., Langmuir 37, 4222 (2021), doi:10.1021/acs.langmuir.1c00122; those of
simulations: adsorptioninformationformat.com). Names that begin with ``_assay_`` are our own: errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.adsorption.isotherm_scores import equilibrated
from assay.records import atomic_path

COLUMNS = {
    "_adsorp_pressure": "pressure_bar",
    "_adsorp_fugacity": "fugacity_bar",
    "_adsorp_amount": "loading_mol_kg",
    "_adsorp_amount_excess": "excess_mol_kg",
    "_adsorp_enthalpy": "isosteric_heat_kJ_mol",
    "_assay_amount_stderr": "loading_stderr_mol_kg",
    "_assay_enthalpy_stderr": "isosteric_heat_stderr_kJ_mol",
}
"""Columns of the loop, and where they stand in the table."""

UNKNOWN = "?"


def write_isotherms(
    folder: Path, table: pd.DataFrame, guests: Mapping[str, str], cards: Sequence[Mapping[str, Any]]
) -> list[Path]:
    """Write ``{folder}/{model}-{system}-{temperature}K.aif`` for every isotherm with an equilibrated point.

    The folder is made anew: files of isotherms that are no longer there go.

    Parameters
    ----------
    folder : Path
    table : DataFrame
        By model and case.
    guests : mapping of str to str
        Formula of each system's guest.
    cards : sequence of mapping
        ``model``, ``label``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.aif"):
        old.unlink()
    labels = {card["model"]: card["label"] for card in cards}
    paths = []
    for (model, system, temperature), rows in table.groupby(["model", "system", "temperature_K"], sort=False):
        settled = equilibrated(rows).sort_values("pressure_bar")
        if len(settled):
            name = f"{model}-{system}-{temperature:g}K"
            paths.append(folder / f"{name}.aif")
            with atomic_path(paths[-1]) as temporary:
                temporary.write_text(isotherm_text(name, settled, guests[system], labels[model]), encoding="utf-8")
    return paths


def isotherm_text(name: str, rows: pd.DataFrame, guest: str, label: str) -> str:
    """One isotherm as text of the format.

    Parameters
    ----------
    name : str
        Of the data block.
    rows : DataFrame
        Columns of the table by model and case, one row per point.
    guest : str
        Formula of the adsorptive.
    label : str
        What the model is called.
    """
    first = rows.iloc[0]
    pairs = {
        "_exptl_adsorptive": guest,
        "_exptl_temperature": f"{first['temperature_K']:g}",
        "_exptl_method": "simulation",
        "_exptl_isotherm_type": "absolute",
        "_adsnt_material_id": first["system"],
        "_simltn_code": f"assay, engine {first['engine']}",
        "_simltn_sampling": f"grand-canonical Monte Carlo, {first['moves']}, {first['guest']} guest",
        "_simltn_size": f"{first['supercell']} cells",
        "_simltn_forcefield_adsorptive": label,
        "_simltn_forcefield_adsorbent": label,
        "_units_temperature": "K",
        "_units_pressure": "bar",
        "_units_mass": "kg",
        "_units_loading": "mol/kg",
        "_units_energy": "kJ/mol",
    }
    lines = [f"data_{_block(name)}", *(f"{key} {_quoted(value)}" for key, value in pairs.items()), "", "loop_"]
    lines += COLUMNS
    for _, row in rows.iterrows():
        lines.append(" ".join(_number(row[column]) for column in COLUMNS.values()))
    return "\n".join(lines) + "\n"


def _block(name: str) -> str:
    return "".join(name.split())


def _quoted(value: Any) -> str:
    """A value of a STAR file: a word as it is, a text between quotes that are not in it."""
    text = " ".join(str(value).split())
    if text and not any(sign in text for sign in " '\"#$_[]"):
        return text
    return f'"{text}"' if '"' not in text else "'" + text.replace("'", "") + "'"


def _number(value: float) -> str:
    return f"{value:.7g}" if np.isfinite(value) else UNKNOWN
