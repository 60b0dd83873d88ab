"""The report's sections on all chapters: models, failures, provenance."""

from __future__ import annotations

import html
import json

import pandas as pd

from assay import provenance
from assay.failures import REASONS
from assay.report.html import folded, table_html


def introduction(records: list[dict]) -> str:
    """What this page is made of."""
    models = {record["model"] for record in records}
    finished = sum(record["n_ok"] for record in records)
    asked = sum(record["n_total"] for record in records)
    cases = f"{finished} of {asked} calculations of {len(models)} models" if records else "No calculation"
    return (
        f"<p>{cases} {'have' if finished != 1 else 'has'} a result. A number stands with its standard error; smaller"
        " deviations are nearer to the reference or the experiment that the chapter names, and say nothing of other"
        " uses. Tables can be sorted by a click on a heading.</p>"
    )


def models_section(cards: list[dict]) -> str:
    """What the catalogue says of the models."""
    names = (
        "label",
        "package",
        "level_of_theory",
        "training_data",
        "forces",
        "cutoff_A",
        "parameters",
        "licence",
        "citation",
    )
    table = pd.DataFrame([{name: card.get(name) for name in names} for card in cards])
    return f'<section id="models"><h2>Models</h2>{table_html(table)}</section>'


def failures_section(records: list[dict]) -> str:
    """What failed, and why."""
    rows = [
        {"model": record["model"], "chapter": record["chapter"], "case": case, "reason": result["reason"]}
        | {"meaning": REASONS.get(result["reason"]), "message": result["message"]}
        for record in records
        for case, result in record["cases"].items()
        if result["status"] != "ok"
    ]
    table = table_html(pd.DataFrame(rows)) if rows else "<p>None.</p>"
    return f'<section id="failures"><h2>Failures</h2>{table}</section>'


def provenance_section(records: list[dict], config: dict) -> str:
    """Where the numbers come from."""
    rows = [
        {
            "model": record["model"],
            "chapter": record["chapter"],
            "ok": f"{record['n_ok']} of {record['n_total']}",
            "device": record["device"],
            "processor": record["hardware"]["processor"],
            "wall time (s)": record["timings"]["wall_time_s"],
            "peak memory (MiB)": (record["peak_memory"] or {}).get("host_MiB"),
            "packages": ", ".join(
                f"{name} {version}" for name, version in (record["environment"]["packages"] or {}).items()
            ),
            "revision": record["git_revision"],
        }
        for record in records
    ]
    revision = provenance.git_revision() or "unknown"
    text = html.escape(json.dumps(config, indent=1))
    return (
        '<section id="provenance"><h2>Provenance</h2>'
        f"<p>Page made at revision <code>{html.escape(revision)}</code>.</p>"
        + table_html(pd.DataFrame(rows))
        + folded("Configuration", f"<pre><code>{text}</code></pre>")
        + "</section>"
    )
