"""Write one self-contained page: tables, figures, failures, provenance. Made from whatever results exist."""

from __future__ import annotations

import argparse
import base64
import html
import json
import sys
from pathlib import Path

import pandas as pd

from assay import provenance
from assay.failures import REASONS, UserError
from assay.records import read_json, write_text
from assay.tables import read_table

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; }
figure { margin: 1rem 0; } figure img { max-width: 100%; background: white; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1rem; }
code { font-size: 12px; }
@media print { .scroll { overflow: visible; } }
"""
MISSING = "–"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder of the campaign's results")
    parser.add_argument("--records", type=Path, nargs="*", default=[], help="records of jobs")
    parser.add_argument("--config", required=True, help="configuration, as JSON")
    parser.add_argument("--cards", required=True, help="what the catalogue says of the models, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="page to write")
    arguments = parser.parse_args(argv)
    try:
        records = [read_json(path) for path in arguments.records]
        cards = json.loads(arguments.cards)
        sections = [
            models_section(cards),
            phonons_section(arguments.results),
            failures_section(records),
            provenance_section(records, json.loads(arguments.config)),
        ]
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Assay</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>Assay: results of the campaign</h1>{''.join(sections)}</body></html>\n"
    )
    write_text(arguments.output, page)
    print(f"{arguments.output}: {len(page) / 2**20:.1f} MiB")
    return 0


def table_html(table: pd.DataFrame) -> str:
    """A table that scrolls sideways by itself; empty cells are dashes."""
    body = table.to_html(index=False, na_rep=MISSING, float_format=lambda value: f"{value:.4g}", border=0, escape=True)
    return f'<div class="scroll">{body}</div>'


def figure_html(path: Path, caption: str) -> str:
    """An embedded picture with its caption."""
    data = base64.b64encode(path.read_bytes()).decode()
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


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
    return "<h2>Models</h2>" + table_html(pd.DataFrame([{name: card.get(name) for name in names} for card in cards]))


def phonons_section(results: Path) -> str:
    """Tables and figures of the phonon chapter."""
    summary_path = results / "tables" / "phonons_summary.csv"
    if not summary_path.exists():
        return ""
    summary = read_table(summary_path)
    table = read_table(results / "tables" / "phonons.csv")
    shown = [
        "model", "case", "status", "reason", "frequency_max_THz", "frequency_max_reference_THz", "frequency_min_THz",
        "zone_mean_absolute_error_THz", "imaginary", "residual_force_max_eV_A", "residual_pressure_GPa",
        "level_of_theory_model", "level_of_theory_reference",
    ]  # fmt: skip
    folder = results / "figures" / "phonons"
    bands = "".join(
        figure_html(path, path.stem.replace("_", ", ")) for path in sorted((folder / "bands").glob("*.png"))
    )
    return (
        "<h2>Phonons</h2>"
        "<p>Finite displacements in the reference's supercell, without non-analytical correction. Means are over the"
        " crystals that have a result and a reference (n_reference); <i>common</i>: over those that all models have."
        " Thermal properties are per mole of primitive cells, where neither side has imaginary modes."
        ' Full tables: <a href="../tables/phonons_summary.csv">phonons_summary.csv</a>,'
        ' <a href="../tables/phonons.csv">phonons.csv</a>.</p>'
        + table_html(summary.set_index("model").T.reset_index(names=""))
        + figure_html(
            folder / "deviations.png",
            "Deviations from the reference by model; below the name, crystals compared of all.",
        )
        + figure_html(folder / "parity.png", "Models against the reference, one point per crystal.")
        + "<h3>By crystal</h3>"
        + table_html(table[[name for name in shown if name in table]])
        + f'<h3>Band structures</h3><div class="grid">{bands}</div>'
    )


def failures_section(records: list[dict]) -> str:
    """What failed, and why."""
    rows = [
        {"model": record["model"], "chapter": record["chapter"], "case": case, "reason": result["reason"]}
        | {"meaning": REASONS.get(result["reason"]), "message": result["message"]}
        for record in records
        for case, result in record["cases"].items()
        if result["status"] != "ok"
    ]
    return "<h2>Failures</h2>" + (table_html(pd.DataFrame(rows)) if rows else "<p>None.</p>")


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
        f"<h2>Provenance</h2><p>Page made at revision <code>{html.escape(revision)}</code>.</p>"
        + table_html(pd.DataFrame(rows))
        + f"<details><summary>Configuration</summary><pre><code>{text}</code></pre></details>"
    )


if __name__ == "__main__":
    sys.exit(main())
