from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from assay.diatomics.metrics import (
    asymptote,
    net_force,
    rotational_spread,
    transverse_force,
)
from assay.diatomics.protocol import Curve, fibonacci_orientations, radial_grid
from assay.diatomics.smoothness import (
    conservation_deviation_published,
    energy_jump_published,
    force_sign_flips,
    largest_energy_jump,
    largest_force_deviation,
    mean_force_deviation,
    spearman_descending_force,
    spearman_repulsive_energy,
    tortuosity,
)
from assay.diatomics.wells import (
    attractive_wall_fraction,
    barrier_count,
    bond_minimum,
    deepest_point,
    outer_barrier,
    repulsion_lost_A,
    spurious_minima,
    wavenumber_cm1,
)

CONTACT_A = 1.42
WALL_A = 0.7 * CONTACT_A
STEP_A = 0.005
PROBED = 41
ATOM_EV = -3.0
BARRIER_A = 3.0
REFERENCE_A = (*(CONTACT_A * np.array([0.7, 0.75, 0.8, 0.85, 0.9, 1.0, 1.1, 1.3])).tolist(), 2.2, BARRIER_A, 4.0)
RADII = radial_grid(80, dense_A=REFERENCE_A)
ORIENTATIONS = fibonacci_orientations(125)


@dataclass(frozen=True)
class Law:
    """A pair potential in closed form: energy, force and, where it binds, bond length, depth and force constant."""

    energy: Callable[[np.ndarray], np.ndarray]
    force: Callable[[np.ndarray], np.ndarray]
    bond_length_A: float = math.nan
    depth_eV: float = math.nan
    curvature_eV_A2: float = math.nan

    def __add__(self, other: Law) -> Law:
        return replace(
            self, energy=lambda r: self.energy(r) + other.energy(r), force=lambda r: self.force(r) + other.force(r)
        )

    @property
    def probe(self) -> np.ndarray:
        return np.column_stack([self.energy(RADII + shift) for shift in (-STEP_A, 0, STEP_A)])


def morse(depth=5.0, decay=3.0, bond=1.1) -> Law:
    def energy(r):
        return depth * (np.exp(-2 * decay * (r - bond)) - 2 * np.exp(-decay * (r - bond)))

    def force(r):
        return 2 * depth * decay * (np.exp(-2 * decay * (r - bond)) - np.exp(-decay * (r - bond)))

    return Law(energy, force, bond, depth, 2 * depth * decay**2)


def lennard_jones(depth=0.1, bond=1.5) -> Law:
    return Law(
        lambda r: depth * ((bond / r) ** 12 - 2 * (bond / r) ** 6),
        lambda r: 12 * depth / r * ((bond / r) ** 12 - (bond / r) ** 6),
        bond,
        depth,
        72 * depth / bond**2,
    )


def born_mayer(height=1000.0, length=0.3) -> Law:
    return Law(lambda r: height * np.exp(-r / length), lambda r: height / length * np.exp(-r / length))


def gaussian(height, centre, width) -> Law:
    def energy(r):
        return height * np.exp(-(((r - centre) / width) ** 2) / 2)

    return Law(energy, lambda r: (r - centre) / width**2 * energy(r))


def step(height, place) -> Law:
    """Inside of `place` the energy is lower, so that two atoms far apart are where they were."""
    return Law(lambda r: np.where(r < place, -height, 0.0), np.zeros_like)


def hole(wall: Law, turns_A, begins_A) -> Law:
    """Takes the repulsion away: the force of the sum with `wall` is zero at `turns_A` and attractive inside of it."""
    slope = wall.force(turns_A) / (begins_A - turns_A) ** 4
    return Law(
        lambda r: -slope / 5 * np.maximum(begins_A - r, 0) ** 5, lambda r: -slope * np.maximum(begins_A - r, 0) ** 4
    )


CLEAN = morse()
REPULSIVE = born_mayer()
BINDING = [CLEAN, morse(0.8, 1.2, 2.6), morse(9.9, 2.7, 1.098)]


def curve_of(law: Law) -> Curve:
    energies = np.repeat(law.energy(RADII)[:, None], len(ORIENTATIONS), axis=1)
    forces = law.force(RADII)[:, None, None] * ORIENTATIONS
    return Curve(
        radii_A=RADII,
        orientations=ORIENTATIONS,
        energies_eV=energies + 2 * ATOM_EV,
        forces_eV_A=np.stack([-forces, forces], axis=2),
        stencil_eV=law.probe[:, [0, 2]] + 2 * ATOM_EV,
        stencil_A=STEP_A,
        probed=PROBED,
        atoms_eV=np.full(2, ATOM_EV),
    )


def all_metrics(curve: Curve) -> dict[str, float]:
    radii, energy, force = curve.radii_A, curve.mean_interaction_eV, curve.mean_radial_force_eV_A
    probe = (curve.radial_forces_eV_A[:, curve.probed], curve.probe_eV, curve.stencil_A)
    bond = bond_minimum(radii, energy, nearest_A=WALL_A)
    return {
        "bond length": bond.radius_A,
        "well": bond.energy_eV,
        "wavenumber": wavenumber_cm1(radii, energy, bond.radius_A, 7.0),
        "deepest point": deepest_point(radii, energy).energy_eV,
        "repulsion lost": repulsion_lost_A(radii, force, bond.radius_A),
        "attractive wall": attractive_wall_fraction(radii, force, WALL_A),
        "spurious minima": spurious_minima(radii, energy, bond.radius_A),
        "outer barrier": outer_barrier(radii, energy, bond.radius_A).energy_eV,
        "barriers": barrier_count(radii, energy, nearest_A=bond.radius_A),
        "flips": force_sign_flips(force),
        "tortuosity": tortuosity(energy),
        "energy jump": largest_energy_jump(radii, curve.probe_eV, curve.stencil_A),
        "published energy jump": energy_jump_published(energy),
        "largest force deviation": largest_force_deviation(radii, *probe),
        "mean force deviation": mean_force_deviation(radii, *probe),
        "published conservation": conservation_deviation_published(radii, energy, force),
        "net force": net_force(curve.forces_eV_A),
        "energy spread": rotational_spread(radii, curve.interaction_eV),
        "force spread": rotational_spread(radii, curve.radial_forces_eV_A),
        "transverse force": transverse_force(radii, curve.forces_eV_A, curve.orientations),
        "asymptote": asymptote(energy),
        "spearman energy": spearman_repulsive_energy(radii, energy),
        "spearman force": spearman_descending_force(radii, force),
    }


PATTERN = ORIENTATIONS[:, 0] * ORIENTATIONS[:, 1]
PATTERN = (PATTERN - PATTERN.mean()) / PATTERN.std()
STRADDLED_A = float(RADII[np.searchsorted(RADII, 2.5)]) + 0.3 * STEP_A


def with_forces(change: np.ndarray) -> Curve:
    """The clean curve with forces changed by an array that is broadcast to radii, orientations, atoms and axes."""
    clean = curve_of(CLEAN)
    return replace(clean, forces_eV_A=clean.forces_eV_A + change)


def across() -> np.ndarray:
    """Unit vectors across the orientations."""
    vectors = np.cross(ORIENTATIONS, [0.0, 0.0, 1.0])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def turned_energy(amplitude_eV: float) -> Curve:
    clean = curve_of(CLEAN)
    return replace(
        clean,
        energies_eV=clean.energies_eV + amplitude_eV * PATTERN,
        stencil_eV=clean.stencil_eV + amplitude_eV * PATTERN[PROBED],
    )
