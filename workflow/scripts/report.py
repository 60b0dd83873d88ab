"""Write one self-contained page: what each model does in each chapter, tables, figures, failures, provenance.

Made from whatever results exist.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json, write_text
from assay.report import adsorption, conformance, diatomics, gas, phonons, speed, widom
from assay.report.chapter_page import chapter_section
from assay.report.document import document
from assay.report.general import failures_section, introduction, models_section, provenance_section
from assay.report.overview import overview_section
from assay.report.rank_table import ranks_section
from assay.report.training_data import training_data_section

PAGES = (diatomics.PAGE, phonons.PAGE, gas.PAGE, widom.PAGE, adsorption.PAGE, speed.PAGE, conformance.PAGE)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="folder of the campaign's results")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of jobs")
    parser.add_argument("--config", required=True, help="configuration, as JSON")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="page to write")
    arguments = parser.parse_args(argv)
    try:
        records = [read_json(path) for path in arguments.records]
        cards, config = json.loads(arguments.cards), json.loads(arguments.config)
        sections = [
            overview_section(arguments.results, cards, records),
            ranks_section(arguments.results, config["seed"]),
            *(chapter_section(page, arguments.results, config) for page in PAGES),
            training_data_section(arguments.results),
            models_section(cards),
            failures_section(records),
            provenance_section(records, config),
        ]
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    page = document("Assay: results of the campaign", introduction(records), sections)
    write_text(arguments.output, page)
    print(f"{arguments.output}: {len(page) / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
