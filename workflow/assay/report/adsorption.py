"""The report's section on adsorption."""

from __future__ import annotations

from assay.report.chapter_page import ChapterPage

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

PAGE = ChapterPage(
    chapter="adsorption",
    title="Adsorption",
    protocol=lambda block: (
        "Grand-canonical Monte Carlo of guests in fixed frameworks at"
        f" {', '.join(f'{value:g}' for value in block['temperatures_K'])} K and {len(block['pressures_bar'])} pressures"
        f" from {min(block['pressures_bar']):g} to {max(block['pressures_bar']):g} bar (fugacities by"
        f" {block['equation_of_state']}): {block['replicas']} chains of {block['trials']:,} trials each after"
        f" {block['equilibration_trials']:,}, where a model has no number of its own."
    ),
    reading=(
        "<i>Equilibrated</i>: each chain has enough independent samples after the start that is detected, none drifts,"
        " and all agree; only such pressures enter fits and deviations. Deviations from experiment are of the excess"
        " amount; <i>common</i>: over the pressures at which all models are equilibrated. <i>henry_z</i>: initial slope"
        " of the isotherm less Widom's Henry coefficient, in standard errors. Isotherms are also there as Adsorption"
        " Information Files (results/tables/adsorption_aif)."
    ),
    figures=("isotherms", "isotherms_log", "molecules", "heats", "acceptance", "density", "distances"),
    tables=("adsorption_summary", "adsorption_isotherms", "adsorption"),
    details={
        "By isotherm": ("adsorption_isotherms", ISOTHERM_COLUMNS),
        "By pressure": ("adsorption", COLUMNS),
    },
)
