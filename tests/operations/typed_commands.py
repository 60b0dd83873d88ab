"""Commands of the documentation as a test runs them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

DRIVER = Path(sys.executable).parent


def typed(line: str) -> list[str]:
    """The words of a command; snakemake only plans."""
    words = shlex.split(line)
    if words[0] == "snakemake":
        return [
            sys.executable,
            "-m",
            "snakemake",
            *words[1:3],
            "--dry-run",
            "--quiet=host",
            "--quiet=rules",
            *words[3:],
        ]
    return [str(DRIVER / "python") if word == ".envs/driver/bin/python" else word for word in words]
