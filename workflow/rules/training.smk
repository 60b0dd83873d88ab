"""Training data: what data sets hold, and synthetic data with potentials that are trained on it."""


rule prepare_training:
    """Draw structures with energies and forces of a random n-body potential."""
    output:
        structures="results/inputs/training/structures.xyz",
        potential="results/inputs/training/potential.json",
    log:
        "results/logs/prepare_training.log",
    benchmark:
        "results/benchmarks/prepare_training.jsonl"
    threads: 1
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(60),
    params:
        settings=json.dumps(CAMPAIGN.config["training"]),
        seed=CAMPAIGN.config["seed"],
    message:
        "Drawing synthetic training data (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/prepare_training.py --settings {params.settings:q} --seed {params.seed}"
        " --output {output.structures:q} --potential {output.potential:q} > {log:q} 2>&1"


rule train_schnetpack:
    """Train a model on the synthetic data, resumable per epoch. Uses wildcard `architecture`."""
    input:
        structures="results/inputs/training/structures.xyz",
        lock=".envs/schnetpack/environment.lock",
    output:
        model="results/training/{architecture}-synthetic/model.pt",
        record="results/training/{architecture}-synthetic/training.json",
    log:
        "results/logs/train_schnetpack/{architecture}.log",
    benchmark:
        "results/benchmarks/train_schnetpack/{architecture}.jsonl"
    wildcard_constraints:
        architecture="|".join(ARCHITECTURES),
    retries: RETRIES
    threads: 1
    resources:
        mem_mb=memory_that_grows(4),
        runtime=minutes_that_grow(240),
    params:
        settings=json.dumps(CAMPAIGN.config["training"]),
        seed=CAMPAIGN.config["seed"],
    message:
        "Training {wildcards.architecture} on synthetic data (log: {log})"
    shell:
        "OMP_NUM_THREADS={threads} OMP_WAIT_POLICY=passive .envs/schnetpack/bin/python"
        " workflow/scripts/train_schnetpack.py --architecture {wildcards.architecture:q} --data {input.structures:q}"
        " --settings {params.settings:q} --seed {params.seed} --threads {threads} --model {output.model:q}"
        " --record {output.record:q} --workdir results/training/work/{wildcards.architecture:q} > {log:q} 2>&1"


rule plot_training:
    """The table of errors on test structures, and the learning curves."""
    input:
        expand("results/training/{architecture}-synthetic/training.json", architecture=trained_architectures()),
    output:
        table=report(
            "results/tables/training.csv",
            caption="../report/training_table.rst",
            category="Synthetic training",
            labels={"table": "test errors"},
        ),
        figure=report(
            "results/figures/training/learning_curves.svg",
            caption="../report/training_learning_curves.rst",
            category="Synthetic training",
            labels={"figure": "learning curves"},
        ),
        png="results/figures/training/learning_curves.png",
    log:
        "results/logs/plot_training.log",
    benchmark:
        "results/benchmarks/plot_training.jsonl"
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(30),
    message:
        "Drawing learning curves (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/plot_training.py --records {input:q} --table {output.table:q}"
        " --folder results/figures/training > {log:q} 2>&1"


rule datasets:
    """The table and the figures of every data set of the configuration."""
    input:
        "results/tables/datasets.csv",
    localrule: True


rule tabulate_datasets:
    """Join the tables of all data sets."""
    input:
        parts_of_datasets,
    output:
        report(
            "results/tables/datasets.csv",
            caption="../report/datasets_table.rst",
            category="Training data",
            labels={"table": "distances and forces"},
        ),
    log:
        "results/logs/tabulate_datasets.log",
    localrule: True
    message:
        "Tabulating the data sets"
    shell:
        "{DRIVER:q} workflow/scripts/tabulate_datasets.py --parts {input:q} --table {output:q} > {log:q} 2>&1"


rule probe_dataset:
    """Histograms of a data set's distances and forces, streamed. Uses wildcard `dataset`."""
    input:
        file_of_dataset,
    output:
        histograms="results/datasets/{dataset}/histograms.h5",
        table="results/datasets/{dataset}/pairs.csv",
        pairs=report(
            "results/figures/datasets/{dataset}/pairs.svg",
            caption="../report/datasets_pairs.rst",
            category="Training data",
            labels={"figure": "distances in {dataset}"},
        ),
        forces=report(
            "results/figures/datasets/{dataset}/forces.svg",
            caption="../report/datasets_forces.rst",
            category="Training data",
            labels={"figure": "forces in {dataset}"},
        ),
        png=expand("results/figures/datasets/{{dataset}}/{name}.png", name=("pairs", "forces")),
    log:
        "results/logs/probe_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/probe_dataset/{dataset}.jsonl"
    wildcard_constraints:
        dataset="[A-Za-z0-9][A-Za-z0-9._-]*",
    threads: 1
    resources:
        mem_mb=memory_that_grows(2),
        runtime=minutes_that_grow(240),
    params:
        format=lambda wildcards: (
            ["--format", dataset_of(wildcards)["format"]] if dataset_of(wildcards).get("format") else []
        ),
        cutoff_A=lambda wildcards: dataset_of(wildcards).get("cutoff_A", 6.0),
    message:
        "Probing the data set {wildcards.dataset} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/probe_dataset.py --name {wildcards.dataset:q} --data {input:q} {params.format:q}"
        " --cutoff-A {params.cutoff_A:q} --histograms {output.histograms:q} --table {output.table:q}"
        " --folder results/figures/datasets/{wildcards.dataset:q} > {log:q} 2>&1"
