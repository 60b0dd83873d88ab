"""Assay: machine-learned interatomic potentials, put to the test in the simulations people use them for."""

from snakemake.utils import min_version

min_version("9.19")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/environments.smk"
include: "workflow/rules/checkpoints.smk"
include: "workflow/rules/references.smk"
include: "workflow/rules/databases.smk"
include: "workflow/rules/diatomics.smk"
include: "workflow/rules/phonons.smk"
include: "workflow/rules/gas.smk"
include: "workflow/rules/widom.smk"
include: "workflow/rules/adsorption.smk"
include: "workflow/rules/speed.smk"
include: "workflow/rules/conformance.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/report.smk"


rule all:
    """The whole campaign: every model's branch, all tables and figures, the report."""
    default_target: True
    input:
        CAMPAIGN.records(),
        CAMPAIGN.summaries(),
        CAMPAIGN.figures(),
        "results/export/datapackage.json",
        "results/report/index.html",
    localrule: True


rule tables:
    """All tables, from the results that exist."""
    input:
        CAMPAIGN.tables(),
    localrule: True


rule figures:
    """All figures, from the results that exist."""
    input:
        CAMPAIGN.figures(),
    localrule: True
