"""A recommendation for the terminal and as JSON: every rank with the numbers that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from assay.report.quoting import with_error
from assay.report.recommendation import Advice, Evidence, Recommendation
from assay.report.size_costs import StepCost

LEGEND = (
    "Ranks: in every case the models are ranked by their error, 1 for the smallest, failures last; the mean over cases"
    " [90 % interval of a bootstrap over cases and sampling errors]."
)


def as_text(found: Recommendation, unknown: list[str]) -> str:
    """The answer in plain lines.

    Parameters
    ----------
    found : Recommendation
    unknown : list of str
        Words of the job that were not understood.
    """
    lines = [f"Understood: {found.job.sentence()}."]
    if unknown:
        lines.append(f"Not understood, and left out: {', '.join(repr(word) for word in unknown)}.")
    lines += [*found.notes, LEGEND, ""]
    if not found.ranked:
        lines.append("No model has data for this job.")
    for place, advice in enumerate(found.ranked, start=1):
        lines += [*_advice_lines(place, advice), ""]
    if found.without_data:
        lines.append(f"Without data in these chapters: {', '.join(found.without_data)}.")
    lines += [f"Left out: {model}: {'; '.join(reasons)}." for model, reasons in found.left_out.items()]
    return "\n".join(lines).rstrip()


def as_json(found: Recommendation, unknown: list[str]) -> dict[str, Any]:
    """The same with all numbers, for programs."""
    return {
        "job": asdict(found.job),
        "not_understood": unknown,
        "notes": found.notes,
        "ranked": [asdict(advice) for advice in found.ranked],
        "without_data": found.without_data,
        "left_out": found.left_out,
    }


def _advice_lines(place: int, advice: Advice) -> list[str]:
    score = advice.score
    name = advice.label if advice.label == advice.model else f"{advice.label} ({advice.model})"
    head = f"{place}. {name}: mean rank {_rank(score)}"
    if np.isfinite(score["common"]):
        head += f", {score['common']:.2f} on the cases that all models have"
    if np.isfinite(score["first_share"]):
        head += f"; first in {100 * score['first_share']:.0f} % of the resamples"
    if score["weight"] < 1 - 1e-6:
        head += f"; from {100 * score['weight']:.0f} % of the weights only, so not comparable with those above"
    facts = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in advice.facts.items())
    lines = [f"{head}.", *([f"   {facts}"] if facts else [])]
    lines += [f"   {_evidence_line(one)}" for one in advice.evidence]
    lines.append(f"   cost: {_cost(advice.cost)}")
    return lines + [f"   caveat: {sentence}" for sentence in advice.caveats]


def _evidence_line(one: Evidence) -> str:
    number = with_error(one.value, one.stderr, one.unit) if np.isfinite(one.value) else "no number"
    against = f" against {one.against}" if one.against else ""
    counted = f"{one.n_values} of {one.n_total} cases" + (f", {one.n_ok} ok" if one.n_ok != one.n_values else "")
    weight = f"weight {100 * one.weight:.0f} %" if one.weight else "no weight"
    line = f"{one.chapter}: {one.label}{against}: {number} ({counted}); {weight}"
    if not np.isfinite(one.ranks["mean_rank"]):
        return line
    line += f", rank {_rank(one.ranks)}"
    return line + (
        f", first in {100 * one.ranks['first_share']:.0f} %" if np.isfinite(one.ranks["first_share"]) else ""
    )


def _rank(row: Mapping[str, float]) -> str:
    if not np.isfinite(row["mean_rank_low"]):
        return f"{row['mean_rank']:.2f}"
    return f"{row['mean_rank']:.2f} [{row['mean_rank_low']:.2f}, {row['mean_rank_high']:.2f}]"


def _cost(cost: StepCost | None) -> str:
    if cost is None:
        return "not known"
    threads = f", {cost.threads} threads" if cost.threads and cost.device == "cpu" else ""
    return (
        f"{with_error(cost.step_s, cost.stderr_s, 's')} per step of {cost.n_atoms} atoms of {cost.system}"
        f" ({cost.device}{threads}, {cost.hardware}), {cost.how}"
    )
