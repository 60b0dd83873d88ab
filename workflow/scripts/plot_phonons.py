"""Draw the phonon chapter: bands and density of states per model and crystal, deviations, parity."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.interactive import write_plot
from assay.phonons.figures import band_figure, deviation_figure, parity_figure
from assay.phonons.interactive import band_plot
from assay.phonons.scores import model_spectrum, read_prepared
from assay.results import read_results
from assay.structures import load_crystals
from assay.style import REFERENCE_COLOUR, save_figure
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="table by model and crystal")
    parser.add_argument("--structures", type=Path, required=True, help="file of crystals, for their names")
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared crystals")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of phonon jobs")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the scores, as JSON")
    parser.add_argument("--band-figures", default='"all"', help="crystals to draw bands of, as JSON (default: all)")
    parser.add_argument("--cache", type=Path, required=True, help="folder of the references' spectra")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        table = read_table(arguments.table)
        save_figure(deviation_figure(table, cards), arguments.folder, "deviations")
        save_figure(parity_figure(table, cards), arguments.folder, "parity")
        count = draw_bands(arguments, settings, cards)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: deviations, parity, {count} band structures")
    return 0


def draw_bands(arguments: argparse.Namespace, settings: dict, cards: list[dict]) -> int:
    """One figure per model and crystal that has a result, and all of them to zoom into; returns how many figures."""
    chosen = json.loads(arguments.band_figures)
    crystals = load_crystals(arguments.structures)
    prepared = read_prepared(arguments.inputs, settings, arguments.cache)
    results = read_results(arguments.records)
    folder = arguments.folder / "bands"
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    together: dict[str, list] = {}
    for case, crystal in prepared.items():
        if not (chosen == "all" or case in chosen):
            continue
        level = crystal.facts["level_of_theory_reference"]
        title = crystals[case].name if case in crystals else case
        drawn = [] if crystal.reference is None else [(f"reference ({level})", REFERENCE_COLOUR, crystal.reference)]
        for card in cards:
            result = results.get((card["model"], case))
            if result is None or result["status"] != "ok":
                continue
            spectrum = model_spectrum(crystal, result, settings)
            figure = band_figure(spectrum, crystal.reference, title=title, card=card, level_of_theory_reference=level)
            save_figure(figure, folder, f"{case}_{card['model']}")
            drawn.append((card["label"], card["colour"], spectrum))
            count += 1
        if drawn:
            together[title] = drawn
    write_plot(arguments.folder / "bands.plotly.json", *band_plot(together))
    return count


if __name__ == "__main__":
    sys.exit(main())
