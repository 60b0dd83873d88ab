"""The report's section on pairs of atoms."""

from __future__ import annotations

from pathlib import Path

from assay.report.html import figure_html, selection_html, summary_html

COLUMNS = (
    *("model", "case", "status", "reason", "bond_length_A", "bond_length_reference_A", "bond_length_change_A"),
    *("well_depth_eV", "well_depth_reference_eV", "well_depth_change_eV", "wavenumber_cm1", "wavenumber_reference_cm1"),
    *("energy_mae_wall_eV", "energy_mae_bond_eV", "energy_mae_tail_eV", "locked", "repulsion_lost_A"),
    *("outer_barrier_eV", "spurious_minima", "energy_jump_eV", "force_deviation_max_eV_A"),
)


def diatomics_section(results: Path) -> str:
    """Tables and figures of the diatomic chapter; nothing where there are none."""
    summary = results / "tables" / "diatomics_summary.csv"
    if not summary.exists():
        return ""
    folder = results / "figures" / "diatomics"
    return (
        "<h2>Pairs of atoms</h2>"
        "<p>Two atoms in a large box, many orientations. Means are over the pairs that have a result; those of bonds"
        " over the pairs that are bound in the reference and in the model; <i>common</i>: over those of all models."
        " <i>Locked</i>: pushed together, the atoms stop repelling each other."
        ' Full tables: <a href="../tables/diatomics_summary.csv">diatomics_summary.csv</a>,'
        ' <a href="../tables/diatomics.csv">diatomics.csv</a>,'
        ' <a href="../tables/atomic_energies.csv">atomic_energies.csv</a>.</p>'
        + summary_html(summary)
        + figure_html(
            folder / "curves.png",
            "Interaction energy, mean over orientations with the spread as a band; diamonds: equilibrium bond lengths.",
        )
        + figure_html(
            folder / "walls.png",
            "The repulsive wall: energy above that at the reference's bond length. In a gap, pushed atoms gain energy.",
        )
        + figure_html(
            folder / "deviations.png",
            "Absolute difference to the reference: median of pairs, quartiles as a band; in brackets, pairs of all.",
        )
        + figure_html(
            folder / "heatmap.png",
            "Headline metrics by model and pair. Hatched: failed; blank: not defined, or no reference.",
        )
        + "<h3>By pair</h3>"
        + selection_html(results / "tables" / "diatomics.csv", COLUMNS)
    )
