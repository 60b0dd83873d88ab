"""Export all tables as a folder to give away: CSV, one Parquet of all numbers, and a description of every column."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from assay.failures import UserError
from assay.provenance import git_revision
from assay.records import atomic_path, write_json
from assay.report.datapackage import data_package
from assay.report.descriptions import read_descriptions
from assay.report.tidy import tidy, write_tidy
from assay.tables import read_table

PARQUET = "assay.parquet"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="tables, each {name}.csv")
    parser.add_argument("--folder", type=Path, required=True, help="where the export goes")
    arguments = parser.parse_args(argv)
    try:
        descriptions = read_descriptions()
        tables = {path.stem: read_table(path) for path in arguments.tables}
        for path in arguments.tables:
            with atomic_path(arguments.folder / "tables" / path.name) as temporary:
                shutil.copyfile(path, temporary)
        rows = tidy(tables, descriptions)
        write_tidy(arguments.folder / PARQUET, rows)
        package = data_package(arguments.folder, tables, PARQUET, descriptions, git_revision())
        write_json(arguments.folder / "datapackage.json", package)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    for name, table in tables.items():
        for column in descriptions.undescribed(name, table):
            print(f"{name}.{column} is not described: add it to workflow/schemas/columns", file=sys.stderr)
    print(f"{arguments.folder}: {len(tables)} tables, {len(rows)} numbers and words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
