"""The conformance of a potential: all laws that any potential obeys, measured, with a verdict.

Which laws and which structures, and what is a deviation and what is rounding: `assay.potentials.measured_laws`.

    python -m assay.potentials.conformance --entry '{"name": "lj", "package": "classical", ...}' --output lj.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential
from assay.potentials.law_titles import TITLES
from assay.potentials.loading import load
from assay.potentials.measured_laws import ANSWERS, LAWS, Failure, Measurement, Subject, measure
from assay.records import write_json


def conformance(potential: Potential, seed: int = 0) -> dict[str, Any]:
    """Measure all laws.

    Returns
    -------
    dict
        ``passed``; ``measurements`` and ``failures``, rows of tables; ``answers`` to malformed input; ``batching`` and
        ``details`` of the potential.
    """
    subject = Subject(potential)
    rows: list[Measurement] = []
    failures: list[Failure] = []
    answers: dict[str, bool | None] = {}
    for name in LAWS:
        found, missed = measure(subject, name, seed)
        failures += missed
        if name in ANSWERS:
            answers[TITLES[name]] = found[0].passed if found else None
        else:
            rows += found
    failed = len(failures) + sum(not row.passed for row in rows) + sum(answer is False for answer in answers.values())
    return {
        "model": potential.name,
        "device": potential.device,
        "dtype": potential.dtype,
        "conservative": potential.conservative,
        "equivariant": potential.equivariant,
        "passed": failed == 0,
        "n_failed": failed,
        "answers": answers,
        "measurements": [row.as_row() for row in rows],
        "failures": [asdict(failure) for failure in failures],
        "package_calculator": potential.package_calculator_name,
        "batching": potential.batching,
        "details": potential.details,
    }


def summary(report: Mapping[str, Any]) -> str:
    """A table for people: the worst number of each law and quantity, with its tolerance."""
    worst: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in report["measurements"]:
        key = row["law"], row["quantity"]
        if key not in worst or _strain_on(row) > _strain_on(worst[key]):
            worst[key] = row
    lines = [f"{report['model']} on {report['device']} ({report['dtype']})"]
    for (law, quantity), row in worst.items():
        limit = f"<= {row['tolerance']:.3g}" if row["required"] else "reported"
        mark = "ok" if row["passed"] else "FAILED"
        lines.append(f"  {law:22s} {quantity:26s} {row['value']:10.3g}  {limit:12s} {mark:6s} ({row['system']})")
    lines += [f"  {row['law']:22s} FAILED: {row['message']} ({row['system']})" for row in report["failures"]]
    lines += [f"  {question:22s} {answer}" for question, answer in report["answers"].items()]
    return "\n".join(lines)


def _strain_on(row: Mapping[str, Any]) -> float:
    return row["value"] / (row["tolerance"] if row["required"] else 1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 0 if the potential passes, 1 if not or if it cannot be loaded, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m assay.potentials.conformance",
        description="Measure the laws that any potential obeys, and write the numbers as JSON.",
    )
    parser.add_argument("--entry", required=True, help="one catalogue entry as JSON, or the path of a JSON file")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of rotations and displacements (default: 0)")
    parser.add_argument("--no-probe", action="store_true", help="use the default budget of a pass")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    options = parser.parse_args(arguments)
    try:
        entry = json.loads(options.entry if options.entry.lstrip().startswith("{") else Path(options.entry).read_text())
    except (OSError, json.JSONDecodeError) as error:
        print(f"--entry: neither JSON nor a JSON file: {error}", file=sys.stderr)
        return 2
    try:
        report = conformance(load(entry, options.device, probe=not options.no_probe), options.seed)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except PotentialFailure as failure:
        report = {"model": entry["name"], "passed": False, "reason": failure.reason, "message": failure.message}
        write_json(options.output, report)
        print(failure.message, file=sys.stderr)
        return 1
    write_json(options.output, report)
    print(summary(report))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
