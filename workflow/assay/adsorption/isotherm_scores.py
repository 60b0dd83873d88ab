"""The table by model and isotherm: fits, the initial slope beside Widom's, heats and saturation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import constants

from assay.adsorption.experiments import Experiment
from assay.adsorption.fits import Fit, fit_langmuir
from assay.adsorption.isotherms import initial_slope
from assay.levels import summary_levels
from assay.published import NOTHING

NEAR_K = 1.0
"""Widom's numbers of a temperature as near as this are taken, and brought to the isotherm's by their own heat."""

MOST_CORRECTION = 1.5
"""A slope that had to be corrected by more than this is that of an isotherm that starts beyond Henry's law."""


def score_isotherms(
    table: pd.DataFrame,
    widom: pd.DataFrame | None,
    experiments: Mapping[str, Experiment | None],
    cards: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """One row per model, system and temperature; only pressures at which the model is equilibrated count.

    Parameters
    ----------
    table : DataFrame
        From `assay.adsorption.scores.score`.
    widom : DataFrame or None
        Table of the Widom chapter by model, case and temperature; its case is compared that has the system's name.
    experiments : mapping of str to Experiment or None
        By system.
    cards : sequence of mapping
        ``model``.
    """
    rows = []
    for card in cards:
        own = table[table["model"] == card["model"]]
        for (system, _), part in own.groupby(["system", "temperature_K"], sort=False):
            rows.append(_row(part.sort_values("pressure_bar"), widom, experiments.get(system)))
    return pd.DataFrame(rows)


def equilibrated(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a result whose chains are equilibrated."""
    if "equilibrated" not in rows:
        return rows.iloc[:0]
    # read back from CSV, a column with gaps holds the words
    return rows[(rows["status"] == "ok") & (rows["equilibrated"].astype(str) == "True")]


def points_of(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fugacities (Pa), loadings and their errors (mol/kg) of the equilibrated rows."""
    settled = equilibrated(rows)
    if settled.empty:
        return (np.zeros(0),) * 3
    loadings, errors = (settled[name].to_numpy(dtype=float) for name in ("loading_mol_kg", "loading_stderr_mol_kg"))
    return settled["fugacity_bar"].to_numpy(dtype=float) * constants.bar, loadings, errors


def _row(rows: pd.DataFrame, widom: pd.DataFrame | None, experiment: Experiment | None) -> dict[str, Any]:
    model, system, temperature = (rows[name].iloc[0] for name in ("model", "system", "temperature_K"))
    ok = rows[rows["status"] == "ok"]
    failed = rows[rows["status"] == "failed"]
    worst = ok if len(ok) else failed if len(failed) else rows
    settled = equilibrated(rows)
    points = points_of(rows)
    single, dual = fit_langmuir(*points)
    preferred = dual if dual.identified else single if single.identified else None
    heat = experiment.heat() if experiment else NOTHING
    return {
        "model": model,
        "case": f"{system}-{temperature:g}K",
        **{name: worst[name].iloc[0] for name in ("status", "reason", "message")},
        **summary_levels(rows),
        "system": system,
        "temperature_K": temperature,
        "n_ok": len(ok),
        "n_total": len(rows),
        "n_equilibrated": len(settled),
        **_slope(points, widom_henry(widom, model, system, temperature)),
        **_fit_columns("langmuir", single),
        **_fit_columns("dual_site", dual),
        "preferred_fit": None if preferred is None else "dual-site" if preferred is dual else "Langmuir",
        "saturation_mol_kg": sum(preferred.capacities_mol_kg) if preferred else np.nan,
        "saturation_stderr_mol_kg": float(np.hypot.reduce(preferred.capacities_stderr_mol_kg)) if preferred else np.nan,
        **_ends(settled),
        "heat_experiment_kJ_mol": heat.value,
        "heat_experiment_low_kJ_mol": heat.low,
        "heat_experiment_high_kJ_mol": heat.high,
        "heat_experiment_doi": " ".join(heat.dois) or None,
    }


def _slope(points: tuple[np.ndarray, np.ndarray, np.ndarray], widom: dict[str, Any]) -> dict[str, Any]:
    slope = initial_slope(*points)
    henry, error = widom["henry_widom_mol_kg_Pa"], widom["henry_widom_stderr_mol_kg_Pa"]
    is_henry = 1 / MOST_CORRECTION <= slope.correction <= MOST_CORRECTION
    return {
        "henry_low_pressure_mol_kg_Pa": slope.henry_mol_kg_Pa,
        "henry_low_pressure_stderr_mol_kg_Pa": slope.stderr_mol_kg_Pa,
        "henry_low_pressure_correction": slope.correction,
        "henry_low_pressure_loading_mol_kg": slope.loading_mol_kg,
        **widom,
        "henry_z": (slope.henry_mol_kg_Pa - henry) / np.hypot(slope.stderr_mol_kg_Pa, error) if is_henry else np.nan,
    }


def widom_henry(table: pd.DataFrame | None, model: str, system: str, temperature_K: float) -> dict[str, Any]:
    """Widom's Henry coefficient of the same model and system, at the isotherm's temperature; NaN where there is none.

    From a temperature nearby it is carried over with Widom's own heat: d ln K / d(1/T) = Q/R.
    """
    names = ("henry_widom_mol_kg_Pa", "henry_widom_stderr_mol_kg_Pa")
    nothing = dict.fromkeys(names, np.nan) | {"henry_widom_trusted": None}
    if table is None or "henry_coefficient_mol_kg_Pa" not in table:
        return nothing
    rows = table[(table["model"] == model) & (table["case"] == system) & (table["status"] == "ok")]
    distances = (rows["temperature_K"].astype(float) - temperature_K).abs()
    if rows.empty or distances.min() > NEAR_K:
        return nothing
    row = rows.loc[distances.idxmin()]
    change = 1 / temperature_K - 1 / row["temperature_K"]
    factor = np.exp(1000 * row["heat_of_adsorption_kJ_mol"] / constants.R * change) if change else 1.0
    value, error = row["henry_coefficient_mol_kg_Pa"], row["henry_coefficient_stderr_mol_kg_Pa"]
    return dict(zip(names, (value * factor, error * factor), strict=True)) | {
        "henry_widom_trusted": str(row["trusted"]) == "True"
    }


def _fit_columns(name: str, fit: Fit) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    kinds = len(fit.capacities_mol_kg)
    for kind in range(kinds):
        number = f"_{kind + 1}" if kinds > 1 else ""
        columns |= {
            f"{name}_capacity{number}_mol_kg": fit.capacities_mol_kg[kind],
            f"{name}_capacity{number}_stderr_mol_kg": fit.capacities_stderr_mol_kg[kind],
            f"{name}_affinity{number}_per_Pa": fit.affinities_per_Pa[kind],
            f"{name}_affinity{number}_stderr_per_Pa": fit.affinities_stderr_per_Pa[kind],
        }
    return columns | {
        f"{name}_henry_mol_kg_Pa": fit.henry_mol_kg_Pa,
        f"{name}_henry_stderr_mol_kg_Pa": fit.henry_stderr_mol_kg_Pa,
        f"{name}_chi2_reduced": fit.chi2_reduced,
        f"{name}_identified": fit.identified,
    }


def _ends(settled: pd.DataFrame) -> dict[str, Any]:
    """Heat at the lowest equilibrated pressure, and loading at the highest."""
    names = {
        "heat_low_loading_kJ_mol": ("isosteric_heat_kJ_mol", 0),
        "heat_low_loading_stderr_kJ_mol": ("isosteric_heat_stderr_kJ_mol", 0),
        "loading_at_highest_mol_kg": ("loading_mol_kg", -1),
        "loading_at_highest_stderr_mol_kg": ("loading_stderr_mol_kg", -1),
        "pressure_highest_bar": ("pressure_bar", -1),
    }
    return {name: settled[column].iloc[place] if len(settled) else np.nan for name, (column, place) in names.items()}
