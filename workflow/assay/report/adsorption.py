"""The report's section on adsorption."""

from __future__ import annotations

from pathlib import Path

from assay.report.html import figure_html, selection_html, summary_html

COLUMNS = (
    *("model", "case", "status", "reason", "pressure_bar", "equilibrated", "equilibration_remark"),
    *("n_samples_effective", "n_molecules", "loading_mol_kg", "loading_stderr_mol_kg", "excess_mol_kg"),
    *("loading_experiment_mol_kg", "loading_published_ratio", "loading_per_metal", "isosteric_heat_kJ_mol"),
    *("isosteric_heat_stderr_kJ_mol", "acceptance_translation", "acceptance_rotation", "acceptance_insertion"),
    *("acceptance_deletion", "overlap_share", "inside_share", "engine", "moves", "supercell", "n_trials"),
    *("n_replicas", "seconds_per_trial"),
)
ISOTHERM_COLUMNS = (
    *("model", "case", "status", "n_equilibrated", "n_total", "henry_low_pressure_mol_kg_Pa"),
    *("henry_low_pressure_stderr_mol_kg_Pa", "henry_widom_mol_kg_Pa", "henry_widom_stderr_mol_kg_Pa", "henry_z"),
    *("preferred_fit", "langmuir_identified", "dual_site_identified", "saturation_mol_kg"),
    *("saturation_stderr_mol_kg", "heat_low_loading_kJ_mol", "heat_low_loading_stderr_kJ_mol"),
    "heat_experiment_kJ_mol",
)
FIGURES = {
    "isotherms": "Isotherms with one standard error; lines: Langmuir fits that the points determine; black: published.",
    "isotherms_log": "The same on logarithmic scales; dotted: Henry's law with the coefficient of Widom insertion.",
    "molecules": "Molecules in the simulated cell through every chain; dots: where its production starts.",
    "heats": "Isosteric heats of adsorption from fluctuations; band: measured at low loading.",
    "acceptance": "Share of each move's trials that were accepted.",
    "density": "Number density of the guests' atoms along the channels; circles: the framework.",
    "distances": "Distances between the framework's metals and the guests' atoms; dotted: measured.",
}


def adsorption_section(results: Path) -> str:
    """Tables and figures of the adsorption chapter; nothing where there are none."""
    summary = results / "tables" / "adsorption_summary.csv"
    if not summary.exists():
        return ""
    folder = results / "figures" / "adsorption"
    return (
        "<h2>Adsorption</h2>"
        "<p>Grand-canonical Monte Carlo of guests in fixed frameworks. <i>Equilibrated</i>: each chain has enough"
        " independent samples after the start that is detected, none drifts, and all agree; only such pressures enter"
        " fits and deviations. Deviations from experiment are of the excess amount; <i>common</i>: over the pressures"
        " at which all models are equilibrated. <i>henry_z</i>: initial slope of the isotherm less Widom's Henry"
        " coefficient, in standard errors."
        ' Full tables: <a href="../tables/adsorption_summary.csv">adsorption_summary.csv</a>,'
        ' <a href="../tables/adsorption_isotherms.csv">adsorption_isotherms.csv</a>,'
        ' <a href="../tables/adsorption.csv">adsorption.csv</a>; isotherms as Adsorption Information Files:'
        " results/tables/adsorption_aif.</p>"
        + summary_html(summary)
        + "".join(figure_html(folder / f"{name}.png", caption) for name, caption in FIGURES.items())
        + "<h3>By isotherm</h3>"
        + selection_html(results / "tables" / "adsorption_isotherms.csv", ISOTHERM_COLUMNS)
        + "<h3>By pressure</h3>"
        + selection_html(results / "tables" / "adsorption.csv", COLUMNS)
    )
