"""What the result of a case says of its run beside the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import units

from assay.adsorption.case import Progress
from assay.adsorption.walkers import COUNTED
from assay.hosts import Host
from assay.potentials.guests import GuestEnergies

FACTS = (
    *("temperature_K", "pressure_bar", "fugacity_Pa", "fugacity_coefficient", "gas_density_mol_m3"),
    *("pore_fraction", "pore_fraction_stderr", "guest_mass_u"),
)
"""What is handed on from the prepared case."""

SETTINGS = ("moves", "guest", "equilibration_trials", "sample_every", "frame_every")


def observations(
    progress: Progress,
    settings: Mapping[str, Any],
    host: Host,
    energies: GuestEnergies,
    *,
    additive: bool,
    cutoff_A: float | None,
) -> dict[str, Any]:
    """Facts, settings and findings of a case, unit in the name.

    Parameters
    ----------
    progress : Progress
        At its end.
    settings : mapping
        See `assay.adsorption.simulation.simulate`.
    host : Host
        As it was simulated.
    energies : GuestEnergies
    additive : bool
        Whether energies were kept up to date by differences: what is computed anew after a kill is then the same to the
        last bit, which a model's batches do not promise.
    cutoff_A : float or None

    Returns
    -------
    dict
        ``seconds_per_trial`` is the time of one trial of one replica; step lengths are those of each replica.
    """
    state, facts, supercell = progress.state, progress.case.facts, host.supercell
    n_replicas = len(state.walkers)
    tally = state.walkers.tally.sum(axis=(0, 1, 2))
    mass_u, volume_A3 = float(supercell.get_masses().sum()), float(supercell.get_volume())
    return {
        "engine": "assay",
        "mode": energies.details["mode"],
        "resume": "exact" if additive else "statistically equivalent",
        **{name: settings[name] for name in SETTINGS},
        **{name: facts[name] for name in FACTS if name in facts},
        "n_replicas": n_replicas,
        "n_trials": state.done,
        "supercell": list(host.repeats),
        "n_cells": int(np.prod(host.repeats)),
        "n_atoms_host": len(supercell),
        "host_mass_u": mass_u,
        "volume_A3": volume_A3,
        "density_kg_m3": mass_u / units.kg / (volume_A3 * 1e-30),
        "image_distance_A": host.image_distance_A,
        "cutoff_A": cutoff_A,
        "guest_energy_eV": energies.details.get("guest_energy_eV"),
        "internal_configurations": len(state.reservoir),
        "max_displacement_A": state.walkers.max_displacement_A,
        "max_rotation_deg": state.walkers.max_rotation_deg,
        "seconds_per_trial": state.seconds / max(state.done * n_replicas, 1),
        "energy_drift_eV": state.energy_drift_eV,
        **{f"n_{name}": int(tally[COUNTED.index(name)]) for name in ("overlaps", "non_finite", "evaluated")},
    }
