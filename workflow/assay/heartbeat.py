"""A sign of life in the log of a job whose calculation says nothing for long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.failures import UserError
from assay.records import read_json

EVERY_s = 600.0

log = logging.getLogger("assay")


@contextmanager
def heartbeat(progress: Path, done: Callable[[], int], total: int, every_s: float = EVERY_s) -> Iterator[None]:
    """Say from time to time how far a calculation is while the block lasts.

    Parameters
    ----------
    progress : Path
        Where the child announces what it is working on.
    done : callable
        How many cases have a result.
    total : int
        How many there are.
    every_s : float, optional
        Time between two lines (s).
    """
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(every_s):
            log.info("%d of %d cases done; %s", done(), total, _present(progress))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _present(progress: Path) -> str:
    try:
        content = read_json(progress)
    except UserError:
        return "starting"
    minutes = (time.time() - content["since"]) / 60
    named = ", ".join(content["cases"][:3]) + (f" and {len(content['cases']) - 3} more" if content["cases"][3:] else "")
    return f"at {named} for {minutes:.0f} min" if named else f"between cases for {minutes:.0f} min"
