"""The summary of the gas chapter: one row per model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from assay.gas.arrhenius import fit_arrhenius
from assay.gas.vibrations import MODES
from assay.levels import summary_levels
from assay.results import census
from assay.statistics import finite, mean, standard_error


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per model: means over its cases, their standard errors from the spread over cases.

    Parameters
    ----------
    table : DataFrame
        From `assay.gas.scores.score`.
    """
    rows = []
    for model, own in table.groupby("model", sort=False):
        ok = own[own["status"] == "ok"]
        drift = ok["drift_fit_meV_per_atom_ps"].abs()
        stable, repeats = ok["n_stable"].sum(), ok["n_repeats"].sum()
        row: dict[str, Any] = {
            "model": model,
            **summary_levels(own),
            **census(own),
            "n_runs": int(repeats),
            "stable_fraction": stable / repeats if repeats else np.nan,
            "stable_fraction_stderr": _binomial_error(stable, repeats),
            "drift_mean_abs_meV_per_atom_ps": mean(drift),
            "drift_mean_abs_stderr_meV_per_atom_ps": _mean_error(drift, ok["drift_fit_stderr_meV_per_atom_ps"]),
            "drift_max_abs_meV_per_atom_ps": drift.max(),
            "fluctuation_mean_meV_per_atom": mean(ok["fluctuation_meV_per_atom"]),
            "timestep_exponent": mean(ok["timestep_exponent"]),
            "timestep_exponent_stderr": _mean_error(ok["timestep_exponent"], ok["timestep_exponent_stderr"]),
            "diffusion_ratio_median": ok["diffusion_ratio"].median(),
            "n_diffusion": int(ok["diffusion_ratio"].notna().sum()),
            **_activation_columns(ok),
        }
        for mode in MODES:
            error = ok[f"{mode}_per_cm"] - ok[f"{mode}_experiment_per_cm"]
            row[f"{mode}_error_per_cm"] = mean(error)
        row |= {
            "mode_resolution_per_cm": ok["mode_resolution_per_cm"].max(),
            "speed_ks_mean": mean(ok["speed_ks"]),
            "rdf_error_yardstick_mean_A": mean(ok["rdf_error_yardstick_A"]),
            "rdf_error_reference_mean_A": mean(ok["rdf_error_reference_A"]),
            "seconds_per_step_mean": mean(ok["seconds_per_step"]),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_error(values: pd.Series, errors: pd.Series) -> float:
    """Standard error of a mean over cases: of their spread, or of their own errors where that is larger."""
    known = finite(errors[values.notna()])
    own = float(np.sqrt(np.sum(known**2)) / known.size) if known.size else np.nan
    return float(np.fmax(standard_error(values), own))


def _binomial_error(count: float, total: float) -> float:
    return float(np.sqrt(count * (total - count) / total**3)) if total else float("nan")


def _activation_columns(ok: pd.DataFrame) -> dict[str, Any]:
    """Arrhenius fits for the system with the most temperatures, of the model and of Enskog's theory at the same ones.

    Temperatures are those measured at constant energy.
    """
    known = ok[ok["diffusion_m2_s"].notna() & ok["diffusion_reference_m2_s"].notna()]
    counts = known.groupby("system", sort=False)["temperature_K"].nunique()
    chosen = known[known["system"] == counts.idxmax()] if len(counts) else known
    measured_K = chosen["temperature_nve_K"]
    own = fit_arrhenius(measured_K, chosen["diffusion_m2_s"], chosen["diffusion_stderr_m2_s"])
    theirs = fit_arrhenius(measured_K, chosen["diffusion_reference_m2_s"], np.full(len(chosen), np.nan))
    return {
        "n_temperatures": own.n_temperatures,
        "activation_energy_kJ_mol": own.activation_energy_kJ_mol,
        "activation_energy_stderr_kJ_mol": own.activation_energy_stderr_kJ_mol,
        "activation_energy_reference_kJ_mol": theirs.activation_energy_kJ_mol,
    }
