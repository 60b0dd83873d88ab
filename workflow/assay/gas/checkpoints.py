"""What a run needs to go on after it was killed: its state, and what it has recorded so far.

A checkpoint is a folder. Each save adds a segment with the records since the last one, so that what is written does not
grow with the run, and then replaces the head: the state, and the checksums of the segments that belong to it. A head
is written last and at once; segments beyond it come from a save that did not end and are overwritten.
"""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.records import atomic_path, file_sha256, plain

HEAD = "head.npz"

log = logging.getLogger("assay")


@dataclass
class Checkpoint:
    """The folder of one run.

    Attributes
    ----------
    folder : Path
    identity : str
        Of the run: a checkpoint of another one is not taken.
    segments : list of str
        SHA-256 of the segments that were saved.
    """

    folder: Path
    identity: str
    segments: list[str]

    @classmethod
    def new(cls, folder: Path, identity: str) -> Checkpoint:
        """An empty folder; what was there is removed."""
        shutil.rmtree(folder, ignore_errors=True)
        return cls(folder, identity, [])

    def save(
        self, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray], segment: Mapping[str, np.ndarray]
    ) -> None:
        """Add a segment of records and replace the state.

        Parameters
        ----------
        facts : mapping
            Plain values of the state, whole numbers of any size included.
        arrays : mapping of str to ndarray
            Arrays of the state.
        segment : mapping of str to ndarray
            Records since the last save.
        """
        path = self._segment(len(self.segments))
        _write(path, segment)
        self.segments.append(file_sha256(path))
        head = {"identity": self.identity, "segments": self.segments, "facts": plain(facts)}
        _write(self.folder / HEAD, {**arrays, "head": np.array(json.dumps(head))})

    def records(self) -> dict[str, np.ndarray]:
        """All that was recorded, segments joined in their order."""
        parts: dict[str, list[np.ndarray]] = {}
        for number in range(len(self.segments)):
            with np.load(self._segment(number), allow_pickle=False) as archive:
                for name in archive.files:
                    parts.setdefault(name, []).append(archive[name])
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _segment(self, number: int) -> Path:
        return self.folder / f"segment-{number:05d}.npz"


def load_checkpoint(folder: Path, identity: str) -> tuple[Checkpoint, dict[str, Any], dict[str, np.ndarray]] | None:
    """The checkpoint of a run with its facts and arrays.

    Returns
    -------
    tuple or None
        None, with a line in the log, if it is damaged or belongs to a run with another identity; None if there is none.
    """
    path = folder / HEAD
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(str(arrays.pop("head")))
        checkpoint = Checkpoint(folder, head["identity"], head["segments"])
        damaged = [
            number
            for number, sha256 in enumerate(checkpoint.segments)
            if file_sha256(checkpoint._segment(number)) != sha256
        ]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        log.warning("%s is damaged (%s); starting from the beginning", path, error)
        return None
    if checkpoint.identity != identity:
        log.warning("%s belongs to a run with other settings; starting from the beginning", path)
        return None
    if damaged:
        log.warning("%s: segment %d is damaged; starting from the beginning", path, damaged[0])
        return None
    return checkpoint, head["facts"], arrays


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays)
