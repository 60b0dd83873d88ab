"""What a run leaves on disk: energies of every step as Parquet, positions and velocities as H5MD.

H5MD is HDF5 with agreed names (doi:10.1016/j.cpc.2014.01.018); each repeat is a group of particles of its own.
Positions are unwrapped and rounded to 0.001 Å, velocities to 0.000001 Å/fs, by HDF5's scale-offset filter: within a
chunk it keeps the differences to the smallest value in as few bits as they need. A chunk follows some atoms through
many frames. A position of an atom costs 4.4 to 5.7 bytes per frame (measured), a velocity about 6; raw numbers cost 24.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.failures import UserError
from assay.h5md import write_head
from assay.records import atomic_path

if TYPE_CHECKING:
    import pandas as pd

    Columns = Mapping[str, np.ndarray] | pd.DataFrame

POSITION_DECIMALS = 3
VELOCITY_DECIMALS = 6
CHUNK_FRAMES = 256
CHUNK_VALUES = 9000

THERMODYNAMICS_FILE = "thermodynamics.parquet"
TRAJECTORY_FILE = "trajectory.h5"
SCAN_FILE = "scan.parquet"
NVT, NVE = "nvt", "nve"
"""Phases of a run: equilibration, production."""

THERMODYNAMICS = pa.schema(
    [
        ("repeat", pa.int16()),
        ("phase", pa.dictionary(pa.int8(), pa.string())),
        ("step", pa.int32()),
        *[(name, pa.float64()) for name in ("time_fs", "potential_energy_eV", "kinetic_energy_eV", "temperature_K")],
    ]
)
SCAN = pa.schema(
    [
        ("timestep_fs", pa.float64()),
        ("repeat", pa.int16()),
        ("step", pa.int32()),
        ("time_fs", pa.float64()),
        ("total_energy_eV", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Trajectory:
    """The production run of one repeat: f frames of positions and g of velocities, of n atoms.

    Attributes
    ----------
    positions_A : ndarray, shape (f, n, 3)
        Unwrapped: an atom that leaves the cell goes on.
    position_time_fs : ndarray, shape (f,)
        From the start of the production.
    velocities_A_fs : ndarray, shape (g, n, 3)
    velocity_time_fs : ndarray, shape (g,)
    cell_A : ndarray, shape (3, 3)
        Rows are the vectors of the periodic cell.
    numbers : ndarray of int, shape (n,)
        Atomic numbers.
    masses_u : ndarray, shape (n,)
    molecules : ndarray of int, shape (n,)
        To which molecule an atom belonged at the start; where there are no molecules each atom is its own.
    sites : ndarray of str, shape (n,), or None
        Names of the atoms' places in their molecule.
    timestep_fs : float
    """

    positions_A: np.ndarray
    position_time_fs: np.ndarray
    velocities_A_fs: np.ndarray
    velocity_time_fs: np.ndarray
    cell_A: np.ndarray
    numbers: np.ndarray
    masses_u: np.ndarray
    molecules: np.ndarray
    sites: np.ndarray | None = None
    timestep_fs: float = 1.0


def write_trajectory(path: Path, trajectories: Mapping[int, Trajectory]) -> None:
    """Write the repeats of one system as H5MD, atomically.

    Parameters
    ----------
    path : Path
    trajectories : mapping of int to Trajectory
        By repeat; all of the same atoms. Repeats that never came to production are left out, maybe all.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        write_head(file, "Å, fs, u")
        file.create_group("particles")
        for repeat, trajectory in sorted(trajectories.items()):
            _write_particles(file.create_group(f"particles/repeat-{repeat:02d}"), trajectory)
        parameters = file.create_group("parameters")
        for trajectory in list(trajectories.values())[:1]:
            _write_parameters(parameters, trajectory)


def _write_parameters(group: h5py.Group, trajectory: Trajectory) -> None:
    group["molecule"] = np.asarray(trajectory.molecules, dtype=np.int32)
    group["masses"] = np.asarray(trajectory.masses_u, dtype=float)
    group["masses"].attrs["unit"] = "u"
    if trajectory.sites is not None:
        group.create_dataset("site", data=[str(site) for site in trajectory.sites], dtype=h5py.string_dtype())


def _write_particles(group: h5py.Group, trajectory: Trajectory) -> None:
    series = (
        ("position", trajectory.positions_A, trajectory.position_time_fs, POSITION_DECIMALS, "Angstrom"),
        ("velocity", trajectory.velocities_A_fs, trajectory.velocity_time_fs, VELOCITY_DECIMALS, "Angstrom fs-1"),
    )
    for name, values, time_fs, decimals, unit in series:
        # rounded here already: the filter rounds differences to a smallest value that it keeps as it is
        values = np.round(np.asarray(values, dtype=float), decimals)
        if not np.isfinite(values).all():
            raise ValueError(f"the {name} is not finite everywhere")
        element = group.create_group(name)
        filters = {"chunks": _chunks(values.shape), "scaleoffset": decimals, "shuffle": True, "compression": "gzip"}
        dataset = element.create_dataset("value", data=values, **(filters if values.size else {}))
        dataset.attrs["unit"], dataset.attrs["decimals"] = unit, decimals
        element["step"] = np.rint(np.asarray(time_fs) / trajectory.timestep_fs).astype(np.int64)
        element["time"] = np.asarray(time_fs, dtype=float)
        element["time"].attrs["unit"] = "fs"
    box = group.create_group("box")
    box.attrs["dimension"] = 3
    box.attrs["boundary"] = ["periodic"] * 3
    box["edges"] = np.asarray(trajectory.cell_A, dtype=float)
    box["edges"].attrs["unit"] = "Angstrom"
    group["species"] = np.asarray(trajectory.numbers, dtype=np.int16)


