"""The report's section on pairs of atoms."""

from __future__ import annotations

from assay.report.chapter_page import ChapterPage

COLUMNS = (
    *("model", "case", "status", "reason", "bond_length_A", "bond_length_reference_A", "bond_length_change_A"),
    *("well_depth_eV", "well_depth_reference_eV", "well_depth_change_eV", "wavenumber_cm1", "wavenumber_reference_cm1"),
    *("energy_mae_wall_eV", "energy_mae_bond_eV", "energy_mae_tail_eV", "locked", "repulsion_lost_A"),
    *("outer_barrier_eV", "spurious_minima", "energy_jump_eV", "force_deviation_max_eV_A"),
)

PAGE = ChapterPage(
    chapter="diatomics",
    title="Pairs of atoms",
    protocol=lambda block: (
        f"Two equal atoms in a periodic cube of {block['box_A']:g} Å, at {block['radii']} distances from"
        f" {block['r_min_A']:g} to {block['r_max_A']:g} Å and in {block['orientations']} orientations each."
    ),
    reading=(
        "Means are over the pairs that have a result; those of bonds over the pairs that are bound in the reference and"
        " in the model; <i>common</i>: over those of all models. <i>Locked</i>: pushed together, the atoms stop"
        " repelling each other."
    ),
    figures=("curves", "walls", "deviations", "heatmap"),
    tables=("diatomics_summary", "diatomics", "atomic_energies"),
    details={"By pair": ("diatomics", COLUMNS)},
    interactive=("curves",),
)
