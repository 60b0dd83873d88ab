"""A made-up campaign of carbon dioxide: molecules on random walks of known diffusion that vibrate at known wavenumbers.

Molecular centres are Langevin particles, drawn exactly for any time step (doi:10.1103/RevModPhys.15.1), so that
D = kT τ / m. They do not see each other and would pass through one another: the box is so wide that they rarely meet,
while the facts of the cases tell the density of a gas of some hundred bar. Molecules keep their directions and vibrate
in their three modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from ase import Atoms
from ase.units import _amu, _k

from assay.gas.systems import write_frames
from assay.gas.trajectories import Trajectory, write_scan, write_thermodynamics, write_trajectory
from assay.records import file_sha256, write_json

MASSES_u = np.array([12.011, 15.999, 15.999])
NUMBERS = (6, 8, 8)
BOND_A = 1.16
MODES_per_cm = {"bend": 640.0, "symmetric": 1310.0, "antisymmetric": 2300.0}
LIGHT_cm_fs = 2.99792458e-5
COUNT = 27
BOX_A = 60.0
VOLUME_A3 = COUNT / 50 * 25.0**3
"""Of the facts, not of the box."""
SETTINGS = {
    **{"protocol": 1, "repeats": 2, "equilibration_K": None, "equilibration_ps": 1, "production_ps": 4},
    **{"timestep_fs": 1.0, "thermostat": "langevin", "frame_interval_fs": 20, "velocity_interval_fs": 4},
    **{"timestep_scan_fs": [0.5, 1.0, 2.0], "timestep_scan_ps": 1},
}


def thermal_speed_A_fs(temperature_K: float) -> float:
    """Root mean square of one component of the velocity of a molecule."""
    return float(np.sqrt(_k * temperature_K / (MASSES_u.sum() * _amu)) * 1e-5)


def persistence_fs(temperature_K: float, diffusion_m2_s: float) -> float:
    """How long a molecule of this diffusion keeps its velocity."""
    return diffusion_m2_s * 1e5 / thermal_speed_A_fs(temperature_K) ** 2


def walk(
    random: np.random.Generator, times_fs: np.ndarray, start: np.ndarray, temperature_K: float, diffusion_m2_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Places and velocities of Langevin particles at equidistant times, shape (t, m, 3) each."""
    speed, tau = thermal_speed_A_fs(temperature_K), persistence_fs(temperature_K, diffusion_m2_s)
    step = times_fs[1] - times_fs[0]
    kept = np.exp(-step / tau)
    var_v = speed**2 * (1 - kept**2)
    var_x = speed**2 * tau**2 * (2 * step / tau - 3 + 4 * kept - kept**2)
    cov = speed**2 * tau * (1 - kept) ** 2
    factor = np.linalg.cholesky([[var_x, cov], [cov, var_v]])
    places = np.empty((len(times_fs), *start.shape))
    velocities = np.empty_like(places)
    places[0], velocities[0] = start, speed * random.normal(size=start.shape)
    for frame in range(1, len(times_fs)):
        kick = np.einsum("ab,b...->a...", factor, random.normal(size=(2, *start.shape)))
        places[frame] = places[frame - 1] + tau * (1 - kept) * velocities[frame - 1] + kick[0]
        velocities[frame] = kept * velocities[frame - 1] + kick[1]
    # no total momentum, as in a run at constant energy; diffusion becomes slower by one part in m
    drawn = velocities.mean(axis=1, keepdims=True)
    return places - (places - start).mean(axis=1, keepdims=True), velocities - drawn


