"""A made-up campaign: chains of a lattice gas of sites that do not know each other, whose answers are known.

Each site of the host is empty or holds one guest of the same energy: n is binomial, the isotherm is Langmuir's, and the
isosteric heat is RT plus the energy at all loadings. In a step a share of the sites is drawn anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from scipy import constants

from assay.adsorption import raw
from assay.adsorption.trajectories import TRAJECTORY_FILE, Frames, new_trajectory
from assay.hosts import make_system, write_system
from assay.records import write_json

SYSTEM = "CO2-in-channel"
TEMPERATURE_K = 298.0
PRESSURES_BAR = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
SITES, SITE_ENERGY_EV, AFFINITY_PER_PA = 36, -0.4, 4e-5
REPEATS = (1, 1, 3)
SEED = 7
EDGE_A, HEIGHT_A, RING_A = 13.0, 6.0, 5.2
N_SAMPLES, SAMPLE_EVERY, ADAPTATION, REDRAWN = 1500, 20, 2000, 0.3
CARDS = [
    {"model": "sound", "label": "Sound", "colour": "#0072B2"},
    {"model": "drifting", "label": "Drifting", "colour": "#D55E00"},
    {"model": "broken", "label": "Broken", "colour": "#009E73"},
    {"model": "absent", "label": "Absent", "colour": "#CC79A7"},
]
SETTINGS = {"blocks": 10, "bootstrap": 200, "min_effective_samples": 20, "map_window_A": 30.0, "map_tile_A": 1.5}


def channel() -> Atoms:
    """A hexagonal cell whose atoms lie on a cylinder around its middle, metals among them."""
    cell = np.array([[EDGE_A, 0, 0], [-EDGE_A / 2, EDGE_A * np.sqrt(3) / 2, 0], [0, 0, HEIGHT_A]])
    angles = np.arange(18) * 2 * np.pi / 18
    ring = np.column_stack([RING_A * np.cos(angles), RING_A * np.sin(angles), np.arange(18) % 3 * HEIGHT_A / 3])
    return Atoms("OMgC" * 6, positions=ring + cell.sum(axis=0) / 2, cell=cell, pbc=True)


def case_of(pressure_bar: float) -> str:
    """Name of the case."""
    return f"{SYSTEM}-{TEMPERATURE_K:g}K-{pressure_bar:g}bar"


def coverage(pressure_bar: float) -> float:
    """Share of the sites that are filled in equilibrium, of an ideal gas."""
    filled = AFFINITY_PER_PA * pressure_bar * constants.bar
    return filled / (1 + filled)


def lattice_gas(theta: float, start: int, steps: int, rng: np.random.Generator, redrawn: float = REDRAWN) -> np.ndarray:
    """Number of guests after each step; its correlation falls by 1 - redrawn in each."""
    numbers = np.empty(steps, dtype=int)
    number = start
    for step in range(steps):
        kept = rng.binomial(number, 1 - redrawn * (1 - theta))
        number = kept + rng.binomial(SITES - number, redrawn * theta)
        numbers[step] = number
    return numbers


def write_campaign(folder: Path, models: tuple[str, ...] = ("sound", "drifting", "broken")) -> None:
    """Write inputs and records: one model is sound, one drifts and has two pressures of its own, one fails."""
    system = make_system(channel(), Atoms("OCO", positions=[[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]]))
    inputs = folder / "inputs"
    write_system(inputs / "batch-000" / SYSTEM, system)
    facts = {
        "system": SYSTEM,
        "host": f"batch-000/{SYSTEM}/host.xyz",
        "guest": f"batch-000/{SYSTEM}/guest.xyz",
        "guest_mass_u": 44.009,
        "pore_fraction": 0.7,
        "pore_fraction_stderr": 0.001,
        "sha256": "0",
        **system.facts(),
    }
    cases = {case_of(pressure): facts | state(pressure) for pressure in PRESSURES_BAR}
    few = [case_of(pressure) for pressure in PRESSURES_BAR[2:5:2]]
    index = {"settings": {}, "seed": SEED, "by_model": {}, "cases_by_model": {"drifting": few}, "cases": cases}
    write_json(inputs / "batch-000.json", index)
    for model in models:
        path = folder / f"models/{model}/adsorption/batch-000.json"
        names = few if model == "drifting" else list(cases)
        results = {case: write_case(path.parent / case, model, cases[case], system) for case in names}
        write_json(path, {"model": model, "device": "cpu", "threads": 1, "cases": results})


def state(pressure_bar: float) -> dict:
    """The gas, an ideal one."""
    pressure_Pa = pressure_bar * constants.bar
    return {
        "temperature_K": TEMPERATURE_K,
        "pressure_bar": pressure_bar,
        "fugacity_Pa": pressure_Pa,
        "fugacity_coefficient": 1.0,
        "gas_density_mol_m3": pressure_Pa / (constants.R * TEMPERATURE_K),
    }


def write_case(folder: Path, model: str, facts: dict, system) -> dict:
    """Raw files of one case; returns what the record says of it."""
    if model == "broken":
        return {"status": "failed", "reason": "non_finite", "message": "no energy", "observations": {}}
    host = system.host.repeat(REPEATS)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([SEED, int(1000 * facts["pressure_bar"]), len(model)])
    theta = coverage(facts["pressure_bar"])
    trial = (np.arange(N_SAMPLES) + 1) * SAMPLE_EVERY
    columns = {name: [] for name in raw.SAMPLES.names}
    with new_trajectory(folder / TRAJECTORY_FILE, host, system.guest) as writer:
        for replica in range(2):
            numbers = lattice_gas(theta, 0, N_SAMPLES, rng)
            if model == "drifting":
                numbers = numbers // 3 + np.arange(N_SAMPLES) * 8 // N_SAMPLES
            for name, values in {
                "replica": np.full(N_SAMPLES, replica),
                "trial": trial,
                "n_molecules": numbers,
                "energy_eV": numbers * SITE_ENERGY_EV + 0.01 * np.sqrt(numbers) * rng.normal(size=N_SAMPLES),
                "closest_fraction": np.where(numbers > 0, 1.0, np.nan),
                "n_inside": np.zeros(N_SAMPLES),
            }.items():
                columns[name].append(values)
            for_frames = np.arange(9, N_SAMPLES, 10)
            writer.append(replica, Frames(trial[for_frames], numbers[for_frames], placed(numbers[for_frames], rng)))
    raw.write_samples(folder / raw.SAMPLES_FILE, {name: np.concatenate(parts) for name, parts in columns.items()})
    write_moves(folder / raw.MOVES_FILE, theta)
    return {"status": "ok", "reason": None, "message": None, "observations": observations(facts, host)}


def placed(numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Guests at the metals, their oxygens 2.2 Å from them, in slots that are NaN where there is none."""
    cell = channel()
    middle = cell.cell.array.sum(axis=0) / 2
    metals = cell.positions[cell.symbols == "Mg"]
    inwards = middle - metals
    inwards[:, 2] = 0
    inwards /= np.linalg.norm(inwards, axis=1)[:, None]
    positions = np.full((len(numbers), SITES, 3, 3), np.nan, dtype=np.float32)
    for frame, number in enumerate(numbers):
        sites = rng.choice(SITES, size=number, replace=False)
        metal, layer = sites % 6, (sites // 6) % REPEATS[2]
        start = metals[metal] + inwards[metal] * 2.2 + 0.1 * rng.normal(size=(number, 3))
        start[:, 2] += layer * HEIGHT_A
        positions[frame, :number] = start[:, None, :] + inwards[metal][:, None, :] * np.array([0, 1.16, 2.32])[:, None]
    return positions


def write_moves(path: Path, theta: float) -> None:
    """As many acceptances as the coverage lets one expect."""
    shares = {"translation": 0.4, "rotation": 0.3, "insertion": 0.05 * (1 - theta), "deletion": 0.05 * theta}
    rows = [
        (replica, part, move, attempted, round(share * attempted), attempted // 20, 0)
        for replica in range(2)
        for part, attempted in ((raw.EQUILIBRATION, 500), (raw.PRODUCTION, 7000))
        for move, share in shares.items()
    ]
    names = ("replica", "part", "move", "attempted", "accepted", "overlaps", "non_finite")
    raw.write_moves(path, dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)))


def observations(facts: dict, host: Atoms) -> dict:
    """What a run says beside its files."""
    return {
        **{name: facts[name] for name in ("temperature_K", "pressure_bar", "fugacity_Pa", "fugacity_coefficient")},
        **{name: facts[name] for name in ("gas_density_mol_m3", "pore_fraction", "pore_fraction_stderr")},
        "engine": "assay",
        "moves": "mc",
        "guest": "rigid",
        "mode": "additive",
        "resume": "exact",
        "n_replicas": 2,
        "n_trials": N_SAMPLES * SAMPLE_EVERY,
        "sample_every": SAMPLE_EVERY,
        "frame_every": 10 * SAMPLE_EVERY,
        "equilibration_trials": ADAPTATION,
        "supercell": list(REPEATS),
        "n_cells": int(np.prod(REPEATS)),
        "n_atoms_host": len(host),
        "host_mass_u": float(host.get_masses().sum()),
        "volume_A3": float(host.get_volume()),
        "guest_mass_u": 44.009,
        "guest_energy_eV": -1.0,
        "seconds_per_trial": 1e-4,
        "n_non_finite": 0,
    }
