"""The report's section on speed."""

from __future__ import annotations

from assay.report.chapter_page import ChapterPage

COLUMNS = (
    *("model", "case", "status", "reason", "device", "threads", "dtype", "n_atoms", "step_s", "step_q10_s"),
    *("step_q90_s", "neighbour_s", "model_s", "ns_per_day", "atoms_per_s", "structures_per_s", "peak_host_memory_MB"),
    *("peak_gpu_memory_MB", "load_average"),
)

PAGE = ChapterPage(
    chapter="speed",
    title="Speed",
    protocol=lambda block: (
        f"A step is one evaluation of energy and forces of a system that the potential has not seen"
        f" ({', '.join(block['systems'])}; {block['repeats']} systems of each size after {block['warm_up']} to warm"
        " up); the device is idle before the clock is read."
    ),
    reading="Times depend on the machine and on what else runs there: compare within one table.",
    figures=("curves", "relative", "memory", "batches", "plane"),
    tables=("speed_summary", "speed"),
    details={"By case": ("speed", COLUMNS)},
    turned=False,
    interactive=("curves",),
)
