"""Tables of the adsorption chapter: by model and pressure, by model and isotherm, by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import constants

from assay.adsorption.analysis import Run, acceptance, closest_fraction, counted, inside_share, share
from assay.adsorption.experiments import Experiment
from assay.adsorption.heats import isosteric_heat
from assay.adsorption.isotherm_scores import equilibrated
from assay.adsorption.isotherms import excess, gas_molecules, loading_mol_kg
from assay.adsorption.raw import DELETION, INSERTION, ROTATION, TRANSLATION
from assay.levels import EXPERIMENT, level_columns, summary_levels
from assay.published import NOTHING
from assay.randomness import random_stream
from assay.results import cases_of_all, census, first_columns
from assay.statistics import mean, standard_error

OBSERVATIONS = (
    *(
        "engine",
        "moves",
        "guest",
        "insertions",
        "mode",
        "resume",
        "n_replicas",
        "n_trials",
        "sample_every",
        "frame_every",
    ),
    *("n_cells", "n_atoms_host", "image_distance_A", "cutoff_A"),
    *("guest_energy_eV", "seconds_per_trial", "host_relaxed", "host_residual_force_max_eV_A", "host_volume_change"),
)
"""What is taken from a result as it is."""

STEPS = ("max_displacement_A", "max_rotation_deg")
"""Step lengths, of which each replica has found its own: their mean is quoted."""


def score(
    prepared: Mapping[str, Mapping[str, Any]],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    runs: Mapping[tuple[str, str], Run],
    experiments: Mapping[str, Experiment | None],
    metals: Mapping[str, int],
    cards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> pd.DataFrame:
    """One row per model and case, also for those that failed or have not been run.

    Parameters
    ----------
    prepared : mapping of str to mapping
        From `assay.adsorption.analysis.read_prepared`.
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    runs : mapping of (model, case) to Run
        From `assay.adsorption.analysis.analyse`.
    experiments : mapping of str to Experiment or None
        What is published, by system.
    metals : mapping of str to int
        Metal atoms of a system's prepared cell.
    cards : sequence of mapping
        ``model``, ``level_of_theory``.
    settings : mapping
        ``bootstrap``.
    seed : int
        The campaign's; all models of a case get the same stream of the bootstrap.
    """
    rows = []
    for card in cards:
        for case, facts in prepared.items():
            model = card["model"]
            if model in facts["left_out"]:
                continue
            run = runs.get((model, case))
            experiment = experiments.get(facts["system"])
            row = first_columns(model, case, results.get((model, case)))
            row |= level_columns(card, EXPERIMENT if experiment else None) | _state(facts)
            if run:
                rng = random_stream(seed, f"adsorption/bootstrap/{case}")
                row |= _columns(run, metals[facts["system"]], settings["bootstrap"], rng)
            rows.append(row | _published(model, row, facts, experiment))
    return pd.DataFrame(rows, columns=list(max(rows, key=len))) if rows else pd.DataFrame()


def _state(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "system": facts["system"],
        "temperature_K": facts["temperature_K"],
        "pressure_bar": facts["pressure_bar"],
        "fugacity_bar": facts["fugacity_Pa"] / constants.bar,
    }


def _columns(run: Run, metals: int, n_resamples: int, rng: np.random.Generator) -> dict[str, Any]:
    production, seen = run.production, run.observations
    samples = production.samples
    number, error = production.mean(samples.n_molecules.astype(float))
    energy, energy_error = production.mean(samples.energies_eV)
    mass, cells = seen["host_mass_u"], seen["n_cells"]
    n_gas = gas_molecules(seen["gas_density_mol_m3"], seen["volume_A3"])
    beyond, beyond_error = excess(number, error, n_gas, seen["pore_fraction"], seen["pore_fraction_stderr"])
    heat, heat_error = isosteric_heat(
        samples.n_molecules, samples.energies_eV, production.blocks, seen["temperature_K"], n_resamples, rng
    )
    counts = counted(run.moves)
    attempted = counts["attempted"].sum()
    supercell = seen.get("supercell")
    return {
        "n_molecules": number,
        "n_molecules_stderr": error,
        "molecules_per_cell": number / cells,
        "molecules_per_cell_stderr": error / cells,
        "loading_mol_kg": loading_mol_kg(number, mass),
        "loading_stderr_mol_kg": loading_mol_kg(error, mass),
        "excess_mol_kg": loading_mol_kg(beyond, mass),
        "excess_stderr_mol_kg": loading_mol_kg(beyond_error, mass),
        "loading_per_metal": share(number, metals * cells),
        "loading_per_metal_stderr": share(error, metals * cells),
        "isosteric_heat_kJ_mol": heat,
        "isosteric_heat_stderr_kJ_mol": heat_error,
        "energy_eV": energy,
        "energy_stderr_eV": energy_error,
        "equilibrated": production.verdict.equilibrated,
        "equilibration_remark": production.verdict.remark,
        "equilibration_trials": max(production.start_trials.values(), default=None),
        "n_samples": len(samples.n_molecules),
        "n_samples_effective": production.verdict.n_effective,
        **{f"acceptance_{move}": acceptance(counts, move) for move in (TRANSLATION, ROTATION, INSERTION, DELETION)},
        "overlap_share": share(counts["overlaps"].sum(), attempted),
        "non_finite_share": share(counts["non_finite"].sum(), attempted),
        "inside_share": inside_share(samples),
        "closest_fraction_min": closest_fraction(samples),
        "supercell": "x".join(map(str, supercell)) if supercell else None,
        **{name: seen.get(name) for name in OBSERVATIONS},
        **{name: mean(np.atleast_1d(seen.get(name, np.nan))) for name in STEPS},
    }


def _published(
    model: str, row: Mapping[str, Any], facts: Mapping[str, Any], experiment: Experiment | None
) -> dict[str, Any]:
    """What was measured at this pressure, and what others have simulated with the same model."""
    pressure, temperature = facts["pressure_bar"], facts["temperature_K"]
    measured = experiment.loading(pressure, temperature) if experiment else NOTHING
    simulated = experiment.published(model, temperature) if experiment else None
    published = simulated.at(pressure) if simulated else np.nan
    return {
        "loading_experiment_mol_kg": measured.value,
        "loading_experiment_low_mol_kg": measured.low,
        "loading_experiment_high_mol_kg": measured.high,
        "loading_experiment_doi": " ".join(measured.dois) or None,
        "excess_change_mol_kg": row.get("excess_mol_kg", np.nan) - measured.value,
        "loading_published_mol_kg": published,
        "loading_published_doi": simulated.doi if simulated else None,
        "loading_published_ratio": row.get("loading_mol_kg", np.nan) / published,
        "loading_published_ratio_stderr": row.get("loading_stderr_mol_kg", np.nan) / published,
    }


def summarise(table: pd.DataFrame, isotherms: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per model.

    Deviations are means over the pressures at which the model is equilibrated and something was measured;
    ``common``: over those of them at which all models are equilibrated.

    Parameters
    ----------
    table : DataFrame
        From `score`.
    isotherms : DataFrame
        From `assay.adsorption.isotherm_scores.score_isotherms`.
    cards : sequence of mapping
        ``model``.
    """
    table = table.reindex(columns=[*table.columns, *(name for name in _SUMMARISED if name not in table)])
    settled = equilibrated(table)
    common = cases_of_all(settled, len(cards))
    return pd.DataFrame([_summary(card["model"], table, isotherms, common) for card in cards])


