"""The report on one page, and the tables for others, with every column described."""


report: "../report/campaign.rst"


rule report:
    """One self-contained page from the tables and figures."""
    input:
        tables=CAMPAIGN.tables(),
        figures=CAMPAIGN.figures(),
        training=lambda wildcards: records_to_collect(tables_of_training()),
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


rule tabulate_catalogue:
    """What the catalogue says of the campaign's potentials, as a table."""
    output:
        report(
            "results/tables/catalogue.csv",
            caption="../report/catalogue.rst",
            category="Summary",
            labels={"table": "potentials"},
        ),
    log:
        "results/logs/tabulate_catalogue.log",
    localrule: True
    params:
        catalogue=json.dumps(CAMPAIGN.catalogue),
    message:
        "Tabulating the potentials"
    shell:
        "{DRIVER:q} workflow/scripts/tabulate_catalogue.py --catalogue {params.catalogue:q} --table {output:q}"
        " > {log:q} 2>&1"


rule export_tables:
    """All tables in one folder, as CSV and as one Parquet, with a Frictionless description of every column."""
    input:
        "results/tables/catalogue.csv",
        CAMPAIGN.tables(),
        lambda wildcards: records_to_collect(tables_of_training()),
    output:
        "results/export/datapackage.json",
        "results/export/assay.parquet",
        directory("results/export/tables"),
    log:
        "results/logs/export_tables.log",
    localrule: True
    message:
        "Exporting the tables"
    shell:
        "{DRIVER:q} workflow/scripts/export_tables.py --tables {input:q} --folder results/export > {log:q} 2>&1"
