"""The report's section on gases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.report.chapter_page import ChapterPage

COLUMNS = (
    *("model", "case", "status", "reason", "n_stable", "n_repeats", "stability_time_ps", "cause"),
    *("drift_fit_meV_per_atom_ps", "drift_fit_stderr_meV_per_atom_ps", "fluctuation_meV_per_atom"),
    *("timestep_exponent", "timestep_exponent_stderr", "residual_drift_meV_per_atom_ps", "temperature_nve_K"),
    *("diffusion_m2_s", "diffusion_stderr_m2_s", "diffusion_route", "msd_regime", "diffusion_vacf_m2_s"),
    *("diffusion_reference_m2_s", "diffusion_experiment_scaled_m2_s", "diffusion_ratio"),
    *("rdf_error_yardstick_A", "rdf_error_reference_A", "speed_ks", "speed_ks_expected"),
    *("bend_per_cm", "symmetric_per_cm", "antisymmetric_per_cm", "mode_resolution_per_cm", "seconds_per_step"),
)


def protocol(block: Mapping[str, Any]) -> str:
    """What was simulated."""
    systems = "; ".join(
        f"{system['count']} {system['name']} in a cube of {system['box_A']:g} Å"
        for system in block["systems"]
        if "count" in system and "box_A" in system
    )
    temperatures = ", ".join(f"{value:g}" for value in block["temperatures_K"])
    return (
        f"Molecular dynamics ({systems or 'systems from files'}) at {temperatures} K with steps of"
        f" {block['timestep_fs']:g} fs, {block['repeats']} runs each: {block['equilibration_ps']:g} ps with a"
        f" thermostat ({block['thermostat']}), velocities drawn again, then {block['production_ps']:g} ps at constant"
        " energy."
    )


PAGE = ChapterPage(
    chapter="gas",
    title="Gas dynamics",
    protocol=protocol,
    reading=(
        "What molecules do is taken from the runs that lasted (n_stable of n_repeats). Diffusion stands beside Enskog's"
        " theory at the simulated density; the experiment at 1 bar is scaled to it by n D = constant, which holds for"
        " dilute gases."
    ),
    figures=("energies", "drift", "survival", "msd", "diffusion", "rdf", "speeds", "vibrations"),
    tables=("gas_summary", "gas"),
    details={"By case": ("gas", COLUMNS)},
)
