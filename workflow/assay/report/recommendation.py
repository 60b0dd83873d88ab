"""Which model for my job: ranks of the models by the criteria of the chapters that the job needs, with all their parts.

Every criterion of a chapter gives each model a mean rank over the cases that are about the job's materials; criteria of
a chapter share its weight evenly; the weighted mean over criteria orders the models. Ranks, and not errors, are
averaged because eV, THz and decades have no common scale. The interval is that of a bootstrap over the cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from assay.failures import UserError, near_misses
from assay.report.caveats import caveats_of
from assay.report.compared import SPEED, Compared, compare
from assay.report.criteria import CRITERIA
from assay.report.eligibility import objections
from assay.report.job_words import Job
from assay.report.ranking import interval
from assay.report.size_costs import StepCost, choose_system, step_cost
from assay.statistics import finite, mean, standard_error

DEFAULT_SIZE = 1000
"""Atoms at which models are compared by speed where the job names no size."""

CATALOGUE = "catalogue"


@dataclass(frozen=True)
class Evidence:
    """What one criterion says of one model.

    Attributes
    ----------
    chapter, label, unit : str
    weight : float
        Of the criterion in the sum, as a share of all.
    value, stderr : float
        Mean of the errors over the cases that have one, and its standard error: from the spread over cases or, of a
        single case, from sampling.
    n_values, n_ok, n_total : int
        Cases with such a number, with a result, and in all.
    against : str
        What the model is compared with; empty where the number needs nothing to be compared with.
    ranks, common_ranks : mapping
        A row of `assay.report.ranking.rank_confidence`: over all cases, and over those that all models have.
    """

    chapter: str
    label: str
    unit: str
    weight: float
    value: float
    stderr: float
    n_values: int
    n_ok: int
    n_total: int
    against: str
    ranks: Mapping[str, float]
    common_ranks: Mapping[str, float]


@dataclass(frozen=True)
class Advice:
    """All that is known of one model for the job.

    Attributes
    ----------
    model, label : str
    score : mapping
        ``mean_rank``, ``mean_rank_low``, ``mean_rank_high``, ``first_share``: the weighted mean over criteria;
        ``common``: that over the cases that all models have; ``weight``: share of the weights that have a rank.
    evidence : list of Evidence
    cost : StepCost or None
    caveats : list of str
    facts : mapping
        What the catalogue says: level of theory, forces, licence.
    """

    model: str
    label: str
    score: Mapping[str, float]
    evidence: list[Evidence]
    cost: StepCost | None
    caveats: list[str]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Recommendation:
    """The answer.

    Attributes
    ----------
    job : Job
    ranked : list of Advice
        In order; those that lack a chapter come after those that have all, those without any result last.
    without_data : list of str
        Models that are in none of the chapters.
    left_out : dict of str to list of str
        Models that cannot be used for the job, with the reasons.
    notes : list of str
        On the comparison as a whole: which cases, which system was timed.
    """

    job: Job
    ranked: list[Advice]
    without_data: list[str]
    left_out: dict[str, list[str]]
    notes: list[str]


def recommend(
    tables: Mapping[str, pd.DataFrame], job: Job, *, speed_system: str | None = None, seed: int = 0
) -> Recommendation:
    """Rank the models of a campaign for a job.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The campaign's tables by name.
    job : Job
    speed_system : str, optional
        The kind of system whose times are quoted; that which most models have unless given.
    seed : int, optional
        Of the bootstrap.

    Raises
    ------
    UserError
        If the job asks for chapters, or for facts of the catalogue, that the tables do not have.
    """
    weights = _weights(tables, job)
    models, left_out = _eligible(tables, job)
    notes: list[str] = []
    costs = _costs(tables, job, models, speed_system, notes)
    _leave_out_slow(job, models, costs, left_out)
    compared = compare(tables, job, weights, models, costs, notes, seed)
    advice = [_advice(model, tables, job, compared, costs.get(model)) for model in models]
    known = [one for one in advice if np.isfinite(one.score["mean_rank"])]
    known.sort(key=_order)
    without = [one.model for one in advice if not np.isfinite(one.score["mean_rank"])]
    return Recommendation(job, known, without, left_out, notes)


def _order(one: Advice) -> tuple[bool, float, float]:
    """Models without any result last, before them those that lack a chapter; then by mean rank."""
    has_results = any(each.n_values for each in one.evidence)
    return not has_results, -round(one.score["weight"], 6), one.score["mean_rank"]


def _weights(tables: Mapping[str, pd.DataFrame], job: Job) -> dict[str, float]:
    known = [chapter for chapter in (*CRITERIA, SPEED) if chapter in tables]
    if not job.chapters:
        wanted = {chapter: 1.0 for chapter in known if chapter != SPEED}
    else:
        wanted = {chapter: weight for chapter, weight in job.chapters.items() if weight > 0}
    for chapter in wanted:
        if chapter not in (*CRITERIA, SPEED):
            raise UserError(f"--chapters: {chapter!r} is no chapter{near_misses(chapter, (*CRITERIA, SPEED))}")
        if chapter not in known:
            raise UserError(
                f"--chapters: this campaign has no table {chapter}.csv; it has {', '.join(known) or 'none'}:"
                f" run the chapter {chapter}, or choose among these."
            )
    if not wanted:
        raise UserError("There is no table of a chapter; `snakemake tables` makes them.")
    return wanted


def _eligible(tables: Mapping[str, pd.DataFrame], job: Job) -> tuple[list[str], dict[str, list[str]]]:
    """Models that may be used, and why the others may not."""
    chapters = [tables[name] for name in (*CRITERIA, SPEED) if name in tables]
    models = list(dict.fromkeys(model for table in chapters for model in table["model"]))
    asks = job.licence or job.conservative or job.dispersion or job.level_of_theory
    if CATALOGUE not in tables:
        if asks:
            raise UserError(
                f"{CATALOGUE}.csv is missing, which tells licences, forces and levels of theory:"
                f" `snakemake results/tables/{CATALOGUE}.csv` makes it."
            )
        return models, {}
    entries = tables[CATALOGUE].set_index("model").to_dict("index")
    found = {model: objections(entries.get(model, {}), job) for model in models}
    return [model for model in models if not found[model]], {name: why for name, why in found.items() if why}


def _costs(
    tables: Mapping[str, pd.DataFrame], job: Job, models: list[str], system: str | None, notes: list[str]
) -> dict[str, StepCost]:
    if SPEED not in tables:
        notes.append("Cost: this campaign has no speed table.")
        return {}
    chosen = choose_system(tables[SPEED], system)
    size = job.n_atoms or DEFAULT_SIZE
    notes.append(f"Cost: time of a step (energy and forces) of {chosen}, {size} atoms.")
    costs = {model: step_cost(tables[SPEED], model, size, chosen, job.device) for model in models}
    return {model: cost for model, cost in costs.items() if cost is not None}


def _leave_out_slow(job: Job, models: list[str], costs: Mapping[str, StepCost], left_out: dict[str, list[str]]) -> None:
    """Move models whose step takes longer than the job allows, or whose time is not known, to those left out."""
    if job.max_s_per_step is None:
        return
    for model in list(models):
        cost = costs.get(model)
        if cost is None:
            left_out[model] = ["the time of a step at this size is not known"]
        elif cost.step_s > job.max_s_per_step:
            left_out[model] = [f"a step takes {cost.step_s:.3g} s on {cost.device} ({cost.how})"]
        else:
            continue
        models.remove(model)


def _advice(
    model: str, tables: Mapping[str, pd.DataFrame], job: Job, compared: list[Compared], cost: StepCost | None
) -> Advice:
    own = [one for one in compared if model in one.errors]
    entry: dict[str, Any] = {}
    if CATALOGUE in tables:
        entry = tables[CATALOGUE].set_index("model").to_dict("index").get(model, {})
    facts = {name: entry.get(name) for name in ("level_of_theory", "forces", "licence") if pd.notna(entry.get(name))}
    chapters = {one.chapter: one.table for one in compared}
    return Advice(
        model,
        str(entry.get("label") or model),
        _score(model, compared),
        [_evidence(model, one) for one in own],
        cost,
        caveats_of(model, tables, chapters, job, cost),
        facts,
    )


def _score(model: str, compared: list[Compared]) -> dict[str, float]:
    """Weighted mean over chapters of a model's mean rank over those criteria by which it has one."""
    chapters: dict[str, list[Compared]] = {}
    for one in compared:
        if one.weight > 0:
            chapters.setdefault(one.chapter, []).append(one)
    weights = {chapter: sum(one.weight for one in members) for chapter, members in chapters.items()}
    ranks = {chapter: [one.ranks for one in _having(model, members)] for chapter, members in chapters.items()}
    known = {
        chapter: np.mean([found.loc[model, "mean_rank"] for found in own]) for chapter, own in ranks.items() if own
    }
    nothing = dict.fromkeys(("mean_rank_low", "mean_rank_high", "first_share"), np.nan)
    if not known:
        return {"mean_rank": np.nan, "common": np.nan, "weight": 0.0} | nothing
    shares = [weights[chapter] for chapter in known]
    common = [
        np.mean([one.common_ranks.loc[model, "mean_rank"] for one in _having(model, chapters[chapter])])
        for chapter in known
    ]
    score = {
        "mean_rank": float(np.average(list(known.values()), weights=shares)),
        "common": float(np.average(common, weights=shares)),
        "weight": float(sum(shares)),
    }
    drawn = sum(_drawn(members) * weights[chapter] for chapter, members in chapters.items())
    if model not in drawn or drawn[model].isna().any():
        return score | nothing
    return score | interval(drawn.to_numpy(), drawn.columns).loc[model].to_dict()


