"""The report's section on phonons."""

from __future__ import annotations

from assay.report.chapter_page import ChapterPage

COLUMNS = (
    *("model", "case", "status", "reason", "frequency_max_THz", "frequency_max_reference_THz", "frequency_min_THz"),
    *("zone_mean_absolute_error_THz", "imaginary", "residual_force_max_eV_A", "residual_pressure_GPa"),
    *("level_of_theory_model", "level_of_theory_reference", "levels_agree"),
)

PAGE = ChapterPage(
    chapter="phonons",
    title="Phonons",
    protocol=lambda block: (
        f"Finite displacements of {block['displacement_A']:g} Å in the reference's supercell, without non-analytical"
        f" correction; the structure is {'relaxed by each model' if block['relax'] else 'the reference’s'}; thermal"
        f" properties on a mesh of {block['mesh_length_A']:g} Å."
    ),
    reading=(
        "Means are over the crystals that have a result and a reference (n_reference); <i>common</i>: over those that"
        " all models have. Thermal properties are per mole of primitive cells, where neither side has imaginary modes."
    ),
    figures=("deviations", "parity"),
    tables=("phonons_summary", "phonons"),
    details={"By crystal": ("phonons", COLUMNS)},
    folders=("bands",),
    interactive=("bands",),
)
