"""The fix through which LAMMPS asks a calculator: what happens at every evaluation of forces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from assay.lammps.calculators import Evaluator
from assay.lammps.elements import numbers_of_types
from assay.lammps.systems import SystemView
from assay.potentials.base import Result, require_finite

VIRIAL_ORDER = [0, 1, 2, 5, 4, 3]
"""From ase's xx, yy, zz, yz, xz, xy to LAMMPS's xx, yy, zz, xy, xz, yz."""

NOTHING = Result(0.0, np.zeros((0, 3)), np.zeros(6))


class ExternalFix:
    """``fix external pf/callback`` of an instance, answered by a calculator.

    An exception of the calculator cannot pass through LAMMPS. It is kept in `failure`, LAMMPS gets numbers that are not
    any, and `stop` is called; whoever started the run raises it afterwards.

    Parameters
    ----------
    lammps : lammps.lammps
    evaluate : callable
        Of `assay.lammps.calculators`.
    energy_only : bool
        Whether to ask for energies alone. Forces and virial are NaN then, and an energy of plus infinity is allowed.
    stop : callable
        Makes LAMMPS end its run.

    Attributes
    ----------
    calls : int
        Evaluations so far.
    failure : BaseException or None
    """

    def __init__(self, lammps: Any, evaluate: Evaluator, energy_only: bool, stop: Callable[[], None]) -> None:
        self.lammps = lammps
        self.evaluate = evaluate
        self.stop = stop
        self.calls = 0
        self.failure: BaseException | None = None
        self._wanted = frozenset({"energy"} if energy_only else {"energy", "forces", "stress"})
        self._energy_only = energy_only
        self._name = ""
        self._factor = 1.0
        self._types: Mapping[int, str] = {}
        self._view: SystemView | None = None

    def define(self, name: str, types: Mapping[int, str], energy_unit: float) -> None:
        """Define the fix unless it is there, and answer it from now on.

        Parameters
        ----------
        name : str
        types : mapping of int to str
            Elements of types that are not to be told by their masses.
        energy_unit : float
            One eV in LAMMPS's units.
        """
        self._name, self._types, self._factor = name, types, energy_unit
        self._view = None
        if not self.lammps.has_id("fix", name):
            self.lammps.command(f"fix {name} all external pf/callback 1 1")
        self.lammps.command(f"fix_modify {name} energy yes virial yes")
        self.lammps.set_fix_external_callback(name, self._callback, None)

    def _callback(
        self, _: None, step: int, count: int, tags: np.ndarray, positions_A: np.ndarray, forces: np.ndarray
    ) -> None:
        if self.failure is None:
            try:
                self._answer(step, count, tags, positions_A, forces)
                return
            except BaseException as error:
                self.failure = error
        if count:
            forces[:] = np.nan
        self._hand_over(Result(np.nan), volume_A3=0.0)
        self.stop()

    def _answer(self, step: int, count: int, tags: np.ndarray, positions_A: np.ndarray, forces: np.ndarray) -> None:
        if not count:
            self._hand_over(NOTHING, volume_A3=0.0)
            return
        if self._view is None:
            self._view = self._first_view()
        atoms, order, changes = self._view.read(tags, positions_A)
        forces[:] = 0.0
        if not len(order):
            self._hand_over(NOTHING, volume_A3=0.0)
            return
        result = self.evaluate(atoms, self._wanted, changes)
        self.calls += 1
        if not (self._energy_only and result.energy_eV == np.inf):
            require_finite(result, f"step {step} of LAMMPS")
        self._hand_over(result, volume_A3=float(atoms.cell.array.diagonal().prod()))
        forces[order] = np.nan if result.forces_eV_A is None else result.forces_eV_A * self._factor

    def _first_view(self) -> SystemView:
        """Made at the first evaluation, for masses need not be there when the fix is defined."""
        by_type = self.lammps.extract_setting("rmass_flag") != 1
        masses_u = self.lammps.numpy.extract_atom("mass") if by_type else None
        count = self.lammps.extract_setting("ntypes")
        return SystemView(self.lammps, numbers_of_types(count, self._types, masses_u))

    def _hand_over(self, result: Result, volume_A3: float) -> None:
        """Set energy and virial; a virial that is not known is NaN, so that no barostat uses it unnoticed."""
        self.lammps.fix_external_set_energy_global(self._name, result.energy_eV * self._factor)
        virial = np.full(6, np.nan)
        if result.stress_eV_A3 is not None:
            virial = -volume_A3 * self._factor * result.stress_eV_A3[VIRIAL_ORDER]
        self.lammps.fix_external_set_virial_global(self._name, virial.tolist())
