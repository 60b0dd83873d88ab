"""One case on disk: its chains from the checkpoint or from the start, and the files that the other programs read."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from assay.adsorption import raw
from assay.adsorption.checkpoints import Checkpoint, Records, State, load_checkpoint
from assay.adsorption.monte_carlo import Frame, Sample
from assay.adsorption.trajectories import (
    TRAJECTORY_FILE,
    Frames,
    continued_trajectory,
    new_trajectory,
    replicas_of,
)
from assay.adsorption.walkers import COUNTED
from assay.failures import UserError
from assay.records import atomic_path

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Case:
    """A system at one pressure.

    Attributes
    ----------
    name : str
    facts : mapping
        Of the prepared index.
    folder : Path
        Of the results.
    identity : str
        Of all that the chains depend on but their length.
    """

    name: str
    facts: Mapping[str, Any]
    folder: Path
    identity: str


@dataclass
class Progress:
    """A case that is being simulated.

    Attributes
    ----------
    case : Case
    state : State
        As it was saved last.
    checkpoint : Checkpoint
    seconds : float
        Time that its trials took until now.
    """

    case: Case
    state: State
    checkpoint: Checkpoint
    seconds: float = 0.0

    @classmethod
    def resumed(cls, case: Case, longest: int) -> Progress | None:
        """Where the case was left; None if it has to start anew, or is there already with more trials than asked for.

        Parameters
        ----------
        case : Case
        longest : int
            Trials that are asked for.
        """
        loaded = load_checkpoint(case.folder, case.identity)
        if loaded is None:
            return None
        checkpoint, state = loaded
        if state.done > longest:
            log.info("%s: %d trials are there, more than asked for; starting anew", case.name, state.done)
            return None
        if checkpoint.written and not _files_are_readable(case.folder):
            log.warning("%s: what the first %d trials left is damaged; starting anew", case.name, checkpoint.written)
            return None
        return cls(case, state, checkpoint, state.seconds)

    @classmethod
    def begun(cls, case: Case, state: State) -> Progress:
        """At its start; what an earlier run has left is removed."""
        return cls(case, state, Checkpoint.new(case.folder, case.identity))


def _files_are_readable(folder: Path) -> bool:
    try:
        raw.read_sample_columns(folder / raw.SAMPLES_FILE)
        replicas_of(folder / TRAJECTORY_FILE)
    except UserError as error:
        log.warning("%s", error)
        return False
    return True


def records_of(samples: list[Sample], frames: list[Frame], replicas: slice) -> Records:
    """What was recorded of some of the walkers, which are the replicas of one case; not beyond where they stopped."""
    samples = [sample for sample in samples if sample.active[replicas].all()]
    frames = [frame for frame in frames if frame.active[replicas].all()]
    count = replicas.stop - replicas.start
    columns: dict[str, np.ndarray] = {
        "replica": np.tile(np.arange(count), len(samples)),
        "trial": np.repeat([sample.trial for sample in samples], count).astype(np.int64),
    }
    for name in raw.SAMPLES.names[2:]:
        values = [getattr(sample, name)[replicas] for sample in samples]
        columns[name] = np.concatenate(values) if values else np.zeros(0)
    followed = {}
    if frames:
        trials = np.array([frame.trial for frame in frames])
        counts = np.array([frame.n_molecules[replicas] for frame in frames])
        slots = max(int(counts.max()), 1)
        positions = np.array([_first(frame.positions_A[replicas], slots) for frame in frames])
        followed = {number: Frames(trials, counts[:, number], positions[:, number]) for number in range(count)}
    return Records(columns, followed)


def _first(positions_A: np.ndarray, slots: int) -> np.ndarray:
    """The first slots of some walkers, shape (w, slots, m, 3)."""
    missing = max(0, slots - positions_A.shape[1])
    return np.pad(positions_A[:, :slots], ((0, 0), (0, missing), (0, 0), (0, 0)), constant_values=np.nan)


def write_files(progress: Progress, host: Atoms, guest: Atoms) -> list[Path]:
    """Put what was recorded into the result's files; what they had before is kept.

    Parameters
    ----------
    progress : Progress
    host : Atoms
        As it was simulated.
    guest : Atoms

    Returns
    -------
    list of Path
    """
    folder, checkpoint = progress.case.folder, progress.checkpoint
    files = [folder / name for name in (raw.SAMPLES_FILE, raw.MOVES_FILE, TRAJECTORY_FILE)]
    samples = []
    if checkpoint.written:
        known = raw.read_sample_columns(files[0])
        kept = known["trial"] <= checkpoint.written
        samples.append({name: values[kept] for name, values in known.items()})
    with atomic_path(files[2]) as temporary:
        if checkpoint.written:
            shutil.copyfile(files[2], temporary)
            opened = continued_trajectory(temporary, checkpoint.written)
        else:
            opened = new_trajectory(temporary, host, guest)
        with opened as trajectory:
            for records in checkpoint.records():
                samples.append(records.samples)
                for replica, frames in records.frames.items():
                    trajectory.append(replica, frames)
    columns = (
        {name: np.concatenate([part[name] for part in samples]) for name in raw.SAMPLES.names}
        if samples
        else {name: np.zeros(0) for name in raw.SAMPLES.names}
    )
    raw.write_samples(files[0], columns)
    raw.write_moves(files[1], moves_table(progress.state.walkers.tally))
    checkpoint.close(progress.state)
    return files


def moves_table(tally: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of `assay.adsorption.raw.MOVES_TABLE`, of the walkers' tally."""
    shape = tally.shape[:3]
    replica, part, move = (index.ravel() for index in np.indices(shape))
    columns = {
        "replica": replica,
        "part": np.array(raw.PARTS, dtype=object)[part],
        "move": np.array(raw.MOVES, dtype=object)[move],
    }
    known = [name for name in COUNTED if name in raw.MOVES_TABLE.names]
    return columns | {name: tally[..., COUNTED.index(name)].ravel() for name in known}
