"""Which element each of LAMMPS's types of atoms is: as the user says, or by its mass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from assay.failures import UserError, near_misses

MASS_TOLERANCE_U = 0.05
"""Inputs round masses to 0.01 u or so; the standard weights of neighbours differ by more (cobalt and nickel: 0.24)."""


def numbers_of_types(count: int, named: Mapping[int, str], masses_u: np.ndarray | None) -> np.ndarray:
    """Atomic numbers of LAMMPS's types.

    Parameters
    ----------
    count : int
        Number of types.
    named : mapping of int to str
        Chemical symbols of types, which begin at 1, as far as they are given.
    masses_u : ndarray, shape (count + 1,), or None
        Masses of the types (u), the first unused; None where masses are properties of atoms.

    Returns
    -------
    ndarray of int, shape (count + 1,)
        The first is unused.

    Raises
    ------
    UserError
        If a symbol does not exist, a type does not exist, or a mass is not that of exactly one element.
    """
    for number, symbol in named.items():
        if symbol not in atomic_numbers or symbol == "X":
            raise UserError(
                f"types: {number}={symbol}: no element has this symbol{near_misses(symbol, atomic_numbers)}"
            )
        if not 1 <= number <= count:
            raise UserError(f"types: {number}={symbol}: LAMMPS has the types 1 to {count}; correct the number.")
    numbers = np.zeros(count + 1, dtype=int)
    for number in range(1, count + 1):
        if number in named:
            numbers[number] = atomic_numbers[named[number]]
        else:
            numbers[number] = _by_mass(number, None if masses_u is None else float(masses_u[number]))
    return numbers


def _by_mass(number: int, mass_u: float | None) -> int:
    remedy = f"name it, such as `--types {number}=O` or types={{{number}: 'O'}}."
    if mass_u is None:
        raise UserError(f"types: the element of type {number} is not known, for types have no masses here; {remedy}")
    near = [int(i) for i in np.flatnonzero(np.abs(atomic_masses - mass_u) < MASS_TOLERANCE_U) if i > 0]
    if len(near) == 1:
        return near[0]
    which = f"could be {' or '.join(chemical_symbols[i] for i in near)}" if near else "is that of no element"
    raise UserError(f"types: the mass of type {number}, {mass_u:g} u, {which}; {remedy}")
