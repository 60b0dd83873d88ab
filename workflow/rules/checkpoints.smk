"""Weights that do not come with a package, fetched once per site over the network."""


rule fetch_checkpoint:
    """Fetch and verify a model's weights, or record why that cannot be. Uses wildcard `model`."""
    output:
        "results/checkpoints/{model}.json",
    log:
        "results/logs/fetch_checkpoint/{model}.log",
    wildcard_constraints:
        # a pattern that nothing fits where there is nothing to fetch
        model="|".join(re.escape(model) for model in CAMPAIGN.fetched) or "(?!)",
    localrule: True
    resources:
        downloads=1,
        folder=CAMPAIGN.config["checkpoints"]["folder"],
        mirror=CAMPAIGN.config["checkpoints"]["mirror"],
    params:
        checkpoint=lambda wildcards: json.dumps(CAMPAIGN.catalogue[wildcards.model]["checkpoint"]),
        attempt=attempt_to_fetch,
    message:
        "Fetching the weights of {wildcards.model} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/fetch_checkpoint.py {wildcards.model:q} --checkpoint {params.checkpoint:q}"
        " --folder {resources.folder:q} --mirror {resources.mirror:q} --attempt {params.attempt:q} --record {output:q}"
        " > {log:q} 2>&1"
