"""The report's section on Widom insertion."""

from __future__ import annotations

from pathlib import Path

from assay.report.html import figure_html, selection_html, summary_html

COLUMNS = (
    *("model", "case", "status", "reason", "temperature_K", "n_insertions", "n_effective", "top10_share", "trusted"),
    *("hole", "overlap_share", "mu_excess_kJ_mol", "mu_excess_stderr_kJ_mol", "henry_coefficient_mol_kg_Pa"),
    *("henry_coefficient_low_mol_kg_Pa", "henry_coefficient_high_mol_kg_Pa", "henry_experiment_mol_kg_Pa"),
    *("henry_log10_ratio", "heat_of_adsorption_kJ_mol", "heat_of_adsorption_stderr_kJ_mol", "heat_experiment_kJ_mol"),
    *("binding_energy_kJ_mol", "binding_site", "metal_distance_A", "metal_angle_deg", "supercell", "image_distance_A"),
    *("reach_A", "far_field_offset_eV", "host_residual_force_max_eV_A", "seconds_per_insertion"),
)
FIGURES = {
    "henry": "Henry coefficients with 95 % intervals; black: experiment, band: spread of laboratories and methods.",
    "heats": "Heats of adsorption at zero coverage, positive where heat is released, with 95 % intervals.",
    "temperature": "Henry coefficient against inverse temperature, all from the same energies by reweighting.",
    "histogram": "Insertion energies; hatched: overlaps of nuclei. Overlaps below zero are holes of the potential.",
    "profile": "Free energy of insertion from the centre of the channel to its wall and beyond.",
    "map_energy": "Mean insertion energy along the channels' axis; tiles above the limit are blank.",
    "map_free_energy": "Free energy of insertion along the channels' axis.",
}


def widom_section(results: Path) -> str:
    """Tables and figures of the Widom chapter; nothing where there are none."""
    summary = results / "tables" / "widom_summary.csv"
    if not summary.exists():
        return ""
    folder = results / "figures" / "widom"
    return (
        "<h2>Widom insertion</h2>"
        "<p>Guests are inserted uniformly in the whole cell and over all rotations, and every attempt counts."
        " <i>Trusted</i>: an effective sample size of 10 or more, and no hole. <i>Hole</i>: the potential attracts"
        " where nuclei overlap. Deviations from experiment are decades of the Henry coefficient, since laboratories"
        " differ by factors; <i>common</i>: over the cases that all models have."
        ' Full tables: <a href="../tables/widom_summary.csv">widom_summary.csv</a>,'
        ' <a href="../tables/widom.csv">widom.csv</a>.</p>'
        + summary_html(summary)
        + "".join(figure_html(folder / f"{name}.png", caption) for name, caption in FIGURES.items())
        + "<h3>By case and temperature</h3>"
        + selection_html(results / "tables" / "widom.csv", COLUMNS)
    )
