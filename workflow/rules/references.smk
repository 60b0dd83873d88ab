"""References of our own: PBE curves of pairs and force sets with GPAW. No other rule needs them: their results ship."""


rule reference_diatomics:
    """Compute the PBE curve of a homonuclear pair with GPAW, resumable per distance. Uses wildcard `element`."""
    input:
        ".envs/gpaw/environment.lock",
    output:
        protected("results/references/diatomics/{element}.json"),
    log:
        "results/logs/reference_diatomics/{element}.log",
    benchmark:
        "results/benchmarks/reference_diatomics/{element}.jsonl"
    retries: RETRIES
    threads: 1
    resources:
        mem_mb=memory_that_grows(8),
        runtime=minutes_that_grow(1440),
    params:
        settings=lambda wildcards: CAMPAIGN.config["references"]["settings"],
    message:
        "PBE curve of {wildcards.element}-{wildcards.element} with GPAW (log: {log})"
    shell:
        "OMP_NUM_THREADS={threads} .envs/gpaw/bin/python workflow/scripts/reference_diatomics.py"
        " --element {wildcards.element:q} --settings {params.settings:q} --output {output:q}"
        " --workdir results/references/work/diatomics/{wildcards.element:q} > {log:q} 2>&1"


rule reference_phonons:
    """Relax a crystal and compute its PBE force set with GPAW, resumable per displacement. Uses wildcard `case`."""
    input:
        lock=".envs/gpaw/environment.lock",
        # An edit of another crystal must not ask for this one again; the points on disk tell whether this one changed.
        structures=ancient(CAMPAIGN.config["structures"]),
    output:
        forces=protected("results/references/phonons/{case}/phonopy_params.yaml.xz"),
        record=protected("results/references/phonons/{case}/record.json"),
    log:
        "results/logs/reference_phonons/{case}.log",
    benchmark:
        "results/benchmarks/reference_phonons/{case}.jsonl"
    wildcard_constraints:
        # records of the databases are fetched, not computed
        case="(?!mp-[0-9]+/)[^/]+",
    retries: RETRIES
    threads: 1
    resources:
        mem_mb=memory_that_grows(8),
        runtime=minutes_that_grow(1440),
    params:
        settings=lambda wildcards: CAMPAIGN.config["references"]["settings"],
    message:
        "PBE force set of {wildcards.case} with GPAW (log: {log})"
    shell:
        "OMP_NUM_THREADS={threads} .envs/gpaw/bin/python workflow/scripts/reference_phonons.py"
        " --crystals {input.structures:q} --case {wildcards.case:q} --settings {params.settings:q}"
        " --output {output.forces:q} --record {output.record:q}"
        " --workdir results/references/work/phonons/{wildcards.case:q} > {log:q} 2>&1"
