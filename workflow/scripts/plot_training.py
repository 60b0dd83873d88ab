"""Tabulate the test errors of models that were trained on the synthetic data, and draw their learning curves."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json
from assay.style import save_figures
from assay.tables import write_table
from assay.training.figures import learning_curves, training_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, nargs="+", required=True, help="training.json of each model")
    parser.add_argument("--table", type=Path, required=True, help="table by model and size of the data, to be written")
    parser.add_argument("--folder", type=Path, required=True, help="where the figure goes")
    arguments = parser.parse_args(argv)
    try:
        records = [read_json(path) for path in arguments.records]
        write_table(arguments.table, training_table(records))
        save_figures({"learning_curves": learning_curves(records)}, arguments.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {len(records)} models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
