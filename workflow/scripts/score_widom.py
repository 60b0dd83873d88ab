"""Make the Widom tables from the insertions that exist; models and cases without any are listed as missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.results import read_results
from assay.tables import states, write_table
from assay.widom.experiments import read_experiment
from assay.widom.raw import read_prepared
from assay.widom.scores import score, summarise


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared systems")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of Widom jobs")
    parser.add_argument("--experiments", default="{}", help="files of measured values by case (or null), as JSON")
    parser.add_argument("--settings", required=True, help="temperatures, blocks, size of the bootstrap, as JSON")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--table", type=Path, required=True, help="table by model, case and temperature, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, to be written")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        if not arguments.records:
            raise UserError("There are no insertions yet; run a model: snakemake results/models/{model}/summary.json")
        files = json.loads(arguments.experiments)
        experiments = {case: read_experiment(Path(path)) if path else None for case, path in files.items()}
        prepared, results = read_prepared(arguments.inputs), read_results(arguments.records)
        table = score(prepared, results, experiments, cards, settings, arguments.seed)
        write_table(arguments.table, table)
        write_table(arguments.summary, summarise(table, cards, settings["temperature_K"]))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {states(table.drop_duplicates(['model', 'case']))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
