"""All models and all chapters at a glance: headline numbers, failures, cost, and how sure the order is."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.report.headlines import HEADLINES, Headline
from assay.report.html import MISSING
from assay.report.quoting import with_error
from assay.tables import read_table

FS_PER_NS = 1e6
SECONDS_PER_DAY = 86400.0
SIZES = (100, 1000)
"""Numbers of atoms at which the overview gives what a step costs."""


def overview_section(results: Path, cards: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> str:
    """The table of models by chapters, as HTML.

    Parameters
    ----------
    results : Path
        Folder of the campaign's results.
    cards : sequence of mapping
        What the catalogue says of the models, in the campaign's order.
    records : sequence of mapping
        Records of jobs, for what failed.
    """
    summaries = {headline.chapter: _summary(results, headline.chapter) for headline in HEADLINES}
    present = [headline for headline in HEADLINES if summaries[headline.chapter] is not None]
    laws = _summary(results, "conformance")
    costs = step_costs(_summary(results, "speed", index=None))
    heads = [f"{each.label} ({each.unit})" for each in present]
    heads += ["laws broken"] if laws is not None else []
    heads += [f"s/step at {size:,} atoms" for size in SIZES]
    heads += ["ok"]
    shades = {each.chapter: _shades(summaries[each.chapter], each) for each in present}
    rows = []
    for card in cards:
        model = card["model"]
        cells = [_text(card["label"]), _text(card.get("level_of_theory") or MISSING)]
        cells += [headline_cell(summaries[each.chapter], each, model, shades[each.chapter]) for each in present]
        cells += [laws_cell(laws, model)] if laws is not None else []
        cells += [_cost_cell(costs, model, size) for size in SIZES]
        cells += _outcome(model, records)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    numbers = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    head = f'<th class="text">model</th><th class="text">level of theory</th>{numbers}<th class="text">failures</th>'
    return (
        '<section id="overview"><h2>Overview</h2>'
        "<p>Mean absolute deviation from the reference or from experiment by chapter, with its standard error and, in"
        " brackets, the number of cases it is a mean of: models with other numbers of cases are not compared by it"
        " (see below for the cases that all models have). The darker, the nearer to the smallest; white from ten times"
        " that. Laws: of those measured in the chapter on conformance; forces that are not derivatives break none"
        " where the model says so (direct forces). Cost: seconds of a step (energy and forces) on the"
        " device in brackets.</p>"
        f'<div class="scroll"><table class="overview"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def headline_cell(summary: pd.DataFrame, headline: Headline, model: str, shades: Mapping[str, float]) -> str:
    """A number with its error and the number of cases behind it, the darker the smaller it is among the models."""
    if model not in summary.index:
        return f"<td>{MISSING}</td>"
    row = summary.loc[model]
    value = row.get(headline.column, np.nan)
    if not np.isfinite(value):
        return f"<td>{MISSING}</td>"
    error = row.get(headline.stderr, np.nan) if headline.stderr else np.nan
    doubted = headline.n_trusted is not None and row.get(headline.n_trusted, 1) == 0
    share = 0.0 if doubted else shades.get(model, 0.0)
    return (
        f'<td class="heat" style="--share:{share:.2f}" data-value="{value:.6g}">{with_error(value, error)}'
        f" <small>({row.get(headline.n, 0):.0f} of {row.get('n_total', 0):.0f}{', not trusted' if doubted else ''})"
        "</small></td>"
    )


def laws_cell(summary: pd.DataFrame, model: str) -> str:
    """How many of the laws of conformance that were measured a model breaks, and which, where it has to obey them."""
    if model not in summary.index:
        return f"<td>{MISSING}</td>"
    row = summary.loc[model]
    remarks = [row["broken"]] if isinstance(row["broken"], str) else []
    remarks += ["direct forces"] if str(row["conservative"]) == "False" else []
    told = f" <small>({html.escape('; '.join(remarks))})</small>" if remarks else ""
    return f'<td data-value="{row["n_broken"]:.0f}">{row["n_broken"]:.0f} of {row["n_ok"]:.0f}{told}</td>'


def _shades(summary: pd.DataFrame, headline: Headline) -> dict[str, float]:
    """1 for the smallest, falling to 0 over a decade; a number within its error of nought counts as its error."""
    values = summary[headline.column].abs()
    if headline.stderr:
        values = np.fmax(values, summary[headline.stderr])
    known = values[np.isfinite(values) & (values > 0)]
    if len(known) < 2:
        return {}
    return dict(np.clip(1 - np.log10(known / known.min()), 0, 1))


def step_costs(summary: pd.DataFrame | None) -> dict[tuple[str, int], dict[str, float]]:
    """Seconds of a step by model and number of atoms, for every device; of the cheapest kind of system timed there."""
    costs: dict[tuple[str, int], dict[str, float]] = {}
    for row in () if summary is None else summary.to_dict("records"):
        for size in SIZES:
            ns_per_day = row.get(f"ns_per_day_{size}_atoms", np.nan)
            if ns_per_day > 0:
                seconds = SECONDS_PER_DAY / (ns_per_day * FS_PER_NS)
                known = costs.setdefault((row["model"], size), {})
                known[row["device"]] = min(seconds, known.get(row["device"], np.inf))
    return costs


def _summary(results: Path, chapter: str, index: str | None = "model") -> pd.DataFrame | None:
    path = results / "tables" / f"{chapter}_summary.csv"
    if not path.exists():
        return None
    table = read_table(path)
    return table if index is None else table.set_index(index)


def _text(words: str) -> str:
    return f'<td class="text">{html.escape(str(words))}</td>'


def _cost_cell(costs: Mapping[tuple[str, int], Mapping[str, float]], model: str, size: int) -> str:
    known = costs.get((model, size))
    if not known:
        return f"<td>{MISSING}</td>"
    words = ", ".join(f"{seconds:.2g} <small>({device})</small>" for device, seconds in sorted(known.items()))
    return f'<td data-value="{min(known.values()):.6g}">{words}</td>'


def _outcome(model: str, records: Sequence[Mapping[str, Any]]) -> list[str]:
    own = [record for record in records if record["model"] == model]
    reasons = Counter(
        result["reason"] for record in own for result in record["cases"].values() if result["status"] != "ok"
    )
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()) or MISSING
    finished, asked = sum(record["n_ok"] for record in own), sum(record["n_total"] for record in own)
    return [f'<td data-value="{finished}">{finished} of {asked}</td>', _text(told)]
