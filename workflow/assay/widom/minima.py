"""Where a guest is bound most tightly: the best insertions, relaxed as rigid bodies in the fixed host.

Starts are the insertions of lowest energy that are no overlaps and are not each other's equivalents under the lattice
or the host's space group. The six degrees of freedom are a shift and a rotation vector, relaxed by BFGS with the net
force and the torque. A minimum may be an overlap even so: then the guest fell into a hole of the potential.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.geometry import find_mic
from ase.io import write
from ase.optimize import BFGS
from scipy.spatial.transform import Rotation

from assay.hosts import Host, guest_at, joined
from assay.records import atomic_path
from assay.widom.attempts import Trials
from assay.widom.insertions import Inserter, Outcome
from assay.widom.sites import Site, locate

if TYPE_CHECKING:
    from assay.potentials import Potential

log = logging.getLogger("assay")

FILE = "minima.xyz"
DISTINCT_A = 1.0
"""Minima are different if their centres are further apart, whatever the orientation."""
LENGTH_A = 1.0
"""A rotation by one radian counts like a shift by this length."""
SYMMETRY_TOLERANCE_A = 0.05
FORCE_eV_A = 0.02
"""Net force, and torque per `LENGTH_A`, at which a guest is at rest."""
EVALUATIONS = 60
STEP_A = 0.1
STIFFNESS_eV_A2 = 10.0
"""Curvature from which the relaxation starts: about that of a physisorbed molecule, on the stiff side."""
DIFFERENCE_A = 1e-3

Surface = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]
"""Positions of the guest's atoms (Å) -> energy (eV), net force (eV/Å), torque about its centre (eV)."""


@dataclass(frozen=True)
class Minimum:
    """A relaxed guest in its host.

    Attributes
    ----------
    positions_A : ndarray, shape (m, 3)
    start_eV, energy_eV : float
        Insertion energy before and after.
    force_max_eV_A : float
        The larger of net force and torque per `LENGTH_A` that are left.
    converged : bool
    evaluations : int
    site : Site
    """

    positions_A: np.ndarray
    start_eV: float
    energy_eV: float
    force_max_eV_A: float
    converged: bool
    evaluations: int
    site: Site

    def observations(self) -> dict[str, Any]:
        """As plain numbers; ``binding_energy_kJ_mol`` is the insertion energy: negative if the guest is bound."""
        return {
            "energy_eV": self.energy_eV,
            "binding_energy_kJ_mol": self.energy_eV * units.mol / units.kJ,
            "start_energy_eV": self.start_eV,
            "force_max_eV_A": self.force_max_eV_A,
            "converged": self.converged,
            "evaluations": self.evaluations,
            "centre_A": self.positions_A.mean(axis=0),
            **asdict(self.site),
        }


def find_minima(
    potential: Potential, how: Inserter, host: Host, guest: Atoms, trials: Trials, seen: Outcome, count: int
) -> list[Minimum]:
    """The deepest minima near the best insertions, deepest first; fewer than `count` if starts end in the same one.

    Parameters
    ----------
    potential : Potential
    how : Inserter
        The potential's way of inserting the guest into the host.
    host : Host
    guest : Atoms
    trials : Trials
    seen : Outcome
        Energies of the trials.
    count : int
        How many starts.
    """
    eligible = np.isfinite(seen.energy_eV) & ~seen.overlaps
    indices = np.flatnonzero(eligible)[np.argsort(seen.energy_eV[eligible], kind="stable")]
    cell, operations = host.cell.cell.array, symmetry_operations(host.cell)
    centres = trials.insertions.fractional
    starts = [indices[place] for place in distinct(centres[indices], cell, operations, count)]
    surface = surface_of(potential, how, host.supercell, guest)
    found = []
    for number, start in enumerate(starts, start=1):
        positions, force, evaluations = relax_guest(surface, trials.positions_A[start])
        energy = float(how.energies(positions[None])[0])
        site = locate(host.supercell, guest_at(guest, positions, host.supercell), seen.rules.fraction)
        converged = bool(force <= FORCE_eV_A and np.isfinite(energy))
        log.info("minimum %d of %d: %.4g eV (%s), %d evaluations", number, len(starts), energy, site.site, evaluations)
        found.append(Minimum(positions, float(seen.energy_eV[start]), energy, force, converged, evaluations, site))
    found.sort(key=lambda minimum: minimum.energy_eV if np.isfinite(minimum.energy_eV) else np.inf)
    if not found:
        return []
    ends = np.array([minimum.positions_A.mean(axis=0) for minimum in found]) @ np.linalg.inv(cell)
    return [found[place] for place in distinct(ends, cell, operations, count)]


def symmetry_operations(cell: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3) and translations (n, 3) of a crystal's space group, in fractional coordinates."""
    import spglib

    crystal = (cell.cell.array, cell.get_scaled_positions(), cell.numbers)
    symmetry = spglib.get_symmetry(crystal, symprec=SYMMETRY_TOLERANCE_A)
    if symmetry is None:
        return np.eye(3)[None], np.zeros((1, 3))
    return symmetry["rotations"], symmetry["translations"]


def distinct(
    fractional: np.ndarray, cell_A: np.ndarray, operations: tuple[np.ndarray, np.ndarray], count: int
) -> list[int]:
    """The first points, at most `count`, of which none is equivalent to an earlier one of them.

    Parameters
    ----------
    fractional : ndarray, shape (n, 3)
        Points in the order in which they are wanted.
    cell_A : ndarray, shape (3, 3)
    operations : (ndarray, ndarray)
        The space group, see `symmetry_operations`.
    count : int
    """
    rotations, translations = operations
    chosen: list[int] = []
    taken = np.empty((0, 3))
    for place, point in enumerate(fractional):
        if len(chosen) == count:
            break
        if len(taken):
            _, distances = find_mic((taken - point) @ cell_A, cell_A, pbc=True)
            if distances.min() < DISTINCT_A:
                continue
        chosen.append(place)
        taken = np.concatenate([taken, rotations @ point + translations])
    return chosen


