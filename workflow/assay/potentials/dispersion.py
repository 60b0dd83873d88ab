"""London dispersion by DFT-D3: energies, forces and stresses of the library s-dftd3, for structures of any periodicity.

Energies of pairs, -s6 C6 / r⁶ - s8 C8 / r⁸, damped at short range by parameters that belong to a density functional,
with coefficients that follow the atoms' coordination; optionally the three-body term of Axilrod, Teller and Muto.

Grimme, Antony, Ehrlich, Krieg, J. Chem. Phys. 132, 154104 (2010), doi:10.1063/1.3382344; rational damping, ``bj``:
Grimme, Ehrlich, Goerigk, J. Comput. Chem. 32, 1456 (2011), doi:10.1002/jcc.21759; modified damping, ``mbj`` and
``mzero``: Smith, Burns, Patkowski, Sherrill, J. Phys. Chem. Lett. 7, 2197 (2016), doi:10.1021/acs.jpclett.6b00780. The
library: Ehlert, J. Open Source Softw. 9, 7169 (2024), doi:10.21105/joss.07169.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.data import chemical_symbols
from dftd3.interface import (
    DampingParam,
    DispersionModel,
    ModifiedRationalDampingParam,
    ModifiedZeroDampingParam,
    RationalDampingParam,
    ZeroDampingParam,
)

from assay.failures import UserError, near_misses
from assay.potentials.base import Result
from assay.potentials.boxes import boxed

ELEMENTS = frozenset(chemical_symbols[1:104])
"""Of these the library has coefficients; it ends the process where it meets another one."""

DAMPINGS: dict[str, tuple[type[DampingParam], str]] = {
    "bj": (RationalDampingParam, "bj"),
    "zero": (ZeroDampingParam, "zero"),
    "mbj": (ModifiedRationalDampingParam, "bjm"),
    "mzero": (ModifiedZeroDampingParam, "zerom"),
}
"""Of each damping: its parameters' class, and its name in the library's database."""

REMARKS = ("damping", "doi", "mbd")
"""Keys of the library's database that are no parameters."""


@cache
def damping_parameters(damping: str) -> Mapping[str, Mapping[str, Any]]:
    """Parameters (``s6``, ``s8``, ``a1``, ...) by functional, from the database that the library brings."""
    name = DAMPINGS[damping][1]
    database = tomllib.loads(files("dftd3").joinpath("parameters.toml").read_text())
    shared = database["default"]["parameter"]["d3"][name]
    own = {functional: entry.get("d3", {}).get(name) for functional, entry in database["parameter"].items()}
    return {
        functional: {key: value for key, value in (shared | given).items() if key not in REMARKS}
        for functional, given in own.items()
        if given
    }


@dataclass(frozen=True)
class Dispersion:
    """DFT-D3 for one functional.

    Attributes
    ----------
    functional : str
        As the library spells it, in any case: ``pbe``, ``r2scan``, ...
    damping : str
        One of `DAMPINGS`.
    three_body : bool
        Whether the Axilrod-Teller-Muto term is added.
    cutoff_A : float
        Longest distance of a pair (Å).
    smoothing_A : float
        Range below the cutoff in which pairs fade out (Å). With none energies jump where pairs pass the cutoff, by some
        1e-7 eV each, and forces are no derivatives of them.
    coordination_cutoff_A, three_body_cutoff_A : float
        Longest distances that count for coordination numbers and in triples (Å).

    Raises
    ------
    UserError
        If the library has no parameters of this functional for this damping.
    """

    functional: str
    damping: str = "bj"
    three_body: bool = False
    cutoff_A: float = 60.0 * units.Bohr
    smoothing_A: float = 1.0
    coordination_cutoff_A: float = 40.0 * units.Bohr
    three_body_cutoff_A: float = 40.0 * units.Bohr

    def __post_init__(self) -> None:
        known = damping_parameters(self.damping)
        if self.functional.lower() not in known:
            raise UserError(
                f"DFT-D3 with the damping {self.damping} has no parameters for {self.functional!r}"
                f"{near_misses(self.functional.lower(), sorted(known))}"
            )

    @cached_property
    def _parameters(self) -> DampingParam:
        return DAMPINGS[self.damping][0](method=self.functional, atm=self.three_body)

    @property
    def details(self) -> dict[str, Any]:
        """All that the numbers depend on: settings, damping parameters and the library's version."""
        own = damping_parameters(self.damping)[self.functional.lower()]
        parameters = dict(own) if self.three_body else {**own, "s9": 0.0}
        return {**asdict(self), "parameters": parameters, "library": f"s-dftd3 {version('dftd3')}"}

    def evaluate(self, atoms: Atoms, wanted: frozenset[str]) -> Result:
        """Dispersion energy, forces and stress of a structure.

        Parameters
        ----------
        atoms : Atoms
            Of `ELEMENTS`, not empty, periodic in none to three directions.
        wanted : frozenset of str
            Of ``energy``, ``forces``, ``stress``. The energy is always given.

        Returns
        -------
        Result
            NaN where two atoms are in the same place; no stress without three periodic directions.
        """
        model = self._model(atoms)
        if model is None:
            return _undefined(atoms, wanted)
        model.set_realspace_cutoff(**{key: length / units.Bohr for key, length in self._cutoffs.items()})
        found = model.get_dispersion(self._parameters, grad=bool(wanted & {"forces", "stress"}))
        stress = None
        if "stress" in wanted and atoms.pbc.all():
            # the library's virial is dE/dstrain; without the factor -1 of some codes it is positive under tension
            virial = found["virial"] * units.Hartree / atoms.get_volume()
            stress = virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        return Result(
            float(found["energy"]) * units.Hartree,
            -found["gradient"] * (units.Hartree / units.Bohr) if "forces" in wanted else None,
            stress,
        )

    @property
    def _cutoffs(self) -> dict[str, float]:
        """Lengths (Å) by the library's names."""
        return {
            "disp2": self.cutoff_A,
            "disp3": self.three_body_cutoff_A,
            "cn": self.coordination_cutoff_A,
            "width2": self.smoothing_A,
            "width3": self.smoothing_A,
        }

    def _model(self, atoms: Atoms) -> DispersionModel | None:
        """The structure as the library takes it; None where it finds atoms in the same place."""
        lattice, periodic = None, None
        if atoms.pbc.any():
            # crystals with a vacuum beyond all cutoffs: of slabs and wires the library counts images that are not there
            longest = max(self.cutoff_A, self.coordination_cutoff_A, self.three_body_cutoff_A)
            lattice, periodic = boxed(atoms, longest)[1] / units.Bohr, np.ones(3, dtype=bool)
        try:
            return DispersionModel(atoms.numbers, atoms.positions / units.Bohr, lattice, periodic)
        except RuntimeError as error:
            if "Too close" in str(error):
                return None
            raise


def _undefined(atoms: Atoms, wanted: frozenset[str]) -> Result:
    return Result(
        np.nan,
        np.full((len(atoms), 3), np.nan) if "forces" in wanted else None,
        np.full(6, np.nan) if "stress" in wanted and atoms.pbc.all() else None,
    )
