"""Forces of many repeats from a potential, in one evaluation or one after the other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result

TOGETHER, APART = "together", "apart"

log = logging.getLogger("assay")


@dataclass
class ModelForces:
    """Energies and forces of repeats from a potential, as integrators want them.

    The potential sees positions wrapped into the cell: far outside of it, numbers of 32 bits would lose digits.

    Attributes
    ----------
    potential : Potential
    atoms : list of Atoms
        One per repeat, all of the same atoms in the same cell; their positions are overwritten.
    advanced : str
        ``together``: all repeats in one evaluation; ``apart``: one after the other. A potential that loops over
        structures does so in one call, which costs less.
    forgiving : bool
        Whether a failure of the potential on a repeat becomes numbers that are not finite, with its sentence in
        `failures`, instead of an exception.
    failures : dict of int to str
        What the potential said, by row of the last call.
    cell_A : ndarray, shape (3, 3)
        That of all repeats.
    """

    potential: Potential
    atoms: list[Atoms]
    advanced: str = TOGETHER
    forgiving: bool = False
    failures: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cell_A = self.atoms[0].cell.array.copy()
        self._inverse = np.linalg.inv(self.cell_A)

    def __call__(self, positions_A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (eV, shape (r,)) and forces (eV/Å, shape (r, n, 3)) at positions of shape (r, n, 3)."""
        self.failures = {}
        energies, forces = np.full(len(positions_A), np.nan), np.full(positions_A.shape, np.nan)
        rows = np.flatnonzero(np.isfinite(positions_A).all(axis=(1, 2))).tolist()
        for row, result in zip(rows, self._evaluate(rows, self._wrapped(positions_A, rows)), strict=True):
            if result is not None:
                energies[row], forces[row] = result.energy_eV, result.forces_eV_A
        return energies, forces

    def _wrapped(self, positions_A: np.ndarray, rows: Sequence[int]) -> list[Atoms]:
        for row in rows:
            cells = np.floor(positions_A[row] @ self._inverse)
            self.atoms[row].arrays["positions"][...] = positions_A[row] - cells @ self.cell_A
        return [self.atoms[row] for row in rows]

    def _evaluate(self, rows: Sequence[int], batch: list[Atoms]) -> list[Result | None]:
        if len(batch) > 1 and (self.advanced == TOGETHER or not self.potential.native):
            try:
                return list(self.potential.evaluate(batch, ("energy", "forces")))
            except (UserError, OSError):
                raise
            except Exception:  # told below, by the repeat that it belongs to
                if not self.forgiving:
                    raise
        return [self._evaluate_one(row, atoms) for row, atoms in zip(rows, batch, strict=True)]

    def _evaluate_one(self, row: int, atoms: Atoms) -> Result | None:
        try:
            return self.potential.evaluate([atoms], ("energy", "forces"))[0]
        except (UserError, OSError):
            raise
        except Exception as error:  # packages fail in ways of their own on a system that falls apart
            if not self.forgiving:
                raise
            log.warning("the potential failed", exc_info=not isinstance(error, PotentialFailure))
            self.failures[row] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            return None