def surface_of(potential: Potential, how: Inserter, host: Atoms, guest: Atoms) -> Surface:
    """Energy, net force and torque of a guest: from the potential's forces, or by differences for an interaction."""
    if how.mode == "interaction":
        return lambda positions: by_differences(how.energies, positions)
    in_host = potential.prepare_in_host(host) if potential.prepare_in_host else None

    def surface(positions_A: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        inserted = guest_at(guest, positions_A, host)
        batch = [joined(host, inserted)] if in_host is None else [inserted]
        (result,) = potential.evaluate(batch, ("energy", "forces"), prepare=in_host)
        forces = result.forces_eV_A[len(host) :]
        arms = positions_A - positions_A.mean(axis=0)
        return result.energy_eV - how.host_energy_eV, forces.sum(axis=0), np.cross(arms, forces).sum(axis=0)

    return surface


def by_differences(
    energies: Callable[[np.ndarray], np.ndarray], positions_A: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy, net force and torque by central differences of rigid shifts and turns, all evaluated at once."""
    centre = positions_A.mean(axis=0)
    steps = DIFFERENCE_A * np.concatenate([np.eye(3), -np.eye(3)])
    shifted = positions_A + steps[:, None, :]
    turns = Rotation.from_rotvec(steps / LENGTH_A).as_matrix()
    turned = (positions_A - centre) @ turns.transpose(0, 2, 1) + centre
    found = energies(np.concatenate([positions_A[None], shifted, turned]))
    force = (found[4:7] - found[1:4]) / (2 * DIFFERENCE_A)
    torque = (found[10:13] - found[7:10]) / (2 * DIFFERENCE_A / LENGTH_A)
    return float(found[0]), force, torque


def relax_guest(surface: Surface, positions_A: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Relax a rigid guest downhill, in steps so short that it does not jump over a barrier.

    Parameters
    ----------
    surface : callable
    positions_A : ndarray, shape (m, 3)

    Returns
    -------
    positions_A : ndarray, shape (m, 3)
        Where it came to rest, or where the energy was least.
    force_max_eV_A : float
        The larger of net force and torque per `LENGTH_A` there.
    evaluations : int
        Until the guest was at rest, lost, or `EVALUATIONS` were made.
    """
    body = Atoms("X2")
    body.calc = RigidBody(surface, positions_A)
    with suppress(Lost):
        BFGS(body, maxstep=STEP_A, alpha=STIFFNESS_eV_A2, logfile=None).run(fmax=FORCE_eV_A, steps=EVALUATIONS)
    _, best, force = body.calc.best
    return best, force, body.calc.evaluations


class Lost(Exception):
    """The potential has no number where the guest is."""


class RigidBody(Calculator):
    """The energy of a rigid guest as one of two points: its shift, and its rotation vector times `LENGTH_A`.

    Parameters
    ----------
    surface : callable
    positions_A : ndarray, shape (m, 3)
        Of the guest that is not moved yet.
    """

    implemented_properties: ClassVar = ["energy", "forces"]

    def __init__(self, surface: Surface, positions_A: np.ndarray) -> None:
        super().__init__()
        self.surface = surface
        self.centre = positions_A.mean(axis=0)
        self.arms = positions_A - self.centre
        self.evaluations = 0
        self.best: tuple[float, np.ndarray, float] = (np.inf, positions_A, np.inf)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill ``self.results``.

        Raises
        ------
        Lost
            If the energy, or its slope, is not finite.
        """
        super().calculate(atoms, properties, system_changes)
        shift, turn = self.atoms.positions[0], self.atoms.positions[1] / LENGTH_A
        moved = self.arms @ Rotation.from_rotvec(turn).as_matrix().T + self.centre + shift
        energy, force, torque = self.surface(moved)
        self.evaluations += 1
        slopes = np.stack([force, rotation_jacobian(turn).T @ torque / LENGTH_A])
        if not (np.isfinite(energy) and np.isfinite(slopes).all()):
            raise Lost
        rest = float(np.linalg.norm([force, torque / LENGTH_A], axis=1).max())
        if energy < self.best[0] or rest <= FORCE_eV_A:
            self.best = (energy, moved, rest)
        self.results = {"energy": energy, "forces": slopes}


def rotation_jacobian(turn: np.ndarray) -> np.ndarray:
    """How a small change of a rotation vector turns what it has turned already: the left Jacobian of SO(3)."""
    angle = np.linalg.norm(turn)
    cross = np.array([[0, -turn[2], turn[1]], [turn[2], 0, -turn[0]], [-turn[1], turn[0], 0]])
    if angle < 1e-6:
        return np.eye(3) + cross / 2
    first, second = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.eye(3) + first * cross + second * cross @ cross


def write_minima(path: Path, host: Atoms, guest: Atoms, minima: Sequence[Minimum]) -> None:
    """Write host and guest of every minimum as extended XYZ, atomically; ``minimum`` counts from 1, the deepest."""
    frames = []
    for number, minimum in enumerate(minima, start=1):
        atoms = joined(host, guest_at(guest, minimum.positions_A, host))
        facts = {name: value for name, value in minimum.observations().items() if value is not None}
        atoms.info = {"minimum": number, **facts}
        frames.append(atoms)
    with atomic_path(path) as temporary:
        write(temporary, frames, format="extxyz")
