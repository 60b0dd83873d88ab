"""The report's section on training data: what data sets hold, and models that were trained on synthetic data."""

from __future__ import annotations

import html
from pathlib import Path

from assay.report.html import caption, figure_html, folded, table_html
from assay.tables import read_table


def training_data_section(results: Path) -> str:
    """Histograms of data sets, and errors of the models that the workflow trained, as HTML.

    Parameters
    ----------
    results : Path
        Folder of the campaign's results.

    Returns
    -------
    str
        Nothing where neither exists.
    """
    parts = [_datasets(results), _trained(results)]
    return f'<section id="training-data"><h2>Training data</h2>{"".join(parts)}</section>' if any(parts) else ""


def _datasets(results: Path) -> str:
    path = results / "tables/datasets.csv"
    if not path.exists():
        return ""
    table = read_table(path)
    figures = "".join(
        f"<h3>{html.escape(name)}</h3>"
        + "".join(
            figure_html(results / "figures/datasets" / name / f"{kind}.png", caption("datasets", kind))
            for kind in ("pairs", "forces")
        )
        for name in table["dataset"].unique()
    )
    return (
        '<p class="links">Table: <a href="../tables/datasets.csv">datasets.csv</a>.</p>'
        + figures
        + folded("By pair of elements", f"<p>{caption('datasets', 'table')}</p>{table_html(table)}")
    )


def _trained(results: Path) -> str:
    table = results / "tables/training.csv"
    if not table.exists():
        return ""
    figure = results / "figures/training/learning_curves.png"
    return (
        '<h3>Models trained on synthetic data</h3><p class="links">Table: '
        '<a href="../tables/training.csv">training.csv</a>.</p>'
        + figure_html(figure, caption("training", "learning_curves"))
        + table_html(read_table(table))
        + f"<p>{caption('training', 'table')}</p>"
    )
