"""One case of a job: from the prepared starts to the files that the other programs read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.failures import PotentialFailure
from assay.gas.checkpoints import Checkpoint, load_checkpoint
from assay.gas.dynamics import Stage
from assay.gas.forces import ModelForces
from assay.gas.integrators import temperatures_K
from assay.gas.protocol import SCAN_PREFIX, GasProtocol
from assay.gas.simulation import Simulation, choose_advanced, fresh_state, restored
from assay.gas.systems import read_frames
from assay.gas.trajectories import (
    NVE,
    SCAN_FILE,
    THERMODYNAMICS_FILE,
    TRAJECTORY_FILE,
    Trajectory,
    bytes_per_atom_frame,
    write_scan,
    write_thermodynamics,
    write_trajectory,
)
from assay.randomness import random_stream

if TYPE_CHECKING:
    from ase import Atoms

    from assay.jobs import Job
    from assay.potentials import Potential

CHECKPOINT_FOLDER = "checkpoint"

log = logging.getLogger("assay")


def simulate_case(
    job: Job, potential: Potential, case: str, *, checkpoint_s: float = 60.0, batching: str = "auto"
) -> dict[str, Any]:
    """Run one case, from its checkpoint if there is one, and write its files.

    Parameters
    ----------
    job : Job
    potential : Potential
    case : str
    checkpoint_s : float
        Time between checkpoints.
    batching : str
        ``together``, ``apart`` or ``auto``: how repeats are evaluated.

    Returns
    -------
    dict
        ``files`` and ``observations`` of the result. The checkpoint is still there: see `remove_checkpoint`.

    Raises
    ------
    PotentialFailure
        If the potential fails at the starts of the repeats. What happens later is an explosion, and no exception.
    """
    facts = job.cases[case]
    protocol = GasProtocol.from_settings(job.settings)
    frames = read_frames(job.inputs.parent / facts["file"], protocol.repeats)
    simulation = prepare_simulation(
        case,
        frames,
        potential,
        protocol,
        system=facts["system"],
        temperature_K=facts["temperature_K"],
        seed=job.index["seed"],
        checkpoint_folder=job.folder / case / CHECKPOINT_FOLDER,
        identity=job.fingerprint(case),
        checkpoint_s=checkpoint_s,
        batching=batching,
    )
    squeezed = _squeezes(potential)
    records = simulation.run()
    if _squeezes(potential) > squeezed and not simulation.facts["nondeterministic"]:
        simulation.facts["nondeterministic"] = "memory was short at times, so that passes were made smaller on the way."
    folder = job.folder / case
    files = write_records(folder, simulation.stages, records, frames[0])
    return {"files": files, "observations": observations(simulation, protocol, facts, folder)}


def remove_checkpoint(job: Job, case: str) -> None:
    """Remove the checkpoint of a case whose result is written."""
    Checkpoint(job.folder / case / CHECKPOINT_FOLDER, "", []).remove()


def prepare_simulation(
    case: str,
    frames: list[Atoms],
    potential: Potential,
    protocol: GasProtocol,
    *,
    system: str,
    temperature_K: float,
    seed: int,
    checkpoint_folder: Path,
    identity: str,
    checkpoint_s: float,
    batching: str,
) -> Simulation:
    """A simulation at its start or where its checkpoint left it.

    Raises
    ------
    PotentialFailure
        As of `Potential.evaluate`; ``non_finite`` if no repeat can start.
    """
    path = f"gas/{system}/{temperature_K:g}K"

    def stream(repeat: int, purpose: str) -> np.random.Generator:
        return random_stream(seed, f"{path}/repeat-{repeat}/{purpose}")

    forces = ModelForces(potential, frames)
    shared = {
        "name": case,
        "forces": forces,
        "stages": protocol.stages(temperature_K),
        "limits": protocol.limits(temperature_K),
        "stream": stream,
        "temperatures_K": (protocol.nvt_K(temperature_K), temperature_K),
        "checkpoint_s": checkpoint_s,
    }
    loaded = load_checkpoint(checkpoint_folder, identity)
    if loaded is not None:
        checkpoint, kept, arrays = loaded
        forces.forgiving = True
        noise = {repeat: stream(repeat, "noise") for repeat in range(len(frames))}
        simulation = Simulation(checkpoint=checkpoint, **shared, **restored(kept, arrays, forces, noise))
        log.info("%s: going on at step %d of %d", case, simulation.steps_done, simulation.steps_in_all)
        return simulation
    seconds = choose_advanced(forces, batching)
    state, nondeterministic = fresh_state(forces)
    if not np.isfinite(state.energies_eV).any():
        raise PotentialFailure("non_finite", f"{case}: the potential's energies of all starts are not finite numbers.")
    forces.forgiving = True
    log.info("%s: %d repeats of %d atoms, %s", case, len(frames), len(frames[0]), forces.advanced)
    return Simulation(
        checkpoint=Checkpoint.new(checkpoint_folder, identity),
        state=state,
        facts={"nondeterministic": nondeterministic, "advance_times_s": seconds},
        **shared,
    )


def write_records(folder: Path, stages: list[Stage], records: Mapping[str, np.ndarray], start: Atoms) -> list[Path]:
    """Write what was recorded: thermodynamics, trajectory, and the scan of time steps if there was one."""
    files = [folder / THERMODYNAMICS_FILE, folder / TRAJECTORY_FILE]
    scanned = [number for number, stage in enumerate(stages) if stage.phase.startswith(SCAN_PREFIX)]
    others = [number for number in range(len(stages)) if number not in scanned]
    n_atoms = len(start)
    write_thermodynamics(files[0], _joined([_energies(stages[number], number, records, n_atoms) for number in others]))
    production = next(number for number, stage in enumerate(stages) if stage.phase == NVE)
    write_trajectory(files[1], _trajectories(stages[production], production, records, start))
    if scanned:
        parts = [_energies(stages[number], number, records, n_atoms) for number in scanned]
        files.append(folder / SCAN_FILE)
        write_scan(files[-1], _joined(parts))
    return files


def _joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _energies(stage: Stage, number: int, records: Mapping[str, np.ndarray], n_atoms: int) -> dict[str, np.ndarray]:
    """Energies of a stage, one row per repeat and step that it lived."""
    steps, values = _of_stage("energy", number, records, (2,))
    repeats, rows = np.nonzero(np.isfinite(values).all(axis=2).T)
    potential_eV, kinetic_eV = values[rows, repeats].T
    return {
        "repeat": repeats,
        "phase": np.full(len(rows), stage.phase, dtype=object),
        "timestep_fs": np.full(len(rows), stage.timestep_fs),
        "step": steps[rows],
        "time_fs": steps[rows] * stage.timestep_fs,
        "potential_energy_eV": potential_eV,
        "kinetic_energy_eV": kinetic_eV,
        "total_energy_eV": potential_eV + kinetic_eV,
        "temperature_K": temperatures_K(kinetic_eV, stage.integrator.degrees_of_freedom(n_atoms)),
    }


def _trajectories(stage: Stage, number: int, records: Mapping[str, np.ndarray], start: Atoms) -> dict[int, Trajectory]:
    """Trajectories of the repeats that came to the stage."""
    shape = (len(start), 3)
    position_steps, positions = _of_stage("position", number, records, shape)
    velocity_steps, velocities = _of_stage("velocity", number, records, shape)
    trajectories = {}
    for repeat in range(positions.shape[1]):
        seen = np.isfinite(positions[:, repeat]).all(axis=(1, 2))
        felt = np.isfinite(velocities[:, repeat]).all(axis=(1, 2))
        if seen.any():
            trajectories[repeat] = Trajectory(
                positions_A=positions[seen, repeat],
                position_time_fs=position_steps[seen] * stage.timestep_fs,
                velocities_A_fs=velocities[felt, repeat],
                velocity_time_fs=velocity_steps[felt] * stage.timestep_fs,
                cell_A=start.cell.array,
                numbers=start.numbers,
                masses_u=start.get_masses(),
                molecules=start.arrays["molecule"],
                sites=start.arrays.get("site"),
                timestep_fs=stage.timestep_fs,
            )
    return trajectories


def _of_stage(
    name: str, number: int, records: Mapping[str, np.ndarray], shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Steps (shape (k,)) and values (shape (k, repeats, *shape)) of one stage; none where all had ended before."""
    if name not in records:
        return np.zeros(0, dtype=int), np.zeros((0, 0, *shape))
    own = records[f"{name}_index"][:, 0] == number
    return records[f"{name}_index"][own, 1], records[name][own]


