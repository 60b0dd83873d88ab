"""Say in few lines how the campaign ended: per model what is done, what failed and why, and where the results are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    arguments = parser.parse_args(argv)
    summaries = sorted(arguments.results.glob("models/*/summary.json"))
    if not summaries:
        print(f"{arguments.results}: no model has finished yet.")
        return 0
    try:
        for path in summaries:
            print(line(read_json(path)))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    for name in ("tables", "figures", "report/index.html"):
        if (arguments.results / name).exists():
            print(f"{arguments.results / name}")
    return 0


def line(summary: dict) -> str:
    """One line for one model."""
    parts = []
    for chapter, state in summary["chapters"].items():
        text = f"{chapter} {state['n_ok']}/{state['n_total']} ok, {state['wall_time_s']:.0f} s"
        if state["failures"]:
            text += ", failed: " + ", ".join(f"{reason} ({count})" for reason, count in state["failures"].items())
        parts.append(text)
    return f"{summary['model']}: {'; '.join(parts)}"


if __name__ == "__main__":
    sys.exit(main())
