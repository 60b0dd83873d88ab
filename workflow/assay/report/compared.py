"""The models of a campaign ranked by every criterion of the chapters that a job needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from assay.report.criteria import CRITERIA, Criterion, prepared
from assay.report.job_words import Job
from assay.report.materials import relevant_cases
from assay.report.ranking import error_matrix, rank_confidence, ranked_cases, resampled_ranks
from assay.report.size_costs import StepCost

SPEED = "speed"
SPEED_LABEL = "time of a step"


@dataclass
class Compared:
    """One criterion's errors and ranks, of the models that may be used.

    Attributes
    ----------
    chapter : str
    criterion : Criterion
    table : DataFrame
        The rows that are compared.
    errors, stderrs : DataFrame
        From `assay.report.ranking.error_matrix`.
    weight : float
        Share of the sum; 0 where the criterion tells no two models apart.
    drawn : DataFrame
        Mean ranks of resamples, one column per model.
    ranks, common_ranks : DataFrame
        From `assay.report.ranking.rank_confidence`.
    """

    chapter: str
    criterion: Criterion
    table: pd.DataFrame
    errors: pd.DataFrame
    stderrs: pd.DataFrame
    weight: float = 0.0
    drawn: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranks: pd.DataFrame = field(default_factory=pd.DataFrame)
    common_ranks: pd.DataFrame = field(default_factory=pd.DataFrame)


def compare(
    tables: Mapping[str, pd.DataFrame],
    job: Job,
    weights: Mapping[str, float],
    models: list[str],
    costs: Mapping[str, StepCost],
    notes: list[str],
    seed: int,
) -> list[Compared]:
    """Rank the models by every criterion of the chapters.

    Parameters
    ----------
    tables : mapping of str to DataFrame
    job : Job
        Its elements and materials choose the cases.
    weights : mapping of str to float
        By chapter; criteria that tell models apart share it evenly.
    models : list of str
        Those that may be used.
    costs : mapping of str to StepCost
        For the chapter ``speed``.
    notes : list of str
        Sentences on the comparison are added to it.
    seed : int
        Every criterion gets a stream of its own.
    """
    compared: list[Compared] = []
    for chapter, weight in weights.items():
        if chapter == SPEED:
            own = [_speed(models, costs)] if costs else []
        else:
            own = _of_chapter(chapter, tables, job, models, notes)
        for number, one in enumerate(own, start=len(compared)):
            _rank(one, seed + number)
        telling = [one for one in own if one.ranks["mean_rank"].notna().sum() >= min(2, len(models))]
        for one in telling:
            one.weight = weight / len(telling)
        if not telling:
            notes.append(f"{chapter}: fewer than two models have a number to be compared by; it has no weight.")
        unsure = [one.criterion.label for one in telling if one.ranks["first_share"].isna().all()]
        if unsure:
            notes.append(
                f"{chapter}: one case without an error, so nothing tells how sure ranks are by {', '.join(unsure)}."
            )
        compared += own
    total = sum(one.weight for one in compared)
    for one in compared:
        one.weight = one.weight / total if total else 0.0
    return compared


def _rank(one: Compared, seed: int) -> None:
    one.ranks = rank_confidence(one.errors, one.stderrs, seed=seed)
    one.common_ranks = rank_confidence(one.errors, one.stderrs, common=True, seed=seed)
    kept, spread = ranked_cases(one.errors, one.stderrs, common=False)
    one.drawn = pd.DataFrame(resampled_ranks(kept, spread, seed=seed), columns=one.errors.columns)


def _of_chapter(
    chapter: str, tables: Mapping[str, pd.DataFrame], job: Job, models: list[str], notes: list[str]
) -> list[Compared]:
    table = prepared(chapter, tables[chapter], tables.get(f"{chapter}_summary"))
    table = table[table["model"].isin(models)]
    if table.empty:
        return []
    cases, how = relevant_cases(table, job.elements, job.classes)
    notes.append(f"{chapter}: {how}.")
    table = table[table["case"].isin(cases)]
    found = []
    for criterion in CRITERIA[chapter]:
        errors, stderrs = error_matrix(table, criterion.column, criterion.stderr, criterion.transform)
        found.append(Compared(chapter, criterion, table, errors, stderrs))
    return found


def _speed(models: list[str], costs: Mapping[str, StepCost]) -> Compared:
    times = pd.DataFrame({name: [cost.step_s] for name, cost in costs.items()}, index=[SPEED_LABEL])
    spread = pd.DataFrame({name: [cost.stderr_s] for name, cost in costs.items()}, index=[SPEED_LABEL])
    rows = pd.DataFrame({"model": list(costs), "case": SPEED_LABEL, "status": "ok", "reason": None})
    return Compared(SPEED, Criterion(SPEED_LABEL, "step_s", "s"), rows, times, spread)