def observations(
    simulation: Simulation, protocol: GasProtocol, facts: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """What the result says of a run beside its files.

    ``seconds_per_step`` is the time of one step of one repeat; ``n_steps`` counts those of all repeats.
    """
    seen, spent = simulation.explosions, simulation.facts
    size = bytes_per_atom_frame(folder / TRAJECTORY_FILE)
    return {
        "n_atoms": facts["n_atoms"],
        "n_molecules": facts["n_molecules"],
        "repeats": protocol.repeats,
        "timestep_fs": protocol.timestep_fs,
        "equilibration_ps": protocol.equilibration_ps,
        "production_ps": protocol.production_ps,
        "equilibration_K": protocol.nvt_K(facts["temperature_K"]),
        "thermostat": protocol.thermostat,
        "exploded": [one.record() for one in seen if not one.phase.startswith(SCAN_PREFIX)],
        "scan_exploded": [one.record() for one in seen if one.phase.startswith(SCAN_PREFIX)],
        "n_steps": spent["replica_steps"],
        "seconds_per_step": spent["elapsed_s"] / max(spent["replica_steps"], 1),
        "advanced": simulation.forces.advanced,
        "advance_times_s": spent["advance_times_s"],
        "trajectory_bytes_per_atom_frame": size["position"],
        "velocity_bytes_per_atom_frame": size["velocity"],
        "deterministic_resume": spent["nondeterministic"] or True,
        "resumed": spent["resumed"],
    }


def _squeezes(potential: Potential) -> int:
    """How often memory decided about the size of a pass so far."""
    return potential.budget.memory_caps + len(potential.budget.halvings)
