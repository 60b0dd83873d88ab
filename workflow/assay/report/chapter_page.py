"""What the report shows of a chapter: one frame for all of them."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.report.html import caption, figure_html, folded, grid_html, selection_html, summary_html, table_html
from assay.report.interactive import interactive_html
from assay.tables import read_table


@dataclass(frozen=True)
class ChapterPage:
    """One chapter's section.

    Attributes
    ----------
    chapter, title : str
    protocol : callable
        The chapter's block of the configuration -> what was simulated, with its numbers, in a sentence or two (HTML).
    reading : str
        How the numbers are to be read (HTML).
    figures : tuple of str
        Names of figures, in order; their captions are in workflow/report.
    tables : tuple of str
        All tables of the chapter, for the links; ``{chapter}_summary`` among them.
    details : mapping of str to (str, tuple of str)
        Headings of the tables below the figures: a table's name and those of its columns that are shown.
    turned : bool
        Whether the summary has one row per model, and stands with one column per model.
    folders : tuple of str
        Folders of figures that are shown side by side.
    interactive : tuple of str
        Plots to zoom into, by the names of their files (``{name}.plotly.json``).
    """

    chapter: str
    title: str
    protocol: Callable[[Mapping[str, Any]], str]
    reading: str
    figures: tuple[str, ...]
    tables: tuple[str, ...]
    details: Mapping[str, tuple[str, tuple[str, ...]]]
    turned: bool = True
    folders: tuple[str, ...] = ()
    interactive: tuple[str, ...] = ()


def chapter_section(page: ChapterPage, results: Path, config: Mapping[str, Any]) -> str:
    """The section of a chapter as HTML; nothing where it has no summary.

    Parameters
    ----------
    page : ChapterPage
    results : Path
        Folder of the campaign's results.
    config : mapping
        The campaign's configuration with its defaults.
    """
    tables = results / "tables"
    summary = tables / f"{page.chapter}_summary.csv"
    if not summary.exists():
        return ""
    figures = results / "figures" / page.chapter
    block = config.get(page.chapter, {})
    links = ", ".join(f'<a href="../tables/{name}.csv">{name}.csv</a>' for name in page.tables)
    shown = summary_html(summary) if page.turned else table_html(read_table(summary))
    parts = [
        f'<section id="{page.chapter}"><h2>{html.escape(page.title)}</h2>',
        f"<p>{page.protocol(block)} {page.reading}</p>",
        _levels(summary),
        f'<p class="links">Tables: {links}.</p>',
        *(figure_html(figures / f"{name}.png", caption(page.chapter, name)) for name in page.figures),
        *(interactive_html(figures / f"{name}.plotly.json", name) for name in page.interactive),
        folded("By model", shown),
        *(
            folded(heading, selection_html(tables / f"{name}.csv", columns))
            for heading, (name, columns) in page.details.items()
            if (tables / f"{name}.csv").exists()
        ),
        *(folded(folder.capitalize(), grid_html(figures / folder)) for folder in page.folders),
        folded("Protocol: the configuration of this chapter", _block(block)),
        "</section>",
    ]
    return "".join(parts)


def _levels(summary: Path) -> str:
    """Which models are compared with references of another level of theory."""
    table = read_table(summary)
    if "levels_agree" not in table:
        return ""
    apart = table[table["levels_agree"].astype(str) == "False"]
    if apart.empty:
        return ""
    names = ", ".join(
        f"{row.model} ({row.level_of_theory_model} against {row.level_of_theory_reference})"
        for row in apart.itertuples()
    )
    return (
        '<p class="note">Another level of theory than the reference: '
        f"{html.escape(names)}. Their deviations hold the difference of the two levels too.</p>"
    )


def _block(block: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(key)}</code></td><td><code>{html.escape(json.dumps(value))}</code></td></tr>"
        for key, value in block.items()
    )
    return f'<div class="scroll"><table class="plain">{rows}</table></div>'
