"""Draw the adsorption chapter: isotherms, chains, heats, acceptance of moves, maps and distances of guests."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.adsorption.analysis import analyse, read_prepared
from assay.adsorption.chain_figures import molecules_figure
from assay.adsorption.density_figures import choose, density_figure, distance_figure
from assay.adsorption.experiments import read_experiments
from assay.adsorption.figures import acceptance_figure, heat_figure, isotherm_figure, low_pressure_figure
from assay.failures import UserError
from assay.results import read_results
from assay.style import save_figures
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared cases")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of adsorption jobs")
    parser.add_argument("--table", type=Path, required=True, help="table by model and pressure")
    parser.add_argument("--isotherms", type=Path, required=True, help="table by model and isotherm")
    parser.add_argument("--experiments", default="{}", help="files of published isotherms by system, as JSON")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="blocks, window and tiles of maps and so on, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        table, isotherms = read_table(arguments.table), read_table(arguments.isotherms)
        experiments = read_experiments(json.loads(arguments.experiments))
        runs = analyse(read_prepared(arguments.inputs), read_results(arguments.records), settings)
        shown = choose(runs, cards)
        figures = {
            "isotherms": isotherm_figure(table, isotherms, experiments, cards),
            "isotherms_log": low_pressure_figure(table, isotherms, experiments, cards),
            "molecules": molecules_figure(runs, cards),
            "heats": heat_figure(table, experiments, cards),
            "acceptance": acceptance_figure(table, cards),
            "density": density_figure(shown, settings),
            "distances": distance_figure(shown, experiments),
        }
        save_figures(figures, arguments.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: {', '.join(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
