"""A potential as LAMMPS's Monte Carlo sees it: the interaction energy of guests in a fixed host.

What LAMMPS gets is E(host and guests) - E(host) - sum of E(isolated guest), and the forces on the guests. The host is
the one that the potential was given at the start, in its own axes, so that what an adapter has made for it is used.

LAMMPS asks for the energy of the same configuration again and again: before the trials of a block, after them, and at
the step that they belong to. Energies of the latest configurations are remembered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from assay.adsorption.lammps_axes import Axes
from assay.contacts import Contacts
from assay.hosts import guest_at, joined
from assay.potentials.base import Potential, Result, require_finite

OUTCOMES = ("overlaps", "non_finite", "evaluated")
"""Of trials, beside being attempted and accepted."""

SAME_A = 1e-7
"""Positions that agree so well are those of the same configuration: LAMMPS adds displacements and takes them away."""


class GuestForces(Calculator):
    """The guests' interaction with a host and with one another.

    Parameters
    ----------
    potential : Potential
    host, cell : Atoms
        As it is simulated, and one cell of it.
    guest : Atoms
    axes : Axes
        Of the host.
    overlap_fraction : float
        Trials with a contact below this fraction of covalent radii get an infinite energy without an evaluation.
    n_moves : int
        Kinds of moves.
    remembered : int
        How many configurations.

    Attributes
    ----------
    host_energy_eV, guest_energy_eV : float
        Of the host alone and of an isolated guest.
    outcomes : ndarray of int, shape (moves, 3)
        Trials since `begin_trials` that were overlaps, had an energy that is no finite number, and were evaluated, by
        move; see `OUTCOMES`.

    Raises
    ------
    PotentialFailure
        ``non_finite``, or as of `Potential.evaluate`.
    """

    implemented_properties: ClassVar = ["energy", "forces"]

    def __init__(
        self,
        potential: Potential,
        host: Atoms,
        cell: Atoms,
        guest: Atoms,
        axes: Axes,
        overlap_fraction: float,
        n_moves: int,
        remembered: int = 4,
    ) -> None:
        super().__init__()
        self.potential, self.host, self.guest, self.axes = potential, host, guest, axes
        self.overlap_fraction = overlap_fraction
        self.outcomes = np.zeros((n_moves, len(OUTCOMES)), dtype=int)
        self._attempts: Callable[[], np.ndarray] | None = None
        self._contacts = Contacts.of(cell, guest)
        self._before = np.zeros(n_moves, dtype=int)
        self._known: deque[tuple[np.ndarray, Result]] = deque(maxlen=remembered)
        self._prepare = potential.prepare_in_host(host) if potential.prepare_in_host else None
        alone, isolated = potential.evaluate([host, guest], ("energy",))
        self.host_energy_eV = require_finite(alone, "the host alone").energy_eV
        self.guest_energy_eV = require_finite(isolated, "an isolated guest").energy_eV

    def begin_trials(self, attempts: Callable[[], np.ndarray] | None) -> None:
        """Be told that trials come, or that none do.

        Parameters
        ----------
        attempts : callable or None
            ``attempts() -> ndarray``: LAMMPS's counts of attempts so far, by move. None if there are no trials: then an
            energy that is not finite is a failure, and no contact is too close.
        """
        self._attempts = attempts
        self._before = np.zeros(len(self.outcomes), dtype=int)
        self.outcomes = np.zeros_like(self.outcomes)

    def remember(self, positions_A: np.ndarray, energy_eV: float) -> None:
        """Begin with an energy that is known from before, and with no other one."""
        self._known.clear()
        self._known.append((self.axes.to_lammps(positions_A), Result(energy_eV)))

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = (), system_changes: Sequence[str] = all_changes
    ) -> None:
        """Energy and forces of what LAMMPS holds: atoms of molecules are guests, all others are the host's."""
        guests = atoms.arrays["molecule"] >= 0
        move = self._move()
        turned_A = self.axes.whole(atoms.positions[guests].reshape(-1, len(self.guest), 3))
        result = self._result(turned_A, frozenset(properties), move=move)
        forces_eV_A = np.zeros((len(atoms), 3))
        if result.forces_eV_A is not None:
            forces_eV_A[guests] = result.forces_eV_A
        self.results = {"energy": result.energy_eV, "forces": forces_eV_A}

    def _move(self) -> int | None:
        """The kind of the trial that is on: the one whose attempts have grown since the question before."""
        if self._attempts is None:
            return None
        now = self._attempts()
        grown, self._before = np.flatnonzero(now > self._before), now
        return int(grown[-1]) if len(grown) else None

    def _result(self, turned_A: np.ndarray, wanted: frozenset[str], move: int | None = None) -> Result:
        """Of positions in LAMMPS's axes, shape (n, m, 3)."""
        if not len(turned_A):
            return Result(0.0, np.zeros((0, 3)))
        for positions_A, result in self._known:
            if self.axes.same(positions_A, turned_A, SAME_A) and (
                "forces" not in wanted or result.forces_eV_A is not None
            ):
                return result
        positions_A = self.axes.to_host(turned_A)
        if move is not None and self._overlaps(positions_A):
            self._count(move, "overlaps")
            return Result(np.inf)
        result = self._evaluated(positions_A, wanted)
        if move is not None:
            self._count(move, "evaluated")
            if not np.isfinite(result.energy_eV):
                if result.energy_eV != np.inf:
                    self._count(move, "non_finite")
                return Result(np.inf)
        require_finite(result, f"{len(positions_A)} guests in the host")
        self._known.append((turned_A.copy(), result))
        return result

    def _overlaps(self, positions_A: np.ndarray) -> bool:
        return bool(self.overlap_fraction) and self._contacts.closest(positions_A)[0].min() < self.overlap_fraction

    def _count(self, move: int, outcome: str) -> None:
        self.outcomes[move, OUTCOMES.index(outcome)] += 1

    def _evaluated(self, positions_A: np.ndarray, wanted: frozenset[str]) -> Result:
        guests = copies(self.guest, positions_A, self.host)
        structure = guests if self._prepare else joined(self.host, guests)
        (result,) = self.potential.evaluate([structure], wanted | {"energy"}, self._prepare)
        energy_eV = result.energy_eV - self.host_energy_eV - len(positions_A) * self.guest_energy_eV
        if result.forces_eV_A is None:
            return Result(energy_eV)
        return Result(energy_eV, self.axes.vectors_to_lammps(result.forces_eV_A[-len(guests) :]))


def copies(guest: Atoms, positions_A: np.ndarray, host: Atoms) -> Atoms:
    """Guests at positions, shape (n, m, 3), in the host's cell; ``molecule`` counts from zero."""
    many = guest[np.tile(np.arange(len(guest)), len(positions_A))]
    many.arrays["molecule"] = np.repeat(np.arange(len(positions_A)), len(guest))
    return guest_at(many, positions_A.reshape(-1, 3), host)
