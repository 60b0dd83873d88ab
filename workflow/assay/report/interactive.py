"""Plots to zoom into, as HTML: their data in the page, drawn by plotly's script when a reader unfolds them."""

from __future__ import annotations

import html
import json
from pathlib import Path

from assay.records import read_json

TITLES = {"curves": "Curves to zoom into", "bands": "Bands to zoom into"}


def interactive_html(path: Path, name: str) -> str:
    """A plot (see `assay.interactive`), folded; nothing where there is none."""
    if not path.exists():
        return ""
    # a text that ends the element cannot be in JSON once the slash is escaped
    data = json.dumps(read_json(path), separators=(",", ":")).replace("</", "<\\/")
    title = html.escape(TITLES.get(name, name))
    return (
        f'<details class="zoom"><summary>{title}</summary><div class="plot"></div>'
        f'<script type="application/json">{data}</script></details>'
    )


def plotly_script() -> str:
    """Plotly's own script, as the package brings it."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
