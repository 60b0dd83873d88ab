"""Build the environments of all models and print what they are like: versions, size, import, what loads, conformance.

Environments that are older than their file, or not there, are built; one that cannot be built leaves the others. In
each, the first entry of the catalogue whose weights are there is loaded and held against the laws that any potential
obeys. The table is written to results/tables/models.csv too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from assay.catalogue import load_catalogue
from assay.columns import columns
from assay.environments import read_specification
from assay.failures import UserError, near_misses
from assay.model_environments import look_at, needs_build
from assay.tables import read_table, write_table

BUILDER = Path(__file__).with_name("build_environment.py")
HEADER = ("environment", "state", "build_s", "size_MB", "import_s", "loads", "conformance", "versions")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", nargs="+", metavar="NAME", help="names of files in envs/ (default: all)")
    parser.add_argument("--no-build", action="store_true", help="look at what is there")
    parser.add_argument("--catalogue", type=Path, default=Path("config/models.yaml"), help="default: %(default)s")
    parser.add_argument("--files", type=Path, default=Path("envs"), help="folder of environment files (envs)")
    parser.add_argument("--prefix", type=Path, default=Path(".envs"), help="folder of environments (.envs)")
    parser.add_argument("--timeout-s", type=float, default=1800.0, help="for a model's laws (default: %(default)s)")
    parser.add_argument("--table", type=Path, default=Path("results/tables/models.csv"), help="default: %(default)s")
    arguments = parser.parse_args(argv)
    try:
        catalogue = load_catalogue(arguments.catalogue)
        known = sorted(path.stem for path in arguments.files.glob("*.yaml"))
        chosen = arguments.environments or known
        for name in chosen:
            if name not in known:
                raise UserError(f"--environments: {name!r} is not in {arguments.files}{near_misses(name, known)}")
        specifications = [read_specification(arguments.files / f"{name}.yaml") for name in chosen]
        before = read_table(arguments.table).set_index("environment") if arguments.table.exists() else pd.DataFrame()
        rows = []
        for specification in specifications:
            name, prefix = specification.name, arguments.prefix / specification.name
            # what was not built anew took as long as the table says that it did
            build_s = before["build_s"].get(name) if len(before) else None
            if not arguments.no_build and needs_build(specification, prefix):
                build_s = build(specification.path, prefix)
            print(f"looking at {prefix}", file=sys.stderr, flush=True)
            seen = look_at(specification, prefix, catalogue, timeout_s=arguments.timeout_s)
            rows.append({"environment": name, "build_s": build_s, **seen})
        others = before[~before.index.isin(chosen)].reset_index() if len(before) else pd.DataFrame()
        write_table(arguments.table, pd.concat([pd.DataFrame(rows), others], ignore_index=True))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(columns(HEADER, [line(row) for row in rows]))
    for row in rows:
        if row["message"]:
            print(f"{row['environment']}: {row['message']}")
    return 0


def build(file: Path, prefix: Path) -> float | None:
    """Build an environment with the project's builder; its seconds, or None where it failed."""
    print(f"building {prefix}", file=sys.stderr, flush=True)
    start = time.monotonic()
    log = prefix.parent / f"{prefix.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        done = subprocess.run(
            [sys.executable, str(BUILDER), str(file), "--prefix", str(prefix)],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        print(f"{file} was not built; see {log}", file=sys.stderr, flush=True)
        return None
    return time.monotonic() - start


def line(row: dict) -> list[str]:
    """A row of the table as it is printed."""
    laws = "" if row["n_numbers"] is None else f"{row['n_passed']}/{row['n_numbers']}"
    numbers = [
        "" if pd.isna(row[name]) else f"{row[name]:.{digits}f}"
        for name, digits in (("build_s", 0), ("size_MB", 0), ("import_s", 1))
    ]
    return [row["environment"], row["state"], *numbers, row["loads"] or "", laws, row["versions"] or ""]


if __name__ == "__main__":
    sys.exit(main())
