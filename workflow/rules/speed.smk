"""Time and memory of a step against the number of atoms: prepare, run, score, plot."""


rule prepare_speed:
    """Write the systems of one device's job that every model gets. Uses wildcard `batch`."""
    input:
        structures=CAMPAIGN.config["structures"],
    output:
        index="results/inputs/speed/batch-{batch}.json",
    log:
        "results/logs/prepare_speed/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_speed/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        plan=lambda wildcards: json.dumps(CAMPAIGN.speed.plan(wildcards.batch)),
        device=lambda wildcards: CAMPAIGN.speed.config["devices"][int(wildcards.batch)],
        settings=json.dumps(CAMPAIGN.speed.run_settings),
        budget_s=CAMPAIGN.speed.config["budget_s"],
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing systems of growing size, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_speed.py --plan {params.plan:q} --structures {input.structures:q}"
        " --settings {params.settings:q} --device {params.device:q} --budget-s {params.budget_s} --seed {params.seed}"
        " --index {output.index:q} > {log:q} 2>&1"


rule run_speed:
    """Times of steps of growing size on one device. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/speed/batch-{batch}.json",
    output:
        record="results/models/{model}/speed/batch-{batch}.json",
    log:
        "results/logs/run_speed/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_speed/{model}-{batch}.jsonl"
    retries: RETRIES
    # two: on two cores nothing else runs beside the clock
    threads: 2
    resources:
        gpu=lambda wildcards: CAMPAIGN.speed.gpus_of(wildcards.batch, CAMPAIGN.device(wildcards.model)),
        mem_mb=memory_that_grows(16),
        runtime=minutes_that_grow(30 + round(CAMPAIGN.speed.config["budget_s"] / 40)),
        attempts_left=attempts_left,
        devices=lambda wildcards: CAMPAIGN.speed.devices_of(wildcards.batch, devices_of_model(wildcards)),
        python=python_of_model,
        host_settings=CAMPAIGN.host_settings,
        case_timeout_s=CAMPAIGN.speed.config["case_timeout_s"],
    message:
        "Speed of {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_speed.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --host-settings {resources.host_settings:q}"
        " --attempts-left {resources.attempts_left}"
        " > {log:q} 2>&1"


rule score_speed:
    """Tables by model and case and by model, device and system, from the records that exist."""
    input:
        inputs=CAMPAIGN.speed.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.speed.records()),
        references=CAMPAIGN.speed.references(),
    output:
        table=report(
            "results/tables/speed.csv",
            caption="../report/speed_table.rst",
            category="Speed",
            labels={"table": "by case"},
        ),
        summary=report(
            "results/tables/speed_summary.csv",
            caption="../report/speed_summary.rst",
            category="Speed",
            labels={"table": "by model"},
        ),
    log:
        "results/logs/score_speed.log",
    benchmark:
        "results/benchmarks/score_speed.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.speed)),
    message:
        "Scoring speed (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_speed.py --inputs {input.inputs:q} --records {input.records:q}"
        " --references {input.references:q} --cards {params.cards:q} --table {output.table:q}"
        " --summary {output.summary:q} > {log:q} 2>&1"


rule plot_speed:
    """Figures of the speed chapter, from its table and, for the plane, from the other chapters' summaries."""
    input:
        table="results/tables/speed.csv",
        references=CAMPAIGN.speed.references(),
        accuracy=lambda wildcards: CAMPAIGN.accuracy_tables(),
    output:
        curves=report(
            "results/figures/speed/curves.svg",
            caption="../report/speed_curves.rst",
            category="Speed",
            labels={"figure": "cost against size"},
        ),
        relative=report(
            "results/figures/speed/relative.svg",
            caption="../report/speed_relative.rst",
            category="Speed",
            labels={"figure": "relative cost"},
        ),
        memory=report(
            "results/figures/speed/memory.svg",
            caption="../report/speed_memory.rst",
            category="Speed",
            labels={"figure": "memory"},
        ),
        batches=report(
            "results/figures/speed/batches.svg",
            caption="../report/speed_batches.rst",
            category="Speed",
            labels={"figure": "batches"},
        ),
        plane=report(
            "results/figures/speed/plane.svg",
            caption="../report/speed_plane.rst",
            category="Speed",
            labels={"figure": "cost against accuracy"},
        ),
        png=expand("results/figures/speed/{name}.png", name=CAMPAIGN.speed.figure_names),
        zoom="results/figures/speed/curves.plotly.json",
    log:
        "results/logs/plot_speed.log",
    benchmark:
        "results/benchmarks/plot_speed.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.speed)),
        settings=json.dumps(CAMPAIGN.speed.score_settings),
    message:
        "Drawing speed (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/plot_speed.py --table {input.table:q} --references {input.references:q}"
        " --accuracy {input.accuracy:q} --cards {params.cards:q} --settings {params.settings:q}"
        " --folder results/figures/speed > {log:q} 2>&1"
