"""The report: tables, figures, failures and provenance on one page."""


report: "../report/campaign.rst"


rule report:
    """One self-contained page from the tables and figures."""
    input:
        tables=CAMPAIGN.tables(),
        figures=CAMPAIGN.figures(),
        records=lambda wildcards: records_to_collect(CAMPAIGN.records()),
    output:
        "results/report/index.html",
    log:
        "results/logs/report.log",
    localrule: True
    params:
        config=json.dumps(CAMPAIGN.config),
        cards=json.dumps(CAMPAIGN.cards()),
    message:
        "Writing the report (log: {log})"
    shell:
        "{DRIVER:q} workflow/scripts/report.py --records {input.records:q} --config {params.config:q}"
        " --cards {params.cards:q} --results results --output {output:q} > {log:q} 2>&1"
