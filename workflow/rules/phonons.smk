"""Harmonic phonons: prepare, run, score, plot."""


rule prepare_phonons:
    """Write the crystals and displacements that every model gets. Uses wildcard `batch`."""
    input:
        structures=CAMPAIGN.config["structures"],
        references=phonon_references,
    output:
        index="results/inputs/phonons/batch-{batch}.json",
    log:
        "results/logs/prepare_phonons/{batch}.log",
    benchmark:
        "results/benchmarks/prepare_phonons/{batch}.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    params:
        cases=lambda wildcards: CAMPAIGN.phonons.batches[wildcards.batch],
        references=CAMPAIGN.phonons.config["references"],
        settings=json.dumps(CAMPAIGN.phonons.run_settings),
        seed=CAMPAIGN.config["seed"],
    message:
        "Preparing phonons, batch {wildcards.batch}"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_phonons.py {params.cases:q} --structures {input.structures:q}"
        " --references {params.references:q} --fetched results/references/phonons --settings {params.settings:q}"
        " --seed {params.seed} --index {output.index:q} > {log:q} 2>&1"


rule run_phonons:
    """Forces on the displaced supercells of a batch of crystals. Uses wildcards `model` and `batch`."""
    input:
        model="results/models/{model}/model.json",
        lock=lock_of_model,
        index="results/inputs/phonons/batch-{batch}.json",
    output:
        record="results/models/{model}/phonons/batch-{batch}.json",
    log:
        "results/logs/run_phonons/{model}-{batch}.log",
    benchmark:
        "results/benchmarks/run_phonons/{model}-{batch}.jsonl"
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
        case_timeout_s=CAMPAIGN.phonons.config["case_timeout_s"],
    message:
        "Phonons of {wildcards.model}, batch {wildcards.batch} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/run_phonons.py --python {resources.python:q} --model {input.model:q}"
        " --inputs {input.index:q} --lock {input.lock:q} --record {output.record:q} --devices {resources.devices:q}"
        " --threads {threads} --case-timeout-s {resources.case_timeout_s} --host-settings {resources.host_settings:q}"
        " --attempts-left {resources.attempts_left}"
        " > {log:q} 2>&1"


rule score_phonons:
    """Tables by model and crystal and by model, from the records that exist."""
    input:
        inputs=CAMPAIGN.phonons.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.phonons.records()),
    output:
        table=report(
            "results/tables/phonons.csv",
            caption="../report/phonons_table.rst",
            category="Phonons",
            labels={"table": "by crystal"},
        ),
        summary=report(
            "results/tables/phonons_summary.csv",
            caption="../report/phonons_summary.rst",
            category="Phonons",
            labels={"table": "by model"},
        ),
    log:
        "results/logs/score_phonons.log",
    benchmark:
        "results/benchmarks/score_phonons.jsonl"
    threads: 2
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(60),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.phonons)),
        settings=json.dumps(CAMPAIGN.phonons.score_settings),
    message:
        "Scoring phonons (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/score_phonons.py --inputs {input.inputs:q} --records {input.records:q}"
        " --cards {params.cards:q} --settings {params.settings:q} --cache results/references/phonons"
        " --table {output.table:q} --summary {output.summary:q} --threads {threads} > {log:q} 2>&1"


rule plot_phonons:
    """Figures of the phonon chapter, from its tables and spectra."""
    input:
        table="results/tables/phonons.csv",
        summary="results/tables/phonons_summary.csv",
        structures=CAMPAIGN.config["structures"],
        inputs=CAMPAIGN.phonons.inputs(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.phonons.records()),
    output:
        deviations=report(
            "results/figures/phonons/deviations.svg",
            caption="../report/phonons_deviations.rst",
            category="Phonons",
            labels={"figure": "deviations"},
        ),
        parity=report(
            "results/figures/phonons/parity.svg",
            caption="../report/phonons_parity.rst",
            category="Phonons",
            labels={"figure": "parity"},
        ),
        png=["results/figures/phonons/deviations.png", "results/figures/phonons/parity.png"],
        zoom="results/figures/phonons/bands.plotly.json",
        bands=directory("results/figures/phonons/bands"),
    log:
        "results/logs/plot_phonons.log",
    benchmark:
        "results/benchmarks/plot_phonons.jsonl"
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(60),
    params:
        cards=json.dumps(CAMPAIGN.cards(CAMPAIGN.phonons)),
        settings=json.dumps(CAMPAIGN.phonons.score_settings),
        cases=json.dumps(CAMPAIGN.phonons.config["band_figures"]),
    message:
        "Drawing phonons (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/plot_phonons.py --table {input.table:q} --inputs {input.inputs:q}"
        " --records {input.records:q} --structures {input.structures:q} --cards {params.cards:q}"
        " --settings {params.settings:q} --band-figures {params.cases:q} --cache results/references/phonons"
        " --folder results/figures/phonons > {log:q} 2>&1"
