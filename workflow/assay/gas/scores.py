"""The table of the gas chapter: one row per model and case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from assay.gas.analysis import Analysis, PreparedCase
from assay.gas.comparison import rdf_error_A
from assay.gas.energies import UNKNOWN, EnergyConservation, Estimate
from assay.gas.kinetic_theory import DiffusionReference, Gas, diffusion_reference, is_about
from assay.gas.observables import Motion, Observables
from assay.gas.reference import NO_REFERENCE, ReferenceComparison
from assay.gas.structure import ALL, RadialDistribution, highest_peak
from assay.gas.transport import yeh_hummer_shift_m2_s
from assay.gas.vibrations import MODES
from assay.levels import EXPERIMENT, level_columns
from assay.results import first_columns
from assay.statistics import finite, mean

OBSERVATIONS = (
    *("advanced", "seconds_per_step", "trajectory_bytes_per_atom_frame", "velocity_bytes_per_atom_frame"),
    *("deterministic_resume", "resumed", "thermostat"),
)
EINSTEIN, WALK = "displacements", "persistent walk"
"""Routes to the diffusion coefficient that is compared: in the diffusive regime, else for gases at all times."""

_NOTHING = EnergyConservation(UNKNOWN, UNKNOWN, UNKNOWN)


def reference_of(prepared: PreparedCase, gas: Gas | None, temperature_K: float) -> DiffusionReference | None:
    """Diffusion by kinetic theory and experiment at the density of a case; None where nothing is known of its gas."""
    if gas is None or not is_about(gas, prepared.facts["molecule"]):
        return None
    return diffusion_reference(gas, temperature_K, prepared.density_per_A3)


def best_diffusion(motion: Motion, is_gas: bool) -> tuple[Estimate, str | None]:
    """The diffusion coefficient that is compared (m²/s), and its route.

    Of displacements in the diffusive regime, where there is one. In a dilute gas a run must last for some ten times the
    time between collisions to reach it: for gases the persistent walk takes its place, which does not need it.
    """
    if np.isfinite(motion.einstein.value_m2_s):
        return Estimate(motion.einstein.value_m2_s, motion.einstein.stderr_m2_s), EINSTEIN
    if is_gas and np.isfinite(motion.walk.diffusion_m2_s):
        return Estimate(motion.walk.diffusion_m2_s, motion.walk.diffusion_stderr_m2_s), WALK
    return UNKNOWN, None


def score(
    prepared: Mapping[str, PreparedCase],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    analyses: Mapping[tuple[str, str], Analysis],
    cards: Sequence[Mapping[str, Any]],
    gas: Gas | None = None,
    yardstick: str = "",
) -> pd.DataFrame:
    """One row per model and case, also for those that failed or have not been run.

    Parameters
    ----------
    prepared : mapping of str to PreparedCase
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    analyses : mapping of (model, case) to Analysis
        From `assay.gas.analysis.analyse_all`.
    cards : sequence of mapping
        What the catalogue says of each model: ``model``, ``level_of_theory``.
    gas : Gas, optional
        What is known of the gas from experiment.
    yardstick : str
        The model whose g(r) the others are compared with; may be empty.
    """
    rows = []
    for card in cards:
        for case, content in prepared.items():
            key = (card["model"], case)
            standard = analyses.get((yardstick, case)) if yardstick != card["model"] else None
            rows.append(_row(card, content, results.get(key), analyses.get(key), gas, standard))
    table = pd.DataFrame(rows)
    # which peaks there are depends on the elements of a case
    peaks = [name for name in table if name.startswith("rdf_peak")]
    return table[[*[name for name in table if name not in peaks], *peaks]]


def _row(
    card: Mapping[str, Any],
    prepared: PreparedCase,
    result: Mapping[str, Any] | None,
    analysis: Analysis | None,
    gas: Gas | None,
    standard: Analysis | None,
) -> dict[str, Any]:
    facts, settings = prepared.facts, prepared.settings_of(card["model"])
    seen = result["observations"] if analysis and result else {}
    temperature_K = analysis.temperature_K.value if analysis else np.nan
    # at constant energy a small system ends at another temperature than it was given
    temperature_K = temperature_K if np.isfinite(temperature_K) else facts["temperature_K"]
    reference = reference_of(prepared, gas, temperature_K)
    return (
        first_columns(card["model"], prepared.case, result)
        | {name: facts[name] for name in ("system", "temperature_K", "n_atoms", "n_molecules", "density_g_cm3")}
        | {name: settings[name] for name in ("repeats", "timestep_fs", "production_ps")}
        | level_columns(card, EXPERIMENT if reference else None)
        | _energy_columns(analysis)
        | _stability_columns(analysis)
        | _diffusion_columns(analysis.observables if analysis else None, reference, facts, temperature_K)
        | _structure_columns(analysis, standard)
        | _speed_columns(analysis.observables if analysis else None)
        | _mode_columns(analysis.observables if analysis else None, gas if reference else None)
        | {name: seen.get(name) for name in OBSERVATIONS}
        | {"device": result["device"] if result else None, "threads": result["threads"] if result else None}
    )


def _energy_columns(analysis: Analysis | None) -> dict[str, float]:
    energies = analysis.energies if analysis else _NOTHING
    scan = analysis.scan if analysis else None
    temperature = analysis.temperature_K if analysis else UNKNOWN
    return {
        **_with_error("drift_fit", "meV_per_atom_ps", energies.drift_fit),
        **_with_error("drift_ends", "meV_per_atom_ps", energies.drift_ends),
        **_with_error("fluctuation", "meV_per_atom", energies.fluctuation),
        **_with_error("timestep_exponent", "", scan.exponent if scan else UNKNOWN),
        **_with_error("residual_drift", "meV_per_atom_ps", scan.residual_drift if scan else UNKNOWN),
        **_with_error("temperature_nve", "K", temperature),
    }


def _with_error(name: str, unit: str, found: Estimate) -> dict[str, float]:
    return {
        "_".join(part for part in (name, kind, unit) if part): value
        for kind, value in (("", found.value), ("stderr", found.stderr))
    }


def _stability_columns(analysis: Analysis | None) -> dict[str, Any]:
    """Survivals are those at the end of the runs that reached the production."""
    found = analysis.stability if analysis else None
    chemistry = list(analysis.chemistry.values()) if analysis else []
    angles = finite([one.angle_min_degrees for one in chemistry])
    return {
        "n_stable": found.n_stable if found else None,
        "n_exploded": len(analysis.exploded) if analysis else None,
        "n_repeats": found.n_repeats if found else None,
        "stability_time_ps": found.time_ps if found else np.nan,
        "stability_time_stderr_ps": found.time_stderr_ps if found else np.nan,
        "stability_time_is_lower_bound": found.censored if found else None,
        "cause": found.cause if found else None,
        "bond_survival": mean([one.bond_survival[-1] for one in chemistry]),
        "molecule_survival": mean([one.molecule_survival[-1] for one in chemistry]),
        "angle_mean_degrees": mean([one.angle_mean_degrees for one in chemistry]),
        "angle_min_degrees": float(angles.min()) if angles.size else np.nan,
    }


def _diffusion_columns(
    found: Observables | None, reference: DiffusionReference | None, facts: Mapping[str, Any], temperature_K: float
) -> dict[str, Any]:
    """Coefficients by all routes; the reference is at the measured temperature. Walks are for gases of molecules."""
    motion = found.motion if found else None
    best, route = best_diffusion(motion, bool(facts["molecule"])) if motion else (UNKNOWN, None)
    walk = motion.walk if motion and facts["molecule"] else None
    low, high = reference.range_m2_s if reference else (np.nan, np.nan)
    enskog = reference.enskog_m2_s if reference else np.nan
    shift = np.nan
    if reference:
        shift = yeh_hummer_shift_m2_s(temperature_K, reference.viscosity_Pa_s, facts["volume_A3"] ** (1 / 3))
    return {
        "diffusion_of": motion.of if motion else None,
        **_with_error("diffusion", "m2_s", best),
        "diffusion_route": route,
        "diffusion_yeh_hummer_m2_s": best.value + shift,
        "diffusion_msd_m2_s": motion.einstein.value_m2_s if motion else np.nan,
        "diffusion_msd_stderr_m2_s": motion.einstein.stderr_m2_s if motion else np.nan,
        "msd_slope": motion.einstein.slope if motion else np.nan,
        "msd_slope_stderr": motion.einstein.slope_stderr if motion else np.nan,
        "msd_regime": _regime(motion) if motion else None,
        "diffusion_walk_m2_s": walk.diffusion_m2_s if walk else np.nan,
        "diffusion_walk_stderr_m2_s": walk.diffusion_stderr_m2_s if walk else np.nan,
        "diffusion_walk_misfit": walk.misfit if walk else np.nan,
        "diffusion_vacf_m2_s": motion.green_kubo.value_m2_s if motion else np.nan,
        "diffusion_vacf_stderr_m2_s": motion.green_kubo.stderr_m2_s if motion else np.nan,
        "diffusion_vacf_state": (motion.green_kubo.reason or "plateau") if motion else None,
        "diffusion_reference_m2_s": enskog,
        "diffusion_reference_low_m2_s": low,
        "diffusion_reference_high_m2_s": high,
        "diffusion_experiment_scaled_m2_s": reference.experiment_m2_s if reference else np.nan,
        "experiment_extrapolated": reference.extrapolated if reference else None,
        "diffusion_ratio": best.value / enskog,
        "diffusion_ratio_stderr": best.stderr / enskog,
    }


def _regime(motion: Motion) -> str:
    found = motion.einstein
    return found.reason or f"diffusive from {found.start_ps:.3g} to {found.end_ps:.3g} ps"


def _structure_columns(analysis: Analysis | None, standard: Analysis | None) -> dict[str, Any]:
    """Errors of g(r) against the yardstick's, all pairs of atoms in different molecules, and against a trajectory."""
    structure = analysis.observables.structure if analysis and analysis.observables else {}
    theirs = standard.observables.structure if standard and standard.observables else {}
    columns: dict[str, Any] = {
        "rdf_error_yardstick_A": np.nan,
        **_reference_columns(analysis.reference if analysis else NO_REFERENCE),
    }
    if ALL in structure and ALL in theirs:
        own, other = structure[ALL], theirs[ALL]
        columns["rdf_error_yardstick_A"] = rdf_error_A(own.distance_A, own.mean, other.mean)
    for pair, curve in structure.items():
        if pair != ALL:
            columns |= _peak_columns(pair, curve)
    return columns