def _having(model: str, members: list[Compared]) -> list[Compared]:
    """The criteria by which a model has a rank."""
    return [one for one in members if model in one.ranks.index and np.isfinite(one.ranks.loc[model, "mean_rank"])]


def _drawn(members: list[Compared]) -> pd.DataFrame:
    """Mean ranks in resamples over a chapter's criteria; NaN for a model whose rank is unsure to an unknown extent."""
    models = list(dict.fromkeys(model for one in members for model in one.drawn))
    means = {}
    for model in models:
        own = [one.drawn[model] for one in _having(model, members)]
        means[model] = sum(own) / len(own) if own else members[0].drawn.iloc[:, 0] * np.nan
    return pd.DataFrame(means)


def _evidence(model: str, one: Compared) -> Evidence:
    criterion = one.criterion
    rows = one.table[one.table["model"] == model]
    values = finite(one.errors[model])
    spread = standard_error(values) if len(values) > 1 else mean(one.stderrs.loc[np.isfinite(one.errors[model]), model])
    against = criterion.against
    if against is None:
        levels = rows.get("level_of_theory_reference", pd.Series(dtype=object)).dropna()
        against = " and ".join(sorted(set(map(str, levels)))) or "a reference of unknown level"
    return Evidence(
        one.chapter,
        criterion.label,
        criterion.unit,
        one.weight,
        mean(values),
        spread,
        len(values),
        int((rows["status"] == "ok").sum()),
        len(rows),
        against,
        one.ranks.loc[model].to_dict(),
        one.common_ranks.loc[model].to_dict(),
    )
