"""Which cases of a table are about the elements and kinds of materials of a job."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from ase.data import atomic_numbers

from assay.elements import are_metals
from assay.failures import UserError
from assay.report.job_words import parse_formula

NOBLE_GASES = frozenset("He Ne Ar Kr Xe Rn".split())  # noqa: SIM905
HALOGENS = frozenset("F Cl Br I".split())  # noqa: SIM905


def _with(*symbols: str) -> Callable[[frozenset[str]], bool]:
    """A compound of one of these elements and another one."""
    return lambda elements: len(elements) > 1 and not elements.isdisjoint(symbols)


CLASSES: dict[str, Callable[[frozenset[str]], bool]] = {
    "oxides": _with("O"),
    "nitrides": _with("N"),
    "carbides": _with("C"),
    "sulfides": _with("S"),
    "halides": _with(*HALOGENS),
    "metals": lambda elements: bool(are_metals(np.array([atomic_numbers[symbol] for symbol in elements])).all()),
    "noble gases": lambda elements: elements <= NOBLE_GASES,
}
"""What the words for kinds of materials hold, by the elements of a case; a pair of equal atoms is in no compound."""


def belongs(elements: frozenset[str], classes: Sequence[str]) -> bool:
    """Whether a case of these elements is of any of the kinds.

    Raises
    ------
    UserError
        If a kind is not known.
    """
    for name in classes:
        if name not in CLASSES:
            raise UserError(f"materials: {name!r} is not known; known: {', '.join(CLASSES)}.")
    return any(CLASSES[name](elements) for name in classes)


def elements_by_case(table: pd.DataFrame) -> dict[str, frozenset[str]]:
    """The elements of each case, as far as its formula or its name tells: ``N-N`` a pair, ``MgO`` a crystal."""
    rows = table.drop_duplicates("case")
    texts = rows["formula"] if "formula" in rows else rows["case"]
    found = {}
    for case, text in zip(rows["case"], texts.astype(str), strict=True):
        # "Cu-300K" and "CO2-in-Mg-MOF-74" are systems at a state: what follows the first dash is no formula
        parts = text.split("-")
        whole = [parse_formula(part) for part in parts]
        if all(whole):
            found[case] = frozenset(symbol for part in whole for symbol in part)
        elif len(parts) > 1 and re.fullmatch(r"\d+(\.\d+)?K", parts[-1]) and parse_formula(parts[0]):
            found[case] = frozenset(parse_formula(parts[0]))
    return found


def relevant_cases(table: pd.DataFrame, elements: Sequence[str], classes: Sequence[str]) -> tuple[set[str], str]:
    """The cases of a table that are about a job's elements and kinds of materials, and how they were chosen, in words.

    A case counts if it is of one of the kinds, and consists of nothing but the job's elements. Where no case does, or
    the table does not tell of what its cases consist, all count.
    """
    cases = set(table["case"])
    if not elements and not classes:
        return cases, "all cases"
    known = elements_by_case(table)
    if len(known) < len(cases):
        return cases, "all cases: their names do not tell their elements"
    wanted = set(elements)
    chosen = {
        case for case, own in known.items() if (not classes or belongs(own, classes)) and (not wanted or own <= wanted)
    }
    if not chosen:
        return cases, "all cases: none is of this material only"
    return chosen, f"{len(chosen)} of {len(cases)} cases that are of this material only"


def untested_elements(tables: Sequence[pd.DataFrame], elements: Sequence[str], model: str) -> list[str]:
    """Those of a job's elements of which a model has no result in any case whose elements are known."""
    tested: set[str] = set()
    for table in tables:
        known = elements_by_case(table)
        ok = table[(table["model"] == model) & (table["status"] == "ok")]
        tested |= {symbol for case in ok["case"] for symbol in known.get(case, ())}
    return [symbol for symbol in elements if symbol not in tested]
