"""What a curve of a homonuclear pair says: bond length and well depth, by interpolation around its minimum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

from assay.failures import UserError
from assay.records import file_sha256, read_json

BOUND_EV = 0.1
"""Pairs with shallower wells count as not bound: the minima are flat, and PBE lacks the dispersion that holds them."""

CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Well:
    """The minimum of a curve.

    Attributes
    ----------
    bond_length_A : float
        Where it lies.
    depth_eV : float
        Energy of the asymptote minus that of the minimum.
    """

    bond_length_A: float
    depth_eV: float

    @property
    def bound(self) -> bool:
        """Whether the well is deeper than `BOUND_EV`."""
        return self.depth_eV > BOUND_EV


def well(distances_A: Sequence[float], energies_eV: Sequence[float], asymptote_eV: float) -> Well:
    """The deepest minimum of a curve by a cubic spline through all of its points.

    Parameters
    ----------
    distances_A, energies_eV : sequence of float
        The curve, ascending in distance.
    asymptote_eV : float
        Energy of the separated atoms.

    Raises
    ------
    ValueError
        If the lowest point is the first one, or there are fewer than four: the curve has no minimum to interpolate.
    """
    distances = np.asarray(distances_A, float)
    energies = np.asarray(energies_eV, float)
    if len(distances) < 4:
        raise ValueError(f"a well needs four points or more; got {len(distances)}")
    lowest = int(np.argmin(energies))
    if lowest == 0:
        raise ValueError(f"the curve is lowest at its first distance, {distances[0]} Å: it has no well")
    if lowest == len(distances) - 1:
        return Well(float(distances[-1]), float(asymptote_eV - energies[-1]))
    spline = CubicSpline(distances, energies)
    found = minimize_scalar(
        spline, bounds=(distances[lowest - 1], distances[lowest + 1]), method="bounded", options={"xatol": 1e-7}
    )
    return Well(float(found.x), float(asymptote_eV - found.fun))


def well_of_record(record: Mapping[str, Any]) -> Well:
    """The well of a curve that `reference_diatomics` wrote, from its converged points, against its isolated atoms.

    Raises
    ------
    ValueError
        If the isolated atom did not converge, or too few points did.
    """
    if not record.get("atom", {}).get("converged", True):
        raise ValueError(f"{record['element']}: the isolated atom did not converge: the curve has no asymptote")
    points = [
        (distance, energy)
        for distance, energy, converged in zip(
            record["distances_A"], record["energies_eV"], record["converged"], strict=True
        )
        if converged
    ]
    distances, energies = zip(*points, strict=True)
    return well(distances, energies, 2 * record["atom_energy_eV"])


def largest_force_error(record: Mapping[str, Any], nearest_A: float) -> float:
    """Largest difference (eV/Å) between the forces and minus the derivative of the energies beyond `nearest_A`.

    The derivative is that of the spline of `well`; a curve whose forces belong to another spin state than its energies
    is told by a large value.
    """
    distances = np.array(record["distances_A"], float)
    kept = np.array(record["converged"], bool)
    energies = np.array([math.nan if value is None else value for value in record["energies_eV"]], float)
    forces = np.array([math.nan if value is None else value for value in record["forces_eV_A"]], float)
    spline = CubicSpline(distances[kept], energies[kept])
    beyond = kept & (distances >= nearest_A) & (distances < distances[kept][-1])
    return float(np.abs(forces[beyond] + spline(distances[beyond], 1)).max())


def load_curve(path: Path) -> dict[str, Any]:
    """A curve that `reference_diatomics` wrote.

    Raises
    ------
    UserError
        If the file is missing, unreadable or not such a curve.
    """
    record = read_json(path)
    required = {"element", "level_of_theory", "atom_energy_eV", "distances_A", "energies_eV", "converged"}
    missing = sorted(required - set(record)) if isinstance(record, dict) else sorted(required)
    if missing:
        raise UserError(f"{path}: not a curve of a pair: the keys {missing} are missing; restore the file.")
    return record


def verify_checksums(folder: Path) -> int:
    """Check every file listed in a folder's ``SHA256SUMS`` and return how many there are.

    Raises
    ------
    UserError
        If the list or a file is missing, or a file is not the one that was shipped.
    """
    folder = Path(folder)
    try:
        lines = (folder / CHECKSUMS).read_text().splitlines()
    except FileNotFoundError as error:
        raise UserError(f"{folder / CHECKSUMS}: the list of checksums is missing; restore it.") from error
    for line in lines:
        expected, name = line.split(maxsplit=1)
        path = folder / name.strip().removeprefix("*")
        if not path.exists():
            raise UserError(f"{path}: the shipped reference is missing; restore it.")
        if file_sha256(path) != expected:
            raise UserError(f"{path}: not the reference that was shipped (its SHA-256 differs); restore it.")
    return len(lines)
