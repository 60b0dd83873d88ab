"""What every column of every table means: name, type, unit, definition, from ``workflow/schemas/columns``.

One file per chapter describes its tables; ``shared.yaml`` the columns that all of them have, the marks by which a
column is made of another (`_stderr`), and the units that the ends of names stand for. A name in braces stands for
anything: ``rdf_peak_{pair}_A``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from assay.failures import UserError
from assay.validation import SCHEMAS, read_yaml

FOLDER = SCHEMAS / "columns"
SHARED = "shared.yaml"
STDERR = "_stderr"
TYPES = ("number", "integer", "boolean", "string")

_PLACE = re.compile(r"\{[a-z]+\}")


@dataclass(frozen=True)
class Column:
    """What one column means.

    Attributes
    ----------
    name : str
    definition : str
        One sentence.
    type : str
        One of `TYPES`.
    unit : str or None
        None for what has no unit.
    varies : bool
        Whether it differs from run to run of the same calculation, as times do.
    """

    name: str
    definition: str
    type: str = "number"
    unit: str | None = None
    varies: bool = False


@dataclass(frozen=True)
class Mark:
    """A part of names by which a column is made of another one of the same table.

    Attributes
    ----------
    mark : str
        Such as ``_stderr``.
    definition : str
        ``{name}`` and ``{of}`` stand for the other's name and definition.
    type : str
    """

    mark: str
    definition: str
    type: str = "number"


@dataclass(frozen=True)
class Table:
    """What one table is about.

    Attributes
    ----------
    name, title : str
    key : tuple of str
        The columns that tell its rows apart.
    columns : dict of str to Column
        Its own columns; names may have places in braces.
    optional : bool
        Whether a campaign that has every chapter may be without it.
    """

    name: str
    title: str
    key: tuple[str, ...]
    columns: dict[str, Column] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True)
class Descriptions:
    """All that is described.

    Attributes
    ----------
    tables : dict of str to Table
    shared : dict of str to Column
    marks : tuple of Mark
        In the order in which they are tried.
    """

    tables: dict[str, Table]
    shared: dict[str, Column]
    marks: tuple[Mark, ...]

    def column(self, table: str, name: str) -> Column | None:
        """What a column of a table means; None where nobody has said it."""
        own = self.tables[table].columns if table in self.tables else {}
        # a place in braces would take the mark of a derived column for its own
        return own.get(name) or self.shared.get(name) or self._derived(table, name) or _matching(own, name)

    def _derived(self, table: str, name: str) -> Column | None:
        for mark in self.marks:
            # a name may hold a mark twice, such as `_n`: it is at its end or before the unit
            for place in re.finditer(re.escape(mark.mark) + r"(?=_|$)", name):
                base = self.column(table, name[: place.start()] + name[place.end() :])
                if base is not None:
                    text = mark.definition.format(name=base.name, of=base.definition)
                    unit = None if mark.type == "integer" else base.unit
                    return replace(base, name=name, definition=text, type=mark.type, unit=unit)
        return None

    def undescribed(self, table: str, names: Iterable[str]) -> list[str]:
        """Those of a table's columns that nobody has described."""
        return [name for name in names if self.column(table, name) is None]

    def key(self, table: str, names: Iterable[str]) -> list[str]:
        """The columns that tell a table's rows apart; of one that nobody has described, model and case."""
        names = list(names)
        wanted = self.tables[table].key if table in self.tables else ("model", "case")
        return [name for name in wanted if name in names]


def stale(descriptions: Descriptions, tables: Mapping[str, Iterable[str]]) -> list[str]:
    """Descriptions of columns and tables that do not exist, such as ``gas.colour``.

    Parameters
    ----------
    descriptions : Descriptions
    tables : mapping of str to iterable of str
        Names of the columns of every table there is. Names with places in braces may fit none.
    """
    names = {table: set(columns) for table, columns in tables.items()}
    missing = [name for name, table in descriptions.tables.items() if name not in names and not table.optional]
    unused = [
        f"{table.name}.{column}"
        for table in descriptions.tables.values()
        if table.name in names
        for column in table.columns
        if not _PLACE.search(column) and column not in names[table.name]
    ]
    everywhere = set().union(*names.values())
    return missing + unused + [f"shared.{name}" for name in descriptions.shared if name not in everywhere]


