"""Where a result came from: versions, hardware, git revision, the command, memory."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def git_revision(root: Path = ROOT) -> str | None:
    """The commit that the code is at, with ``+changes`` where the work tree differs; None outside of git."""
    try:
        run = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return run.stdout.strip() or None


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those of the named packages that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def hardware() -> dict[str, Any]:
    """Processor, cores that this process may use, memory (GiB)."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass  # no /proc: the architecture must do
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": model, "cores": cores, "memory_GiB": round(memory, 1)}


def peak_host_memory_MiB() -> float:
    """Largest resident memory of this process so far (MiB)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def peak_gpu_memory_MiB() -> float | None:
    """Largest memory that torch has allocated on the GPU so far (MiB); None where torch is not loaded or has no GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return torch.cuda.max_memory_allocated() / 2**20


def command_line(arguments: list[str] | None = None) -> str:
    """The command that started this program, to be pasted into a shell at the project's root."""
    words = [sys.executable, *(sys.argv if arguments is None else arguments)]
    here = f"{Path.cwd()}{os.sep}"
    return shlex.join(word.removeprefix(here) for word in words)


@cache
def gpu_name() -> str | None:
    """Name of the GPU that torch sees, if any."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return None
    try:
        import torch
    except ImportError:
        return None
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
