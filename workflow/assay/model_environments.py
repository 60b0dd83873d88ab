"""What the environments of models are like: versions, size, time to import, what loads in them, whether it conforms.

Each environment is looked at from outside, by programs that its own interpreter runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.checkpoints import weights_of
from assay.environments import LOCK, Specification, failure_of
from assay.failures import UserError
from assay.records import read_json
from assay.runtime import recommended_environment

LOOK = """
import importlib, json, sys, time
from importlib.metadata import packages_distributions, version
start = time.perf_counter()
for module in sys.argv[1:]:
    importlib.import_module(module)
seconds = time.perf_counter() - start
owners = packages_distributions()
names = dict.fromkeys(name for module in sys.argv[1:] for name in owners.get(module.split(".")[0], ())[:1])
print(json.dumps({"seconds": seconds, "versions": {name: version(name) for name in names}}))
"""
"""Imports modules and tells how long that took, and the versions of the packages that they are of."""


def needs_build(specification: Specification, prefix: Path) -> bool:
    """Whether the environment is not there, could not be built, or is older than its file."""
    lock = prefix / LOCK
    return (
        not lock.exists() or failure_of(lock) is not None or lock.stat().st_mtime < specification.path.stat().st_mtime
    )


def look_at(
    specification: Specification, prefix: Path, catalogue: Mapping[str, Mapping[str, Any]], *, timeout_s: float
) -> dict[str, Any]:
    """One row of the table of models' environments.

    Parameters
    ----------
    specification : Specification
    prefix : Path
        The environment.
    catalogue : mapping of str to mapping
        All entries by name.
    timeout_s : float
        For the import, and for the laws.

    Returns
    -------
    dict
        ``state`` (``ok``, or why there is no more to tell), ``versions``, ``size_MB``, ``import_s``, ``loads`` (the
        entry whose laws were measured), ``n_passed``, ``n_numbers``, ``n_broken``, ``message``.
    """
    row: dict[str, Any] = dict.fromkeys(
        ("state", "versions", "size_MB", "import_s", "loads", "n_passed", "n_numbers", "n_broken", "message")
    )
    lock = prefix / LOCK
    if not lock.exists():
        return row | {"state": "not built"}
    if failure := failure_of(lock):
        return row | {"state": "cannot be built", "message": failure}
    row["size_MB"] = size_MB(prefix)
    done = _in_environment(prefix, "-c", LOOK, *specification.imports, timeout_s=timeout_s)
    if isinstance(done, str) or done.returncode:
        return row | {"state": "import fails", "message": done if isinstance(done, str) else _last_line(done.stderr)}
    seen = json.loads(done.stdout.splitlines()[-1])
    versions = ", ".join(f"{name} {number}" for name, number in seen["versions"].items())
    row |= {"state": "ok", "versions": versions, "import_s": seen["seconds"]}
    entry = first_entry(specification.name, catalogue)
    if entry is None:
        return row | {"message": "the catalogue has no entry whose weights are here"}
    return row | laws_of(entry, prefix, timeout_s=timeout_s)


def first_entry(environment: str, catalogue: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """The first entry that runs in an environment and whose weights are there, with its name; None if there is none."""
    for name, entry in catalogue.items():
        if entry.get("environment", entry["package"]) == environment and _has_weights({"name": name, **entry}):
            return {"name": name, **entry}
    return None


def _has_weights(entry: Mapping[str, Any]) -> bool:
    if not isinstance(entry["checkpoint"], Mapping):
        return True
    try:
        weights_of(entry)
    except UserError:
        return False
    return True


def laws_of(entry: Mapping[str, Any], prefix: Path, *, timeout_s: float) -> dict[str, Any]:
    """Whether an entry loads in an environment, and how many numbers of the laws are within their tolerances."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "conformance.json"
        words = ("-m", "assay.potentials.conformance", "--entry", json.dumps(entry), "--output", str(output))
        done = _in_environment(prefix, *words, timeout_s=timeout_s)
        if isinstance(done, str):
            return {"loads": entry["name"], "message": done}
        if not output.exists():
            return {"message": f"{entry['name']}: {_last_line(done.stderr)}"}
        report = read_json(output)
    if "measurements" not in report:
        return {"message": report["message"]}
    answers = [answer for answer in report["answers"].values() if answer is not None]
    passed = sum(row["passed"] for row in report["measurements"]) + sum(answers)
    total = len(report["measurements"]) + len(answers) + len(report["failures"])
    broken = sorted({row["law"] for row in report["measurements"] if not row["passed"]})
    told = [f"{failure['law']}, {failure['system']}: {failure['message']}" for failure in report["failures"]]
    return {
        "loads": entry["name"],
        "n_passed": passed,
        "n_numbers": total,
        "n_broken": len(broken),
        "message": "; ".join([*(f"broken: {law}" for law in broken), *told[:1]]) or None,
    }


def size_MB(folder: Path) -> float:
    """What a folder takes up on disk (MB = 10⁶ bytes), files with several names inside of it once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            state = os.lstat(os.path.join(place, name))
            if (state.st_dev, state.st_ino) not in seen:
                seen.add((state.st_dev, state.st_ino))
                total += 512 * state.st_blocks
    return total / 1e6


def _in_environment(prefix: Path, *words: str, timeout_s: float) -> subprocess.CompletedProcess[str] | str:
    """What the interpreter of an environment ends with, or a sentence where it takes too long."""
    try:
        return subprocess.run(
            [str(prefix / "bin" / "python"), *words],
            env={**os.environ, **recommended_environment(threads=1)},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {timeout_s:.0f} s"


def _last_line(text: str) -> str:
    lines: Sequence[str] = text.strip().splitlines()
    return lines[-1] if lines else "no output"
