"""Ranks of models over cases, with the confidence that a bootstrap over the cases gives them.

In every case the models are ranked by their error, equal ones sharing the mean of their ranks; a model's rank is the
mean over the cases. Ranks within cases need no common scale of the cases, a single hard case decides nothing, and a
failure has a place: behind all that have a result. Magnitudes are lost and have to stand beside. The method is that of
Friedman's test, as recommended for comparisons over many data sets by J. Demšar, J. Mach. Learn. Res. 7, 1 (2006); the
intervals are percentiles of the bootstrap (doi:10.1214/aos/1176344552).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from assay.randomness import random_stream

INTERVAL = (0.05, 0.95)
"""Quantiles of the 90 % interval."""

FEWEST_CASES = 2
"""With fewer cases, and without standard errors, nothing tells how sure a rank is."""

RESAMPLES = 2000

FAILED = np.inf
"""The error of a case in which a model failed: behind all results. NaN: not run, or not defined; not ranked."""


def error_matrix(
    table: pd.DataFrame,
    column: str,
    stderr: str | None = None,
    transform: Callable[[np.ndarray], np.ndarray] = np.abs,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Errors and their standard errors by case and model, as `rank_confidence` wants them.

    Parameters
    ----------
    table : DataFrame
        One row per ``model`` and ``case``, with ``status``; the first row counts where there are several.
    column : str
        Deviations whose size is the error.
    stderr : str, optional
        Column of their standard errors.
    transform : callable, optional
        Makes an error, lower is better, of a deviation; the absolute value unless given.

    Returns
    -------
    errors, stderrs : DataFrame
        Rows are cases, columns models, in the table's order; `FAILED` where a model failed, NaN where it was not run or
        the number is not defined.
    """
    rows = table.drop_duplicates(["model", "case"])
    failed = (rows["status"] == "failed").to_numpy()
    nothing = pd.Series(np.nan, index=rows.index)
    values = transform(rows.get(column, nothing).to_numpy(dtype=float))
    spread = rows.get(stderr, nothing).to_numpy(dtype=float) if stderr else nothing.to_numpy()
    long = rows[["model", "case"]].assign(error=np.where(failed, FAILED, values), stderr=spread)
    cases, models = pd.unique(long["case"]), pd.unique(long["model"])
    wide = long.pivot(index="case", columns="model", values=["error", "stderr"])
    return tuple(wide[name].reindex(index=cases, columns=models) for name in ("error", "stderr"))


