"""GFN1-xTB and GFN2-xTB, semi-empirical tight binding: a cheap quantum yardstick, evaluated in a loop.

Grimme, Bannwarth, Shushkov, J. Chem. Theory Comput. 13, 1989 (2017), doi:10.1021/acs.jctc.7b00118 (GFN1-xTB);
Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 15, 1652 (2019), doi:10.1021/acs.jctc.8b01176 (GFN2-xTB).
Dispersion is part of both. Forces and stress are derivatives of the energy of a self-consistent wave function.

A periodic cell is sampled at the centre of its Brillouin zone alone, so the energy per atom of a small cell is not that
of its supercells. Every structure starts from its own guess: results do not depend on what was evaluated before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols
from ase.units import Bohr, Hartree, kB
from tblite import interface
from tblite.ase import TBLite

from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.potentials.boxes import boxed
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options

METHODS = ("GFN1-xTB", "GFN2-xTB")

DEFAULTS = {"method": "GFN2-xTB", "accuracy": 0.01, "electronic_temperature_K": 300.0, "max_iterations": 500}
"""Options of the loader. The accuracy multiplies the package's thresholds of self-consistency (1e-6 Hartree at 1):
at 0.01 forces of molecules agree with differences of energies to 1e-3 meV/Å, for half as much time again."""

ELEMENTS = frozenset(chemical_symbols[1:87])
"""Hydrogen to radon."""

VACUUM_A = 15.0
"""Width (Å) of the empty space in directions of a slab or a wire that are not periodic."""

VOIGT = (0, 4, 8, 5, 2, 1)
"""Where ase's xx, yy, zz, yz, xz, xy are in a 3 x 3 tensor, row by row."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {method: GFN2-xTB, accuracy: 0.01, electronic_temperature_K: 300, max_iterations: 500}``.

    The entry's ``charge`` (0) and ``spin_multiplicity`` (the lowest) hold for structures that do not say their own in
    ``atoms.info["charge"]`` and ``atoms.info["spin"]``.

    Raises
    ------
    UserError
        On an unknown key or method, or a device other than the CPU.
    PotentialFailure
        ``checkpoint`` if the entry names weights, which tight binding does not have.
    """
    name, loader = entry["name"], loader_options(entry, DEFAULTS)
    options = {**DEFAULTS, **loader}
    if options["method"] not in METHODS:
        known = near_misses(options["method"], METHODS)
        raise UserError(f"models: {name}.loader.method: unknown method {options['method']!r}{known}")
    if device != "cpu":
        raise UserError(f"models: {name}: tblite runs on the CPU only; choose the device cpu.")
    path = checkpoint_path(entry)
    if path is not None:
        raise PotentialFailure(
            "checkpoint",
            f"{name}: {path} is no checkpoint: {options['method']} has no weights; write checkpoint: none.",
        )
    method = TightBinding(name, options, entry.get("charge", 0), entry.get("spin_multiplicity"))
    return Potential(
        name=name,
        device=device,
        dtype="float64",
        conservative=True,
        elements=declared_elements(entry, ELEMENTS),
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=method.forward,
        make_package_calculator=method.calculator,
        package_calculator_name="tblite.ase.TBLite",
        native=False,
        tolerances="self-consistent",
        extensive=False,
        details={**options, "package_version": version("tblite"), "kpoints": "gamma"},
    )


@dataclass(frozen=True)
class TightBinding:
    """One method with its options.

    Attributes
    ----------
    name : str
        The potential's name, for messages.
    options : mapping
        As `DEFAULTS`.
    charge : float
        Total charge (e) of structures that do not say theirs.
    multiplicity : int or None
        Their spin multiplicity; None for the lowest that the number of electrons allows.
    """

    name: str
    options: Mapping[str, Any]
    charge: float
    multiplicity: int | None

    def forward(self, structures: Sequence[Atoms], wanted: frozenset[str]) -> list[Result]:
        """One self-consistent calculation for each structure; the package derives forces and stress with the energy."""
        return [self.evaluate(atoms, wanted) for atoms in structures]

    def evaluate(self, atoms: Atoms, wanted: frozenset[str]) -> Result:
        """Energy, forces, stress and Mulliken charges of one structure.

        Raises
        ------
        PotentialFailure
            ``error`` if self-consistency is not reached, or the charge and the spin do not go with the electrons.
        """
        charge = atoms.info.get("charge", self.charge)
        multiplicity = atoms.info.get("spin", self.multiplicity)
        lattice: dict[str, np.ndarray] = {}
        positions = atoms.positions
        if atoms.pbc.any():
            positions, cell = boxed(atoms, VACUUM_A)
            lattice = {"lattice": cell / Bohr, "periodic": np.ones(3, dtype=bool)}
        try:
            calculator = interface.Calculator(
                self.options["method"],
                atoms.numbers,
                positions / Bohr,
                charge,
                None if multiplicity is None else multiplicity - 1,
                **lattice,
            )
            calculator.set("verbosity", 0)
            calculator.set("accuracy", self.options["accuracy"])
            calculator.set("max-iter", self.options["max_iterations"])
            calculator.set("temperature", self.options["electronic_temperature_K"] * kB / Hartree)
            found = calculator.singlepoint()
        except RuntimeError as error:
            text = " ".join(str(error).split())
            raise PotentialFailure("error", f"{self.name}: {atoms.get_chemical_formula()}: {text}") from error
        stress = None
        if atoms.pbc.all() and "stress" in wanted:
            stress = found["virial"].ravel()[list(VOIGT)] * Hartree / atoms.get_volume()
        return Result(
            float(found["energy"]) * Hartree,
            -found["gradient"] * Hartree / Bohr,
            stress,
            np.array(found["charges"], dtype=float),
        )

    def calculator(self) -> Calculator:
        """The package's own, which starts every structure afresh too."""
        return TBLite(
            method=self.options["method"],
            charge=self.charge,
            multiplicity=self.multiplicity,
            accuracy=self.options["accuracy"],
            electronic_temperature=self.options["electronic_temperature_K"],
            max_iterations=self.options["max_iterations"],
            cache_api=False,
            verbosity=0,
        )
