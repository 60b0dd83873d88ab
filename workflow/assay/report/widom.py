"""The report's section on Widom insertion."""

from __future__ import annotations

from assay.report.chapter_page import ChapterPage

COLUMNS = (
    *("model", "case", "status", "reason", "temperature_K", "n_insertions", "n_effective", "top10_share", "trusted"),
    *("hole", "overlap_share", "mu_excess_kJ_mol", "mu_excess_stderr_kJ_mol", "henry_coefficient_mol_kg_Pa"),
    *("henry_coefficient_low_mol_kg_Pa", "henry_coefficient_high_mol_kg_Pa", "henry_experiment_mol_kg_Pa"),
    *("henry_log10_ratio", "heat_of_adsorption_kJ_mol", "heat_of_adsorption_stderr_kJ_mol", "heat_experiment_kJ_mol"),
    *("binding_energy_kJ_mol", "binding_site", "metal_distance_A", "metal_angle_deg", "supercell", "image_distance_A"),
    *("reach_A", "far_field_offset_eV", "host_residual_force_max_eV_A", "seconds_per_insertion"),
)

PAGE = ChapterPage(
    chapter="widom",
    title="Widom insertion",
    protocol=lambda block: (
        f"A rigid guest is inserted {block['insertions']:,} times (where a model has no number of its own) into the"
        f" {'relaxed' if block['relax_host'] else 'fixed'} framework, uniformly in the whole cell and over all"
        " rotations, and every attempt counts."
    ),
    reading=(
        "<i>Trusted</i>: an effective sample size of 10 or more, and no hole. <i>Hole</i>: the potential attracts where"
        " nuclei overlap. Deviations from experiment are decades of the Henry coefficient, since laboratories differ by"
        " factors; <i>common</i>: over the cases that all models have."
    ),
    figures=("henry", "heats", "temperature", "histogram", "profile", "map_energy", "map_free_energy"),
    tables=("widom_summary", "widom"),
    details={"By case and temperature": ("widom", COLUMNS)},
)
