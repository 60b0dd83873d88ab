"""Draw the gas chapter: energies, drift, displacements, diffusion, pair distributions, speeds, vibrations, survival."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.gas.analysis import analyse_all, read_prepared
from assay.gas.energy_figures import drift_figure, energy_figure, survival_figure
from assay.gas.kinetic_theory import read_gas
from assay.gas.molecule_figures import (
    diffusion_figure,
    displacement_figure,
    speed_figure,
    structure_figure,
    vibration_figure,
)
from assay.results import read_results
from assay.style import save_figures
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared systems")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of gas jobs")
    parser.add_argument("--table", type=Path, required=True, help="table by model and case")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="yardstick, bond_limit and experiments, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        table = read_table(arguments.table)
        prepared, results = read_prepared(arguments.inputs), read_results(arguments.records)
        gas = read_gas(settings["experiments"]) if settings["experiments"] else None
        models, yardstick = [card["model"] for card in cards], settings["yardstick"]
        analyses = analyse_all(prepared, results, models, settings["bond_limit"])
        figures = {
            "energies": energy_figure(prepared, analyses, cards),
            "drift": drift_figure(table, cards),
            "msd": displacement_figure(prepared, analyses, cards),
            "diffusion": diffusion_figure(table, prepared, cards, gas, yardstick),
            "rdf": structure_figure(prepared, analyses, cards, yardstick),
            "speeds": speed_figure(prepared, analyses, cards),
            "vibrations": vibration_figure(prepared, analyses, cards, gas),
            "survival": survival_figure(prepared, analyses, cards),
        }
        save_figures(figures, arguments.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: {', '.join(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
