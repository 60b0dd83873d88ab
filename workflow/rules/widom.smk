"""Widom insertion of guests into frameworks: prepare, run, score, plot."""


rule prepare_widom:
    """Write the framework, the guest and the trial insertions of a batch that every model gets. Uses wildcard `batch`."""
    input:
        files=lambda wildcards: CAMPAIGN.widom.files(wildcards.batch),
    output:
        index="results/inputs/widom/batch-{batch}.json",
    log:
        "results/logs/prepare_widom/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_widom/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        plan=lambda wildcards: json.dumps(CAMPAIGN.widom.plan(wildcards.batch)),
        settings=json.dumps(CAMPAIGN.widom.run_settings),
        by_model=json.dumps(CAMPAIGN.widom.settings_by_model),
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing trial insertions, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_widom.py --plan {params.plan:q} --settings {params.settings:q}"
        " --by-model {params.by_model:q} --seed {params.seed} --index {output.index:q} > {log:q} 2>&1"


rule run_widom:
    """Energies of trial insertions. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/widom/batch-{batch}.json",
    output:
        record="results/models/{model}/widom/batch-{batch}.json",
    log:
        "results/logs/run_widom/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_widom/{model}-{batch}.jsonl"
    retries: RETRIES
    threads: 1
    resources:
        gpu=gpus_of_model,
        mem_mb=memory_that_grows(8),
        runtime=minutes_that_grow(240),
        attempts_left=attempts_left,
        devices=devices_of_model,
        python=python_of_model,
        host_settings=CAMPAIGN.host_settings,
        case_timeout_s=CAMPAIGN.widom.config["case_timeout_s"],
    message:
        "Widom insertion by {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_widom.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --host-settings {resources.host_settings:q}"
        " --attempts-left {resources.attempts_left}"
        " > {log:q} 2>&1"


rule score_widom:
    """Tables by model and case and by model, from the records that exist."""
    input:
        inputs=CAMPAIGN.widom.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.widom.records()),
        experiments=CAMPAIGN.widom.experiment_files(),
    output:
        table=report(
            "results/tables/widom.csv",
            caption="../report/widom_table.rst",
            category="Widom insertion",
            labels={"table": "by case"},
        ),
        summary=report(
            "results/tables/widom_summary.csv",
            caption="../report/widom_summary.rst",
            category="Widom insertion",
            labels={"table": "by model"},
        ),
    log:
        "results/logs/score_widom.log",
    benchmark:
        "results/benchmarks/score_widom.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(30),
    params:
        experiments=json.dumps(CAMPAIGN.widom.experiments()),
        settings=json.dumps(CAMPAIGN.widom.score_settings),
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.widom)),
        seed=CAMPAIGN.config["seed"],
    message:
        "Scoring widom (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_widom.py --inputs {input.inputs:q} --records {input.records:q}"
        " --experiments {params.experiments:q} --settings {params.settings:q} --cards {params.cards:q} --seed {params.seed}"
        " --table {output.table:q} --summary {output.summary:q} > {log:q} 2>&1"


rule plot_widom:
    """Figures of the widom chapter."""
    input:
        table="results/tables/widom.csv",
        inputs=CAMPAIGN.widom.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.widom.records()),
    output:
        henry=report(
            "results/figures/widom/henry.svg",
            caption="../report/widom_henry.rst",
            category="Widom insertion",
            labels={"figure": "Henry coefficients"},
        ),
        heats=report(
            "results/figures/widom/heats.svg",
            caption="../report/widom_heats.rst",
            category="Widom insertion",
            labels={"figure": "heats of adsorption"},
        ),
        temperature=report(
            "results/figures/widom/temperature.svg",
            caption="../report/widom_temperature.rst",
            category="Widom insertion",
            labels={"figure": "temperature"},
        ),
        histogram=report(
            "results/figures/widom/histogram.svg",
            caption="../report/widom_histogram.rst",
            category="Widom insertion",
            labels={"figure": "insertion energies"},
        ),
        profile=report(
            "results/figures/widom/profile.svg",
            caption="../report/widom_profile.rst",
            category="Widom insertion",
            labels={"figure": "free energy from wall to pore"},
        ),
        map_energy=report(
            "results/figures/widom/map_energy.svg",
            caption="../report/widom_map_energy.rst",
            category="Widom insertion",
            labels={"figure": "map of the energy"},
        ),
        map_free_energy=report(
            "results/figures/widom/map_free_energy.svg",
            caption="../report/widom_map_free_energy.rst",
            category="Widom insertion",
            labels={"figure": "map of the free energy"},
        ),
        png=expand("results/figures/widom/{name}.png", name=CAMPAIGN.widom.figure_names),
    log:
        "results/logs/plot_widom.log",
    benchmark:
        "results/benchmarks/plot_widom.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(30),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.widom)),
        settings=json.dumps(CAMPAIGN.widom.score_settings),
    message:
        "Drawing widom"
    shell:
        "{DRIVER:q} workflow/scripts/plot_widom.py --inputs {input.inputs:q} --records {input.records:q}"
        " --table {input.table:q} --cards {params.cards:q} --settings {params.settings:q}"
        " --folder results/figures/widom > {log:q} 2>&1"
