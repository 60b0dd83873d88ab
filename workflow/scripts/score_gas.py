"""Make the gas tables from the records that exist; models and cases without one are listed as missing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.gas.analysis import analyse_all, read_prepared
from assay.gas.kinetic_theory import read_gas
from assay.gas.scores import score
from assay.gas.summary import summarise
from assay.results import read_results
from assay.tables import states, write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared systems")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of gas jobs")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="yardstick, bond_limit and experiments, as JSON")
    parser.add_argument("--table", type=Path, required=True, help="table by model and case, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, to be written")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        if not arguments.records:
            raise UserError(
                "There are no runs of gases yet; run a model: snakemake results/models/{model}/summary.json"
            )
        prepared, results = read_prepared(arguments.inputs), read_results(arguments.records)
        gas = read_gas(settings["experiments"]) if settings["experiments"] else None
        models = [card["model"] for card in cards]
        analyses = analyse_all(prepared, results, models, settings["bond_limit"])
        table = score(prepared, results, analyses, cards, gas, settings["yardstick"])
        write_table(arguments.table, table)
        write_table(arguments.summary, summarise(table))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {states(table)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
