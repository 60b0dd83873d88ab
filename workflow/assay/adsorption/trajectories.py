"""Where the guests were: H5MD with a group of particles per replica, a varying number of molecules, the framework once.

H5MD is HDF5 with agreed names (doi:10.1016/j.cpc.2014.01.018). A frame has as many slots as molecules were ever there
at once; in a slot without a molecule positions are NaN and the element ``id`` has its fill value, -1. A slot is no
molecule's for ever: when one is deleted the last one takes its slot. Positions are rounded to 0.001 Å. Between two
frames of a Monte Carlo run few molecules move, and a chunk follows a few slots through many frames, so that deflation
finds all others again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms

from assay.failures import UserError
from assay.h5md import write_head

TRAJECTORY_FILE = "trajectory.h5"
POSITION_DECIMALS = 3
CHUNK_FRAMES = 1024
CHUNK_MOLECULES = 4
CHUNK_CACHE_BYTES = 32 << 20
NOBODY = -1
"""The ``id`` of an empty slot."""


@dataclass(frozen=True)
class Frames:
    """Frames of one replica: f of them with up to c molecules of m atoms.

    Attributes
    ----------
    trial : ndarray of int, shape (f,)
        Trials made so far in this replica.
    n_molecules : ndarray of int, shape (f,)
    positions_A : ndarray of float32, shape (f, c, m, 3)
        Molecules are whole, their centres in the cell; NaN in slots from ``n_molecules`` on.
    """

    trial: np.ndarray
    n_molecules: np.ndarray
    positions_A: np.ndarray

    def __len__(self) -> int:
        return len(self.trial)


def joined_frames(parts: list[Frames]) -> Frames:
    """Frames of one replica one after the other; all get the slots of the widest."""
    slots = max(part.positions_A.shape[1] for part in parts)
    return Frames(
        np.concatenate([part.trial for part in parts]),
        np.concatenate([part.n_molecules for part in parts]),
        np.concatenate([_widened(part.positions_A, slots) for part in parts]),
    )


def _widened(positions_A: np.ndarray, slots: int) -> np.ndarray:
    missing = slots - positions_A.shape[1]
    return np.pad(positions_A, ((0, 0), (0, missing), (0, 0), (0, 0)), constant_values=np.nan)


@dataclass
class TrajectoryWriter:
    """An open trajectory that frames are appended to; see `new_trajectory` and `continued_trajectory`.

    Frames are kept in memory until they fill a chunk, or until `flush`.
    """

    file: h5py.File
    cell_A: np.ndarray
    numbers: np.ndarray
    waiting: dict[int, list[Frames]] = field(default_factory=dict)

    def append(self, replica: int, frames: Frames) -> None:
        """Add frames, later than all that the replica has."""
        parts = self.waiting.setdefault(replica, [])
        parts.append(frames)
        if sum(map(len, parts)) >= CHUNK_FRAMES:
            self._write(replica)

    def flush(self) -> None:
        """Write what is in memory; readers that open the file afterwards find it."""
        for replica in list(self.waiting):
            self._write(replica)
        self.file.flush()

    def _write(self, replica: int) -> None:
        frames = joined_frames(self.waiting.pop(replica))
        group = self._group(replica)
        position, identity = group["position/value"], group["id/value"]
        before, atoms = len(position), len(self.numbers)
        width = max(position.shape[1], frames.positions_A.shape[1] * atoms)
        after = before + len(frames)
        slots = width // atoms
        if width > position.shape[1]:
            group["species"].resize((width,))
            group["species"][:] = np.tile(self.numbers, slots)
        position.resize((after, width, 3))
        identity.resize((after, width))
        rounded = np.round(_widened(frames.positions_A, slots).astype(float), POSITION_DECIMALS)
        there = np.repeat(np.arange(slots) < frames.n_molecules[:, None], atoms, axis=1)
        position[before:] = np.where(there[:, :, None], rounded.reshape(len(frames), width, 3), np.nan)
        identity[before:] = np.where(there, np.arange(width), NOBODY)
        for name, values in (("position/step", frames.trial), (_count(replica), frames.n_molecules)):
            dataset = group[name] if name in group else self.file[name]
            dataset.resize((after,))
            dataset[before:] = values

    def _group(self, replica: int) -> h5py.Group:
        """The replica's group of particles."""
        name = _particles(replica)
        if name in self.file:
            return self.file[name]
        group = self.file.create_group(name)
        _write_box(group, self.cell_A)
        atoms = len(self.numbers)
        group.create_dataset("species", (0,), dtype=np.int16, maxshape=(None,))
        packed = {"shuffle": True, "compression": "gzip", "compression_opts": 6}
        chunk = (CHUNK_FRAMES, CHUNK_MOLECULES * atoms)
        position = group.create_group("position")
        value = position.create_dataset(
            "value",
            (0, 0, 3),
            dtype=np.float32,
            maxshape=(None, None, 3),
            chunks=(*chunk, 3),
            fillvalue=np.nan,
            **packed,
        )
        value.attrs["unit"], value.attrs["decimals"] = "Angstrom", POSITION_DECIMALS
        position.create_dataset("step", (0,), dtype=np.int64, maxshape=(None,), chunks=(CHUNK_FRAMES,), **packed)
        identity = group.create_group("id")
        identity.create_dataset(
            "value", (0, 0), dtype=np.int32, maxshape=(None, None), chunks=chunk, fillvalue=NOBODY, **packed
        )
        identity["step"] = position["step"]
        counts = self.file.create_group(f"observables/guests-{replica}/n_molecules")
        counts.create_dataset("value", (0,), dtype=np.int32, maxshape=(None,), chunks=(CHUNK_FRAMES,), **packed)
        counts["step"] = position["step"]
        return group


