# Assay: `make run` runs the default campaign, `make test` passes the tests; both set up what they need.
PYTHON ?= python3.11
CORES ?= 2
PROFILE ?= profiles/local
DRIVER := .envs/driver/bin
SNAKEMAKE = $(DRIVER)/snakemake --profile $(PROFILE) --cores $(CORES)

.DEFAULT_GOAL := help
.PHONY: help setup run plan report environments test test-all lint format lock rulegraph clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup:  ## make the driver environment (.envs/driver) from envs/driver.lock
	@$(PYTHON) workflow/scripts/bootstrap.py

run: setup  ## run the campaign of config/config.yaml
	@$(SNAKEMAKE) && $(DRIVER)/python workflow/scripts/status.py

plan: setup  ## what would run, and why
	@$(SNAKEMAKE) --dry-run

report: setup  ## tables, figures and results/report/index.html from the results that exist
	@$(SNAKEMAKE) report

environments: setup  ## build the environments of the campaign's models
	@$(SNAKEMAKE) environments

test: setup  ## tests: units, physics, job graph, end-to-end campaign
	@$(DRIVER)/python -m pytest -m "not models and not gpaw"

test-all: setup  ## all tests, also those of real models (builds their environments)
	@$(SNAKEMAKE) --quiet all -- environments
	@$(DRIVER)/python -m pytest

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