def problems(tables: Mapping[str, pd.DataFrame], descriptions: Descriptions | None = None) -> list[str]:
    """What is wrong between tables and their descriptions, one sentence each; empty if all is well.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All tables of a campaign that has every chapter.
    descriptions : Descriptions, optional
        Those of the project unless given.
    """
    descriptions = descriptions or read_descriptions()
    found = [f"{name} is described and does not exist" for name in stale(descriptions, tables)]
    for name, table in tables.items():
        if name not in descriptions.tables:
            found.append(f"{name}: the table is not described")
        found += [f"{name}.{column} is not described" for column in descriptions.undescribed(name, table)]
        key = descriptions.key(name, table)
        if table.duplicated(key).any():
            found.append(f"{name}: {', '.join(key)} do not tell its rows apart")
        for column in table:
            meaning = descriptions.column(name, column)
            if meaning is not None and not fits(table[column], meaning.type):
                found.append(f"{name}.{column} is not of the type {meaning.type}")
    return found


def fits(values: pd.Series, kind: str) -> bool:
    """Whether the values of a column, empty ones apart, are of a type of `TYPES`; any value is a string."""
    known = values.dropna()
    if kind == "string":
        return True
    if kind == "boolean":
        return bool(known.astype(str).isin(["True", "False"]).all())
    if pd.api.types.is_bool_dtype(known):
        return False
    numbers = pd.to_numeric(known, errors="coerce")
    return bool(numbers.notna().all() and (kind == "number" or (numbers % 1 == 0).all()))


@cache
def read_descriptions(folder: Path = FOLDER) -> Descriptions:
    """Read all descriptions of a folder.

    Raises
    ------
    UserError
        If a file has a key that is not known, or a type that is none.
    """
    shared_file = folder / SHARED
    shared = read_yaml(shared_file)
    units = shared["units"]
    tables: dict[str, Table] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == SHARED:
            continue
        for name, content in read_yaml(path).items():
            if name in tables:
                raise UserError(f"{path}: the table {name} is described twice; remove one.")
            columns = _columns(path, content.get("columns", {}), units)
            optional = content.get("optional", False)
            tables[name] = Table(name, content["title"], tuple(content["key"]), columns, optional)
    marks = tuple(Mark(**mark) for mark in shared["derived"])
    return Descriptions(tables, _columns(shared_file, shared["columns"], units), marks)


def unit_of(name: str, units: Mapping[str, str]) -> str | None:
    """The unit that the end of a column's name stands for; of several that fit, that of the longest end.

    Marks that follow the unit, as in ``bond_length_error_A_stderr``, belong to derived columns.
    """
    words = name.split("_")
    ends = ("_".join(words[start:]) for start in range(1, len(words)))
    return next((units[end] for end in ends if end in units), None)


def _columns(path: Path, content: Mapping[str, Any], units: Mapping[str, str]) -> dict[str, Column]:
    columns = {}
    for name, meaning in content.items():
        given = {"definition": meaning} if isinstance(meaning, str) else dict(meaning)
        unknown = sorted(given.keys() - {"definition", "type", "unit", "varies"})
        if unknown or given.get("type", "number") not in TYPES or "definition" not in given:
            raise UserError(
                f"{path}: {name}: expected definition, type ({', '.join(TYPES)}), unit, varies; correct it."
            )
        if given.get("type", "number") == "number":
            given.setdefault("unit", unit_of(name, units))
        columns[name] = Column(name, **given)
    return columns


def _matching(columns: Mapping[str, Column], name: str) -> Column | None:
    for pattern, column in columns.items():
        if _PLACE.search(pattern) and re.fullmatch(_PLACE.sub("(?:[A-Za-z0-9_]+)", pattern), name):
            return replace(column, name=name)
    return None
