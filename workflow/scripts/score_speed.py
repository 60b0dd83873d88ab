"""Make the speed tables from the records that exist; models and cases without one are listed as missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.results import read_results
from assay.speed.scores import read_dft_costs, read_machines, read_prepared, score, summarise
from assay.tables import states, write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared systems")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of speed jobs")
    parser.add_argument("--references", type=Path, nargs="*", default=[], help="records of DFT, {crystal}/record.json")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--table", type=Path, required=True, help="table by model and case, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, device and system, to be written")
    arguments = parser.parse_args(argv)
    try:
        if not arguments.records:
            raise UserError("There are no timings yet; run a model: snakemake results/models/{model}/summary.json")
        prepared = read_prepared(arguments.inputs)
        results, machines = read_results(arguments.records), read_machines(arguments.records)
        table = score(prepared, results, machines, json.loads(arguments.cards))
        dft = read_dft_costs(arguments.references)
        write_table(arguments.table, table)
        write_table(arguments.summary, summarise(table, dft))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {states(table)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
