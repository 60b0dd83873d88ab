# Assay: `make run` runs the default campaign, `make test` passes the tests; both set up what they need.
PYTHON ?= python3.11
CORES ?= 2
PROFILE ?= profiles/local
DRIVER := .envs/driver/bin
# environments of models that are tested, but are no part of the default campaign
TESTED := nequix mace
SNAKEMAKE = $(DRIVER)/snakemake --profile $(PROFILE) --cores $(CORES)
PYTEST = $(DRIVER)/python -m pytest --numprocesses $(CORES) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup run plan status report references environments models test-environments test test-fast test-models test-slurm test-slurm-faults lint format lock rulegraph clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup:  ## make the driver environment (.envs/driver) from envs/driver.lock
	@$(PYTHON) workflow/scripts/bootstrap.py

run: setup  ## run the campaign of config/config.yaml
	@$(SNAKEMAKE) && $(DRIVER)/python workflow/scripts/status.py

plan: setup  ## what would run, why, and for how long; PLAN="--set gas.repeats=4" after a change
	@$(DRIVER)/python workflow/scripts/plan.py --profile $(PROFILE) $(PLAN)

status:  ## what is done, running, failed and waiting, at any time
	@$(DRIVER)/python workflow/scripts/status.py

report: setup  ## tables, figures and results/report/index.html from the results that exist
	@$(SNAKEMAKE) report

references: setup  ## recompute H2 and Si with GPAW and compare with what ships (minutes)
	@$(SNAKEMAKE) .envs/gpaw/environment.lock
	@.envs/gpaw/bin/python workflow/scripts/check_references.py --workdir results/references/work/check

environments: setup  ## build the environments of the campaign's models
	@$(SNAKEMAKE) environments

test-environments: setup  ## build the environments that `make test` needs
	@$(SNAKEMAKE) environments $(TESTED:%=.envs/%/environment.lock)

test: test-environments  ## all tests, those of the real models too
	@$(PYTEST) -m "not gpaw and not slurm and not other_models"

test-fast: setup  ## tests without real models
	@$(PYTEST) -m "not gpaw and not slurm and not models and not other_models"

models: setup  ## build every environment that can be built here, and a table of what each can do
	@$(DRIVER)/python workflow/scripts/models.py $(MODELS)

test-models: setup  ## the laws of every potential whose environment can be built here
	@$(SNAKEMAKE) $(patsubst envs/%.yaml,.envs/%/environment.lock,$(wildcard envs/*.yaml))
	@$(DRIVER)/python -m pytest -m "models or other_models" tests/potentials

test-slurm: setup  ## a campaign on a SLURM that the tests bring up themselves (root; packages: profiles/README.md)
	@$(DRIVER)/python -m pytest -m "slurm and not slow" tests/slurm

test-slurm-faults: setup  ## the same with all that can happen on a cluster: limits, failing nodes, a full disk (10 minutes)
	@$(DRIVER)/python -m pytest -m "slurm and slow" tests/slurm

lint: setup  ## ruff, snakefmt, snakemake --lint
	@$(DRIVER)/ruff check . && $(DRIVER)/ruff format --check . && $(DRIVER)/snakefmt --check Snakefile workflow/rules
	@$(DRIVER)/python tests/snakemake_lint.py

format: setup  ## format Python and Snakemake files
	@$(DRIVER)/ruff check --fix . ; $(DRIVER)/ruff format . && $(DRIVER)/snakefmt Snakefile workflow/rules

lock: setup  ## resolve pyproject.toml to the exact pins of envs/driver.lock
	@$(DRIVER)/uv pip compile pyproject.toml --all-extras --python-version 3.11 --no-header --no-annotate -q -o envs/driver.lock

rulegraph: setup  ## the graph of rules as text, for docs and tests
	@$(DRIVER)/snakemake --rulegraph mermaid-js

clean:  ## remove results; environments stay (remove .envs by hand)
	rm -rf results .snakemake/log