def _reference_columns(found: ReferenceComparison) -> dict[str, Any]:
    return {
        "rdf_error_reference_A": found.rdf_error_A,
        **_with_error("rdf_stability_time", "ps", found.stability_time_ps),
        "n_rdf_stable": found.n_stable if np.isfinite(found.stability_time_ps.value) else None,
        **_with_error("diffusivity_half_run", "m2_s", found.diffusivity_m2_s),
    }


def _peak_columns(pair: str, curve: RadialDistribution) -> dict[str, float]:
    peak = highest_peak(curve)
    name = "rdf_peak_" + pair.replace("-", "_")
    return {
        f"{name}_A": peak.distance_A,
        f"{name}_stderr_A": peak.distance_stderr_A,
        f"{name}_height": peak.height,
        f"{name}_height_stderr": peak.height_stderr,
    }


def _speed_columns(found: Observables | None) -> dict[str, float]:
    comparison = found.speeds.comparison if found else None
    return {
        "speed_ks": comparison.distance if comparison else np.nan,
        "speed_ks_expected": comparison.distance_expected if comparison else np.nan,
        "speed_ks_p": comparison.p_value if comparison else np.nan,
        "speed_n_independent": comparison.n_independent if comparison else np.nan,
        "translational_temperature_ratio": comparison.temperature_ratio if comparison else np.nan,
    }


def _mode_columns(found: Observables | None, gas: Gas | None) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for mode in MODES:
        columns[f"{mode}_per_cm"] = getattr(found.modes, f"{mode}_cm1") if found else np.nan
        columns[f"{mode}_experiment_per_cm"] = gas.vibrations_per_cm.get(mode, np.nan) if gas else np.nan
    columns["mode_resolution_per_cm"] = found.modes.resolution_cm1 if found else np.nan
    columns["modes_missing"] = (found.modes.reason or None) if found else None
    return columns
