"""What all rules share: the validated campaign, constraints of wildcards, the inputs of tables."""

import atexit
import json
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from assay.campaign import checkpoint_record, load_campaign
from assay.damage import remove_damaged
from assay.failures import UserError
from assay.leftovers import remove_leftovers
from assay.locks import take_campaign
from assay.records import read_json

try:
    CAMPAIGN = load_campaign(config, workflow.configfiles)
except UserError as error:
    raise WorkflowError(str(error)) from None

# A record that was cut short says nothing and would stop the tables; without it, its job is planned again.
RECORDS = [*CAMPAIGN.records(), *map(checkpoint_record, CAMPAIGN.fetched)]
for path in remove_damaged(RECORDS) if workflow.is_main_process else ():
    logger.warning(f"{path} was damaged and has been removed; its job will run again.")

# The interpreter of the driver; scripts that need no model run in it.
DRIVER = sys.executable

# How often a model's job is tried where the machine, and not the model, fails. Only the snakemake that schedules tries
# again: the one inside of a job has no more memory or time to give.
ATTEMPTS = 3
RETRIES = ATTEMPTS - 1 if workflow.is_main_process else 0

# What is trained on synthetic data.
ARCHITECTURES = ("schnet", "painn")

# Targets that are made from the results that exist, instead of waiting for all models.
COLLECTING = (
    "tables",
    "figures",
    "report",
    "results/tables/",
    "results/figures/",
    "results/export/",
    "results/report/",
)

# The environment variable that says so to the snakemake inside of a job, whose own command line does not.
COLLECTS = "ASSAY_COLLECTS_WHAT_EXISTS"
if workflow.is_main_process:
    os.environ.pop(COLLECTS, None)


onstart:
    # Runs once, in the snakemake that schedules, before its first job; not in dry runs, nor in jobs.
    try:
        atexit.register(take_campaign(Path("results")).release)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    remove_leftovers(Path("results"))


wildcard_constraints:
    model="|".join(re.escape(model) for model in CAMPAIGN.models),
    env="[A-Za-z0-9][A-Za-z0-9._-]*",
    batch="[0-9]+",


def collects_what_exists():
    """Whether everything that was asked for on the command line are tables, figures or the report."""
    if not workflow.is_main_process:
        return COLLECTS in os.environ
    targets = workflow.dag_settings.targets
    collects = bool(targets) and all(str(target).startswith(COLLECTING) for target in targets)
    if collects:
        os.environ[COLLECTS] = "yes"
    return collects


def records_to_collect(wanted):
    """The records that a table is made from: all, or where only tables and figures were asked for, those that exist."""
    return [path for path in wanted if os.path.exists(path)] if collects_what_exists() else wanted


def attempt_to_fetch(wildcards):
    """The number of the attempt to fetch a model's weights: after one that failed, the next start makes another."""
    path = checkpoint_record(wildcards.model)
    if not os.path.exists(path):
        return 1
    record = read_json(path)
    again = record["status"] == "failed" and workflow.is_main_process and not collects_what_exists()
    return record["attempt"] + again


def architectures_of_campaign():
    """Those that the campaign's models need trained."""
    return [each for each in ARCHITECTURES if f"{each}-synthetic" in CAMPAIGN.models]


def trained_architectures():
    """Those of the campaign's models; all if it has none of them."""
    return architectures_of_campaign() or list(ARCHITECTURES)


def tables_of_training():
    """Tables of the campaign's data sets, and of the models that it trains."""
    wanted = {
        "results/tables/datasets.csv": CAMPAIGN.config["datasets"],
        "results/tables/training.csv": architectures_of_campaign(),
    }
    return [path for path, asked in wanted.items() if asked]


def dataset_of(wildcards):
    """The entry of the configuration's `datasets` that a job is for."""
    for entry in CAMPAIGN.config["datasets"]:
        if entry["name"] == wildcards.dataset:
            return entry
    raise WorkflowError(f"datasets: there is no data set {wildcards.dataset!r} in the configuration; add it.")


def parts_of_datasets(wildcards):
    """The tables of the configuration's data sets."""
    if not CAMPAIGN.config["datasets"]:
        raise WorkflowError("datasets: the configuration names no data set; add one (config/README.md).")
    return [f"results/datasets/{entry['name']}/pairs.csv" for entry in CAMPAIGN.config["datasets"]]


def file_of_dataset(wildcards):
    """The file of frames that a job reads."""
    path = dataset_of(wildcards)["path"]
    if not os.path.exists(path):
        raise WorkflowError(f"datasets: {wildcards.dataset}.path: there is no file {path}; correct it or leave it out.")
    return path


def lock_of_model(wildcards):
    """The lock of the environment in which a model runs."""
    return f".envs/{CAMPAIGN.environment(wildcards.model)}/environment.lock"


def python_of_model(wildcards):
    """The interpreter of the environment in which a model runs."""
    return f".envs/{CAMPAIGN.environment(wildcards.model)}/bin/python"


def devices_of_model(wildcards):
    """The devices that a model's job may use, in order of preference."""
    # inside of a job, `remote_exec` says that a scheduler runs it
    return CAMPAIGN.device(wildcards.model, scheduled=workflow.remote_exec)


def gpus_of_model(wildcards):
    """How many GPUs a model's job asks the scheduler for."""
    return CAMPAIGN.gpus(wildcards.model)


def memory_that_grows(gib):
    """Memory (MB) of the first attempt, twice that of the second, and so on."""
    return lambda wildcards, attempt: 1024 * gib * attempt


def minutes_that_grow(minutes):
    """Run time (minutes) of the first attempt, twice that of the second, and so on."""
    return lambda wildcards, attempt: minutes * attempt


def attempts_left(wildcards, attempt):
    """How many more attempts a model's job has; a limit that the last one meets is recorded as the model's result."""
    return ATTEMPTS - attempt


def phonon_references(wildcards):
    """Files of the reference records of a batch's crystals, where there are any."""
    try:
        return CAMPAIGN.phonons.references(wildcards.batch)
    except UserError as error:
        raise WorkflowError(str(error)) from None
