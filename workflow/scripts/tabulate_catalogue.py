"""Write what the catalogue says of a campaign's potentials as a table: licences, levels of theory, what they can do."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.report.catalogue_table import catalogue_table
from assay.tables import write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", required=True, help="entries of the potentials by name, as JSON")
    parser.add_argument("--table", type=Path, required=True, help="table to be written")
    arguments = parser.parse_args(argv)
    try:
        table = catalogue_table(json.loads(arguments.catalogue))
        write_table(arguments.table, table)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {len(table)} potentials")
    return 0


if __name__ == "__main__":
    sys.exit(main())
