"""The reference code as a potential: PBE with GPAW in plane waves, for small cells, in a loop.

With the settings, the schemes of self-consistency and the k-points of our own references (see
`assay.references.gpaw_settings`), so that a model can be held against the same numbers structure by structure. A single
point takes seconds to hours. GPAW: doi:10.1063/5.0182685; PBE: doi:10.1103/PhysRevLett.77.3865.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from assay.failures import PotentialFailure, UserError
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared
from assay.potentials.boxes import boxed
from assay.potentials.calculator import EvaluatingCalculator
from assay.potentials.loading import checkpoint_path, declared_elements, loader_options
from assay.references.gpaw_code import Code, Gpaw, NotConverged, single_point
from assay.references.gpaw_phonons import SCHEMES
from assay.references.gpaw_settings import PhononSettings, kpoint_mesh, phonon_settings

DEFAULTS: dict[str, Any] = {"quality": "quick", "kpoint_length_A": None, "spin_polarised": False, "vacuum_A": 6.0}
"""Options of the loader; without a length, that of the settings for the lattices of insulators and metals."""

ELEMENTS = frozenset(chemical_symbols[1:87]) - {"Tc", "Po", "At"}
"""What the package gpaw-data has PBE setups of: hydrogen to radon, but for three radioactive elements."""


def load(entry: Mapping[str, Any], device: str) -> Potential:
    """Load ``loader: {quality: quick | reference, kpoint_length_A: 20, spin_polarised: true, vacuum_A: 6}``.

    The entry's ``charge`` (0) and ``spin_multiplicity`` (1, or whatever self-consistency finds if spin-polarised)
    hold for structures that do not say their own in ``atoms.info["charge"]`` and ``atoms.info["spin"]``.

    Raises
    ------
    UserError
        On an unknown key or quality, a device other than the CPU, or if GPAW or its setups are missing.
    PotentialFailure
        ``checkpoint`` if the entry names weights, which a quantum-mechanical method does not have.
    """
    name, loader = entry["name"], loader_options(entry, DEFAULTS)
    if device != "cpu":
        raise UserError(f"models: {name}: GPAW runs on the CPU only here; choose the device cpu.")
    path = checkpoint_path(entry)
    if path is not None:
        raise PotentialFailure("checkpoint", f"{name}: {path} is no checkpoint: GPAW has none; write checkpoint: none.")
    options = {**DEFAULTS, **loader}
    code = Gpaw()
    method = DensityFunctional(
        name, code, phonon_settings(options["quality"]), options, entry.get("charge", 0), entry.get("spin_multiplicity")
    )
    return Potential(
        name=name,
        device=device,
        dtype="float64",
        conservative=True,
        elements=declared_elements(entry, ELEMENTS),
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=method.forward,
        make_package_calculator=method.calculator,
        package_calculator_name="gpaw.GPAW",
        native=False,
        tolerances="self-consistent",
        extensive=False,
        details={**options, "package_versions": code.versions(), "schemes": [scheme.name for scheme in SCHEMES]},
    )


@dataclass(frozen=True)
class DensityFunctional:
    """GPAW with the settings of our references.

    Attributes
    ----------
    name : str
        The potential's name, for messages.
    code : Code
        GPAW, or a stub in the tests.
    settings : PhononSettings
        Cut-offs, k-points, smearing and convergence.
    options : mapping
        As `DEFAULTS`.
    charge : float
        Total charge (e) of structures that do not say theirs.
    multiplicity : int or None
        Their spin multiplicity; None leaves it to self-consistency.
    """

    name: str
    code: Code
    settings: PhononSettings
    options: Mapping[str, Any]
    charge: float
    multiplicity: int | None

    def forward(self, structures: Sequence[Atoms], wanted: frozenset[str]) -> list[Result]:
        """One self-consistent calculation for each structure."""
        return [self.evaluate(atoms, wanted) for atoms in structures]

    def evaluate(self, atoms: Atoms, wanted: frozenset[str]) -> Result:
        """Energy, extrapolated to zero smearing, forces, and the stress of crystals if it is asked for.

        Raises
        ------
        PotentialFailure
            ``error`` if none of the schemes reaches self-consistency.
        """
        parameters = self.parameters(atoms)
        stress = "stress" in wanted and bool(atoms.pbc.all())
        with tempfile.TemporaryDirectory(prefix="gpaw-") as folder:
            try:
                point = single_point(
                    self.periodic(atoms),
                    self.code,
                    SCHEMES,
                    parameters,
                    log=Path(folder) / "gpaw.txt",
                    stress=stress,
                )
            except NotConverged as error:
                formula = atoms.get_chemical_formula()
                raise PotentialFailure("error", f"{self.name}: {formula}: self-consistency was not reached.") from error
        found = np.asarray(point["stress_eV_A3"], dtype=float) if stress else None
        return Result(float(point["energy_eV"]), np.asarray(point["forces_eV_A"], dtype=float), found)

    def periodic(self, atoms: Atoms) -> Atoms:
        """The structure with empty space in directions that are not periodic, and its starting moments."""
        # boxed leaves 1.1 times as much as it is asked for
        positions, cell = boxed(atoms, self.options["vacuum_A"] / 1.1)
        whole = Atoms(atoms.numbers, positions=positions, cell=cell, pbc=True)
        if not atoms.pbc.all():
            # in the middle of the vacuum, where no atom lies on the border of the cell
            centre = whole.cell.scaled_positions(whole.positions).mean(axis=0)
            whole.positions += (np.where(atoms.pbc, 0.0, 0.5 - centre)) @ cell
        multiplicity = atoms.info.get("spin", self.multiplicity)
        if multiplicity is not None and multiplicity > 1:
            whole.set_initial_magnetic_moments([(multiplicity - 1) / len(whole)] * len(whole))
        elif self.options["spin_polarised"]:
            given = atoms.get_initial_magnetic_moments()
            whole.set_initial_magnetic_moments(given if given.any() else np.ones(len(whole)))
        return whole

    def parameters(self, atoms: Atoms) -> dict[str, Any]:
        """What all schemes share, in GPAW's words, as the references of crystals have it."""
        symbols = set(atoms.symbols)
        multiplicity = atoms.info.get("spin", self.multiplicity)
        polarised = bool(self.options["spin_polarised"]) or (multiplicity or 1) > 1
        occupations: dict[str, Any] = {"name": "fermi-dirac", "width": self.settings.smearing(symbols)}
        if multiplicity is not None and polarised:
            occupations["fixmagmom"] = True
        return {
            "cutoff_eV": self.settings.cutoff(symbols),
            "kpts": {"size": self.mesh(atoms), "gamma": True},
            "occupations": occupations,
            "spinpol": polarised,
            "charge": float(atoms.info.get("charge", self.charge)),
            "convergence": {
                "density": self.settings.density_convergence,
                "forces": self.settings.force_convergence_eV_A,
            },
        }

    def mesh(self, atoms: Atoms) -> tuple[int, ...]:
        """K-points along each vector: one where the structure is not periodic."""
        if not atoms.pbc.any():
            return (1, 1, 1)
        _, cell = boxed(atoms, self.options["vacuum_A"] / 1.1)
        length = self.options["kpoint_length_A"]
        dense = kpoint_mesh(cell, length) if length else self.settings.lattice_kpoints(cell, set(atoms.symbols))
        return tuple(count if periodic else 1 for count, periodic in zip(dense, atoms.pbc, strict=True))

    def calculator(self) -> Calculator:
        """An ase calculator that chooses cut-off and k-points for each structure, which GPAW's own does not."""
        return EvaluatingCalculator(lambda batch, wanted: self.forward(batch, frozenset(wanted)), self.name)
