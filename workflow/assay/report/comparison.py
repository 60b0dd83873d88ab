"""What differs between two campaigns beyond errors: rows of the same table matched by their keys, column by column.

A number with a standard error on both sides has changed if the difference is more than so many standard errors of both,
z = (b - a) / sqrt(s_a² + s_b²); the errors are taken as independent, so that equal seeds make the test a mild one. A
number without errors has changed if it differs by more than a small part of the larger of both, and by more than what
single precision leaves of its unit. Words, true and false, and empty cells have changed if they differ. Columns that
differ from run to run, times above all, are left out unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import pandas as pd

from assay.report.descriptions import STDERR, Column, Descriptions
from assay.report.tidy import error_column

SIGMA = 2.0
RELATIVE = 1e-3
ROUNDING = {"eV": 1e-6, "Å": 1e-6, "eV/Å": 1e-5, "THz": 1e-5, "kJ/mol": 1e-4, "GPa": 1e-4}
"""Differences by unit that rounding in single precision makes, so that noise about zero is no change."""

OCCURRENCE = "occurrence"
"""Tells rows apart that have the same key."""

MISSING_IN_A, MISSING_IN_B = "only in b", "only in a"
BEYOND_ERRORS, BEYOND_TOLERANCE, DIFFERENT = "beyond errors", "beyond tolerance", "different"


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes
    ----------
    table, model, case : str
        ``case`` is empty in summaries.
    key : str
        Further columns that tell rows apart, such as ``temperature_K=298``.
    column : str
        Empty for a row that is only in one of both.
    kind : str
        `BEYOND_ERRORS`, `BEYOND_TOLERANCE`, `DIFFERENT`, `MISSING_IN_A` or `MISSING_IN_B`.
    a, b : str
        Both values as text, numbers with their standard errors.
    z : float
        Difference in standard errors; NaN without.
    relative : float
        Difference over the larger of both; NaN for words.
    unit : str or None
    """

    table: str
    model: str
    case: str
    key: str
    column: str
    kind: str
    a: str = ""
    b: str = ""
    z: float = float("nan")
    relative: float = float("nan")
    unit: str | None = None


@dataclass(frozen=True)
class TableComparison:
    """Two versions of a table.

    Attributes
    ----------
    changes : list of Change
    n_rows : int
        Rows that are in both.
    n_with_errors, n_without : int
        Numbers that were compared with errors, and cells that were compared without.
    """

    changes: list[Change]
    n_rows: int
    n_with_errors: int
    n_without: int


def compare_tables(
    name: str,
    a: pd.DataFrame,
    b: pd.DataFrame,
    descriptions: Descriptions,
    *,
    sigma: float = SIGMA,
    relative: float = RELATIVE,
    everything: bool = False,
) -> TableComparison:
    """Compare two versions of a table.

    Parameters
    ----------
    name : str
    a, b : DataFrame
    descriptions : Descriptions
        Says which columns tell rows apart and which vary from run to run.
    sigma : float, optional
        Standard errors from which on a number has changed.
    relative : float, optional
        Part of the larger value from which on a number without errors has changed.
    everything : bool, optional
        Whether columns that vary from run to run are compared too.
    """
    key = descriptions.key(name, [column for column in a if column in b])
    left, right = _indexed(a, key), _indexed(b, key)
    both = left.index.intersection(right.index, sort=False)
    changes = [_row(name, key, row, MISSING_IN_B) for row in left.index.difference(right.index, sort=False)]
    changes += [_row(name, key, row, MISSING_IN_A) for row in right.index.difference(left.index, sort=False)]
    counts = [0, 0]
    for column in _compared(name, left, right, descriptions, everything):
        meaning = descriptions.column(name, column) or Column(column, "")
        pairs = _Pairs(left.loc[both], right.loc[both], column)
        found, with_errors = pairs.changed(sigma, relative, ROUNDING.get(meaning.unit or "", 0.0))
        counts[0] += int(with_errors.sum())
        counts[1] += int((~with_errors).sum())
        for place in np.flatnonzero(found):
            changes.append(pairs.change(_row(name, key, both[place], ""), meaning.unit, place))
    return TableComparison(changes, len(both), *counts)


def expected_by_chance(n: int, sigma: float) -> float:
    """How many of so many unchanged numbers differ by more than sigma standard errors, of normal distributions."""
    return n * erfc(sigma / sqrt(2))


