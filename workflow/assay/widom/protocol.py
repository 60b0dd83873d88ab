"""What a guest feels in a framework: Widom's test-particle method for one potential and one host.

Widom, J. Chem. Phys. 39, 2808 (1963), doi:10.1063/1.1734110. A rigid guest is inserted at places that are uniform in
the whole cell of a rigid host and in orientations that are uniform over all rotations; every attempt counts. The host
is repeated until no atom has an atom of the guest and its image as neighbours. Beside the energies: the forces on the
host as it is taken, what is left of the interaction energy far away from the host, and the deepest minima.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from assay.cells import widths
from assay.hosts import System, guest_at, joined
from assay.potentials.base import require_finite
from assay.potentials.hosts import host_for
from assay.widom import attempts, minima
from assay.widom.attempts import Trials
from assay.widom.insertions import Report, Rules, insert, inserter, say_nothing
from assay.widom.sampling import Insertions

if TYPE_CHECKING:
    from assay.potentials import Potential

CLEARANCE_A = 1.0
"""Far away is so much further than the potential's reach."""


def insert_case(
    potential: Potential,
    system: System,
    drawn: Insertions,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    stream: str,
    cutoff_A: float | None = None,
    report: Report = say_nothing,
) -> dict[str, Any]:
    """Insert a guest into a host and write ``insertions.h5`` and ``minima.xyz``.

    Parameters
    ----------
    potential : Potential
    system : System
    drawn : Insertions
        At least as many as ``settings["insertions"]``.
    settings : mapping
        ``insertions``, ``sampling``, ``replicates``, ``supercell`` (``auto`` or three numbers), ``relax_host`` (False,
        ``positions``, True), ``relax_fmax_eV_A``, ``relax_steps``, ``skip_overlaps``, ``overlap_fraction``,
        ``overlap_sample``, ``minima``.
    folder : Path
        Of the results.
    stream : str
        Identity of all that the energies depend on but their number.
    cutoff_A : float, optional
        The potential's cut-off if it does not tell itself.
    report : callable
        See `assay.widom.insertions.insert`.

    Returns
    -------
    dict
        Observations, unit in the name.

    Raises
    ------
    UserError
        If nobody knows the cut-off, and the supercell is ``auto``.
    PotentialFailure
        ``non_finite``, ``not_converged``, or as of `Potential.evaluate`. What was finished stays in the files.
    """
    cutoff = potential.details.get("cutoff_A") or cutoff_A
    # an interaction sums over images of the host itself
    supercell = (1, 1, 1) if potential.interaction is not None else settings["supercell"]
    host, observations = host_for(potential, system.host, {**settings, "supercell": supercell}, cutoff, chapter="widom")
    how = inserter(potential, host.supercell, system.guest)
    trials = Trials.of(drawn.first(settings["insertions"]), system.host, host.cell, system.guest)
    rules = Rules(settings["overlap_fraction"], settings["skip_overlaps"], settings["overlap_sample"])
    seen = insert(
        how,
        trials,
        folder / attempts.FILE,
        attributes={"stream": stream, "sampling": settings["sampling"], "device": potential.device},
        rules=rules,
        budget=potential.budget if potential.native else None,
        report=report,
    )
    found = minima.find_minima(potential, how, host, system.guest, trials, seen, settings["minima"])
    minima.write_minima(folder / minima.FILE, host.supercell, system.guest, found)
    layers = potential.details.get("interaction_layers")
    reach = cutoff and cutoff * (layers or 1)
    offset, distance = None, None
    if how.mode != "interaction":
        distance = (reach or np.linalg.norm(widths(host.supercell.cell.array)) / 2) + CLEARANCE_A
        offset = far_field_offset(potential, host.supercell, system.guest, distance)
    return {
        "n_insertions": len(trials),
        "sampling": settings["sampling"],
        "replicates": settings["replicates"] if settings["sampling"] == "sobol" else None,
        "supercell": list(host.repeats),
        # an interaction is that with the host alone: no image of the guest is felt
        "image_distance_A": None if how.mode == "interaction" else host.image_distance_A,
        **observations,
        "n_atoms": len(host.supercell) + len(system.guest),
        "cutoff_A": cutoff,
        "reach_A": reach,
        "host_energy_eV": how.host_energy_eV,
        "far_field_offset_eV": offset,
        "far_field_distance_A": distance,
        "n_skipped": int(seen.skipped.sum()),
        "skip_reason": seen.skip_reason,
        "n_overlaps": int(seen.overlaps.sum()),
        "overlap_fraction": rules.fraction,
        "overlap_sample_min_energy_eV": seen.sample_low_eV,
        "n_non_finite": int(np.isnan(seen.energy_eV).sum()),
        "mode": how.mode,
        "seconds_per_insertion": seen.seconds / len(trials),
        "dtype": potential.dtype,
        "minima": [minimum.observations() for minimum in found],
    }


def far_field_offset(potential: Potential, host: Atoms, guest: Atoms, distance_A: float) -> float:
    """What is left of the interaction energy (eV) where guest and host are too far apart to interact.

    The host is a slab with a vacuum along the direction in which its cell is widest, the guest in the middle of the
    vacuum, no atom of it within `distance_A` of the slab. A local potential gives zero, up to rounding; one whose
    energy depends on the system as a whole (its composition, its charge) may not, and then insertion energies contain
    the same offset. It is measured, and never subtracted.

    Raises
    ------
    PotentialFailure
        ``non_finite``, or as of `Potential.evaluate`.
    """
    cell = host.cell.array
    direction = int(np.argmax(widths(cell)))
    normal = np.linalg.inv(cell)[:, direction]
    normal /= np.linalg.norm(normal)
    heights, extent = host.positions @ normal, np.ptp(guest.positions @ normal)
    gap = 2 * distance_A + extent
    slab = host.copy()
    # along the vector that leaves the layer, so that the slab's own periodic directions stay as they are
    slab.cell[direction] *= (np.ptp(heights) + gap) / (cell[direction] @ normal)
    shift = (heights.max() + gap / 2) * normal - (guest.positions @ normal).mean() * normal
    away = guest_at(guest, guest.positions + shift, slab)
    both, alone, lone = potential.evaluate([joined(slab, away), slab, away], ("energy",))
    for result, what in ((both, "host and guest far apart"), (alone, "slab of the host"), (lone, "guest alone")):
        require_finite(result, what)
    return both.energy_eV - alone.energy_eV - lone.energy_eV
