"""Draw the diatomic chapter: curves, repulsive walls, differences to the reference, heat map of the metrics."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.diatomics.figures import curve_figure, deviation_figure, heatmap_figure, wall_figure
from assay.diatomics.interactive import curve_plot
from assay.diatomics.scores import curve_of, read_prepared
from assay.failures import UserError
from assay.interactive import write_plot
from assay.results import read_results
from assay.style import save_figure
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="table by model and pair")
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="indexes of prepared pairs")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of diatomic jobs")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the scores, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    cards = json.loads(arguments.cards)
    try:
        table = read_table(arguments.table)
        prepared = read_prepared(arguments.inputs, json.loads(arguments.settings))
        results = read_results(arguments.records)
        curves = {key: curve_of(result) for key, result in results.items() if result["status"] == "ok"}
        save_figure(curve_figure(prepared, curves, table, cards), arguments.folder, "curves")
        save_figure(wall_figure(prepared, curves, cards), arguments.folder, "walls")
        save_figure(deviation_figure(prepared, curves, cards), arguments.folder, "deviations")
        save_figure(heatmap_figure(table, cards), arguments.folder, "heatmap")
        write_plot(arguments.folder / "curves.plotly.json", *curve_plot(prepared, curves, cards))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: four figures of {len(curves)} curves")
    return 0


if __name__ == "__main__":
    sys.exit(main())
