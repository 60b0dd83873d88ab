"""Write one self-contained page: tables, figures, failures, provenance. Made from whatever results exist."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json, write_text
from assay.report.adsorption import adsorption_section
from assay.report.diatomics import diatomics_section
from assay.report.gas import gas_section
from assay.report.general import failures_section, models_section, provenance_section
from assay.report.phonons import phonons_section
from assay.report.speed import speed_section
from assay.report.widom import widom_section

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; }
figure { margin: 1rem 0; } figure img { max-width: 100%; background: white; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1rem; }
code { font-size: 12px; }
@media print { .scroll { overflow: visible; } }
"""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the campaign's results")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of jobs")
    parser.add_argument("--config", required=True, help="configuration, as JSON")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="page to write")
    arguments = parser.parse_args(argv)
    try:
        records = [read_json(path) for path in arguments.records]
        cards = json.loads(arguments.cards)
        sections = [
            models_section(cards),
            diatomics_section(arguments.results),
            phonons_section(arguments.results),
            gas_section(arguments.results),
            widom_section(arguments.results),
            adsorption_section(arguments.results),
            speed_section(arguments.results),
            failures_section(records),
            provenance_section(records, json.loads(arguments.config)),
        ]
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Assay</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>Assay: results of the campaign</h1>{''.join(sections)}</body></html>\n"
    )
    write_text(arguments.output, page)
    print(f"{arguments.output}: {len(page) / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
