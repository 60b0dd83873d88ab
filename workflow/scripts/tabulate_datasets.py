"""Join the tables of data sets to one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from assay.failures import UserError
from assay.tables import read_table, write_table


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=Path, nargs="+", required=True, help="table of each data set")
    parser.add_argument("--table", type=Path, required=True, help="table to be written")
    arguments = parser.parse_args(argv)
    try:
        write_table(arguments.table, pd.concat([read_table(path) for path in arguments.parts], ignore_index=True))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.table}: {len(arguments.parts)} data sets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
