"""The report's section on phonons."""

from __future__ import annotations

from pathlib import Path

from assay.report.html import figure_html, grid_html, selection_html, summary_html

COLUMNS = (
    *("model", "case", "status", "reason", "frequency_max_THz", "frequency_max_reference_THz", "frequency_min_THz"),
    *("zone_mean_absolute_error_THz", "imaginary", "residual_force_max_eV_A", "residual_pressure_GPa"),
    *("level_of_theory_model", "level_of_theory_reference"),
)


def phonons_section(results: Path) -> str:
    """Tables and figures of the phonon chapter; nothing where there are none."""
    summary = results / "tables" / "phonons_summary.csv"
    if not summary.exists():
        return ""
    folder = results / "figures" / "phonons"
    return (
        "<h2>Phonons</h2>"
        "<p>Finite displacements in the reference's supercell, without non-analytical correction. Means are over the"
        " crystals that have a result and a reference (n_reference); <i>common</i>: over those that all models have."
        " Thermal properties are per mole of primitive cells, where neither side has imaginary modes."
        ' Full tables: <a href="../tables/phonons_summary.csv">phonons_summary.csv</a>,'
        ' <a href="../tables/phonons.csv">phonons.csv</a>.</p>'
        + summary_html(summary)
        + figure_html(
            folder / "deviations.png",
            "Deviations from the reference by model; below the name, crystals compared of all.",
        )
        + figure_html(folder / "parity.png", "Models against the reference, one point per crystal.")
        + "<h3>By crystal</h3>"
        + selection_html(results / "tables" / "phonons.csv", COLUMNS)
        + f"<h3>Band structures</h3>{grid_html(folder / 'bands')}"
    )
