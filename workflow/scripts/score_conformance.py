"""Make the conformance tables from the records that exist; models and laws without one are listed as missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.conformance.scores import read_cases, score, summarise
from assay.failures import UserError
from assay.results import read_results
from assay.tables import write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of laws")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of conformance jobs")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--table", type=Path, required=True, help="table by model, law and structure, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, to be written")
    arguments = parser.parse_args(argv)
    cards = json.loads(arguments.cards)
    try:
        if not arguments.records:
            raise UserError("No law has been measured yet; run a model: snakemake results/models/{model}/summary.json")
        table = score(read_cases(arguments.inputs), read_results(arguments.records), cards)
        summary = summarise(table, cards)
        write_table(arguments.table, table)
        write_table(arguments.summary, summary)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {len(table)} numbers, {int((table['passed'] == False).sum())} beyond tolerance")  # noqa: E712
    return 0


if __name__ == "__main__":
    sys.exit(main())
