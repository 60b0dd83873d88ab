"""Tables: tidy CSV, one row per model and case, units in the names of columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from assay.failures import UserError
from assay.records import atomic_path

SIGNIFICANT_DIGITS = 7


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table atomically, numbers to seven significant digits.

    Raises
    ------
    UserError
        If it has no rows: an empty table would pass for a finished one.
    """
    if table.empty:
        raise UserError(f"{path}: there is nothing to tabulate; run a model first.")
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    Raises
    ------
    UserError
        If it is missing or not CSV.
    """
    try:
        return pd.read_csv(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such table; `snakemake tables` makes it.") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as CSV ({error}); delete it and rerun.") from error


def states(table: pd.DataFrame) -> str:
    """How many cases have which status, such as ``18 ok, 2 failed``; one row per model and case."""
    counts = table["status"].value_counts().to_dict()
    return ", ".join(f"{count} {status}" for status, count in counts.items())