@contextmanager
def new_trajectory(path: Path, host: Atoms, guest: Atoms) -> Iterator[TrajectoryWriter]:
    """A trajectory without frames; the file is complete when the block ends, and readable after each `flush`.

    Parameters
    ----------
    path : Path
        What is there is replaced.
    host : Atoms
        The framework as it is simulated.
    guest : Atoms
        One molecule, for the kinds of its atoms.
    """
    with h5py.File(path, "w", rdcc_nbytes=CHUNK_CACHE_BYTES) as file:
        write_head(file, "Å")
        framework = file.create_group("particles/framework")
        _write_box(framework, host.cell.array)
        framework["species"] = host.numbers.astype(np.int16)
        framework["position"] = host.positions
        framework["position"].attrs["unit"] = "Angstrom"
        file["parameters/guest_numbers"] = guest.numbers.astype(np.int16)
        writer = TrajectoryWriter(file, host.cell.array, guest.numbers)
        yield writer
        writer.flush()


@contextmanager
def continued_trajectory(path: Path, last_trial: int) -> Iterator[TrajectoryWriter]:
    """A trajectory that goes on after `last_trial`; later frames, of a run that did not come to its end, are cut off.

    Raises
    ------
    UserError
        If the file is missing or not a trajectory of ours.
    """
    with _opened(path, "r+") as file:
        numbers = file["parameters/guest_numbers"][:].astype(int)
        writer = TrajectoryWriter(file, file["particles/framework/box/edges"][:], numbers)
        for replica in _replicas(file):
            group = writer._group(replica)
            kept = int(np.searchsorted(group["position/step"][:], last_trial, side="right"))
            for name in ("position/value", "position/step", "id/value"):
                group[name].resize(kept, axis=0)
            file[_count(replica)].resize(kept, axis=0)
        yield writer
        writer.flush()


def _write_box(group: h5py.Group, cell_A: np.ndarray) -> None:
    box = group.create_group("box")
    box.attrs["dimension"] = 3
    box.attrs["boundary"] = ["periodic"] * 3
    box["edges"] = np.asarray(cell_A, dtype=float)
    box["edges"].attrs["unit"] = "Angstrom"


def _particles(replica: int) -> str:
    return f"particles/guests-{replica}"


def _count(replica: int) -> str:
    return f"observables/guests-{replica}/n_molecules/value"


def _replicas(file: h5py.File) -> list[int]:
    names = [name for name in file["particles"] if name.startswith("guests-")]
    return sorted(int(name.removeprefix("guests-")) for name in names)


def replicas_of(path: Path) -> list[int]:
    """Numbers of the replicas in a trajectory.

    Raises
    ------
    UserError
        If the file is missing or not a trajectory of ours.
    """
    with _opened(path) as file:
        return _replicas(file)


def read_framework(path: Path) -> Atoms:
    """The framework as it was simulated.

    Raises
    ------
    UserError
        If the file is missing or not a trajectory of ours.
    """
    with _opened(path) as file:
        group = file["particles/framework"]
        return Atoms(group["species"][:].astype(int), group["position"][:], cell=group["box/edges"][:], pbc=True)


def read_guest_numbers(path: Path) -> np.ndarray:
    """Atomic numbers of one guest's atoms, shape (m,).

    Raises
    ------
    UserError
        If the file is missing or not a trajectory of ours.
    """
    with _opened(path) as file:
        return file["parameters/guest_numbers"][:].astype(int)


def iterate_frames(path: Path, replica: int, *, first_trial: int = 0, every: int = 1) -> Iterator[Frames]:
    """Frames of one replica, a chunk of the file at a time.

    Parameters
    ----------
    path : Path
    replica : int
    first_trial : int
        Frames of fewer trials are left out.
    every : int
        Of the others, the first one and each so many further.

    Raises
    ------
    UserError
        If the file is missing or not a trajectory of ours, or has no such replica.
    """
    with _opened(path) as file:
        if _particles(replica) not in file:
            raise UserError(f"{path}: there is no replica {replica} in this trajectory; rerun the job that made it.")
        group = file[_particles(replica)]
        trials, counts = group["position/step"][:], file[_count(replica)][:]
        atoms = len(file["parameters/guest_numbers"])
        chosen = np.arange(np.searchsorted(trials, first_trial), len(trials), every)
        for chunk in np.split(chosen, np.flatnonzero(np.diff(chosen // CHUNK_FRAMES)) + 1):
            if len(chunk):
                block = group["position/value"][chunk[0] : chunk[-1] + 1][chunk - chunk[0]]
                yield Frames(trials[chunk], counts[chunk], block.reshape(len(chunk), -1, atoms, 3))


def read_frames(path: Path, replica: int, *, first_trial: int = 0, every: int = 1) -> Frames:
    """The frames that `iterate_frames` gives, all in memory.

    Raises
    ------
    UserError
        If the file is missing or not a trajectory of ours, or has no such replica.
    """
    parts = list(iterate_frames(path, replica, first_trial=first_trial, every=every))
    if not parts:
        atoms = len(read_guest_numbers(path))
        return Frames(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros((0, 0, atoms, 3), dtype=np.float32))
    return joined_frames(parts)


def _opened(path: Path, mode: str = "r") -> h5py.File:
    try:
        file = h5py.File(path, mode, rdcc_nbytes=CHUNK_CACHE_BYTES)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except OSError as error:
        raise UserError(f"{path}: not readable as HDF5 ({error}); delete it and rerun the campaign.") from error
    if "particles/framework" not in file or "parameters/guest_numbers" not in file:
        file.close()
        raise UserError(f"{path}: an HDF5 file, but not a trajectory of ours; delete it and rerun the campaign.")
    return file
