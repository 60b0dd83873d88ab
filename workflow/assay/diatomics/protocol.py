"""Two atoms in a box: every model gets the same distances and the same orientations.

Distances from 0.5 to 6 Å, among them those of the reference curve; 125 orientations on a spherical Fibonacci lattice
(Á. González, Math. Geosci. 42, 49 (2010), doi:10.1007/s11004-009-9257-x); a periodic cube of 25 Å with the first atom
in its centre. For one orientation the energies at r - d and r + d give the slope of the energy without the forces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from assay.failures import PotentialFailure, UserError
from assay.records import atomic_path, read_json, write_json

if TYPE_CHECKING:
    from assay.potentials import Potential

CURVE_FILE = "curve.h5"

SEEDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3, 1.5)
"""Distances, in sums of the covalent radii, around which the grid is dense where no reference curve says where."""


@dataclass(frozen=True)
class Pair:
    """The geometries of one pair of elements.

    Attributes
    ----------
    symbols : tuple of str
        Of the atom in the centre and of the other one.
    radii_A : ndarray, shape (n_radii,)
        Ascending.
    orientations : ndarray, shape (n_orientations, 3)
        Unit vectors from the first atom to the second.
    box_A : float
        Edge of the periodic cube.
    """

    symbols: tuple[str, str]
    radii_A: np.ndarray
    orientations: np.ndarray
    box_A: float

    @property
    def probed(self) -> int:
        """The orientation whose slope is measured: one that lies in no plane of symmetry of the cube."""
        return len(self.orientations) // 3

    @property
    def covalent_length_A(self) -> float:
        """Sum of the covalent radii (doi:10.1039/b801115j)."""
        return covalent_length(*self.symbols)

    @property
    def elements(self) -> list[str]:
        """The different elements of the pair."""
        return list(dict.fromkeys(self.symbols))

    def geometry(self, radius_A: float, orientation: int) -> Atoms:
        """The two atoms at one distance and orientation."""
        centre = np.full(3, self.box_A / 2)
        positions = [centre, centre + radius_A * self.orientations[orientation]]
        return Atoms(self.symbols, positions, cell=[self.box_A] * 3, pbc=True)

    def atom(self, element: str) -> Atoms:
        """One atom in the same box."""
        return Atoms([element], [np.full(3, self.box_A / 2)], cell=[self.box_A] * 3, pbc=True)


@dataclass(frozen=True)
class Curve:
    """What a potential says of a pair.

    Attributes
    ----------
    radii_A : ndarray, shape (n_radii,)
    orientations : ndarray, shape (n_orientations, 3)
    energies_eV : ndarray, shape (n_radii, n_orientations)
        Of the pair.
    forces_eV_A : ndarray, shape (n_radii, n_orientations, 2, 3)
    stencil_eV : ndarray, shape (n_radii, 2)
        Energies at r - d and r + d in the probed orientation.
    stencil_A : float
        The step d.
    probed : int
        That orientation.
    atoms_eV : ndarray, shape (2,)
        Energies of the two isolated atoms.
    """

    radii_A: np.ndarray
    orientations: np.ndarray
    energies_eV: np.ndarray
    forces_eV_A: np.ndarray
    stencil_eV: np.ndarray
    stencil_A: float
    probed: int
    atoms_eV: np.ndarray

    @property
    def interaction_eV(self) -> np.ndarray:
        """Energies less those of the isolated atoms, shape (n_radii, n_orientations)."""
        return self.energies_eV - self.atoms_eV.sum()

    @property
    def mean_interaction_eV(self) -> np.ndarray:
        """Mean over orientations, shape (n_radii,)."""
        return self.interaction_eV.mean(axis=1)

    @property
    def radial_forces_eV_A(self) -> np.ndarray:
        """Force that drives the atoms apart, half the difference along the bond, shape (n_radii, n_orientations)."""
        difference = self.forces_eV_A[:, :, 1] - self.forces_eV_A[:, :, 0]
        return np.einsum("rok,ok->ro", difference, self.orientations) / 2

    @property
    def mean_radial_force_eV_A(self) -> np.ndarray:
        """Mean over orientations, shape (n_radii,)."""
        return self.radial_forces_eV_A.mean(axis=1)

    @property
    def probe_eV(self) -> np.ndarray:
        """Interaction at r - d, r and r + d in the probed orientation, shape (n_radii, 3)."""
        energies = np.column_stack([self.stencil_eV[:, 0], self.energies_eV[:, self.probed], self.stencil_eV[:, 1]])
        return energies - self.atoms_eV.sum()

    @property
    def not_finite(self) -> np.ndarray:
        """Whether anything at a radius is not a finite number, shape (n_radii,)."""
        finite = np.isfinite(self.energies_eV).all(axis=1) & np.isfinite(self.stencil_eV).all(axis=1)
        return ~(finite & np.isfinite(self.forces_eV_A).all(axis=(1, 2, 3)))


def covalent_length(first: str, second: str) -> float:
    """Sum of the covalent radii (Å; doi:10.1039/b801115j) of two elements."""
    return float(covalent_radii[atomic_numbers[first]] + covalent_radii[atomic_numbers[second]])


def fibonacci_orientations(count: int) -> np.ndarray:
    """Unit vectors nearly uniform on the sphere, shape (count, 3): the spherical Fibonacci lattice."""
    index = np.arange(count)
    z = 1 - (2 * index + 1) / count
    azimuth = 2 * np.pi * index / ((1 + np.sqrt(5)) / 2)
    return np.column_stack([np.sqrt(1 - z**2) * np.cos(azimuth), np.sqrt(1 - z**2) * np.sin(azimuth), z])


def radial_grid(count: int, *, r_min_A: float = 0.5, r_max_A: float = 6.0, dense_A: Sequence[float] = ()) -> np.ndarray:
    """Ascending distances (Å) that hold the ends and `dense_A`, with the widest gaps of ln r halved until `count`.

    Parameters
    ----------
    count : int
        More if `dense_A` has more.
    dense_A : sequence of float
        Distances that must be among them; those outside the range are left out.
    """
    inside = [radius for radius in dense_A if r_min_A <= radius <= r_max_A]
    radii = np.unique([r_min_A, r_max_A, *inside])
    while len(radii) < count:
        widest = int(np.argmax(np.diff(np.log(radii))))
        radii = np.insert(radii, widest + 1, round(float(np.sqrt(radii[widest] * radii[widest + 1])), 4))
    return radii


def make_pair(
    symbols: tuple[str, str],
    *,
    radii: int = 80,
    orientations: int = 125,
    r_min_A: float = 0.5,
    r_max_A: float = 6.0,
    box_A: float = 25.0,
    reference_A: Sequence[float] | None = None,
) -> Pair:
    """The geometries of a pair; `reference_A` are the distances of its reference curve, if there is one."""
    seeds = [factor * covalent_length(*symbols) for factor in SEEDS] if reference_A is None else reference_A
    grid = radial_grid(radii, r_min_A=r_min_A, r_max_A=r_max_A, dense_A=seeds)
    return Pair(symbols, grid, fibonacci_orientations(orientations), box_A)


def write_pair(path: Path, pair: Pair) -> None:
    """Write the geometries of a pair as JSON."""
    content = {
        "symbols": pair.symbols,
        "box_A": pair.box_A,
        "radii_A": pair.radii_A,
        "orientations": pair.orientations,
    }
    write_json(path, content)


def read_pair(path: Path) -> Pair:
    """Read what `write_pair` wrote.

    Raises
    ------
    UserError
        If the file is missing or not readable.
    """
    content = read_json(path)
    arrays = (np.array(content[key], float) for key in ("radii_A", "orientations"))
    return Pair(tuple(content["symbols"]), *arrays, float(content["box_A"]))


def calculate(potential: Potential, pair: Pair, *, stencil_A: float = 0.005) -> Curve:
    """Energies and forces of all geometries of a pair, as few passes of the model as its budget allows.

    Parameters
    ----------
    potential : Potential
    pair : Pair
    stencil_A : float
        Step (Å) of the differences that measure the slope of the energy in one orientation.

    Returns
    -------
    Curve
        Numbers may be non-finite.

    Raises
    ------
    PotentialFailure
        As of `Potential.evaluate`.
    """
    shape = (len(pair.radii_A), len(pair.orientations))
    geometries = [pair.geometry(radius, orientation) for radius in pair.radii_A for orientation in range(shape[1])]
    results = potential.evaluate(geometries, ("energy", "forces"))
    shifted = [pair.geometry(radius + step, pair.probed) for radius in pair.radii_A for step in (-stencil_A, stencil_A)]
    stencil = [result.energy_eV for result in potential.evaluate(shifted, ("energy",))]
    alone = potential.evaluate([pair.atom(symbol) for symbol in pair.symbols], ("energy",))
    return Curve(
        radii_A=pair.radii_A,
        orientations=pair.orientations,
        energies_eV=np.reshape([result.energy_eV for result in results], shape),
        forces_eV_A=np.reshape([result.forces_eV_A for result in results], (*shape, 2, 3)),
        stencil_eV=np.reshape(stencil, (-1, 2)),
        stencil_A=stencil_A,
        probed=pair.probed,
        atoms_eV=np.array([result.energy_eV for result in alone]),
    )


def require_finite_curve(curve: Curve, pair: str) -> None:
    """Check a curve.

    Raises
    ------
    PotentialFailure
        ``non_finite``, saying where.
    """
    if not np.isfinite(curve.atoms_eV).all():
        raise PotentialFailure("non_finite", f"{pair}: the energy of an isolated atom is not a finite number.")
    bad = curve.not_finite
    if bad.any():
        radii = curve.radii_A[bad]
        raise PotentialFailure(
            "non_finite",
            f"{pair}: energies or forces at {bad.sum()} of {len(bad)} distances ({radii[0]} to {radii[-1]} Å) are not"
            " finite numbers.",
        )


def write_curve(path: Path, curve: Curve) -> None:
    """Write a curve as HDF5, atomically: forces in single precision, energies in double."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for name, values in _arrays(curve).items():
            precision = np.float32 if name == "forces_eV_A" else np.float64
            file.create_dataset(name, data=values.astype(precision), compression="gzip", shuffle=True)
        file.attrs.update(stencil_A=curve.stencil_A, probed=curve.probed)


def read_curve(path: Path) -> Curve:
    """Read what `write_curve` wrote.

    Raises
    ------
    UserError
        If the file is missing or not such a file.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays: dict[str, Any] = {name: file[name][()].astype(float) for name in ARRAYS}
            return Curve(**arrays, stencil_A=float(file.attrs["stencil_A"]), probed=int(file.attrs["probed"]))
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: not a curve of a pair ({error}); delete it and rerun the model.") from error


ARRAYS = ("radii_A", "orientations", "energies_eV", "forces_eV_A", "stencil_eV", "atoms_eV")


def _arrays(curve: Curve) -> Mapping[str, np.ndarray]:
    return {name: getattr(curve, name) for name in ARRAYS}