_SUMMARISED = (
    *("equilibrated", "excess_change_mol_kg", "loading_stderr_mol_kg", "loading_published_ratio", "inside_share"),
    *("acceptance_insertion", "n_samples_effective", "seconds_per_trial", "non_finite_share"),
)


def _summary(model: str, table: pd.DataFrame, isotherms: pd.DataFrame, common: set[str]) -> dict[str, Any]:
    rows = table[table["model"] == model]
    ok = rows[rows["status"] == "ok"]
    settled = equilibrated(ok)
    compared = settled[np.isfinite(settled["excess_change_mol_kg"].astype(float))]
    deviations = compared["excess_change_mol_kg"].astype(float).abs()
    ratios = settled["loading_published_ratio"].astype(float)
    scores = isotherms.loc[isotherms["model"] == model, "henry_z"].astype(float).abs()
    return {
        "model": model,
        **summary_levels(rows),
        **census(rows),
        "n_equilibrated": len(settled),
        "n_compared": len(compared),
        "excess_deviation_mol_kg": mean(deviations),
        "excess_deviation_stderr_mol_kg": standard_error(deviations),
        "excess_deviation_common_mol_kg": mean(deviations[compared["case"].isin(common)]),
        "loading_stderr_max_mol_kg": settled["loading_stderr_mol_kg"].astype(float).max(),
        "loading_published_ratio": mean(ratios),
        "loading_published_ratio_stderr": standard_error(ratios),
        "henry_z_largest": scores.max(),
        "inside_share_max": ok["inside_share"].astype(float).max(),
        "non_finite_share_max": ok["non_finite_share"].astype(float).max(),
        "acceptance_insertion_min": ok["acceptance_insertion"].astype(float).min(),
        "n_samples_effective_min": ok["n_samples_effective"].astype(float).min(),
        "seconds_per_trial": mean(ok["seconds_per_trial"].astype(float)),
    }
