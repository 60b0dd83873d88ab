"""The page as a whole: one file with its pictures, styles and scripts, which needs no network."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

from assay.report.interactive import plotly_script

HERE = Path(__file__).parent


def document(title: str, introduction: str, sections: Sequence[str]) -> str:
    """A complete HTML document with a bar of links to its sections.

    Parameters
    ----------
    title : str
    introduction : str
        HTML below the title.
    sections : sequence of str
        ``<section id="...">`` elements that begin with a heading of the second level; empty ones are left out.
    """
    present = [section for section in sections if section]
    body = "".join(present)
    # the script of the plots is larger than all the rest, so it comes only with plots
    plotly = f"<script>{plotly_script()}</script>" if 'class="zoom"' in body else ""
    name = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{(HERE / 'page.css').read_text()}</style></head><body>"
        f"<h1>{name}</h1>{introduction}{_navigation(present)}{body}{plotly}"
        f"<script>{(HERE / 'page.js').read_text()}</script></body></html>\n"
    )


def _navigation(sections: Sequence[str]) -> str:
    links = []
    for section in sections:
        match = re.match(r'<section id="([\w-]+)"><h2>(.*?)</h2>', section)
        if match is None:
            raise ValueError(f"a section begins with its id and heading, not with {section[:60]!r}")
        links.append(f'<a href="#{match[1]}">{match[2]}</a>')
    return f"<nav>{''.join(links)}</nav>"
