"""Phonon databases: materials chosen at random, records fetched one by one over the network."""


rule fetch_mdr_index:
    """The ids of the MDR phonon database by Materials Project id."""
    output:
        "results/references/phonons/mdr_index.csv",
    log:
        "results/logs/fetch_mdr_index.log",
    retries: 2
    localrule: True
    resources:
        downloads=1,
        base_url=CAMPAIGN.phonons.database["base_url"],
        mirror=CAMPAIGN.phonons.database["mirror"],
    message:
        "Fetching the index of the MDR phonon database (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/fetch_mdr_index.py --base-url {resources.base_url:q}"
        " --mirror {resources.mirror:q} --downloads results/references/downloads --output {output:q} > {log:q} 2>&1"


rule select_materials:
    """Draw the random sample of phonons.database.sample; run it before a campaign that asks for one."""
    output:
        "results/references/phonons/selection.json",
    log:
        "results/logs/select_materials.log",
    retries: 2
    localrule: True
    resources:
        downloads=1,
        base_url=CAMPAIGN.phonons.database["base_url"],
        mirror=CAMPAIGN.phonons.database["mirror"],
        max_download_MB=CAMPAIGN.phonons.database["max_download_MB"],
        max_unpacked_MB=CAMPAIGN.phonons.database["max_unpacked_MB"],
    params:
        source=CAMPAIGN.phonons.database["source"],
        sample=json.dumps(CAMPAIGN.phonons.database.get("sample")),
    message:
        "Drawing a sample of {params.source} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/select_materials.py --source {params.source} --sample {params.sample:q}"
        " --base-url {resources.base_url:q} --mirror {resources.mirror:q}"
        " --max-download-MB {resources.max_download_MB} --max-unpacked-MB {resources.max_unpacked_MB}"
        " --downloads results/references/downloads --output {output:q} > {log:q} 2>&1"


rule fetch_phonon_record:
    """Fetch, verify and check a record of a phonon database. Uses wildcard `case`."""
    input:
        lambda wildcards: (
            ["results/references/phonons/mdr_index.csv"] if CAMPAIGN.phonons.needs_mdr_index(wildcards.case) else []
        ),
    output:
        forces="results/references/phonons/{case}/phonopy_params.yaml.xz",
        record="results/references/phonons/{case}/record.json",
    log:
        "results/logs/fetch_phonon_record/{case}.log",
    wildcard_constraints:
        case="mp-[0-9]+",
    retries: 3
    localrule: True
    resources:
        downloads=1,
        base_url=CAMPAIGN.phonons.database["base_url"],
        mirror=CAMPAIGN.phonons.database["mirror"],
        max_download_MB=CAMPAIGN.phonons.database["max_download_MB"],
        max_unpacked_MB=CAMPAIGN.phonons.database["max_unpacked_MB"],
    params:
        source=CAMPAIGN.phonons.database["source"],
        mdr_id=lambda wildcards: CAMPAIGN.phonons.fetched.mdr_ids.get(wildcards.case, ""),
        sha256=lambda wildcards: CAMPAIGN.phonons.database["checksums"].get(wildcards.case, ""),
    message:
        "Fetching {wildcards.case} from {params.source} (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/fetch_phonon_record.py --case {wildcards.case} --source {params.source}"
        " --mdr-id {params.mdr_id:q} --index {input:q} --sha256 {params.sha256:q} --base-url {resources.base_url:q}"
        " --mirror {resources.mirror:q} --max-download-MB {resources.max_download_MB}"
        " --max-unpacked-MB {resources.max_unpacked_MB} --downloads results/references/downloads"
        " --output {output.forces:q} --record {output.record:q} > {log:q} 2>&1"
