"""Tables of the Widom chapter: one row per model, case and temperature, with what laboratories measured beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from assay.levels import EXPERIMENT, level_columns, summary_levels
from assay.published import NOTHING, Reference
from assay.randomness import random_stream
from assay.results import cases_of_all, census, first_columns
from assay.statistics import mean, standard_error
from assay.widom import attempts
from assay.widom.estimators import Estimate, estimate_all
from assay.widom.experiments import Experiment
from assay.widom.raw import SOBOL, InsertionEnergies, overlap_fraction, read_energies

OBSERVATIONS = (
    *("n_atoms", "image_distance_A", "cutoff_A", "reach_A", "host_residual_force_max_eV_A", "host_relaxed"),
    *(
        "host_volume_change",
        "host_energy_eV",
        "far_field_offset_eV",
        "far_field_distance_A",
        "mode",
        "seconds_per_insertion",
    ),
)
"""What is taken from a result as it is."""

MINIMUM_COLUMNS = {
    "binding_energy_kJ_mol": "binding_energy_kJ_mol",
    "site": "binding_site",
    "metal": "binding_metal",
    "metal_distance_A": "metal_distance_A",
    "angle_deg": "metal_angle_deg",
}
"""Columns of the deepest minimum."""


def score(
    prepared: Mapping[str, Mapping[str, Any]],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    experiments: Mapping[str, Experiment | None],
    cards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> pd.DataFrame:
    """One row per model, case and temperature, also for those that failed or have not been run.

    Parameters
    ----------
    prepared : mapping of str to mapping
        From `assay.widom.raw.read_prepared`.
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    experiments : mapping of str to Experiment or None
        What was measured, by case.
    cards : sequence of mapping
        What the catalogue says of each model: ``model``, ``level_of_theory``.
    settings : mapping
        ``temperatures_K``, ``blocks``, ``bootstrap``.
    seed : int
        The campaign's; all models of a case get the same draws of the bootstrap.
    """
    rows = []
    for card in cards:
        for case, facts in prepared.items():
            result = results.get((card["model"], case))
            rows += _rows(card, case, facts, result, experiments.get(case), settings, seed)
    return pd.DataFrame(rows, columns=list(max(rows, key=len)))


def _rows(
    card: Mapping[str, Any],
    case: str,
    facts: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    experiment: Experiment | None,
    settings: Mapping[str, Any],
    seed: int,
) -> list[dict[str, Any]]:
    first = first_columns(card["model"], case, result) | level_columns(card, EXPERIMENT if experiment else None)
    temperatures = settings["temperatures_K"]
    if first["status"] != "ok":
        measured = [_measured_columns(experiment, temperature, None) for temperature in temperatures]
        return [
            first | {"temperature_K": float(at)} | columns for at, columns in zip(temperatures, measured, strict=True)
        ]
    insertions = read_energies(result["folder"] / attempts.FILE, overlap_fraction(facts, card["model"]))
    rng = random_stream(seed, f"widom/bootstrap/{case}")
    estimates = estimate_all(
        insertions.energies_eV,
        temperatures,
        host_density_kg_m3(facts, result["observations"]),
        overlaps=insertions.overlaps,
        replicates=insertions.replicates,
        n_blocks=settings["blocks"],
        n_resamples=settings["bootstrap"],
        rng=rng,
    )
    shared = _shared_columns(insertions, result["observations"])
    return [
        first | _estimate_columns(one) | shared | _measured_columns(experiment, one.temperature_K, one)
        for one in estimates
    ]


def host_density_kg_m3(facts: Mapping[str, Any], observations: Mapping[str, Any]) -> float:
    """Mass density of the host that the guest was inserted into: as prepared, or as the model relaxed its cell."""
    return facts["density_kg_m3"] / (1 + (observations.get("host_volume_change") or 0.0))


def _estimate_columns(estimate: Estimate) -> dict[str, Any]:
    columns = asdict(estimate)
    return columns | columns.pop("verdict")


def _shared_columns(insertions: InsertionEnergies, observations: Mapping[str, Any]) -> dict[str, Any]:
    """What does not depend on the temperature."""
    finite = insertions.energies_eV[np.isfinite(insertions.energies_eV)]
    supercell = observations.get("supercell")
    deepest = (observations.get("minima") or [{}])[0]
    return {
        "n_insertions": len(insertions.energies_eV),
        "sampling": "random" if insertions.replicates is None else SOBOL,
        "n_overlaps": int(insertions.overlaps.sum()),
        "n_skipped": int(insertions.skipped.sum()),
        "n_non_finite": int(np.isnan(insertions.energies_eV).sum()),
        "energy_min_eV": finite.min() if len(finite) else np.nan,
        **{column: deepest.get(key) for key, column in MINIMUM_COLUMNS.items()},
        "supercell": "x".join(map(str, supercell)) if supercell else None,
        **{name: observations.get(name) for name in OBSERVATIONS},
    }


def _measured_columns(experiment: Experiment | None, temperature_K: float, estimate: Estimate | None) -> dict[str, Any]:
    """What was measured, and how far the model is from it."""
    henry = experiment.henry(temperature_K) if experiment else NOTHING
    heat = experiment.heat() if experiment else NOTHING
    distance = experiment.metal_distance_A if experiment else None
    return {
        **_named(henry, "henry_experiment", "mol_kg_Pa"),
        "henry_log10_ratio": estimate.henry_log10 - np.log10(henry.value) if estimate else np.nan,
        "henry_log10_ratio_stderr": estimate.henry_log10_stderr if estimate and np.isfinite(henry.value) else np.nan,
        "henry_experiment_doi": " ".join(henry.dois) or None,
        **_named(heat, "heat_experiment", "kJ_mol"),
        "heat_change_kJ_mol": estimate.heat_of_adsorption_kJ_mol - heat.value if estimate else np.nan,
        "heat_experiment_doi": " ".join(heat.dois) or None,
        "metal_distance_experiment_A": distance.value if distance else np.nan,
        "metal_distance_experiment_doi": distance.doi if distance else None,
    }


def _named(reference: Reference, name: str, unit: str) -> dict[str, float]:
    return {
        f"{name}_{unit}": reference.value,
        f"{name}_low_{unit}": reference.low,
        f"{name}_high_{unit}": reference.high,
    }


def at_temperature(table: pd.DataFrame, temperature_K: float) -> pd.DataFrame:
    """The rows of one temperature."""
    return table[np.isclose(table["temperature_K"], temperature_K)]


def summarise(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]], temperature_K: float) -> pd.DataFrame:
    """One row per model at the headline temperature.

    Means are over the cases that have a result and a measured value; ``trusted``: over those of them whose effective
    sample size suffices and that have no hole; ``common``: over the cases that all models have.

    Parameters
    ----------
    table : DataFrame
        From `score`.
    cards : sequence of mapping
        ``model``.
    temperature_K : float
    """
    rows = at_temperature(table, temperature_K)
    ok = rows[rows["status"] == "ok"]
    common = cases_of_all(ok, len(cards))
    return pd.DataFrame([_summary(rows[rows["model"] == card["model"]], temperature_K, common) for card in cards])


def _summary(rows: pd.DataFrame, temperature_K: float, common: set[str]) -> dict[str, Any]:
    ok = rows[rows["status"] == "ok"]
    # a table without any result lacks these columns
    ok = ok.reindex(columns=[*ok.columns, *(name for name in _SUMMARISED if name not in ok)])
    compared = ok[np.isfinite(ok["henry_experiment_mol_kg_Pa"].astype(float))]
    trusted = compared[compared["trusted"].astype(bool)]
    deviations = compared["henry_log10_ratio"].astype(float).abs()
    heats = compared["heat_change_kJ_mol"].astype(float).abs()
    return {
        "model": rows["model"].iloc[0],
        **summary_levels(rows),
        **census(rows),
        "temperature_K": temperature_K,
        "n_trusted": int(ok["trusted"].astype(bool).sum()),
        "n_holes": int(ok["hole"].astype(bool).sum()),
        "n_compared": len(compared),
        "henry_log10_deviation": mean(deviations),
        "henry_log10_deviation_stderr": _mean_error(compared, deviations, "henry_log10_ratio_stderr"),
        "henry_log10_deviation_trusted": mean(deviations[trusted.index]),
        "henry_log10_deviation_common": mean(deviations[compared["case"].isin(common)]),
        "heat_deviation_kJ_mol": mean(heats),
        "heat_deviation_stderr_kJ_mol": _mean_error(compared, heats, "heat_of_adsorption_stderr_kJ_mol"),
        "heat_deviation_trusted_kJ_mol": mean(heats[trusted.index]),
        "heat_deviation_common_kJ_mol": mean(heats[compared["case"].isin(common)]),
        "n_insertions": int(ok["n_insertions"].fillna(0).sum()),
        "n_effective_min": ok["n_effective"].min(),
        "overlap_share_max": ok["overlap_share"].max(),
        "seconds_per_insertion": mean(ok["seconds_per_insertion"]),
    }


_SUMMARISED = (
    *("trusted", "hole", "n_insertions", "n_effective", "overlap_share", "seconds_per_insertion"),
    "heat_of_adsorption_stderr_kJ_mol",
)


def _mean_error(rows: pd.DataFrame, deviations: pd.Series, column: str) -> float:
    """Standard error of a mean of deviations: their scatter over the cases or, of a single case, its sampling error."""
    return standard_error(deviations) if len(rows) > 1 else mean(rows[column].astype(float))
