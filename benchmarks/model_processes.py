"""What benchmarks of potentials share: each model in its environment and in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from assay.potentials import Potential, load
from assay.runtime import recommended_environment

ENTRIES = (
    {"name": "sevennet-0", "package": "sevennet", "loader": {"model": "7net-0"}},
    {"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}},
)


def time_s(call: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(description: str, script: str, measure: Callable[[Potential, int], None]) -> int:
    """Command line of a benchmark.

    Parameters
    ----------
    description : str
    script : str
        The benchmark's file.
    measure : callable
        ``measure(potential, rounds)`` prints the figures.

    Returns
    -------
    int
        Exit code: 1 if a model could not be measured.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--entry", help="a catalogue entry as JSON, for the running interpreter")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="repeats, of which the shortest counts (default: 3)")
    options = parser.parse_args()
    if options.entry:
        measure(load(json.loads(options.entry), options.device), options.rounds)
        return 0
    envs = Path(os.environ.get("ASSAY_ENVS", Path(__file__).parents[1] / ".envs"))
    failed = 0
    for entry in ENTRIES:
        python = envs / entry["package"] / "bin" / "python"
        if not python.exists():
            print(f"{entry['name']}: {python} is not built; run `make run` first", file=sys.stderr)
            failed += 1
            continue
        command = [python, script, "--entry", json.dumps(entry), "--device", options.device]
        done = subprocess.run(
            [*command, "--rounds", str(options.rounds)],
            env={**os.environ, **recommended_environment(options.threads)},
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            print(f"{entry['name']}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0
