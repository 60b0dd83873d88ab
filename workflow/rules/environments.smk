"""Environments and models: what must be there before anything is calculated."""


rule environments:
    """The environments of every model."""
    input:
        expand(".envs/{env}/environment.lock", env=CAMPAIGN.environments),
    localrule: True


rule models:
    """The calculations of every model, without tables and figures."""
    input:
        CAMPAIGN.summaries(),
    localrule: True


rule build_environment:
    """Build an isolated environment and lock what was installed. Uses wildcard `env`."""
    input:
        "envs/{env}.yaml",
    output:
        ".envs/{env}/environment.lock",
    log:
        "results/logs/build_environment/{env}.log",
    benchmark:
        "results/benchmarks/build_environment/{env}.jsonl"
    localrule: True
    message:
        "Building environment {wildcards.env} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/build_environment.py {input:q} --prefix .envs/{wildcards.env} > {log:q} 2>&1"


rule describe_model:
    """Write what of a catalogue entry, and of its weights, the results depend on. Uses wildcard `model`."""
    input:
        lambda wildcards: CAMPAIGN.checkpoint_files(wildcards.model),
    output:
        "results/models/{model}/model.json",
    log:
        "results/logs/describe_model/{model}.log",
    localrule: True
    params:
        entry=lambda wildcards: json.dumps(CAMPAIGN.entry(wildcards.model)),
        fetched=lambda wildcards, input: list(input) if wildcards.model in CAMPAIGN.fetched else [],
    message:
        "Describing model {wildcards.model}"
    shell:
        "{DRIVER:q} workflow/scripts/describe_model.py {params.entry:q} --fetched {params.fetched:q}"
        " --output {output:q} > {log:q} 2>&1"


rule summarise_model:
    """Close a model's branch: status, counts and costs of its chapters. Uses wildcard `model`."""
    input:
        lambda wildcards: CAMPAIGN.records([wildcards.model]),
    output:
        "results/models/{model}/summary.json",
    log:
        "results/logs/summarise_model/{model}.log",
    localrule: True
    message:
        "Summarising model {wildcards.model}"
    shell:
        "{DRIVER:q} workflow/scripts/summarise_model.py {input:q} --output {output:q} > {log:q} 2>&1"
