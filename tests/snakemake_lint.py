"""Run `snakemake --lint` and fail on what is not on the list of stated exceptions."""

from __future__ import annotations

import subprocess
import sys

ALLOWED = (
    # environments are outputs of a rule of our own: one that fails stops only its own models
    "Specify a conda environment or container for each rule.",
    # DRIVER is the interpreter that runs snakemake itself: a fact of the machine, not of the campaign
    "Shell command directly uses variable DRIVER from outside of the rule",
)


def main() -> int:
    run = subprocess.run([sys.executable, "-m", "snakemake", "--lint"], capture_output=True, text=True, check=False)
    where, found = "", []
    for line in (run.stdout + run.stderr).splitlines():
        if line.startswith("Lints for "):
            where = line.removeprefix("Lints for ").rstrip(":")
        elif line.startswith("    * "):
            title = line.removeprefix("    * ").removesuffix(":")
            if not title.startswith(ALLOWED):
                found.append(f"{where}: {title}")
    if not where and run.returncode != 0:
        print(run.stdout, run.stderr)
        return run.returncode
    print(*found, f"snakemake --lint: {len(found)} findings outside of the stated exceptions", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
