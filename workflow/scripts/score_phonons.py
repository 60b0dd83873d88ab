"""Make the phonon tables from the records that exist; models and crystals without one are listed as missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.phonons.scores import read_prepared, score, summarise
from assay.results import read_results
from assay.tables import states, write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared crystals")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of phonon jobs")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the scores, as JSON")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the spectra of the references")
    parser.add_argument("--table", type=Path, required=True, help="table by model and crystal, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, to be written")
    parser.add_argument("--threads", type=int, default=1, help="threads (default: 1)")
    arguments = parser.parse_args(argv)
    settings = json.loads(arguments.settings)
    try:
        if not arguments.records:
            raise UserError(
                "There are no phonon results yet; run a model: snakemake results/models/{model}/summary.json"
            )
        prepared = read_prepared(arguments.inputs, settings, arguments.cache)
        results = read_results(arguments.records)
        table = score(prepared, results, json.loads(arguments.cards), settings, arguments.threads)
        write_table(arguments.table, table)
        write_table(arguments.summary, summarise(table))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {states(table)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