def rank_confidence(
    errors: pd.DataFrame,
    stderrs: pd.DataFrame | None = None,
    *,
    common: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean ranks of models over cases, how far they would move with other cases, and how often each model is first.

    Parameters
    ----------
    errors : DataFrame
        Rows are cases, columns models; lower is better. `FAILED` ranks behind all results; NaN is not ranked.
    stderrs : DataFrame, optional
        Standard errors of them, NaN for none; each resample draws the errors anew from normal distributions, so that
        ranks of numbers that overlap are not taken for certain.
    common : bool, optional
        Only the cases in which all models have a result.
    resamples : int, optional
    seed : int, optional
        Equal seeds give equal numbers.

    Returns
    -------
    DataFrame
        One row per model in the order of the columns: ``n_cases`` (that are ranked), ``n_ok`` (of them, that the model
        has), ``mean_rank`` (1 is first), ``mean_rank_low`` and ``mean_rank_high`` (90 % interval), ``first_share``
        (share of resamples in which it has the lowest mean rank; ties are shared). Interval and share are NaN where
        there are fewer than `FEWEST_CASES` cases and no standard errors; all are NaN for a model that is in no case.

    Raises
    ------
    ValueError
        If `stderrs` has other cases or models.
    """
    if stderrs is not None and not (stderrs.index.equals(errors.index) and stderrs.columns.equals(errors.columns)):
        raise ValueError("errors and their standard errors have different cases or models")
    errors, stderrs = ranked_cases(errors, stderrs, common=common)
    values = errors.to_numpy(dtype=float)
    result = pd.DataFrame(index=errors.columns)
    result["n_cases"] = len(values)
    result["n_ok"] = np.isfinite(values).sum(axis=0)
    result["mean_rank"] = _mean_over_cases(np.full((1, len(values)), 1.0), ranks(values))[0]
    drawn = resampled_ranks(errors, stderrs, resamples=resamples, seed=seed)
    return pd.concat([result, interval(drawn, errors.columns)], axis=1)


def ranked_cases(
    errors: pd.DataFrame, stderrs: pd.DataFrame | None, *, common: bool
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The cases in which one model at least has a result and two are ranked, or in which all have a result."""
    results = np.isfinite(errors)
    several = errors.notna().sum(axis=1) >= min(2, errors.shape[1])
    known = results.all(axis=1) if common else results.any(axis=1) & several
    return errors[known], None if stderrs is None else stderrs[known]


def resampled_ranks(
    errors: pd.DataFrame, stderrs: pd.DataFrame | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Mean ranks in resamples of the cases, as `rank_confidence` takes them, shape (resamples, n_models).

    All are NaN where nothing tells how sure a rank is, and those of a model in a resample that has none of its cases.
    """
    values = errors.to_numpy(dtype=float)
    spread = np.zeros_like(values) if stderrs is None else np.nan_to_num(stderrs.to_numpy(dtype=float))
    n_cases = len(values)
    if n_cases == 0 or (n_cases < FEWEST_CASES and not spread.any()):
        return np.full((resamples, values.shape[1]), np.nan)
    rng = random_stream(seed, "report/ranks")
    counts = rng.multinomial(n_cases, np.full(n_cases, 1 / n_cases), size=resamples).astype(float)
    if not spread.any():
        return _mean_over_cases(counts, ranks(values))
    # errors are magnitudes: one that falls below zero by its draw is as large on the other side
    drawn = (ranks(np.abs(values + spread * rng.standard_normal(values.shape))) for _ in range(resamples))
    return np.vstack([_mean_over_cases(one[None, :], of_draw) for one, of_draw in zip(counts, drawn, strict=True)])


def interval(drawn: np.ndarray, models: pd.Index) -> pd.DataFrame:
    """90 % interval of resampled mean ranks, and the share of resamples in which each model is first.

    Parameters
    ----------
    drawn : ndarray, shape (resamples, n_models)
        NaN where a model has no rank.
    models : Index

    Returns
    -------
    DataFrame
        ``mean_rank_low``, ``mean_rank_high``, ``first_share``, one row per model.
    """
    found = pd.DataFrame(np.nan, index=models, columns=["mean_rank_low", "mean_rank_high", "first_share"])
    known = np.isfinite(drawn).any(axis=0)
    if known.any():
        low, high = np.nanquantile(drawn[:, known], INTERVAL, axis=0)
        found.loc[known, "mean_rank_low"], found.loc[known, "mean_rank_high"] = low, high
        found.loc[known, "first_share"] = first_shares(drawn[:, known])
    return found


def ranks(errors: np.ndarray) -> np.ndarray:
    """Ranks within each case, 1 for the lowest error; equal ones share the mean of their ranks, NaN has none.

    Parameters
    ----------
    errors : ndarray, shape (n_cases, n_models)
    """
    return rankdata(errors, method="average", axis=1, nan_policy="omit") if errors.size else np.empty(errors.shape)


def first_shares(scores: np.ndarray) -> np.ndarray:
    """Share of rows in which each column is lowest; of equal ones each gets its part, NaN none.

    Parameters
    ----------
    scores : ndarray, shape (n_rows, n_models)
    """
    scores = np.where(np.isnan(scores), np.inf, scores)
    lowest = scores <= scores.min(axis=1, keepdims=True) + 1e-9
    return (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)


def _mean_over_cases(counts: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Means of ranks over the cases that each model is in, for so many of each case; shape (n_counts, n_models)."""
    known = np.isfinite(found)
    number = counts @ known
    return np.divide(counts @ np.where(known, found, 0.0), number, out=np.full(number.shape, np.nan), where=number > 0)
