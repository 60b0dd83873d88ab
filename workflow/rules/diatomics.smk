"""Curves of pairs of atoms: prepare, run, score, plot."""


rule prepare_diatomics:
    """Write the geometries of pairs that every model gets. Uses wildcard `batch`."""
    input:
        lambda wildcards: CAMPAIGN.diatomics.references(wildcards.batch),
    output:
        index="results/inputs/diatomics/batch-{batch}.json",
    log:
        "results/logs/prepare_diatomics/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_diatomics/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(1),
        runtime=minutes_that_grow(10),
    params:
        cases=lambda wildcards: CAMPAIGN.diatomics.batches[wildcards.batch],
        references=CAMPAIGN.diatomics.config["references"],
        grid=json.dumps(CAMPAIGN.diatomics.grid_settings),
        settings=json.dumps(CAMPAIGN.diatomics.run_settings),
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing pairs of atoms, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_diatomics.py {params.cases:q} --references {params.references:q}"
        " --grid {params.grid:q} --settings {params.settings:q} --seed {params.seed} --index {output.index:q}"
        " > {log:q} 2>&1"


rule run_diatomics:
    """Energies and forces of a batch of pairs of atoms. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/diatomics/batch-{batch}.json",
    output:
        record="results/models/{model}/diatomics/batch-{batch}.json",
    log:
        "results/logs/run_diatomics/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_diatomics/{model}-{batch}.jsonl"
    retries: RETRIES
    threads: 1
    resources:
        gpu=gpus_of_model,
        mem_mb=memory_that_grows(8),
        runtime=minutes_that_grow(120),
        attempts_left=attempts_left,
        devices=devices_of_model,
        python=python_of_model,
        host_settings=CAMPAIGN.host_settings,
        case_timeout_s=CAMPAIGN.diatomics.config["case_timeout_s"],
    message:
        "Pairs of atoms by {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_diatomics.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --host-settings {resources.host_settings:q}"
        " --attempts-left {resources.attempts_left}"
        " > {log:q} 2>&1"


rule score_diatomics:
    """Tables by model and pair, by model, and of isolated atoms, from the records that exist."""
    input:
        inputs=CAMPAIGN.diatomics.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.diatomics.records()),
    output:
        table=report(
            "results/tables/diatomics.csv",
            caption="../report/diatomics_table.rst",
            category="Diatomics",
            labels={"table": "by pair"},
        ),
        summary=report(
            "results/tables/diatomics_summary.csv",
            caption="../report/diatomics_summary.rst",
            category="Diatomics",
            labels={"table": "by model"},
        ),
        atoms=report(
            "results/tables/atomic_energies.csv",
            caption="../report/atomic_energies.rst",
            category="Diatomics",
            labels={"table": "isolated atoms"},
        ),
    log:
        "results/logs/score_diatomics.log",
    benchmark:
        "results/benchmarks/score_diatomics.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.diatomics)),
        settings=json.dumps(CAMPAIGN.diatomics.score_settings),
    message:
        "Scoring pairs of atoms (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_diatomics.py --inputs {input.inputs:q} --records {input.records:q}"
        " --cards {params.cards:q} --settings {params.settings:q} --table {output.table:q}"
        " --summary {output.summary:q} --atoms {output.atoms:q} > {log:q} 2>&1"


rule plot_diatomics:
    """Figures of the diatomic chapter, from its tables and curves."""
    input:
        table="results/tables/diatomics.csv",
        inputs=CAMPAIGN.diatomics.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.diatomics.records()),
    output:
        curves=report(
            "results/figures/diatomics/curves.svg",
            caption="../report/diatomics_curves.rst",
            category="Diatomics",
            labels={"figure": "curves"},
        ),
        walls=report(
            "results/figures/diatomics/walls.svg",
            caption="../report/diatomics_walls.rst",
            category="Diatomics",
            labels={"figure": "repulsive walls"},
        ),
        deviations=report(
            "results/figures/diatomics/deviations.svg",
            caption="../report/diatomics_deviations.rst",
            category="Diatomics",
            labels={"figure": "deviations"},
        ),
        heatmap=report(
            "results/figures/diatomics/heatmap.svg",
            caption="../report/diatomics_heatmap.rst",
            category="Diatomics",
            labels={"figure": "heat map"},
        ),
        png=expand("results/figures/diatomics/{name}.png", name=CAMPAIGN.diatomics.figure_names),
        zoom="results/figures/diatomics/curves.plotly.json",
    log:
        "results/logs/plot_diatomics.log",
    benchmark:
        "results/benchmarks/plot_diatomics.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.diatomics)),
        settings=json.dumps(CAMPAIGN.diatomics.score_settings),
    message:
        "Drawing pairs of atoms (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/plot_diatomics.py --table {input.table:q} --inputs {input.inputs:q}"
        " --records {input.records:q} --cards {params.cards:q} --settings {params.settings:q}"
        " --folder results/figures/diatomics > {log:q} 2>&1"
