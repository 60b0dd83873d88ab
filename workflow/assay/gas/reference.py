"""Solids and liquids beside a trajectory of reference, as in "Forces are not enough" (arXiv:2210.07237)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read

from assay.failures import UserError
from assay.gas.comparison import diffusivity_m2_s, rdf_error_A, rdf_stability
from assay.gas.energies import UNKNOWN, Estimate
from assay.gas.observables import RDF_FRAMES, most_mobile, thinned
from assay.gas.structure import ALL, inscribed_radius_A, radial_distributions
from assay.gas.trajectories import Trajectory
from assay.statistics import mean, standard_error

MARGIN = 0.999
"""Distances are compared up to this share of what the smaller of both cells shows."""


@dataclass(frozen=True)
class ReferenceComparison:
    """How far runs are from a trajectory of reference.

    Attributes
    ----------
    rdf_error_A : float
        Integral of the difference of g(r) of all atoms, of the runs that lasted.
    stability_time_ps : Estimate
        Until g(r) of a window of 1 ps is farther from the reference than the threshold; runs that never are count with
        their length.
    n_stable : int
        Runs that never are.
    diffusivity_m2_s : Estimate
        Of the most mobile element in the runs that lasted, as the article defines it.
    """

    rdf_error_A: float
    stability_time_ps: Estimate
    n_stable: int
    diffusivity_m2_s: Estimate


NO_REFERENCE = ReferenceComparison(float("nan"), UNKNOWN, 0, UNKNOWN)


def compare_with_reference(
    path: Path, runs: Sequence[Trajectory], lasting: Sequence[Trajectory]
) -> ReferenceComparison:
    """Compare runs of one system with a trajectory of the same or another size.

    Parameters
    ----------
    path : Path
        Extended XYZ, or anything else that ase reads.
    runs, lasting : sequence of Trajectory
        All runs, and those of them that did not end early.

    Raises
    ------
    UserError
        If the reference cannot be used.
    """
    runs = [run for run in runs if len(run.positions_A) > 1]
    if not runs:
        return NO_REFERENCE
    frames = read_reference(path)
    cell_A, first = np.array(frames[0].cell), runs[0]
    limit_A = MARGIN * min(inscribed_radius_A(first.cell_A), inscribed_radius_A(cell_A))
    positions = thinned(np.array([frame.positions for frame in frames]), RDF_FRAMES)
    expected = radial_distributions([positions], cell_A, frames[0].numbers, limit_A=limit_A)[ALL]
    endings = [
        rdf_stability(
            run.positions_A,
            float(run.position_time_fs[1] - run.position_time_fs[0]),
            run.cell_A,
            run.numbers,
            {ALL: expected.mean},
            limit_A=limit_A,
        )
        for run in runs
    ]
    error_A, diffusivity = float("nan"), UNKNOWN
    lasting = [run for run in lasting if len(run.positions_A) > 2]
    if lasting:
        found = radial_distributions(
            [thinned(run.positions_A, RDF_FRAMES) for run in lasting], first.cell_A, first.numbers, limit_A=limit_A
        )[ALL]
        error_A = rdf_error_A(found.distance_A, found.mean, expected.mean)
        diffusivity = _diffusivity(lasting)
    times_ps = [one.time_ps for one in endings]
    return ReferenceComparison(
        rdf_error_A=error_A,
        stability_time_ps=Estimate(mean(times_ps), standard_error(times_ps)),
        n_stable=sum(one.stable for one in endings),
        diffusivity_m2_s=diffusivity,
    )


def _diffusivity(runs: Sequence[Trajectory]) -> Estimate:
    _, chosen = most_mobile([run.positions_A for run in runs], runs[0].numbers)
    values = [
        diffusivity_m2_s(run.positions_A, float(run.position_time_fs[1] - run.position_time_fs[0]), chosen)
        for run in runs
    ]
    return Estimate(mean(values), standard_error(values))


def read_reference(path: Path) -> list[Atoms]:
    """Frames of a trajectory of reference, all of the same atoms in the same periodic cell.

    Raises
    ------
    UserError
        If it is missing, not readable, or its frames differ in atoms or cell.
    """
    try:
        frames = read(path, index=":")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; correct the reference of the system in gas.systems.") from error
    except Exception as error:  # every format of ase has errors of its own
        raise UserError(f"{path}: ase cannot read it ({' '.join(str(error).split())}); mend the file.") from error
    first = frames[0]
    alike = all(
        np.array_equal(one.numbers, first.numbers) and np.allclose(one.cell, first.cell, atol=1e-6) for one in frames
    )
    if not alike or not first.pbc.all():
        raise UserError(f"{path}: frames must share their atoms and one periodic cell; give a run at constant volume.")
    return frames
