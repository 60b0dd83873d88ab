"""Tables and pictures as HTML."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from assay.tables import read_table

MISSING = "–"


def table_html(table: pd.DataFrame) -> str:
    """A table that scrolls sideways by itself; empty cells are dashes."""
    body = table.to_html(index=False, na_rep=MISSING, float_format=lambda value: f"{value:.4g}", border=0, escape=True)
    return f'<div class="scroll">{body}</div>'


def figure_html(path: Path, caption: str) -> str:
    """An embedded picture with its caption."""
    data = base64.b64encode(path.read_bytes()).decode()
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def grid_html(folder: Path) -> str:
    """All pictures of a folder side by side, their names as captions."""
    figures = "".join(figure_html(path, path.stem.replace("_", ", ")) for path in sorted(folder.glob("*.png")))
    return f'<div class="grid">{figures}</div>'


def summary_html(path: Path) -> str:
    """A table of one row per model, turned: one column per model."""
    return table_html(read_table(path).set_index("model").T.reset_index(names=""))


def selection_html(path: Path, columns: Sequence[str]) -> str:
    """Those of the columns that a table has."""
    table = read_table(path)
    return table_html(table[[name for name in columns if name in table]])
