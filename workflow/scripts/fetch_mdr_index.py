"""Fetch the list of records of the MDR phonon database and write their ids by Materials Project id (CSV)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import write_text
from assay.references.phonon_databases import Access, access_parser


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, parents=[access_parser(source="mdr")])
    parser.add_argument("--output", type=Path, required=True, help="table to be written")
    arguments = parser.parse_args(argv)
    try:
        index = Access.from_arguments(arguments).index()
        rows = [f"{case},{entry.mdr_id},{entry.formula or ''}" for case, entry in index.items() if entry.mdr_id]
        write_text(arguments.output, "\n".join(["mp_id,mdr_id,formula", *rows]) + "\n")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.output}: {len(rows)} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
