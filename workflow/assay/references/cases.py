"""Which materials of a phonon database a campaign asks for, known before any job starts and without the network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.failures import UserError, near_misses
from assay.records import read_json
from assay.validation import origin

FETCHED = "results/references/phonons"
"""Where fetched records lie, ``{case}/phonopy_params.yaml.xz`` and ``{case}/record.json``."""
SELECTION = f"{FETCHED}/selection.json"
"""What rule `select_materials` has chosen."""

WAYS = ("ids", "ids_file", "sample")
MP_ID = re.compile(r"mp-[0-9]+")
MDR_ID = re.compile(r"[0-9a-z]{6,12}")


@dataclass(frozen=True)
class DatabaseCases:
    """Materials of a phonon database.

    Attributes
    ----------
    cases : list of str
        Such as ``mp-149``, in the order of the tables.
    mdr_ids : dict of str to str
        Ids in the MDR database, where the configuration gives them.
    awaits_selection : bool
        Whether a sample is asked for that has not been drawn.
    """

    cases: list[str] = field(default_factory=list)
    mdr_ids: dict[str, str] = field(default_factory=dict)
    awaits_selection: bool = False


def database_cases(database: Mapping[str, Any] | None, files: Sequence[Path | str] = ()) -> DatabaseCases:
    """The materials that ``phonons.database`` asks for.

    Parameters
    ----------
    database : mapping or None
        The block, valid by its schema.
    files : sequence of path
        The files of the configuration, for messages.

    Raises
    ------
    UserError
        One sentence with the file, the key and the remedy.
    """
    if database is None:
        return DatabaseCases()
    keys = ["phonons", "database"]
    source = origin(files, keys, database)
    given = [key for key in WAYS if key in database]
    if len(given) != 1:
        there = " and ".join(given) or "none"
        raise UserError(f"{source}: phonons.database: give one of {', '.join(WAYS)}; there is {there}.")
    mirror = database["mirror"]
    if mirror and not Path(mirror).is_dir():
        raise UserError(f"{source}: phonons.database.mirror: there is no folder {mirror}; correct the path.")
    found = _SELECTORS[given[0]](database, source)
    if found.mdr_ids and database["source"] != "mdr":
        raise UserError(
            f"{source}: phonons.database.{given[0]}: ids of the MDR database mean nothing to {database['source']};"
            " give the mp ids alone, or `source: mdr`."
        )
    for case in database["checksums"]:
        if not found.awaits_selection and case not in found.cases:
            hint = near_misses(case, found.cases)
            raise UserError(f"{source}: phonons.database.checksums: {case!r} is not among the materials{hint}")
    return found


def _explicit(database: Mapping[str, Any], source: str) -> DatabaseCases:
    ids = database["ids"]
    if not isinstance(ids, Mapping):
        return DatabaseCases(list(ids))
    return DatabaseCases(list(ids), {case: mdr_id for case, mdr_id in ids.items() if mdr_id})


def _from_file(database: Mapping[str, Any], source: str) -> DatabaseCases:
    path = Path(database["ids_file"])
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise UserError(
            f"{source}: phonons.database.ids_file: cannot read {path} ({reason}); correct the path."
        ) from error
    cases: dict[str, None] = {}
    mdr_ids: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words or (number == 1 and not any(character.isdigit() for character in words[0])):
            continue  # blank, a comment, or the names of the columns
        case = words[0]
        if not MP_ID.fullmatch(case) or not all(MDR_ID.fullmatch(word) for word in words[1:2]):
            raise UserError(
                f"{path}: line {number}: expected an id such as mp-149 (and after it, if at all, one of the MDR"
                f" database); got {line.strip()!r}."
            )
        if case in cases:
            raise UserError(f"{path}: line {number}: {case} is there twice; remove one.")
        cases[case] = None
        if len(words) > 1:
            mdr_ids[case] = words[1]
    if not cases:
        raise UserError(f"{path}: holds no ids; add one per line, such as mp-149.")
    return DatabaseCases(list(cases), mdr_ids if database["source"] == "mdr" else {})


def _sampled(database: Mapping[str, Any], source: str) -> DatabaseCases:
    path = Path(SELECTION)
    if not path.exists():
        return DatabaseCases(awaits_selection=True)
    selection = read_json(path)
    if selection.get("source") != database["source"] or selection.get("sample") != database["sample"]:
        return DatabaseCases(awaits_selection=True)
    return DatabaseCases(list(selection["ids"]), selection["mdr_ids"])


_SELECTORS = {"ids": _explicit, "ids_file": _from_file, "sample": _sampled}
