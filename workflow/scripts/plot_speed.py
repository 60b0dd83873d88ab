"""Draw the speed chapter: cost against size, relative cost, memory, batches, cost against accuracy."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.interactive import write_plot
from assay.report.descriptions import read_descriptions
from assay.speed.figures import batch_figure, curve_figure, memory_figure, plane_figure, relative_figure
from assay.speed.interactive import curve_plot
from assay.speed.scores import read_dft_costs
from assay.style import save_figures
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="table by model and case")
    parser.add_argument("--references", type=Path, nargs="*", default=[], help="records of DFT, {crystal}/record.json")
    parser.add_argument("--accuracy", type=Path, nargs="*", default=[], help="summary tables of other chapters")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--settings", required=True, help="metrics and case of the plane, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    settings, cards = json.loads(arguments.settings), json.loads(arguments.cards)
    try:
        table = read_table(arguments.table)
        dft = read_dft_costs(arguments.references)
        summaries = {path.stem: read_table(path) for path in arguments.accuracy}
        plane = plane_figure(
            table,
            summaries,
            settings["accuracy"],
            cards,
            settings["accuracy_case"],
            words={metric: words_of(metric) for metric in settings["accuracy"]},
        )
        figures = {
            "curves": curve_figure(table, cards, dft),
            "relative": relative_figure(table, cards),
            "memory": memory_figure(table, cards),
            "batches": batch_figure(table, cards),
            "plane": plane,
        }
        save_figures(figures, arguments.folder)
        write_plot(arguments.folder / "curves.plotly.json", *curve_plot(table, cards))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: {', '.join(figures)}")
    return 0


def words_of(metric: str) -> str:
    """What the column of a table means, in words, with its unit."""
    table, _, name = metric.partition(".")
    column = read_descriptions().column(table, name)
    if column is None:
        return metric
    return column.definition.rstrip(".") + (f" ({column.unit})" if column.unit else "")


if __name__ == "__main__":
    sys.exit(main())
