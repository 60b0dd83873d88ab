"""The report's section on speed."""

from __future__ import annotations

from pathlib import Path

from assay.report.html import figure_html, selection_html, table_html
from assay.tables import read_table

COLUMNS = (
    *("model", "case", "status", "reason", "device", "threads", "dtype", "n_atoms", "step_s", "step_q10_s"),
    *("step_q90_s", "neighbour_s", "model_s", "ns_per_day", "atoms_per_s", "structures_per_s", "peak_host_memory_MB"),
    *("peak_gpu_memory_MB", "load_average"),
)
FIGURES = {
    "curves": "Time of a step against the number of atoms; bands: 10 to 90 % of the repeats; stars: DFT.",
    "relative": "Time of a step in units of the fastest model's.",
    "memory": "Peak memory above that of the idle model.",
    "batches": "Structures per second against the number that are evaluated together.",
    "plane": "Cost against accuracy, by the other chapters' summaries.",
}


def speed_section(results: Path) -> str:
    """Tables and figures of the speed chapter; nothing where there are none."""
    summary = results / "tables" / "speed_summary.csv"
    if not summary.exists():
        return ""
    folder = results / "figures" / "speed"
    return (
        "<h2>Speed</h2>"
        "<p>A step is one evaluation of energy and forces of a system that the potential has not seen; the device is"
        " idle before the clock is read. Times depend on the machine: compare within one table."
        ' Full tables: <a href="../tables/speed_summary.csv">speed_summary.csv</a>,'
        ' <a href="../tables/speed.csv">speed.csv</a>.</p>'
        + table_html(read_table(summary))
        + "".join(figure_html(folder / f"{name}.png", caption) for name, caption in FIGURES.items())
        + "<h3>By case</h3>"
        + selection_html(results / "tables" / "speed.csv", COLUMNS)
    )
