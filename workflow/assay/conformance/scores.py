"""Tables of the conformance chapter: one row per model, law, structure and quantity, and one row per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.conformance.case import LAW_FILE
from assay.potentials.law_titles import TITLES
from assay.records import read_json
from assay.results import census, first_columns

UNITS = {"meV_per_atom": "meV/atom", "meV_A": "meV/Å", "meV_A3": "meV/Å³"}
"""Endings of the names of quantities, and the units that they stand for."""

HEADLINES = {
    "rotation_energy_meV_per_atom": ("rotation", "energy_meV_per_atom"),
    "rotation_force_meV_A": ("rotation", "force_meV_A"),
    "inversion_energy_meV_per_atom": ("inversion", "energy_meV_per_atom"),
    "force_gradient_meV_A": ("force-gradient", "force_derivative_meV_A"),
    "stress_gradient_meV_A3": ("stress-gradient", "stress_derivative_meV_A3"),
    "batch_energy_meV_per_atom": ("batch", "energy_meV_per_atom"),
    "batch_force_meV_A": ("batch", "force_meV_A"),
    "package_energy_meV_per_atom": ("package", "energy_meV_per_atom"),
    "extensivity_energy_meV_per_atom": ("extensivity", "energy_meV_per_atom"),
    "translation_energy_meV_per_atom": ("translation", "energy_meV_per_atom"),
    "wrapping_energy_meV_per_atom": ("wrapping", "energy_meV_per_atom"),
    "permutation_energy_meV_per_atom": ("permutation", "energy_meV_per_atom"),
    "permutation_force_meV_A": ("permutation", "force_meV_A"),
    "net_force_meV_A": ("net-force", "force_meV_A"),
}
"""Columns of the summary: the largest deviation from a law in a quantity, over all structures."""


def split_quantity(name: str) -> tuple[str, str | None]:
    """Quantity and unit of a name such as ``force_meV_A``; a count has no unit."""
    for ending in sorted(UNITS, key=len, reverse=True):
        if name.endswith(f"_{ending}"):
            return name.removesuffix(f"_{ending}"), UNITS[ending]
    return name, None


def score(
    cases: Sequence[str], results: Mapping[tuple[str, str], Mapping[str, Any]], cards: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """One row per model, law, structure and quantity; one where a law could not be measured or has not been.

    Parameters
    ----------
    cases : sequence of str
        Names of laws.
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    cards : sequence of mapping
        What the catalogue says of each model: ``model``.

    Returns
    -------
    DataFrame
        `status` is that of the law on the structure: where a potential fails on one of the structures, its numbers on
        the others are there.

    Raises
    ------
    UserError
        If a file of results is missing or not readable.
    """
    rows = []
    for card in cards:
        for case in cases:
            rows += _rows(card["model"], case, results.get((card["model"], case)))
    return pd.DataFrame(rows)


def _rows(model: str, case: str, result: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    first = first_columns(model, case, result)
    shared = {"device": result["device"] if result else None, "law": TITLES[case]}
    seen = result["observations"] if result else {}
    shared |= {name: seen.get(name) for name in ("dtype", "conservative", "equivariant", "batching")}
    empty = {"system": None, "quantity": None, "unit": None, "value": np.nan, "tolerance": np.nan}
    empty |= {"value_over_tolerance": np.nan, "required": None, "passed": None}
    if result is None or LAW_FILE not in result["files"]:
        return [first | shared | empty]
    content = read_json(result["folder"] / LAW_FILE)
    rows = []
    for one in content["measurements"]:
        quantity, unit = split_quantity(one["quantity"])
        value, tolerance = _number(one["value"]), one["tolerance"]
        rows.append(
            first
            | {"status": "ok", "reason": None, "message": None}
            | shared
            | {"system": one["system"], "quantity": quantity, "unit": unit, "value": value, "tolerance": tolerance}
            | {"value_over_tolerance": _ratio(value, tolerance)}
            | {"required": one["required"], "passed": one["passed"]}
        )
    for one in content["failures"]:
        told = {"status": "failed", "reason": one["reason"], "message": one["message"]}
        rows.append(first | told | shared | empty | {"system": one["system"]})
    # a law may have nothing to say of a potential: without stress there is no derivative of it
    return rows or [first | shared | empty]


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _ratio(value: float, tolerance: float) -> float:
    if tolerance > 0:
        return value / tolerance
    return np.inf if value > 0 else value


def summarise(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per model: the largest deviations, which laws are broken, whether all are obeyed.

    Parameters
    ----------
    table : DataFrame
        From `score`.
    cards : sequence of mapping
    """
    return pd.DataFrame([_summary(card["model"], table[table["model"] == card["model"]]) for card in cards])


def _summary(model: str, rows: pd.DataFrame) -> dict[str, Any]:
    known = rows.dropna(subset=["dtype"])
    laws = pd.DataFrame([_law(case, of_law) for case, of_law in rows.groupby("case", sort=False)])
    counts = census(laws)
    broken = list(laws.loc[laws["broken"], "law"])
    complete = counts["n_ok"] == counts["n_total"]
    return {
        "model": model,
        **{name: known[name].iloc[0] if len(known) else None for name in ("device", "dtype")},
        **{name: known[name].iloc[0] if len(known) else None for name in ("conservative", "equivariant", "batching")},
        **counts,
        "passed": not broken if complete else (False if broken or counts["failures"] else None),
        "n_broken": len(broken),
        "broken": ", ".join(broken) or None,
        **{column: _largest(rows, *chosen) for column, chosen in HEADLINES.items()},
    }


def _law(case: str, rows: pd.DataFrame) -> dict[str, Any]:
    """State of one law: the worst of its rows, and whether it is broken on any structure."""
    worst = next((state for state in ("missing", "failed") if (rows["status"] == state).any()), "ok")
    reasons = rows.loc[rows["status"] == worst, "reason"]
    broken = bool((rows["passed"] == False).any())  # noqa: E712 (None where nothing was measured)
    return {"law": TITLES[case], "status": worst, "reason": reasons.iloc[0], "broken": broken}


def _largest(rows: pd.DataFrame, case: str, quantity: str) -> float:
    """The largest value of a quantity over all structures; NaN if one of them is."""
    name, unit = split_quantity(quantity)
    chosen = rows[(rows["case"] == case) & (rows["quantity"] == name) & (rows["unit"] == unit)]
    return float(chosen["value"].max(skipna=False)) if len(chosen) else np.nan


def read_cases(indexes: Sequence[Path]) -> list[str]:
    """Names of all prepared laws."""
    return [case for path in indexes for case in read_json(path)["cases"]]
