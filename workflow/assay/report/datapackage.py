"""The tables as a Frictionless data package: every file with its columns' types, units and definitions.

https://specs.frictionlessdata.io/tabular-data-package/: a folder that can be given away, in which ``datapackage.json``
describes what lies beside and below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from assay.records import file_sha256
from assay.report.descriptions import Column, Descriptions
from assay.report.tidy import FIELDS

SPECIFICATION = "https://specs.frictionlessdata.io/tabular-data-package/"
PROFILE = "data-package"


def data_package(
    folder: Path, tables: Mapping[str, pd.DataFrame], parquet: str, descriptions: Descriptions, revision: str | None
) -> dict[str, Any]:
    """The content of ``datapackage.json``.

    Parameters
    ----------
    folder : Path
        Of the package; the tables lie in ``tables/{name}.csv`` below it.
    tables : mapping of str to DataFrame
    parquet : str
        Name of the file in it that holds the long table (`assay.report.tidy`).
    descriptions : Descriptions
    revision : str or None
        Revision of the code.
    """
    package = {
        "profile": PROFILE,
        "name": "assay",
        "title": "Assay: machine-learned interatomic potentials, put to the test",
        "description": "Tables of a campaign. Units stand in the names of columns and as `unit`; columns with `stderr`"
        " in their names are standard errors; empty cells are numbers that are not defined.",
        "version": revision or "unknown",
        "resources": [_csv_resource(folder, name, table, descriptions) for name, table in tables.items()],
    }
    # without size and hash: the reference implementation checks them for text only, and fails
    long = {
        "path": parquet,
        "name": "all-tables",
        "title": "All tables, one row per number",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "schema": {"fields": [_field(column) for column in FIELDS.values()]},
    }
    return package | {"resources": [*package["resources"], long]}


def _csv_resource(folder: Path, name: str, table: pd.DataFrame, descriptions: Descriptions) -> dict[str, Any]:
    described = descriptions.tables.get(name)
    return _file(folder, f"tables/{name}.csv") | {
        "profile": "tabular-data-resource",
        "name": name.replace("_", "-"),
        "title": described.title if described else name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {
            "fields": _fields(name, table.columns, descriptions),
            "primaryKey": descriptions.key(name, table),
            "missingValues": [""],
        },
    }


def _fields(table: str, names: Iterable[str], descriptions: Descriptions) -> list[dict[str, Any]]:
    return [_field(descriptions.column(table, name) or Column(name, "not described", "any")) for name in names]


def _field(column: Column) -> dict[str, Any]:
    field = {"name": column.name, "type": column.type, "description": column.definition}
    return field | ({"unit": column.unit} if column.unit else {})


def _file(folder: Path, path: str) -> dict[str, Any]:
    file = folder / path
    return {"path": path, "bytes": file.stat().st_size, "hash": f"sha256:{file_sha256(file)}"}
