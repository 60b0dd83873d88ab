"""What the records of a chapter say, and the columns with which every table begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from assay.records import read_json


def read_results(records: Sequence[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """Results by model and case: what a record says of a case, with the record's folder, device and threads."""
    results = {}
    for path in records:
        record = read_json(path)
        for case, result in record["cases"].items():
            shared = {"folder": Path(path).parent / case, "device": record["device"], "threads": record["threads"]}
            results[record["model"], case] = result | shared
    return results


def first_columns(model: str, case: str, result: Mapping[str, Any] | None) -> dict[str, Any]:
    """Model, case, status and reason; a case without a result is ``missing``."""
    return {
        "model": model,
        "case": case,
        "status": result["status"] if result else "missing",
        "reason": result["reason"] if result else None,
        "message": result["message"] if result else None,
    }


def census(rows: pd.DataFrame) -> dict[str, Any]:
    """How many of a model's cases are there, and why the others are not."""
    failures = rows.loc[rows["status"] == "failed", "reason"].value_counts()
    return {
        "n_ok": int((rows["status"] == "ok").sum()),
        "n_total": len(rows),
        "n_missing": int((rows["status"] == "missing").sum()),
        "failures": ", ".join(f"{reason} ({count})" for reason, count in failures.items()) or None,
    }


def cases_of_all(rows: pd.DataFrame, n_models: int) -> set[str]:
    """Cases that have a row for every one of so many models."""
    counts = rows.groupby("case")["model"].nunique()
    return set(counts[counts == n_models].index)
