"""Whether a recomputed reference is the shipped one, within what compilers and libraries change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import phonopy

from assay.failures import UserError
from assay.references.curves import well_of_record
from assay.references.gpaw_phonons import MESH_LENGTH_A

ALLOWED = {
    "bond length Å": 0.002,
    "well depth eV": 0.01,
    "curve eV": 0.02,
    "lattice constant Å": 0.002,
    "frequency THz": 0.05,
}
"""Largest differences: the same code and settings on another machine, with other linear algebra. The physics that the
references are compared with (differences between functionals and between potentials) is ten times larger."""

WALL_EV = 5.0
"""Points higher than this above the atoms are left out of the comparison of curves: there the energy is steep."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of two references.

    Attributes
    ----------
    quantity : str
        What, with its unit.
    value, shipped : float
        Recomputed and shipped.
    allowed : float
        Largest difference.
    """

    quantity: str
    value: float
    shipped: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within what is allowed."""
        return abs(self.value - self.shipped) <= self.allowed


def compare_curves(curve: Mapping[str, Any], shipped: Mapping[str, Any]) -> list[Comparison]:
    """Bond length, well depth and the largest difference of two curves of the same distances.

    Raises
    ------
    UserError
        If the distances differ: the curves were made by different settings.
    """
    element = curve["element"]
    if not np.allclose(curve["distances_A"], shipped["distances_A"], atol=1e-6):
        raise UserError(f"{element}: the shipped curve has other distances; recompute it with the settings of today.")
    new, old = well_of_record(curve), well_of_record(shipped)
    difference = 0.0
    for point in _pairs_of_points(curve, shipped):
        difference = max(difference, abs(point[0] - point[1]))
    pair = f"{element}2"
    return [
        Comparison(f"{pair} bond length Å", new.bond_length_A, old.bond_length_A, ALLOWED["bond length Å"]),
        Comparison(f"{pair} well depth eV", new.depth_eV, old.depth_eV, ALLOWED["well depth eV"]),
        Comparison(f"{pair} curve, largest eV", difference, 0.0, ALLOWED["curve eV"]),
    ]


def _pairs_of_points(curve: Mapping[str, Any], shipped: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Interaction energies (eV) of the points that converged in both curves and lie below the wall."""
    pairs = []
    for index in range(len(curve["distances_A"])):
        if curve["converged"][index] and shipped["converged"][index]:
            new = curve["energies_eV"][index] - 2 * curve["atom_energy_eV"]
            old = shipped["energies_eV"][index] - 2 * shipped["atom_energy_eV"]
            if max(new, old) < WALL_EV:
                pairs.append((new, old))
    return pairs


def compare_force_sets(case: str, folder: Path, shipped: Path) -> list[Comparison]:
    """Lattice constant and maximum frequency of two force sets."""
    (new_a, new_max), (old_a, old_max) = (
        force_set_facts(path / "phonopy_params.yaml.xz") for path in (folder, shipped)
    )
    return [
        Comparison(f"{case} lattice constant Å", new_a, old_a, ALLOWED["lattice constant Å"]),
        Comparison(f"{case} maximum frequency THz", new_max, old_max, ALLOWED["frequency THz"]),
    ]


def force_set_facts(path: Path) -> tuple[float, float]:
    """First lattice constant (Å) and maximum frequency (THz, on a mesh of 60 Å, without NAC) of a phonopy file."""
    phonon = phonopy.load(path, log_level=0)
    phonon.symmetrize_force_constants()
    phonon.run_mesh(MESH_LENGTH_A)
    frequencies = phonon.mesh.frequencies
    return float(np.linalg.norm(phonon.unitcell.cell[0])), float(frequencies.max())
