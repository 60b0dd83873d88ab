"""What all rules share: the validated campaign, constraints of wildcards, the inputs of tables."""

import json
import os
import sys

from snakemake.exceptions import WorkflowError

from assay.campaign import load_campaign
from assay.failures import UserError

try:
    CAMPAIGN = load_campaign(config, workflow.configfiles)
except UserError as error:
    raise WorkflowError(str(error)) from None

# The interpreter of the driver; scripts that need no model run in it.
DRIVER = sys.executable

# Targets that are made from the results that exist, instead of waiting for all models.
COLLECTING = ("tables", "figures", "report", "results/tables/", "results/figures/", "results/report/")


wildcard_constraints:
    model="|".join(re.escape(model) for model in CAMPAIGN.models),
    env="[A-Za-z0-9][A-Za-z0-9._-]*",
    batch="[0-9]+",


def collects_what_exists():
    """Whether everything that was asked for on the command line are tables, figures or the report."""
    targets = workflow.dag_settings.targets
    return bool(targets) and all(str(target).startswith(COLLECTING) for target in targets)


def records_to_collect(wanted):
    """The records that a table is made from: all, or where only tables and figures were asked for, those that exist."""
    return [path for path in wanted if os.path.exists(path)] if collects_what_exists() else wanted


def lock_of_model(wildcards):
    """The lock of the environment in which a model runs."""
    return f".envs/{CAMPAIGN.environment(wildcards.model)}/environment.lock"


def python_of_model(wildcards):
    """The interpreter of the environment in which a model runs."""
    return f".envs/{CAMPAIGN.environment(wildcards.model)}/bin/python"


def devices_of_model(wildcards):
    """The devices that a model's job may use, in order of preference."""
    return CAMPAIGN.device(wildcards.model)


def gpus_of_model(wildcards):
    """How many GPUs a model's job asks the scheduler for."""
    return CAMPAIGN.gpus(wildcards.model)


def memory_that_grows(gib):
    """Memory (MB) of the first attempt, twice that of the second, and so on."""
    return lambda wildcards, attempt: 1024 * gib * attempt


def minutes_that_grow(minutes):
    """Run time (minutes) of the first attempt, twice that of the second, and so on."""
    return lambda wildcards, attempt: minutes * attempt


def phonon_references(wildcards):
    """Files of the reference records of a batch's crystals, where there are any."""
    try:
        return CAMPAIGN.phonons.references(wildcards.batch)
    except UserError as error:
        raise WorkflowError(str(error)) from None
