"""The numerical settings of our GPAW references, each with the reason for its numbers.

Two settings of each kind: ``quick`` (minutes per element or crystal on one core) and ``reference`` (for a cluster).
All calculations use the PBE functional (doi:10.1103/PhysRevLett.77.3865) and GPAW's PBE setups in a basis of plane
waves (doi:10.1103/PhysRevB.50.17953, doi:10.1063/5.0182685).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from assay.failures import UserError, near_misses

NONMETALS = frozenset(
    {
        *("H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar"),
        *("Ge", "As", "Se", "Br", "Kr", "Sb", "Te", "I", "Xe", "At", "Rn"),
    }
)
"""Elements that form no metals at ambient pressure: a crystal without them is sampled and smeared as a metal."""


@dataclass(frozen=True)
class PhononSettings:
    """How a force set is computed.

    Attributes
    ----------
    name : str
        ``quick`` or ``reference``.
    cutoff_eV : mapping of str to float
        Kinetic-energy cut-off by element; a crystal takes the largest of its elements'.
    default_cutoff_eV : float
        For the elements that are not named.
    stress_cutoff_factor : float
        The cell of a crystal with free internal parameters is relaxed by its stress at this multiple of the cut-off,
        so that the Pulay stress of the fixed basis is small.
    lattice_kpoint_length_A, supercell_kpoint_length_A : tuple of float
        Length that the Born-von-Karman cell of the k-points reaches at least, for insulators and for metals: the mesh
        has n_i = ceil(length |b_i|) points, with b_i the reciprocal vectors without 2 pi.
    smearing_eV : tuple of float
        Width of the Fermi-Dirac distribution for insulators and for metals.
    strains : tuple of float
        Linear strains of the equation of state, relative to the published lattice constant.
    displacement_A : float
        Length of the finite displacements.
    density_convergence, force_convergence_eV_A : float
        Largest change of the density (electrons per valence electron) and of any force at convergence.
    relaxation_force_eV_A : float
        Largest force, and stress times volume, at the end of a relaxation.
    """

    name: str
    cutoff_eV: Mapping[str, float]
    default_cutoff_eV: float
    stress_cutoff_factor: float
    lattice_kpoint_length_A: tuple[float, float]
    supercell_kpoint_length_A: tuple[float, float]
    smearing_eV: tuple[float, float] = (0.01, 0.1)
    strains: tuple[float, ...] = (-0.02, -0.007, 0.006, 0.019, 0.032, 0.045)
    displacement_A: float = 0.01
    density_convergence: float = 1e-5
    force_convergence_eV_A: float = 1e-4
    relaxation_force_eV_A: float = 1e-3

    def cutoff(self, symbols: Iterable[str]) -> float:
        """Cut-off (eV) for a crystal of these elements."""
        return max(self.cutoff_eV.get(symbol, self.default_cutoff_eV) for symbol in symbols)

    def lattice_kpoints(self, cell_A: np.ndarray, symbols: Iterable[str]) -> tuple[int, int, int]:
        """Mesh of k-points for the relaxation of the lattice."""
        return kpoint_mesh(cell_A, self.lattice_kpoint_length_A[is_metal(symbols)])

    def supercell_kpoints(self, cell_A: np.ndarray, symbols: Iterable[str]) -> tuple[int, int, int]:
        """Mesh of k-points for the displaced supercells."""
        return kpoint_mesh(cell_A, self.supercell_kpoint_length_A[is_metal(symbols)])

    def smearing(self, symbols: Iterable[str]) -> float:
        """Width (eV) of the Fermi-Dirac distribution."""
        return self.smearing_eV[is_metal(symbols)]


def is_metal(symbols: Iterable[str]) -> bool:
    """Whether a crystal of these elements is treated as a metal: it holds no non-metal."""
    return NONMETALS.isdisjoint(symbols)


def kpoint_mesh(cell_A: np.ndarray, length_A: float) -> tuple[int, int, int]:
    """The coarsest gamma-centred mesh whose Born-von-Karman cell is at least `length_A` thick in every direction."""
    # A lattice constant that is found a little smaller must not jump to the next mesh: hence the small slack.
    return tuple(max(1, math.ceil(length_A * size - 0.02)) for size in _reciprocal_lengths(cell_A))


def mesh_length(cell_A: np.ndarray, mesh: Iterable[int]) -> float:
    """The length (Å) that the Born-von-Karman cell of a mesh reaches in every direction."""
    return min(count / size for count, size in zip(mesh, _reciprocal_lengths(cell_A), strict=True))


def _reciprocal_lengths(cell_A: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.linalg.inv(np.asarray(cell_A, float)).T, axis=1)


PHONONS = MappingProxyType(
    {
        "quick": PhononSettings(
            name="quick",
            cutoff_eV=MappingProxyType(
                {"Si": 400.0, "Al": 350.0, "Cu": 400.0, "Ga": 400.0, "As": 400.0, "Na": 400.0, "Cl": 400.0, "O": 650.0}
            ),
            default_cutoff_eV=500.0,
            stress_cutoff_factor=1.4,
            lattice_kpoint_length_A=(20.0, 29.0),
            supercell_kpoint_length_A=(10.7, 25.6),
        ),
        "reference": PhononSettings(
            name="reference",
            cutoff_eV=MappingProxyType({}),
            default_cutoff_eV=700.0,
            stress_cutoff_factor=1.3,
            lattice_kpoint_length_A=(30.0, 50.0),
            supercell_kpoint_length_A=(25.0, 45.0),
            density_convergence=1e-7,
            force_convergence_eV_A=1e-5,
            relaxation_force_eV_A=2e-4,
        ),
    }
)


@dataclass(frozen=True)
class DiatomicSettings:
    """How a curve of a homonuclear pair is computed.

    Attributes
    ----------
    name : str
        ``quick`` or ``reference``.
    cutoff_eV : mapping of str to float
        Kinetic-energy cut-off by element.
    default_cutoff_eV : float
        For the elements that are not named.
    box_A : mapping of str to tuple of float
        Edges of the periodic box by element, the same for all distances and for the isolated atom, so that errors of
        the basis cancel; the last edge is along the bond.
    default_box_A : tuple of float
        For the elements that are not named.
    complex_orbitals : bool
        Whether the orbitals may be complex, which lets them break more symmetries at half as much again the time.
    all_spin_states : bool
        Whether the triplet and the state of parallel atoms are tried for every pair of open shells; otherwise only
        where the atoms have two unpaired electrons each.
    """

    name: str
    cutoff_eV: Mapping[str, float]
    default_cutoff_eV: float
    box_A: Mapping[str, tuple[float, float, float]]
    default_box_A: tuple[float, float, float]
    complex_orbitals: bool
    all_spin_states: bool

    def cutoff(self, element: str) -> float:
        """Cut-off (eV) for this element."""
        return self.cutoff_eV.get(element, self.default_cutoff_eV)

    def box(self, element: str) -> tuple[float, float, float]:
        """Edges (Å) of the box for this element."""
        return self.box_A.get(element, self.default_box_A)


# Alkali and alkaline-earth atoms are the widest that there are.
_WIDE_BOX_A = (8.0, 8.0, 14.0)
_MEDIUM_BOX_A = (7.0, 7.0, 13.0)

DIATOMICS = MappingProxyType(
    {
        "quick": DiatomicSettings(
            name="quick",
            cutoff_eV=MappingProxyType(
                {"Li": 400.0, "Na": 400.0, "Mg": 400.0, "Si": 350.0, "Cl": 400.0, "Ar": 400.0, "Cu": 400.0}
            ),
            default_cutoff_eV=500.0,
            box_A=MappingProxyType(
                {"Li": _WIDE_BOX_A, "Na": _WIDE_BOX_A, "Mg": _WIDE_BOX_A}
                | {"Si": _MEDIUM_BOX_A, "Cl": _MEDIUM_BOX_A, "Ar": _MEDIUM_BOX_A, "Cu": _MEDIUM_BOX_A}
            ),
            default_box_A=(6.0, 6.0, 12.0),
            complex_orbitals=False,
            all_spin_states=False,
        ),
        "reference": DiatomicSettings(
            name="reference",
            cutoff_eV=MappingProxyType({}),
            default_cutoff_eV=800.0,
            box_A=MappingProxyType({}),
            default_box_A=(25.0, 25.0, 25.0),
            complex_orbitals=True,
            all_spin_states=True,
        ),
    }
)


def diatomic_settings(name: str) -> DiatomicSettings:
    """The diatomic settings called `name`.

    Raises
    ------
    UserError
        If there is none, with the near misses.
    """
    return _look_up(DIATOMICS, name, "diatomics")


def phonon_settings(name: str) -> PhononSettings:
    """The phonon settings called `name`.

    Raises
    ------
    UserError
        If there is none, with the near misses.
    """
    return _look_up(PHONONS, name, "phonons")


def _look_up(known: Mapping, name: str, kind: str):
    if name not in known:
        raise UserError(f"settings {name!r}: no such settings of GPAW for {kind}{near_misses(name, known)}")
    return known[name]