def _indexed(table: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    numbered = table.assign(**{OCCURRENCE: table.groupby(key, dropna=False).cumcount()})
    return numbered.set_index([*key, OCCURRENCE])


def _compared(
    name: str, left: pd.DataFrame, right: pd.DataFrame, descriptions: Descriptions, everything: bool
) -> Iterable[str]:
    """Columns of both, without standard errors, which stand beside their values."""
    names = set(left.columns) & set(right.columns)
    for column in left.columns:
        meaning = descriptions.column(name, column)
        varies = meaning is not None and meaning.varies and not everything
        is_error = STDERR in column and column.replace(STDERR, "", 1) in names
        if column in names and not varies and not is_error:
            yield column


def _row(table: str, key: list[str], values: tuple, kind: str) -> Change:
    named = dict(zip([*key, OCCURRENCE], values, strict=True))
    further = [
        f"{column}={_text(value)}" for column, value in named.items() if column not in ("model", "case", OCCURRENCE)
    ]
    further += [f"{OCCURRENCE}={named[OCCURRENCE]}"] if named[OCCURRENCE] else []
    return Change(table, str(named.get("model", "")), str(named.get("case", "")), ", ".join(further), "", kind)


class _Pairs:
    """The cells of one column in the rows of both tables."""

    def __init__(self, left: pd.DataFrame, right: pd.DataFrame, column: str) -> None:
        self.column = column
        self.a, self.b = left[column], right[column]
        error = error_column(column, set(left.columns) & set(right.columns))
        kinds = [
            pd.api.types.is_numeric_dtype(side) and not pd.api.types.is_bool_dtype(side) for side in (self.a, self.b)
        ]
        self.numeric = all(kinds)
        nothing = np.full(len(left), np.nan)
        self.errors = [side[error].to_numpy(float) if error and self.numeric else nothing for side in (left, right)]

    def changed(self, sigma: float, relative: float, rounding: float) -> tuple[np.ndarray, np.ndarray]:
        """Which cells have changed, and which were compared with errors."""
        empty = np.array([self.a.isna(), self.b.isna()])
        with_errors = np.zeros(len(self.a), dtype=bool)
        if not self.numeric:
            differ = self.a.map(_text).to_numpy() != self.b.map(_text).to_numpy()
            return np.where(empty.any(axis=0), empty[0] != empty[1], differ), with_errors
        spread = self.spread()
        with_errors = np.isfinite(spread) & (spread > 0) & ~empty.any(axis=0)
        difference = np.abs(self.difference())
        scale = np.fmax(np.abs(self.a.to_numpy(float)), np.abs(self.b.to_numpy(float)))
        beyond = np.where(with_errors, difference > sigma * spread, difference > np.fmax(relative * scale, rounding))
        return np.where(empty.any(axis=0), empty[0] != empty[1], beyond), with_errors

    def difference(self) -> np.ndarray:
        a, b = self.a.to_numpy(float), self.b.to_numpy(float)
        # two that are infinite on the same side are the same
        return np.subtract(b, a, out=np.zeros(len(a)), where=a != b)

    def spread(self) -> np.ndarray:
        return np.hypot(*self.errors)

    def change(self, row: Change, unit: str | None, place: int) -> Change:
        a, b = self.a.iloc[place], self.b.iloc[place]
        texts = [_text(value, error[place]) for value, error in zip((a, b), self.errors, strict=True)]
        common = {"table": row.table, "model": row.model, "case": row.case, "key": row.key, "column": self.column}
        if not self.numeric or pd.isna(a) or pd.isna(b):
            return Change(**common, kind=DIFFERENT, a=texts[0], b=texts[1], unit=unit)
        difference, spread = self.difference()[place], self.spread()[place]
        has_error = bool(np.isfinite(spread) and spread > 0)
        return Change(
            **common,
            kind=BEYOND_ERRORS if has_error else BEYOND_TOLERANCE,
            a=texts[0],
            b=texts[1],
            z=float(difference / spread) if has_error else float("nan"),
            relative=float(difference / max(abs(a), abs(b))),
            unit=unit,
        )


def _text(value: object, error: float = float("nan")) -> str:
    if pd.isna(value):
        return "empty"
    if isinstance(value, float | np.floating):
        return f"{value:.7g}" + (f" ± {error:.2g}" if np.isfinite(error) else "")
    return str(value)


def as_table(changes: Iterable[Change], causes: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Changes as a table, one row each, with what the records say of their cause.

    Parameters
    ----------
    changes : iterable of Change
    causes : mapping of (table, model) to str
    """
    columns = ("table", "model", "case", "key", "column", "unit", "kind", "a", "b", "z", "relative")
    rows = [{name: getattr(change, name) for name in columns} for change in changes]
    table = pd.DataFrame(rows, columns=list(columns))
    table["cause"] = [causes.get((change["table"], change["model"]), "") for change in rows]
    return table
