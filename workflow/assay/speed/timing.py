"""The clock: read only when the device has finished, and the parts of an evaluation timed apart.

A GPU takes orders and returns at once; without waiting for it one measures how fast orders are given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.potentials import Potential


def nothing_to_wait_for() -> None:
    """For devices that have finished when a call returns."""


@dataclass(frozen=True)
class Clock:
    """A clock that waits for a device.

    Attributes
    ----------
    now : callable
        Seconds since some moment.
    synchronise : callable
        Returns when the device has done all that it was told.
    """

    now: Callable[[], float] = time.perf_counter
    synchronise: Callable[[], None] = nothing_to_wait_for

    def read(self) -> float:
        """Seconds, with the device idle."""
        self.synchronise()
        return self.now()


def device_clock(device: str) -> Clock:
    """The clock of ``cpu`` or of a GPU, ``cuda`` or ``cuda:N``."""
    if not device.startswith("cuda"):
        return Clock()
    try:
        import torch
    except ImportError:
        # without torch nothing is left on the device: the results that an evaluation returns are on the host
        return Clock()
    return Clock(synchronise=lambda: torch.cuda.synchronize(device))


@dataclass
class Parts:
    """Where the time of evaluations went.

    Attributes
    ----------
    neighbour_s : float
        Neighbour lists and graphs, on the host (s); NaN if the potential does not show them.
    model_s : float
        Passes of the model, with the way to the device and back (s); NaN likewise.
    """

    neighbour_s: float
    model_s: float


@contextmanager
def dissected(potential: Potential, clock: Clock) -> Iterator[Parts]:
    """Inside of the block, the parts of the potential's evaluations are added up.

    A potential that loops over structures with a package's calculator does not show its parts: they are NaN.
    """
    if not potential.native:
        yield Parts(float("nan"), float("nan"))
        return
    parts = Parts(0.0, 0.0)
    prepare, forward = potential.prepare, potential.forward

    def timed_prepare(*arguments):
        start = clock.read()
        try:
            return prepare(*arguments)
        finally:
            parts.neighbour_s += clock.read() - start

    def timed_forward(*arguments):
        start = clock.read()
        try:
            return forward(*arguments)
        finally:
            parts.model_s += clock.read() - start

    potential.prepare, potential.forward = timed_prepare, timed_forward
    try:
        yield parts
    finally:
        potential.prepare, potential.forward = prepare, forward
