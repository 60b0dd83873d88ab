"""Draw the conformance chapter: models against laws."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.conformance.figures import law_figure
from assay.failures import UserError
from assay.style import save_figures
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="table by model, law and structure")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the figures go")
    arguments = parser.parse_args(argv)
    try:
        figures = {"laws": law_figure(read_table(arguments.table), json.loads(arguments.cards))}
        save_figures(figures, arguments.folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.folder}: {', '.join(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
