"""Grand-canonical Monte Carlo of guests in frameworks: prepare, run, score, plot."""


rule prepare_adsorption:
    """Write the framework, the guest and the states of the gas of a batch that every model gets. Uses wildcard `batch`."""
    input:
        files=lambda wildcards: CAMPAIGN.adsorption.files(wildcards.batch),
    output:
        index="results/inputs/adsorption/batch-{batch}.json",
    log:
        "results/logs/prepare_adsorption/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_adsorption/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        plan=lambda wildcards: json.dumps(CAMPAIGN.adsorption.plan(wildcards.batch)),
        settings=json.dumps(CAMPAIGN.adsorption.run_settings),
        by_model=json.dumps(CAMPAIGN.adsorption.settings_by_model),
        cases_by_model=json.dumps(CAMPAIGN.adsorption.cases_by_model()),
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing adsorption, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_adsorption.py --plan {params.plan:q} --settings {params.settings:q}"
        " --by-model {params.by_model:q} --cases-by-model {params.cases_by_model:q} --seed {params.seed}"
        " --index {output.index:q} > {log:q} 2>&1"


rule run_adsorption:
    """Monte Carlo at the pressures of a batch. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/adsorption/batch-{batch}.json",
    output:
        record="results/models/{model}/adsorption/batch-{batch}.json",
    log:
        "results/logs/run_adsorption/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_adsorption/{model}-{batch}.jsonl"
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
        case_timeout_s=CAMPAIGN.adsorption.config["case_timeout_s"],
        checkpoint_s=CAMPAIGN.adsorption.config["checkpoint_s"],
    message:
        "Adsorption by {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_adsorption.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --checkpoint-s {resources.checkpoint_s}"
        " --host-settings {resources.host_settings:q} --attempts-left {resources.attempts_left} > {log:q} 2>&1"


rule score_adsorption:
    """Tables by model and pressure, by isotherm and by model, from the records that exist; isotherms in AIF."""
    input:
        inputs=CAMPAIGN.adsorption.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.adsorption.records()),
        experiments=CAMPAIGN.adsorption.experiment_files(),
        widom=["results/tables/widom.csv"] if CAMPAIGN.widom in CAMPAIGN.chapters else [],
    output:
        table=report(
            "results/tables/adsorption.csv",
            caption="../report/adsorption_table.rst",
            category="Adsorption",
            labels={"table": "by pressure"},
        ),
        isotherms=report(
            "results/tables/adsorption_isotherms.csv",
            caption="../report/adsorption_isotherms_table.rst",
            category="Adsorption",
            labels={"table": "by isotherm"},
        ),
        summary=report(
            "results/tables/adsorption_summary.csv",
            caption="../report/adsorption_summary.rst",
            category="Adsorption",
            labels={"table": "by model"},
        ),
        aif=directory("results/tables/adsorption_aif"),
    log:
        "results/logs/score_adsorption.log",
    benchmark:
        "results/benchmarks/score_adsorption.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(30),
    params:
        experiments=json.dumps(CAMPAIGN.adsorption.experiments()),
        settings=json.dumps(CAMPAIGN.adsorption.score_settings),
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.adsorption)),
        seed=CAMPAIGN.config["seed"],
    message:
        "Scoring adsorption (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_adsorption.py --inputs {input.inputs:q} --records {input.records:q}"
        " --experiments {params.experiments:q} --widom {input.widom:q} --settings {params.settings:q}"
        " --cards {params.cards:q} --seed {params.seed} --table {output.table:q} --isotherms {output.isotherms:q}"
        " --summary {output.summary:q} --aif {output.aif:q} > {log:q} 2>&1"


rule plot_adsorption:
    """Figures of the adsorption chapter."""
    input:
        table="results/tables/adsorption.csv",
        isotherms="results/tables/adsorption_isotherms.csv",
        inputs=CAMPAIGN.adsorption.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.adsorption.records()),
        experiments=CAMPAIGN.adsorption.experiment_files(),
    output:
        isotherms=report(
            "results/figures/adsorption/isotherms.svg",
            caption="../report/adsorption_isotherms.rst",
            category="Adsorption",
            labels={"figure": "isotherms"},
        ),
        isotherms_log=report(
            "results/figures/adsorption/isotherms_log.svg",
            caption="../report/adsorption_isotherms_log.rst",
            category="Adsorption",
            labels={"figure": "isotherms, low pressure"},
        ),
        molecules=report(
            "results/figures/adsorption/molecules.svg",
            caption="../report/adsorption_molecules.rst",
            category="Adsorption",
            labels={"figure": "molecules through the run"},
        ),
        heats=report(
            "results/figures/adsorption/heats.svg",
            caption="../report/adsorption_heats.rst",
            category="Adsorption",
            labels={"figure": "isosteric heats"},
        ),
        acceptance=report(
            "results/figures/adsorption/acceptance.svg",
            caption="../report/adsorption_acceptance.rst",
            category="Adsorption",
            labels={"figure": "acceptance of moves"},
        ),
        density=report(
            "results/figures/adsorption/density.svg",
            caption="../report/adsorption_density.rst",
            category="Adsorption",
            labels={"figure": "where guests are"},
        ),
        distances=report(
            "results/figures/adsorption/distances.svg",
            caption="../report/adsorption_distances.rst",
            category="Adsorption",
            labels={"figure": "distances to metals"},
        ),
        png=expand("results/figures/adsorption/{name}.png", name=CAMPAIGN.adsorption.figure_names),
    log:
        "results/logs/plot_adsorption.log",
    benchmark:
        "results/benchmarks/plot_adsorption.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(30),
    params:
        experiments=json.dumps(CAMPAIGN.adsorption.experiments()),
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.adsorption)),
        settings=json.dumps(CAMPAIGN.adsorption.score_settings),
    message:
        "Drawing adsorption"
    shell:
        "{DRIVER:q} workflow/scripts/plot_adsorption.py --inputs {input.inputs:q} --records {input.records:q}"
        " --table {input.table:q} --isotherms {input.isotherms:q} --experiments {params.experiments:q}"
        " --cards {params.cards:q} --settings {params.settings:q} --folder results/figures/adsorption > {log:q} 2>&1"
