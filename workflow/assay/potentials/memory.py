"""How much memory there is, and how the lack of it looks in each framework.

A GPU says when its memory is full. A CPU does not: the kernel kills the process. Two measures turn that into an
exception that can be handled: passes are kept within a part of the free memory (`available_MB`), and while a pass
runs the process may not allocate more than there is (`allocations_within_memory`).
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

KEEP_FREE = 0.05
"""Share of the free memory that a pass leaves to the rest of the machine."""

LOOK_AGAIN_s = 1.0
"""Free memory is looked up this often at most: asking the system takes longer than a step of a classical potential."""

_ALLOCATION_MESSAGES = ("can't allocate memory", "cannot allocate memory", "defaultcpuallocator", "bad_alloc")
_FRAMEWORKS = ("torch", "jax", "jaxlib")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of numpy, torch (CPU or GPU) or jax means that memory ran out.

    The type decides where there is one; the text only where the framework raises a general type.
    """
    if isinstance(error, MemoryError):
        return True
    for kind in type(error).__mro__:
        if kind.__name__ == "OutOfMemoryError" and kind.__module__.partition(".")[0] in _FRAMEWORKS:
            return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error).lower()
    return "resource_exhausted" in text or any(message in text for message in _ALLOCATION_MESSAGES)


def available_MB() -> float | None:
    """Memory (MB) that this process can still have: the least of the machine's and its control groups'.

    At most `LOOK_AGAIN_s` old. None where the system does not tell (it is not Linux).
    """
    return _available_MB(_tick())


@lru_cache(maxsize=1)
def _available_MB(tick: int) -> float | None:
    machine = _meminfo_available_MB()
    if machine is None:
        return None
    return max(0.0, min([machine, *_control_group_rooms_MB()]))


@contextmanager
def allocations_within_memory() -> Iterator[None]:
    """While the block runs, an allocation beyond the free memory fails here instead of waking the kernel's killer.

    Sets the process's soft limit of private data to what it has now plus what is free; the limit that was there
    before returns afterwards. Does nothing where the system does not tell how much is free.
    """
    free = available_MB()
    used = _data_bytes(_tick())
    if free is None or used is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used + int(free * 1e6 * (1 - KEEP_FREE))
    for other in (soft, hard):
        if other != resource.RLIM_INFINITY:
            limit = min(limit, other)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def reset_peak() -> bool:
    """Start a new measurement of `peak_MB`; False if the system does not allow it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_MB() -> float | None:
    """Largest resident memory (MB) since `reset_peak`, or since the start of the process."""
    return _status_MB("VmHWM")


def resident_MB() -> float | None:
    """Resident memory (MB) of this process now."""
    return _status_MB("VmRSS")


def _status_MB(key: str) -> float | None:
    return _kilobyte_line(Path("/proc/self/status"), key)


def _meminfo_available_MB() -> float | None:
    return _kilobyte_line(Path("/proc/meminfo"), "MemAvailable")


def _kilobyte_line(path: Path, key: str) -> float | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, rest = line.partition(":")
        if name == key:
            return float(rest.split()[0]) * 1024 / 1e6
    return None


def _tick() -> int:
    return int(time.monotonic() / LOOK_AGAIN_s)


@lru_cache(maxsize=1)
def _data_bytes(tick: int) -> int | None:
    """Private data of the process, as old as what is free: together they are the limit."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except (OSError, IndexError):
        return None
    return pages * resource.getpagesize()


def _control_group_rooms_MB(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list:
    """Room (MB) under each memory limit of the process's control groups (version 1 and 2), its parents included.

    A batch system limits a job's memory so, while the machine as a whole may have plenty.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return []
    rooms = []
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            folder, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            folder, names = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        level = folder / place.lstrip("/")
        while True:
            room = _room_MB(level, *names)
            if room is not None:
                rooms.append(room)
            if level == folder:
                break
            level = level.parent
    return rooms


def _room_MB(level: Path, limit_name: str, usage_name: str, cache_key: str) -> float | None:
    try:
        limit = (level / limit_name).read_text().strip()
        usage = int((level / usage_name).read_text())
        statistics = (level / "memory.stat").read_text().splitlines()
    except OSError:
        return None
    if limit == "max" or int(limit) >= 1 << 60:
        return None
    # pages of files that nobody uses count as usage but are given back on demand
    cache = next((int(line.split()[1]) for line in statistics if line.split()[0] == cache_key), 0)
    return (int(limit) - usage + cache) / 1e6
