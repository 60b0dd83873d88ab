"""Draw the Widom chapter: Henry coefficients, heats, temperatures, insertion energies, profiles and maps."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.results import read_results
from assay.style import save_figures
from assay.tables import read_table
from assay.widom.energy_figures import histogram_figure, profile_figure
from assay.widom.figures import heat_figure, henry_figure, temperature_figure
from assay.widom.map_figures import energy_map_figure, free_energy_map_figure
from assay.widom.raw import read_all_energies, read_prepared, read_views


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared systems")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of Widom jobs")
    parser.add_argument("--table", type=Path, required=True, help="table by model, case and temperature")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="temperature of the figures, window and tiles, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    temperature = settings["temperature_K"]
    try:
        table = read_table(arguments.table)
        prepared = read_prepared(arguments.inputs)
        energies = read_all_energies(prepared, read_results(arguments.records))
        views, hosts = read_views(prepared)
        figures = {
            "henry": henry_figure(table, cards, temperature),
            "heats": heat_figure(table, cards, temperature),
            "temperature": temperature_figure(table, cards),
            "histogram": histogram_figure(energies, list(prepared), cards, temperature, settings["map_limit_eV"]),
            "profile": profile_figure(energies, views, cards, temperature),
            "map_energy": energy_map_figure(energies, views, hosts, cards, settings),
            "map_free_energy": free_energy_map_figure(energies, views, hosts, cards, settings),
        }
        save_figures(figures, arguments.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: {', '.join(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
