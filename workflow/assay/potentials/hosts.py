"""The host as a potential gets it: relaxed if asked for, and repeated until its cut-off does not see a guest twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import Atoms

from assay.cells import supercell_repeats
from assay.failures import UserError
from assay.hosts import Host
from assay.potentials.base import Potential, require_finite
from assay.potentials.relaxation import relaxed


def host_for(
    potential: Potential, prepared: Atoms, settings: Mapping[str, Any], cutoff_A: float | None, *, chapter: str
) -> tuple[Host, dict[str, Any]]:
    """The host as the potential gets it, and what was seen on the way: the forces on it as it was prepared.

    Parameters
    ----------
    potential : Potential
    prepared : Atoms
        One cell, the same for all potentials.
    settings : mapping
        ``supercell`` (``auto`` or three numbers), ``relax_host`` (False, ``positions``, True), ``relax_fmax_eV_A``,
        ``relax_steps``. A potential that is an interaction has no forces within a host, and takes it as it is.
    cutoff_A : float or None
        What ``auto`` goes by.
    chapter : str
        For the message.

    Raises
    ------
    UserError
        If nobody knows the cut-off, and the supercell is ``auto``.
    PotentialFailure
        ``non_finite``, ``not_converged``, or as of `Potential.evaluate`.
    """
    if settings["supercell"] == "auto" and cutoff_A is None:
        raise UserError(
            f"models: {potential.name}.cutoff_A: not given, and the potential does not tell it; give it, or the repeats"
            f" in {chapter}.supercell."
        )
    asked = settings["supercell"]
    cell, seen = prepared, {"host_residual_force_max_eV_A": None, "host_relaxed": False}
    if potential.interaction is None:
        (result,) = potential.evaluate([prepared], ("energy", "forces"))
        require_finite(result, f"host {prepared.get_chemical_formula()}")
        seen = {
            "host_residual_force_max_eV_A": float(np.linalg.norm(result.forces_eV_A, axis=1).max()),
            "host_relaxed": settings["relax_host"],
        }
        if settings["relax_host"]:
            found = relaxed(
                potential,
                prepared,
                settings["relax_host"],
                fmax_eV_A=settings["relax_fmax_eV_A"],
                steps=settings["relax_steps"],
            )
            cell = found.atoms
            seen |= {"host_relaxation_steps": found.steps, "host_volume_change": found.volume_change}
    repeats = supercell_repeats(cell.cell.array, cutoff_A) if asked == "auto" else tuple(asked)
    return Host.of(cell, repeats), seen
