"""Tables and pictures as HTML."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from assay.report.quoting import with_error
from assay.tables import read_table

MISSING = "–"
PNG_WIDTH = slice(16, 20)
"""Where a PNG file says how many pixels wide it is."""
SHRINKING = 0.6
"""Of the pixels of a picture to those of the page: letters of all pictures have the size of the text around them."""
CAPTIONS = Path(__file__).resolve().parents[2] / "report"
"""Captions of tables and figures, for this page and for `snakemake --report`."""


def table_html(table: pd.DataFrame) -> str:
    """A table that scrolls sideways by itself and that the page's script lets readers sort and filter.

    Empty cells are dashes; numbers have four digits and stand right, words left.
    """
    marks = {name: ' class="text"' if _words(table[name]) else "" for name in table}
    head = "".join(f"<th{mark}>{html.escape(str(name))}</th>" for name, mark in marks.items())
    rows = (
        "".join(f"<td{mark}>{_cell(value)}</td>" for mark, value in zip(marks.values(), row, strict=True))
        for row in table.itertuples(index=False, name=None)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _words(column: pd.Series) -> bool:
    known = column.dropna()
    return not pd.api.types.is_numeric_dtype(known) and not known.astype(str).str.match(r"[-+]?\d").any()


def _cell(value: object) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return MISSING
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))


def caption(chapter: str, name: str) -> str:
    """The caption of a table or figure, as HTML.

    Raises
    ------
    FileNotFoundError
        If there is none: every figure and table has one.
    """
    text = html.escape((CAPTIONS / f"{chapter}_{name}.rst").read_text())
    return re.sub(r"``(.+?)``", r"<code>\1</code>", " ".join(text.split()))


def figure_html(path: Path, words: str) -> str:
    """An embedded picture with its caption (HTML), or a sentence where there is no such picture."""
    if not path.exists():
        return f'<p class="note">There is no figure {html.escape(path.name)}.</p>'
    data = path.read_bytes()
    width = round(SHRINKING * int.from_bytes(data[PNG_WIDTH], "big"))
    text = html.escape(re.sub(r"<.*?>", "", words))
    return (
        f'<figure><img alt="{text}" width="{width}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def grid_html(folder: Path) -> str:
    """All pictures of a folder side by side, their names as captions."""
    figures = "".join(
        figure_html(path, html.escape(path.stem.replace("_", ", "))) for path in sorted(folder.glob("*.png"))
    )
    return f'<div class="grid">{figures}</div>'


def summary_html(path: Path) -> str:
    """A table of one row per model, turned: one column per model, standard errors beside their numbers."""
    table = read_table(path).set_index("model")
    errors = {name.replace("_stderr", "", 1): name for name in table if "_stderr" in name}
    rows = {
        name: [
            _with_error(value, error) for value, error in zip(table[name], _errors(table, errors, name), strict=True)
        ]
        for name in table
        if name not in errors.values()
    }
    turned = pd.DataFrame.from_dict(rows, orient="index", columns=list(table.index))
    return table_html(turned.reset_index(names="quantity"))


def _errors(table: pd.DataFrame, errors: dict[str, str], name: str) -> Sequence[float]:
    return table[errors[name]] if name in errors else [float("nan")] * len(table)


def _with_error(value: object, error: float) -> object:
    if isinstance(value, float) and pd.notna(value) and pd.notna(error):
        return with_error(value, error)
    return value


def selection_html(path: Path, columns: Sequence[str]) -> str:
    """Those of the columns that a table has."""
    table = read_table(path)
    return table_html(table[[name for name in columns if name in table]])


def folded(title: str, content: str) -> str:
    """What readers unfold if they want it."""
    return f"<details><summary>{html.escape(title)}</summary>{content}</details>"
