"""Levels of theory: that of a potential's training data beside that of the reference it is compared with.

Two levels agree if they are the same functional with the same treatment of dispersion. A Hubbard U is a remark and no
disagreement: it acts on the d shells of some transition metals only, and the Materials Project's mixed scheme, written
PBE(+U), has it for their oxides and fluorides alone. An experiment, and a potential without a level (``none``), can
neither agree nor disagree, nor can one that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

EXPERIMENT = "experiment"
COLUMNS = ("level_of_theory_model", "level_of_theory_reference", "levels_agree", "levels_remark")
"""Columns of a table that compares with a reference."""

_WITHOUT_LEVEL = frozenset({"", "none", "unknown", EXPERIMENT})
_HUBBARD = re.compile(r"\(?\+\s*u\)?", re.IGNORECASE)


def levels_agree(model: str | None, reference: str | None) -> bool | None:
    """Whether two levels are the same functional with the same dispersion; None where one of them is no such level.

    Spellings do not matter: ``PBE-D3(BJ)`` is ``PBE-D3BJ``, ``r²SCAN`` is ``r2SCAN``.
    """
    functionals = [_functional(level) for level in (model, reference)]
    return None if _WITHOUT_LEVEL & set(functionals) else functionals[0] == functionals[1]


def level_columns(card: Mapping[str, Any], reference: str | None) -> dict[str, Any]:
    """The columns `COLUMNS` of a row.

    Parameters
    ----------
    card : mapping
        What the catalogue says of the model: ``level_of_theory``.
    reference : str or None
        Level of what the row is compared with, `EXPERIMENT`, or None where there is nothing to compare with.
    """
    model = card.get("level_of_theory")
    agree = levels_agree(model, reference)
    with_u = [bool(_HUBBARD.search(level or "")) for level in (model, reference)]
    remark = None
    if agree and with_u[0] != with_u[1]:
        remark = f"+U in the {'model' if with_u[0] else 'reference'} only"
    return dict(zip(COLUMNS, (model, reference, agree, remark), strict=True))


def summary_levels(rows: pd.DataFrame) -> dict[str, Any]:
    """The columns `COLUMNS` of a model's row in a summary: they agree if they do so in all rows that can tell."""
    known = rows["levels_agree"].dropna()
    values = (
        joined(rows["level_of_theory_model"]),
        joined(rows["level_of_theory_reference"]),
        bool(known.astype(bool).all()) if len(known) else None,
        joined(rows["levels_remark"]),
    )
    return dict(zip(COLUMNS, values, strict=True))


def joined(values: Iterable[Any]) -> str | None:
    """Different texts in one, such as ``PBE, PBEsol``; None where there is none."""
    return ", ".join(sorted({str(value) for value in values if isinstance(value, str) and value})) or None


def _functional(level: str | None) -> str:
    plain = _HUBBARD.sub("", level or "").casefold().replace("ω", "w").replace("²", "2")
    return re.sub(r"[^a-z0-9]", "", plain)
