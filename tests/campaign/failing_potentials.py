"""Calculators that fail on purpose."""

import os
import signal

from ase.calculators.emt import EMT


class _Watching(EMT):
    """EMT that does something else as soon as it sees copper."""

    def __init__(self, on_copper):
        super().__init__()
        self.on_copper = on_copper

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        if "Cu" in atoms.get_chemical_symbols():
            self.on_copper()
        super().calculate(atoms, properties, system_changes)


def _raise():
    raise RuntimeError("no copper, please")


def _die():
    os.kill(os.getpid(), signal.SIGSEGV)


def raises_for_copper():
    """A calculator that raises an exception for copper."""
    return _Watching(_raise)


def dies_on_copper():
    """A calculator whose process ends in a segmentation fault at the sight of copper."""
    return _Watching(_die)