def vibrations(
    random: np.random.Generator, times_fs: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Displacements and velocities of the atoms of each molecule about its rigid shape, shape (t, m, 3 atoms, 3)."""
    across = np.cross(directions, random.normal(size=directions.shape))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    carbon, oxygen = MASSES_u[:2]
    opposite = -2 * oxygen / carbon
    shapes = {
        "bend": (across, [opposite, 1, 1]),
        "symmetric": (directions, [0, 1, -1]),
        "antisymmetric": (directions, [opposite, 1, 1]),
    }
    displacement = np.zeros((len(times_fs), len(directions), 3, 3))
    velocity = np.zeros_like(displacement)
    for name, (axis, weights) in shapes.items():
        omega = 2 * np.pi * LIGHT_cm_fs * MODES_per_cm[name]
        amplitude = 0.02 * np.einsum("a,mx->max", weights, axis)
        phase = omega * times_fs[:, None] + random.uniform(0, 2 * np.pi, len(directions))
        displacement += np.sin(phase)[..., None, None] * amplitude
        velocity += omega * np.cos(phase)[..., None, None] * amplitude
    return displacement, velocity


def start_of(random: np.random.Generator, count: int = COUNT, box_A: float = BOX_A) -> tuple[Atoms, np.ndarray]:
    """Molecules at the points of a lattice, and their directions."""
    side = int(np.ceil(count ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:count]
    directions = random.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = (grid + 0.5) * box_A / side
    positions = centres[:, None] + np.array([0, 1, -1])[:, None] * BOND_A * directions[:, None]
    atoms = Atoms(NUMBERS * count, positions.reshape(-1, 3), cell=[box_A] * 3, pbc=True)
    atoms.set_array("molecule", np.repeat(np.arange(count), 3))
    atoms.set_array("site", np.array(["C_co2", "O_co2", "O_co2"] * count))
    return atoms, directions


def trajectory_of(
    random: np.random.Generator,
    start: Atoms,
    directions: np.ndarray,
    temperature_K: float,
    diffusion_m2_s: float,
    *,
    length_fs: float,
    broken_from_fs: float = np.inf,
) -> Trajectory:
    """One run; from `broken_from_fs` on, the last oxygen of the first molecule is 3 Å away from it."""
    step = SETTINGS["velocity_interval_fs"]
    times_fs = np.arange(0.0, length_fs + 0.5 * step, step)
    rigid = start.positions.reshape(-1, 3, 3)
    centres = np.einsum("a,max->mx", MASSES_u / MASSES_u.sum(), rigid)
    places, velocities = walk(random, times_fs, centres, temperature_K, diffusion_m2_s)
    displacement, vibration = vibrations(random, times_fs, directions)
    positions = (places[:, :, None] + (rigid - centres[:, None]) + displacement).reshape(len(times_fs), -1, 3)
    positions[times_fs >= broken_from_fs, 2] += 3.0 * (rigid[0, 2] - rigid[0, 0]) / BOND_A
    every = SETTINGS["frame_interval_fs"] // step
    count = len(directions)
    return Trajectory(
        positions_A=positions[::every],
        position_time_fs=times_fs[::every],
        velocities_A_fs=(velocities[:, :, None] + vibration).reshape(len(times_fs), -1, 3),
        velocity_time_fs=times_fs,
        cell_A=np.array(start.cell),
        numbers=start.numbers,
        masses_u=np.tile(MASSES_u, count),
        molecules=start.arrays["molecule"],
        sites=start.arrays["site"],
    )


def thermodynamics_of(
    random: np.random.Generator, repeat: int, temperature_K: float, n_atoms: int, *, length_fs: float, drift: float
) -> pd.DataFrame:
    """Energies of one run that drifts by so many meV/atom/ps, after an equilibration."""
    frames = []
    for phase, length, slope in (("nvt", 500.0, 0.0), ("nve", length_fs, drift)):
        time_fs = np.arange(0.0, length + 0.5)
        temperature = temperature_K * (1 + 0.05 * random.normal(size=len(time_fs)))
        kinetic = 1.5 * (n_atoms - 1) * _k / 1.602176634e-19 * temperature
        total = -17.0 * n_atoms / 3 + n_atoms * 1e-3 * (slope * time_fs / 1000 + 0.2 * np.sin(time_fs / 3))
        columns = {"repeat": repeat, "phase": phase, "step": np.arange(len(time_fs)), "time_fs": time_fs}
        columns |= {"potential_energy_eV": total - kinetic, "kinetic_energy_eV": kinetic}
        frames.append(pd.DataFrame(columns | {"temperature_K": temperature}))
    return pd.concat(frames)


def scan_of(random: np.random.Generator, repeats: int, n_atoms: int, remaining: float) -> pd.DataFrame:
    """Short runs whose energy fluctuates with the square of the time step, and drifts by `remaining` meV/atom/ps."""
    frames = []
    for timestep in SETTINGS["timestep_scan_fs"]:
        for repeat in range(repeats):
            time_fs = np.arange(0.0, 1000.0, timestep)
            size = 0.2 * timestep**2 * (1 + 0.02 * random.normal())
            energy = n_atoms * 1e-3 * (size * np.sin(time_fs / 3) + remaining * time_fs / 1000)
            columns = {"timestep_fs": timestep, "repeat": repeat, "step": np.arange(len(time_fs)), "time_fs": time_fs}
            frames.append(pd.DataFrame(columns | {"total_energy_eV": energy}))
    return pd.concat(frames)


def write_inputs(
    folder: Path, temperatures_K: Sequence[float], seed: int = 1, settings: dict | None = None
) -> SimpleNamespace:
    """Prepared starts and their index, as ``results/inputs/gas`` holds them."""
    random = np.random.default_rng(seed)
    settings = SETTINGS | (settings or {})
    starts = [start_of(random) for _ in range(settings["repeats"])]
    path = folder / "inputs/CO2.xyz"
    write_frames(path, [atoms for atoms, _ in starts])
    facts = {
        **{"system": "CO2", "file": "CO2.xyz", "sha256": file_sha256(path), "n_atoms": 3 * COUNT},
        **{
            "n_molecules": COUNT,
            "volume_A3": VOLUME_A3,
            "molecule": "CO2",
            "reference": None,
            "reference_sha256": None,
        },
        "density_g_cm3": COUNT * MASSES_u.sum() * 1.66053907 / VOLUME_A3,
    }
    cases = {f"CO2-{kelvin:g}K": facts | {"temperature_K": float(kelvin)} for kelvin in temperatures_K}
    index = folder / "inputs/batch-000.json"
    write_json(index, {"settings": settings, "seed": seed, "by_model": {}, "cases": cases})
    return SimpleNamespace(index=index, cases=cases, starts=starts, settings=settings)


def write_model(
    folder: Path,
    inputs: SimpleNamespace,
    model: str,
    *,
    drift: float = 0.0,
    diffusion_m2_s: float = 2.0e-8,
    explodes_at_fs: float | None = None,
    broken_from_fs: float = np.inf,
    fails: Sequence[str] = (),
    seed: int = 2,
) -> Path:
    """A model's raw results and record. With `explodes_at_fs` its last repeat ends there."""
    random = np.random.default_rng(seed)
    record = folder / f"models/{model}/gas/batch-000.json"
    results = {}
    for case, facts in inputs.cases.items():
        blank = {"status": "ok", "reason": None, "message": None, "observations": {}, "wall_time_s": 1.0, "files": {}}
        if case in fails:
            results[case] = blank | {"status": "failed", "reason": "out_of_memory", "message": "too large"}
            continue
        length_fs = 1000.0 * inputs.settings["production_ps"]
        trajectories, tables, exploded = {}, [], []
        kelvin = facts["temperature_K"]
        for repeat, (atoms, directions) in enumerate(inputs.starts):
            last = repeat == len(inputs.starts) - 1
            length = explodes_at_fs if last and explodes_at_fs is not None else length_fs
            if length < length_fs:
                exploded.append({"repeat": repeat, "phase": "nve", "time_fs": length, "cause": "temperature"})
            broken = broken_from_fs if repeat == 0 else np.inf
            trajectories[repeat] = trajectory_of(
                random,
                atoms,
                directions,
                kelvin,
                diffusion_m2_s * kelvin / 300,
                length_fs=length,
                broken_from_fs=broken,
            )
            slope = drift * (1 + 0.1 * random.normal())
            tables.append(thermodynamics_of(random, repeat, kelvin, len(atoms), length_fs=length, drift=slope))
        path = record.parent / case
        write_trajectory(path / "trajectory.h5", trajectories)
        write_thermodynamics(path / "thermodynamics.parquet", pd.concat(tables))
        write_scan(path / "scan.parquet", scan_of(random, len(inputs.starts), facts["n_atoms"], drift))
        seen = {
            **{"n_atoms": facts["n_atoms"], "n_molecules": COUNT, "repeats": len(inputs.starts), "timestep_fs": 1.0},
            **{"production_ps": inputs.settings["production_ps"], "exploded": exploded, "seconds_per_step": 0.01},
            **{"advanced": "together", "trajectory_bytes_per_atom_frame": 5.0, "velocity_bytes_per_atom_frame": 6.0},
            **{"deterministic_resume": True, "resumed": 0, "thermostat": "langevin", "equilibration_ps": 0.5},
        }
        results[case] = blank | {"observations": seen}
    write_json(record, {"model": model, "cases": results, "device": "cpu", "threads": 1})
    return record
