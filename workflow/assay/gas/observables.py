"""What molecules do in runs that stayed stable: how they move, how they lie, how fast they are, how they vibrate.

Runs that ended early are left out: a mean over molecules means nothing when some of them are gone. The tables say how
many runs are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols

from assay.gas.correlations import Curves, velocity_correlation
from assay.gas.persistence import PersistentWalk, fit_persistent_walk
from assay.gas.speeds import A_PER_FS_IN_M_PER_S, MaxwellComparison, compare_with_maxwell, thermal_speed_m_s
from assay.gas.structure import RadialDistribution, radial_distributions
from assay.gas.trajectories import Trajectory
from assay.gas.transport import (
    Diffusion,
    centres_of_mass,
    diffusion_from_displacements,
    diffusion_from_velocities,
    displacement_curve,
    molecular_masses,
)
from assay.gas.vibrations import ModeWavenumbers, Spectrum, mode_wavenumbers, vibrational_density

RDF_FRAMES = 250
"""Frames of a run that distances are counted in; more of them are too much alike to help."""

SPEED_BINS, LARGEST_SPEED = 40, 5.0
"""Of the histogram; one in 60,000 speeds is larger than five thermal speeds."""

LEAST_FRAMES = 8
"""A run of fewer frames of velocities, or of fewer than two of positions, is left out."""


@dataclass(frozen=True)
class Motion:
    """How particles move.

    Attributes
    ----------
    of : str
        Which: a formula, or an element.
    displacement : Curves
        Mean squared displacement (Å²).
    velocity_correlation : Curves
        Å²/fs².
    einstein, green_kubo : Diffusion
        By displacements in the diffusive regime; by velocities.
    walk : PersistentWalk
        By the displacements at all times, for dilute gases.
    """

    of: str
    displacement: Curves
    velocity_correlation: Curves
    einstein: Diffusion
    green_kubo: Diffusion
    walk: PersistentWalk


@dataclass(frozen=True)
class Speeds:
    """Speeds of particles in units of the thermal speed, so that all masses and temperatures are alike.

    Attributes
    ----------
    reduced : ndarray, shape (bins,)
        Speed over (kT/m)^½, T the measured temperature, less what the resting centre of all particles takes away.
    density : ndarray, shape (bins,)
        Histogram, of unit area.
    comparison : MaxwellComparison
    """

    reduced: np.ndarray
    density: np.ndarray
    comparison: MaxwellComparison


@dataclass(frozen=True)
class Observables:
    """Of the stable runs of one system at one temperature.

    Attributes
    ----------
    motion : Motion
    structure : dict of str to RadialDistribution
        Between atoms of different molecules, by pair of elements.
    speeds : Speeds
    spectrum : Spectrum
        Vibrational density of states of all atoms.
    modes : ModeWavenumbers
        Of linear molecules of three atoms.
    """

    motion: Motion
    structure: dict[str, RadialDistribution]
    speeds: Speeds
    spectrum: Spectrum
    modes: ModeWavenumbers


def thinned(frames: np.ndarray, count: int) -> np.ndarray:
    """At most so many frames, at equal intervals."""
    return frames[:: max(1, -(-len(frames) // count))]


def observables(runs: Sequence[Trajectory], formula: str | None, temperature_K: float) -> Observables | None:
    """All observables of runs of the same atoms; None where no run is long enough.

    Parameters
    ----------
    runs : sequence of Trajectory
    formula : str or None
        What molecules are called; None for systems that are not made of equal molecules.
    temperature_K : float
        Measured in these runs.
    """
    usable = [run for run in runs if len(run.positions_A) > 1 and len(run.velocities_A_fs) >= LEAST_FRAMES]
    if not usable:
        return None
    first = usable[0]
    masses = molecular_masses(first.masses_u, first.molecules)
    velocities = [centres_of_mass(run.velocities_A_fs, run.masses_u, run.molecules) for run in usable]
    positions = [thinned(run.positions_A, RDF_FRAMES) for run in usable]
    return Observables(
        motion=_motion(usable, velocities, formula),
        structure=radial_distributions(positions, first.cell_A, first.numbers, molecules=first.molecules),
        speeds=_speeds(velocities, masses, temperature_K),
        spectrum=vibrational_density(
            [run.velocities_A_fs for run in usable], first.masses_u, _interval_fs(first.velocity_time_fs)
        ),
        modes=mode_wavenumbers(
            [run.positions_A for run in usable],
            [run.position_time_fs for run in usable],
            [run.velocities_A_fs for run in usable],
            [run.velocity_time_fs for run in usable],
            first.numbers,
            first.molecules,
            timestep_fs=first.timestep_fs,
        ),
    )


def _motion(runs: Sequence[Trajectory], velocities: Sequence[np.ndarray], formula: str | None) -> Motion:
    first = runs[0]
    centres = [centres_of_mass(run.positions_A, run.masses_u, run.molecules) for run in runs]
    of, chosen = formula or "molecules", slice(None)
    if formula is None and _are_atoms(first.molecules):
        of, chosen = most_mobile(centres, first.numbers)
    centres = [one[:, chosen] for one in centres]
    displacement = displacement_curve(centres, _interval_fs(first.position_time_fs))
    correlation = velocity_correlation([one[:, chosen] for one in velocities], _interval_fs(first.velocity_time_fs))
    return Motion(
        of=of,
        displacement=displacement,
        velocity_correlation=correlation,
        einstein=diffusion_from_displacements(displacement),
        green_kubo=diffusion_from_velocities(correlation),
        walk=fit_persistent_walk(displacement),
    )


def _are_atoms(molecules: np.ndarray) -> bool:
    """Whether no two atoms belong to the same molecule."""
    bound = molecules[molecules >= 0]
    return len(np.unique(bound)) == len(bound)


def most_mobile(positions: Sequence[np.ndarray], numbers: np.ndarray) -> tuple[str, np.ndarray]:
    """The element whose atoms end farthest from where they began, and which atoms these are."""
    moved = np.mean([np.sum((one[-1] - one[0]) ** 2, axis=-1) for one in positions], axis=0)
    elements = np.unique(numbers)
    mobile = elements[np.argmax([moved[numbers == element].mean() for element in elements])]
    return chemical_symbols[mobile], numbers == mobile


def _interval_fs(time_fs: np.ndarray) -> float:
    return float(time_fs[1] - time_fs[0])


def _speeds(velocities: Sequence[np.ndarray], masses_u: np.ndarray, temperature_K: float) -> Speeds:
    thermal_A_fs = thermal_speed_m_s(masses_u, temperature_K) / A_PER_FS_IN_M_PER_S
    scale = thermal_A_fs * np.sqrt(1 - masses_u / masses_u.sum()) if len(masses_u) > 1 else thermal_A_fs
    reduced = np.concatenate([(np.linalg.norm(one, axis=2) / scale).ravel() for one in velocities])
    density, edges = np.histogram(reduced, bins=SPEED_BINS, range=(0, LARGEST_SPEED), density=True)
    return Speeds((edges[1:] + edges[:-1]) / 2, density, compare_with_maxwell(velocities, masses_u, temperature_K))
