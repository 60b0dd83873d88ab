"""Laws that any potential obeys, held against each model: prepare, run, score, plot."""


rule prepare_conformance:
    """Write the index of laws. Uses wildcard `batch`."""
    output:
        index="results/inputs/conformance/batch-{batch}.json",
    log:
        "results/logs/prepare_conformance/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_conformance/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cases=lambda wildcards: CAMPAIGN.conformance.batches[wildcards.batch],
        settings=json.dumps(CAMPAIGN.conformance.run_settings),
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing laws, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_conformance.py --cases {params.cases:q} --settings {params.settings:q}"
        " --seed {params.seed} --index {output.index:q} > {log:q} 2>&1"


rule run_conformance:
    """Deviations of a model from the laws. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/conformance/batch-{batch}.json",
    output:
        record="results/models/{model}/conformance/batch-{batch}.json",
    log:
        "results/logs/run_conformance/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_conformance/{model}-{batch}.jsonl"
    retries: RETRIES
    threads: 1
    resources:
        gpu=gpus_of_model,
        mem_mb=memory_that_grows(8),
        runtime=minutes_that_grow(60),
        attempts_left=attempts_left,
        devices=devices_of_model,
        python=python_of_model,
        host_settings=CAMPAIGN.host_settings,
        case_timeout_s=CAMPAIGN.conformance.config["case_timeout_s"],
    message:
        "Laws of {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_conformance.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --host-settings {resources.host_settings:q}"
        " --attempts-left {resources.attempts_left}"
        " > {log:q} 2>&1"


rule score_conformance:
    """Tables by model, law and structure and by model, from the records that exist."""
    input:
        inputs=CAMPAIGN.conformance.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.conformance.records()),
    output:
        table=report(
            "results/tables/conformance.csv",
            caption="../report/conformance_table.rst",
            category="Conformance",
            labels={"table": "by law"},
        ),
        summary=report(
            "results/tables/conformance_summary.csv",
            caption="../report/conformance_summary.rst",
            category="Conformance",
            labels={"table": "by model"},
        ),
    log:
        "results/logs/score_conformance.log",
    benchmark:
        "results/benchmarks/score_conformance.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.conformance)),
    message:
        "Scoring conformance (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_conformance.py --inputs {input.inputs:q} --records {input.records:q}"
        " --cards {params.cards:q} --table {output.table:q} --summary {output.summary:q} > {log:q} 2>&1"


rule plot_conformance:
    """The figure of the conformance chapter, from its table."""
    input:
        table="results/tables/conformance.csv",
    output:
        laws=report(
            "results/figures/conformance/laws.svg",
            caption="../report/conformance_laws.rst",
            category="Conformance",
            labels={"figure": "laws"},
        ),
        png=expand("results/figures/conformance/{name}.png", name=CAMPAIGN.conformance.figure_names),
    log:
        "results/logs/plot_conformance.log",
    benchmark:
        "results/benchmarks/plot_conformance.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.conformance)),
    message:
        "Drawing conformance (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/plot_conformance.py --table {input.table:q} --cards {params.cards:q}"
        " --folder results/figures/conformance > {log:q} 2>&1"
