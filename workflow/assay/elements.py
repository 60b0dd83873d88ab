"""Which elements are metals."""

from __future__ import annotations

import numpy as np
from ase.data import atomic_numbers

NON_METALS = tuple(
    atomic_numbers[symbol]
    for symbol in "H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Sb Te I Xe At Rn".split()  # noqa: SIM905
)
"""Atomic numbers of the non-metals and half-metals."""


def are_metals(numbers: np.ndarray) -> np.ndarray:
    """Which of atomic numbers are those of metals, of the same shape."""
    return ~np.isin(numbers, NON_METALS)
