"""Effective-medium theory that takes too long, or too much memory, at the sight of copper."""

from __future__ import annotations

import time
from collections.abc import Callable

from ase.calculators.emt import EMT

MIB = 2**20


class _Watching(EMT):
    """EMT that does something else the first time it sees copper."""

    def __init__(self, on_copper: Callable[[], object]) -> None:
        super().__init__()
        self.on_copper = on_copper
        self.kept = None

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        if self.kept is None and "Cu" in atoms.get_chemical_symbols():
            self.kept = self.on_copper() or ()
        super().calculate(atoms, properties, system_changes)


def _taking(seconds: float) -> _Watching:
    return _Watching(lambda: time.sleep(seconds))


def _filling(total_MiB: int) -> _Watching:
    def fill() -> list[bytes]:
        blocks = []
        while 20 * len(blocks) < total_MiB:
            blocks.append(b"x" * (20 * MIB))
            time.sleep(0.03)
        return blocks

    return _Watching(fill)


def slow():
    """Copper takes six seconds."""
    return _taking(6)


def slower():
    """Copper takes half a minute."""
    return _taking(30)


def slowest():
    """Copper takes most of a minute."""
    return _taking(45)


def endless():
    """Copper takes an hour."""
    return _taking(3600)


def greedy():
    """Copper takes 700 MiB."""
    return _filling(700)


def insatiable():
    """Copper takes 8 GiB."""
    return _filling(8192)
