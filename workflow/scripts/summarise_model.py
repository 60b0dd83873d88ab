"""Close a model's branch: status, counts and costs of all its chapters in one file."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json, write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path, nargs="+", help="records of the model's jobs")
    parser.add_argument("--output", type=Path, required=True, help="file to write, results/models/{model}/summary.json")
    arguments = parser.parse_args(argv)
    try:
        records = [read_json(path) for path in arguments.records]
        write_json(arguments.output, summarise(records))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def summarise(records: list[dict]) -> dict:
    """Status, counts and costs by chapter."""
    chapters = {}
    for chapter in dict.fromkeys(record["chapter"] for record in records):
        own = [record for record in records if record["chapter"] == chapter]
        failures = Counter(
            case["reason"] for record in own for case in record["cases"].values() if case["status"] == "failed"
        )
        n_ok, n_total = sum(record["n_ok"] for record in own), sum(record["n_total"] for record in own)
        chapters[chapter] = {
            "status": "ok" if n_ok == n_total else "partial" if n_ok else "failed",
            "n_ok": n_ok,
            "n_total": n_total,
            "failures": dict(failures.most_common()),
            "wall_time_s": sum(record["timings"]["wall_time_s"] for record in own),
            "devices": sorted({record["device"] for record in own if record["device"]}),
        }
    return {"model": records[0]["model"], "chapters": chapters}


if __name__ == "__main__":
    sys.exit(main())
