"""Make the adsorption tables from the chains that were run, and isotherms as Adsorption Information Files.

Models and pressures without a result are listed as missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.adsorption.aif import write_isotherms
from assay.adsorption.analysis import analyse, metals_of, read_prepared
from assay.adsorption.experiments import read_experiments
from assay.adsorption.isotherm_scores import score_isotherms
from assay.adsorption.scores import score, summarise
from assay.failures import UserError
from assay.results import read_results
from assay.tables import read_table, states, write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared cases")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of adsorption jobs")
    parser.add_argument("--experiments", default="{}", help="files of published isotherms by system, as JSON")
    parser.add_argument("--widom", type=Path, nargs="*", default=[], help="table of the Widom chapter, if there is one")
    parser.add_argument("--settings", required=True, help="blocks, size of the bootstrap and so on, as JSON")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--table", type=Path, required=True, help="table by model and pressure, to be written")
    parser.add_argument("--isotherms", type=Path, required=True, help="table by model and isotherm, to be written")
    parser.add_argument("--summary", type=Path, required=True, help="table by model, to be written")
    parser.add_argument("--aif", type=Path, required=True, help="folder of Adsorption Information Files, to be written")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        if not arguments.records:
            raise UserError("There are no isotherms yet; run a model: snakemake results/models/{model}/summary.json")
        experiments = read_experiments(json.loads(arguments.experiments))
        prepared, results = read_prepared(arguments.inputs), read_results(arguments.records)
        widom = read_table(arguments.widom[0]) if arguments.widom else None
        runs = analyse(prepared, results, settings)
        table = score(prepared, results, runs, experiments, metals_of(prepared), cards, settings, arguments.seed)
        write_table(arguments.table, table)
        isotherms = score_isotherms(table, widom, experiments, cards)
        write_table(arguments.isotherms, isotherms)
        write_table(arguments.summary, summarise(table, isotherms, cards))
        guests = {facts["system"]: facts["guest_formula"] for facts in prepared.values()}
        files = write_isotherms(arguments.aif, table, guests, cards)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {states(table)}; {len(files)} isotherms in {arguments.aif}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
