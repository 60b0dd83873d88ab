"""Molecular dynamics of a gas: prepare, run, score, plot."""


rule prepare_gas:
    """Write the starting structures of a batch that every model gets. Uses wildcard `batch`."""
    input:
        files=lambda wildcards: CAMPAIGN.gas.files(wildcards.batch),
    output:
        index="results/inputs/gas/batch-{batch}.json",
    log:
        "results/logs/prepare_gas/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_gas/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        plan=lambda wildcards: json.dumps(CAMPAIGN.gas.plan(wildcards.batch)),
        settings=json.dumps(CAMPAIGN.gas.run_settings),
        by_model=json.dumps(CAMPAIGN.gas.settings_by_model),
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing fluids, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_gas.py --plan {params.plan:q} --settings {params.settings:q}"
        " --by-model {params.by_model:q} --seed {params.seed} --index {output.index:q} > {log:q} 2>&1"


rule run_gas:
    """Molecular dynamics of a batch. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/gas/batch-{batch}.json",
    output:
        record="results/models/{model}/gas/batch-{batch}.json",
    log:
        "results/logs/run_gas/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_gas/{model}-{batch}.jsonl"
    retries: RETRIES
    threads: 1
    resources:
        gpu=gpus_of_model,
        mem_mb=memory_that_grows(8),
        runtime=minutes_that_grow(480),
        attempts_left=attempts_left,
        devices=devices_of_model,
        python=python_of_model,
        host_settings=CAMPAIGN.host_settings,
        case_timeout_s=CAMPAIGN.gas.config["case_timeout_s"],
        checkpoint_s=CAMPAIGN.gas.config["checkpoint_s"],
        batching=CAMPAIGN.gas.config["batching"],
    message:
        "Gas dynamics by {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_gas.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --host-settings {resources.host_settings:q}"
        " --attempts-left {resources.attempts_left}"
        " --checkpoint-s {resources.checkpoint_s} --batching {resources.batching}"
        " > {log:q} 2>&1"


rule score_gas:
    """Tables by model and case and by model, from the records that exist."""
    input:
        inputs=CAMPAIGN.gas.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.gas.records()),
        experiments=CAMPAIGN.gas.experiment_files(),
    output:
        table=report(
            "results/tables/gas.csv",
            caption="../report/gas_table.rst",
            category="Gas dynamics",
            labels={"table": "by case"},
        ),
        summary=report(
            "results/tables/gas_summary.csv",
            caption="../report/gas_summary.rst",
            category="Gas dynamics",
            labels={"table": "by model"},
        ),
    log:
        "results/logs/score_gas.log",
    benchmark:
        "results/benchmarks/score_gas.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(30),
    params:
        settings=json.dumps(CAMPAIGN.gas.score_settings),
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.gas)),
    message:
        "Scoring gas (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_gas.py --inputs {input.inputs:q} --records {input.records:q}"
        " --settings {params.settings:q} --cards {params.cards:q}"
        " --table {output.table:q} --summary {output.summary:q} > {log:q} 2>&1"


rule plot_gas:
    """Figures of the gas chapter."""
    input:
        table="results/tables/gas.csv",
        inputs=CAMPAIGN.gas.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.gas.records()),
        experiments=CAMPAIGN.gas.experiment_files(),
    output:
        energies=report(
            "results/figures/gas/energies.svg",
            caption="../report/gas_energies.rst",
            category="Gas dynamics",
            labels={"figure": "energies"},
        ),
        drift=report(
            "results/figures/gas/drift.svg",
            caption="../report/gas_drift.rst",
            category="Gas dynamics",
            labels={"figure": "drift"},
        ),
        msd=report(
            "results/figures/gas/msd.svg",
            caption="../report/gas_msd.rst",
            category="Gas dynamics",
            labels={"figure": "mean squared displacement"},
        ),
        diffusion=report(
            "results/figures/gas/diffusion.svg",
            caption="../report/gas_diffusion.rst",
            category="Gas dynamics",
            labels={"figure": "diffusion"},
        ),
        rdf=report(
            "results/figures/gas/rdf.svg",
            caption="../report/gas_rdf.rst",
            category="Gas dynamics",
            labels={"figure": "radial distribution"},
        ),
        speeds=report(
            "results/figures/gas/speeds.svg",
            caption="../report/gas_speeds.rst",
            category="Gas dynamics",
            labels={"figure": "speeds"},
        ),
        vibrations=report(
            "results/figures/gas/vibrations.svg",
            caption="../report/gas_vibrations.rst",
            category="Gas dynamics",
            labels={"figure": "vibrations"},
        ),
        survival=report(
            "results/figures/gas/survival.svg",
            caption="../report/gas_survival.rst",
            category="Gas dynamics",
            labels={"figure": "survival of molecules"},
        ),
        png=expand("results/figures/gas/{name}.png", name=CAMPAIGN.gas.figure_names),
    log:
        "results/logs/plot_gas.log",
    benchmark:
        "results/benchmarks/plot_gas.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.gas)),
        settings=json.dumps(CAMPAIGN.gas.score_settings),
    message:
        "Drawing gas"
    shell:
        "{DRIVER:q} workflow/scripts/plot_gas.py --inputs {input.inputs:q} --records {input.records:q}"
        " --table {input.table:q} --cards {params.cards:q} --settings {params.settings:q}"
        " --folder results/figures/gas > {log:q} 2>&1"