def _chunks(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Chunks that follow a few atoms through many frames."""
    frames = min(max(shape[0], 1), CHUNK_FRAMES)
    return frames, min(max(shape[1], 1), math.ceil(CHUNK_VALUES / (3 * frames))), 3


def repeats_of(path: Path) -> list[int]:
    """Numbers of the repeats in a trajectory file.

    Raises
    ------
    UserError
        If the file is missing or not H5MD.
    """
    with _opened(path) as file:
        return sorted(int(name.removeprefix("repeat-")) for name in file["particles"])


def read_trajectory(path: Path, repeat: int) -> Trajectory:
    """Read one repeat of what `write_trajectory` wrote.

    Raises
    ------
    UserError
        If the file is missing or not H5MD, or has no such repeat.
    """
    with _opened(path) as file:
        name = f"particles/repeat-{repeat:02d}"
        if name not in file:
            raise UserError(f"{path}: there is no repeat {repeat} in this trajectory; rerun the job that made it.")
        group, parameters = file[name], file["parameters"]
        times = {key: group[key]["time"][:] for key in ("position", "velocity")}
        sites = parameters["site"].asstr()[:].astype(str) if "site" in parameters else None
        return Trajectory(
            positions_A=group["position/value"][:],
            position_time_fs=times["position"],
            velocities_A_fs=group["velocity/value"][:],
            velocity_time_fs=times["velocity"],
            cell_A=group["box/edges"][:],
            numbers=group["species"][:].astype(int),
            masses_u=parameters["masses"][:],
            molecules=parameters["molecule"][:].astype(int),
            sites=sites,
            timestep_fs=_timestep_fs(group),
        )


def _timestep_fs(group: h5py.Group) -> float:
    for key in ("velocity", "position"):
        step, time_fs = group[key]["step"], group[key]["time"]
        if len(step) and step[-1]:
            return float(time_fs[-1] / step[-1])
    return 1.0


def bytes_per_atom_frame(path: Path) -> dict[str, float]:
    """Stored bytes per atom and frame of ``position`` and ``velocity``, over all repeats; NaN where there are none."""
    stored: dict[str, list[int]] = {"position": [0, 0], "velocity": [0, 0]}
    with _opened(path) as file:
        for group in file["particles"].values():
            for name, count in stored.items():
                dataset = group[name]["value"]
                count[0] += dataset.id.get_storage_size()
                count[1] += dataset.shape[0] * dataset.shape[1]
    return {name: size / values if values else float("nan") for name, (size, values) in stored.items()}


def _opened(path: Path) -> h5py.File:
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except OSError as error:
        raise UserError(f"{path}: not readable as HDF5 ({error}); delete it and rerun the campaign.") from error
    if "particles" not in file or "parameters" not in file:
        file.close()
        raise UserError(f"{path}: an HDF5 file, but not a trajectory of ours; delete it and rerun the campaign.")
    return file


def write_thermodynamics(path: Path, table: Columns) -> None:
    """Write energies and temperatures of every step, atomically; columns as of `THERMODYNAMICS`.

    Rows are sorted by repeat, phase (in the order of time) and step.
    """
    phase = np.asarray(table["phase"]) == NVE
    _write_parquet(path, table, THERMODYNAMICS, np.lexsort((table["step"], phase, table["repeat"])))


def read_thermodynamics(path: Path) -> pd.DataFrame:
    """Energies and temperatures of every step: the columns of `THERMODYNAMICS`, times from the start of the phase.

    Raises
    ------
    UserError
        If the file is missing or not Parquet.
    """
    return _read_parquet(path)


def write_scan(path: Path, table: Columns) -> None:
    """Write total energies of short runs with several time steps, atomically; columns as of `SCAN`."""
    _write_parquet(path, table, SCAN, np.lexsort((table["step"], table["repeat"], table["timestep_fs"])))


def read_scan(path: Path) -> pd.DataFrame:
    """Total energies of short runs with several time steps: the columns of `SCAN`.

    Raises
    ------
    UserError
        If the file is missing or not Parquet.
    """
    return _read_parquet(path)


def _write_parquet(path: Path, table: Columns, schema: pa.Schema, order: np.ndarray) -> None:
    # without pandas, which not every model's environment has
    columns = [pa.array(np.asarray(table[name])[order]).cast(schema.field(name).type) for name in schema.names]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), temporary, compression="zstd")


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pq.read_table(path).to_pandas()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not readable as Parquet ({error}); delete it and rerun the campaign.") from error
