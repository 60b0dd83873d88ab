"""What a case needs to go on after it was killed, or with more trials after it was finished.

The folder `.checkpoint` has a head, with the state of the case's chains, and segments, with what was recorded since the
result's files were last written. A save adds a segment and then replaces the head, at once; segments that the head does
not know come from a save that did not end. When a case is finished the segments go into the result's files, and the
head stays.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from assay.adsorption.raw import SAMPLES
from assay.adsorption.reservoir import Reservoir
from assay.adsorption.trajectories import Frames
from assay.adsorption.walkers import Walkers
from assay.records import atomic_path, file_sha256

FOLDER = ".checkpoint"
HEAD = "head.h5"

log = logging.getLogger("assay")


@dataclass(frozen=True)
class State:
    """The chains of one case after some trials.

    Attributes
    ----------
    done : int
        Trials of each replica.
    walkers : Walkers
        One of each replica.
    reservoir : Reservoir
    seconds : float
        Time that the trials took, over all replicas.
    energy_drift_eV : float
    """

    done: int
    walkers: Walkers
    reservoir: Reservoir
    seconds: float = 0.0
    energy_drift_eV: float = 0.0


@dataclass(frozen=True)
class Records:
    """What one case recorded.

    Attributes
    ----------
    samples : dict of str to ndarray
        Columns of `assay.adsorption.raw.SAMPLES`.
    frames : dict of int to Frames
        By replica.
    """

    samples: dict[str, np.ndarray]
    frames: dict[int, Frames]


@dataclass
class Checkpoint:
    """The checkpoint of one case.

    Attributes
    ----------
    folder : Path
    identity : str
        Of all that the chains depend on but their length.
    segments : list of str
        SHA-256 of the segments that were saved.
    written : int
        Trials that are in the result's files.
    """

    folder: Path
    identity: str
    segments: list[str] = field(default_factory=list)
    written: int = 0

    @classmethod
    def new(cls, case_folder: Path, identity: str) -> Checkpoint:
        """An empty one; what was there is removed."""
        shutil.rmtree(Path(case_folder) / FOLDER, ignore_errors=True)
        return cls(Path(case_folder) / FOLDER, identity)

    def save(self, state: State, records: Records) -> None:
        """Add what was recorded since the last save, and replace the state."""
        path = self._segment(len(self.segments))
        with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
            for name, values in records.samples.items():
                file[f"samples/{name}"] = values
            for replica, frames in records.frames.items():
                group = file.create_group(f"frames/{replica}")
                group["trial"], group["n_molecules"] = frames.trial, frames.n_molecules
                packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
                group.create_dataset("positions_A", data=frames.positions_A, **(packed if len(frames) else {}))
        self.segments.append(file_sha256(path))
        self._write_head(state)

    def records(self) -> Iterator[Records]:
        """What was recorded since the result's files were written, segment by segment."""
        for number in range(len(self.segments)):
            with h5py.File(self._segment(number)) as file:
                samples = {name: file[f"samples/{name}"][:] for name in SAMPLES.names}
                frames = {
                    int(replica): Frames(*(group[name][:] for name in ("trial", "n_molecules", "positions_A")))
                    for replica, group in file.get("frames", {}).items()
                }
            yield Records(samples, frames)

    def close(self, state: State) -> None:
        """Keep the state alone, for who asks for more trials: what was recorded is in the result's files now."""
        done = len(self.segments)
        self.segments, self.written = [], state.done
        self._write_head(state)
        for number in range(done):
            self._segment(number).unlink()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _segment(self, number: int) -> Path:
        return self.folder / f"segment-{number:05d}.h5"

    def _write_head(self, state: State) -> None:
        with atomic_path(self.folder / HEAD) as temporary, h5py.File(temporary, "w") as file:
            for name, array in state.walkers.arrays().items():
                file[f"walkers/{name}"] = array
            file["reservoir/members_A"] = state.reservoir.members_A
            file["reservoir/energies_eV"] = state.reservoir.energies_eV
            file.attrs["head"] = json.dumps(
                {
                    "identity": self.identity,
                    "segments": self.segments,
                    "written": self.written,
                    "done": state.done,
                    "seconds": state.seconds,
                    "energy_drift_eV": state.energy_drift_eV,
                }
            )


def load_checkpoint(case_folder: Path, identity: str) -> tuple[Checkpoint, State] | None:
    """The checkpoint of a case with its state.

    Returns
    -------
    tuple or None
        None if there is none; None, with a line in the log, if it is damaged or belongs to other settings.
    """
    folder = Path(case_folder) / FOLDER
    path = folder / HEAD
    if not path.exists():
        return None
    try:
        with h5py.File(path) as file:
            head = json.loads(file.attrs["head"])
            walkers = Walkers.from_arrays({name: array[()] for name, array in file["walkers"].items()})
            reservoir = Reservoir(file["reservoir/members_A"][:], file["reservoir/energies_eV"][:])
    except (OSError, KeyError, ValueError) as error:
        log.warning("%s is damaged (%s); starting from the beginning", path, error)
        return None
    if head["identity"] != identity:
        log.warning("%s belongs to a run with other settings; starting from the beginning", path)
        return None
    checkpoint = Checkpoint(folder, identity, head["segments"], head["written"])
    for number, sha256 in enumerate(checkpoint.segments):
        segment = checkpoint._segment(number)
        if not segment.exists() or file_sha256(segment) != sha256:
            log.warning("%s is missing or damaged; starting from the beginning", segment)
            return None
    return checkpoint, State(head["done"], walkers, reservoir, head["seconds"], head["energy_drift_eV"])
