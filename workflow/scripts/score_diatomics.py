"""Make the tables of pairs of atoms from the records that exist; models and pairs without one are listed as missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.diatomics.scores import atomic_energies, read_prepared, score, summarise
from assay.failures import UserError
from assay.results import read_results
from assay.tables import states, write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared pairs")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of diatomic jobs")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the scores, as JSON")
    parser.add_argument("--table", type=Path, required=True, help="table by model and pair, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, to be written")
    parser.add_argument("--atoms", type=Path, required=True, help="table of isolated atoms, to be written")
    arguments = parser.parse_args(argv)
    cards = json.loads(arguments.cards)
    try:
        if not arguments.records:
            raise UserError(
                "There are no diatomic results yet; run a model: snakemake results/models/{model}/summary.json"
            )
        prepared = read_prepared(arguments.inputs, json.loads(arguments.settings))
        results = read_results(arguments.records)
        table = score(prepared, results, cards)
        write_table(arguments.table, table)
        write_table(arguments.summary, summarise(table))
        write_table(arguments.atoms, atomic_energies(prepared, results, cards))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {states(table)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
