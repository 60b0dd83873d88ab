"""All tables as one long table: a row for each number, with its unit and its error beside it.

The tables of the chapters have different columns and different keys, and a Parquet file has one set of columns. So each
row becomes as many rows as it has filled columns: which table, model, case and further key; the quantity, its unit, its
value. Standard errors stand beside their values. Words (status, reasons, names) are quantities too, in a column of
their own, so that failures are not lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from assay.records import atomic_path
from assay.report.descriptions import STDERR, Column, Descriptions

FIELDS = {
    "table": Column("table", "Name of the table that the number is from.", "string"),
    "model": Column(
        "model", "Name of the potential in the catalogue; empty where the table is not of models.", "string"
    ),
    "case": Column("case", "What the potential was tried on; empty in summaries.", "string"),
    "key": Column("key", "Further columns that tell the table's rows apart, such as temperature_K=298.", "string"),
    "quantity": Column("quantity", "Name of the table's column.", "string"),
    "type": Column("type", "Type of the quantity: number, integer, boolean, string.", "string"),
    "unit": Column("unit", "Unit of value and stderr; empty for what has none.", "string"),
    "value": Column("value", "The number; 1 for true and 0 for false; empty for words."),
    "stderr": Column("stderr", "Standard error of the value, where the table has one."),
    "text": Column("text", "The words, where the quantity is of the type string.", "string"),
}
"""Columns of the long table."""


def tidy(tables: Mapping[str, pd.DataFrame], descriptions: Descriptions) -> pd.DataFrame:
    """The long table of several tables, with the columns `FIELDS`; empty cells have no row.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name.
    descriptions : Descriptions
        A column that it does not describe is a number without a unit, or words.
    """
    parts = [_long(name, table, descriptions) for name, table in tables.items()]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return rows[list(FIELDS)]


def write_tidy(path: Path, rows: pd.DataFrame) -> None:
    """Write a long table as Parquet, atomically; words that recur are stored once."""
    word = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [(name, pa.float64() if column.type == "number" else word) for name, column in FIELDS.items()],
        metadata={name: column.definition for name, column in FIELDS.items()},
    )
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False), temporary, compression="zstd")


def error_column(name: str, names: set[str]) -> str | None:
    """The column that holds the standard errors of a column, among a table's names."""
    return next((other for other in names if STDERR in other and other.replace(STDERR, "", 1) == name), None)


def _long(name: str, table: pd.DataFrame, descriptions: Descriptions) -> pd.DataFrame:
    key = descriptions.key(name, table)
    index = pd.DataFrame(
        {
            "table": name,
            "model": table.get("model"),
            "case": table["case"] if "case" in key else None,
            "key": _further_key(table, [column for column in key if column not in ("model", "case")]),
        }
    )
    names = set(table.columns)
    errors = {error_column(column, names): column for column in table}
    parts = []
    for column in table:
        if column in key or column in errors:
            continue
        part = index.assign(**_cells(name, column, table, names, descriptions))
        parts.append(part[part["value"].notna() | part["text"].notna()])
    return pd.concat(parts, ignore_index=True)


def _further_key(table: pd.DataFrame, columns: list[str]) -> pd.Series:
    texts = [
        column + "=" + table[column].map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
        for column in columns
    ]
    return (
        pd.concat(texts, axis=1).agg(", ".join, axis=1) if texts else pd.Series(None, index=table.index, dtype=object)
    )


def _cells(name: str, column: str, table: pd.DataFrame, names: set[str], descriptions: Descriptions) -> dict:
    values = table[column]
    meaning = descriptions.column(name, column)
    if meaning is None:
        meaning = Column(column, "", "number" if pd.api.types.is_numeric_dtype(values) else "string")
    error = error_column(column, names)
    words = meaning.type == "string"
    if meaning.type == "boolean":
        values = values.astype(str).map({"True": 1.0, "False": 0.0})
    return {
        "quantity": column,
        "type": meaning.type,
        "unit": meaning.unit,
        "value": float("nan") if words else pd.to_numeric(values),
        "stderr": pd.to_numeric(table[error]) if error and not words else float("nan"),
        "text": values.map(str, na_action="ignore") if words else None,
    }
