"""The report's section on gases."""

from __future__ import annotations

from pathlib import Path

from assay.report.html import figure_html, selection_html, summary_html

COLUMNS = (
    *("model", "case", "status", "reason", "n_stable", "n_repeats", "stability_time_ps", "cause"),
    *("drift_fit_meV_per_atom_ps", "drift_fit_stderr_meV_per_atom_ps", "fluctuation_meV_per_atom"),
    *("timestep_exponent", "timestep_exponent_stderr", "residual_drift_meV_per_atom_ps", "temperature_nve_K"),
    *("diffusion_m2_s", "diffusion_stderr_m2_s", "diffusion_route", "msd_regime", "diffusion_vacf_m2_s"),
    *("diffusion_reference_m2_s", "diffusion_experiment_scaled_m2_s", "diffusion_ratio"),
    *("rdf_error_yardstick_A", "rdf_error_reference_A", "speed_ks", "speed_ks_expected"),
    *("bend_per_cm", "symmetric_per_cm", "antisymmetric_per_cm", "mode_resolution_per_cm", "seconds_per_step"),
)
FIGURES = {
    "energies": "Change of the total energy and potential energy about its mean, per atom, at constant energy.",
    "drift": "Size of the energy drift; full: growing, hollow: falling, triangle: limit; bar: without a time step.",
    "survival": "Share of the prepared bonds that are left; dashed: molecules; cross: explosion.",
    "msd": "Mean squared displacement of molecular centres; thick: the diffusive regime.",
    "diffusion": "Self-diffusion at the simulated density; line: Enskog's theory, dashed: experiment scaled by n D.",
    "rdf": "Radial distributions between atoms of different molecules; black, dashed: the yardstick.",
    "speeds": "Speeds of molecular centres; black: Maxwell's distribution.",
    "vibrations": "Vibrational density of states; dashed: experiment.",
}


def gas_section(results: Path) -> str:
    """Tables and figures of the gas chapter; nothing where there are none."""
    summary = results / "tables" / "gas_summary.csv"
    if not summary.exists():
        return ""
    folder = results / "figures" / "gas"
    return (
        "<h2>Gas dynamics</h2>"
        "<p>Molecules are brought to temperature, their velocities drawn again, and then run at constant energy. What"
        " molecules do is taken from the runs that lasted (n_stable of n_repeats). Diffusion stands beside Enskog's"
        " theory at the simulated density; the experiment at 1 bar is scaled to it by n D = constant, which holds for"
        ' dilute gases. Full tables: <a href="../tables/gas_summary.csv">gas_summary.csv</a>,'
        ' <a href="../tables/gas.csv">gas.csv</a>.</p>'
        + summary_html(summary)
        + "".join(figure_html(folder / f"{name}.png", caption) for name, caption in FIGURES.items())
        + "<h3>By case</h3>"
        + selection_html(results / "tables" / "gas.csv", COLUMNS)
    )
