"""In which order the models stand by each criterion, and how sure that order is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from assay.report.criteria import CRITERIA, Criterion, prepared
from assay.report.html import MISSING, table_html
from assay.report.ranking import error_matrix, rank_confidence
from assay.tables import read_table


def ranks_section(results: Path, seed: int) -> str:
    """The ranks of all chapters that have tables, as HTML; nothing where no criterion tells two models apart.

    Parameters
    ----------
    results : Path
        Folder of the campaign's results.
    seed : int
        Of the bootstrap.
    """
    frames = []
    for chapter, criteria in CRITERIA.items():
        path = results / "tables" / f"{chapter}.csv"
        if not path.exists():
            continue
        summary = path.with_name(f"{chapter}_summary.csv")
        table = prepared(chapter, read_table(path), read_table(summary) if summary.exists() else None)
        frames += [rank_rows(chapter, criterion, table, seed) for criterion in criteria if criterion.column in table]
    rows = pd.concat(frames) if frames else pd.DataFrame()
    if rows.empty:
        return ""
    return (
        '<section id="ranks"><h2>Ranks</h2>'
        "<p>In every case the models are ranked by their deviation, 1 for the smallest; the mean over cases, with the"
        " 90 % interval of a bootstrap over the cases (and over the errors of the numbers, where there are any)."
        " <i>First</i>: share of the resamples in which a model has the lowest mean rank. A failed calculation ranks"
        " behind all results; <i>common</i>: over the cases in which all have one. Intervals that overlap do not tell"
        " two models apart; a rank says nothing of how large a deviation is.</p>" + table_html(rows) + "</section>"
    )


def rank_rows(chapter: str, criterion: Criterion, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Ranks by one criterion, one row per model; no rows where fewer than two models have a number.

    Parameters
    ----------
    chapter : str
    criterion : Criterion
    table : DataFrame
        By model and case, as `assay.report.criteria.prepared` gives it.
    seed : int
    """
    errors, stderrs = error_matrix(table, criterion.column, criterion.stderr, criterion.transform)
    if np.isfinite(errors).any(axis=0).sum() < 2:
        return pd.DataFrame()
    every = rank_confidence(errors, stderrs, seed=seed)
    common = rank_confidence(errors, stderrs, common=True, seed=seed)
    rows = pd.DataFrame({"chapter": chapter, "criterion": criterion.label, "model": every.index})
    rows["ok of cases"] = [f"{ok} of {n}" for ok, n in zip(every["n_ok"], every["n_cases"], strict=True)]
    rows["mean rank"] = [_with_interval(row) for row in every.to_dict("records")]
    rows["first"] = [_share(value) for value in every["first_share"]]
    rows["common cases"] = common["n_cases"].to_numpy()
    rows["mean rank, common"] = [_with_interval(row) for row in common.to_dict("records")]
    order = every["mean_rank"].to_numpy().argsort(kind="stable")
    return rows.iloc[order]


def _with_interval(row: dict[str, float]) -> str:
    if not np.isfinite(row["mean_rank"]):
        return MISSING
    if not np.isfinite(row["mean_rank_low"]):
        return f"{row['mean_rank']:.2f}"
    return f"{row['mean_rank']:.2f} ({row['mean_rank_low']:.2f} to {row['mean_rank_high']:.2f})"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if np.isfinite(value) else MISSING
