"""Commands of the documentation as a test runs them."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

DRIVER = Path(sys.executable).parent
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet=host", "--quiet=rules"]


def commands(text: str) -> list[str]:
    """The commands of a Markdown page: lines of its blocks of bash, and those behind a prompt in blocks of console."""
    blocks = re.findall(r"```(bash|console)\n(.*?)```", text, re.DOTALL)
    lines = [(kind, line) for kind, block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for kind, line in lines if kind == "bash" or line.startswith("$ ")]


def commands_in_sentences(text: str) -> list[str]:
    """Commands of make and snakemake that stand in the sentences and tables of a Markdown page."""
    sentences = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [command for command in re.findall(r"`([^`\n]+)`", sentences) if command.startswith(("make ", "snakemake "))]


def typed(line: str) -> list[str]:
    """The words of a command; snakemake only plans, and make only prints what it would run."""
    first, *words = shlex.split(line, comments=True)
    if first == "snakemake":
        return [*SNAKEMAKE, *words]
    if first == "make":
        return ["make", "--dry-run", *words]
    return [str(DRIVER / "python") if word == ".envs/driver/bin/python" else word for word in (first, *words)]
