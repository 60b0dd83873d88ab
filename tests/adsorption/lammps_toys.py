"""Potentials, boxes and chains for LAMMPS as the engine of the chapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units

from assay.adsorption.lammps_engine import simulate_case
from assay.adsorption.raw import read_sample_columns
from assay.hosts import System, make_system
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared

ROOT = Path(__file__).resolve().parents[2]
TEMPERATURE_K = 300.0
KT_EV = units.kB * TEMPERATURE_K
SKEWED = np.array([[20.0, 0, 0], [3.0, 18.0, 0], [-2.0, 4.0, 19.0]])
SETTINGS: dict[str, Any] = {
    "moves": "mc",
    "guest": "rigid",
    "trials": 6000,
    "equilibration_trials": 500,
    "replicas": 1,
    "sample_every": 20,
    "frame_every": 500,
    "supercell": [1, 1, 1],
    "relax_host": False,
    "overlap_fraction": 0.0,
    "shares": {"translation": 1, "rotation": 1, "exchange": 2},
    "max_displacement_A": 1.0,
    "max_rotation_deg": 30.0,
    "timestep_fs": 2.0,
    "md_steps_per_exchange": 20,
    "exchanges_per_cycle": 20,
    "thermostat_fs": 100.0,
}
BRIDGE = {"loader": {}}

Field = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray | None]]
"""Energy (eV) of guests, positions of shape (n, m, 3), in a cell; forces on their atoms where there are any."""


def potential_of(field: Field, size: int) -> Potential:
    """A potential that acts on guests of so many atoms alone."""

    def forward(structures: list[Atoms], wanted: frozenset[str]) -> list[Result]:
        results = []
        for atoms in structures:
            guests = np.flatnonzero(atoms.arrays["molecule"] >= 0)
            energy_eV, forces_eV_A = 0.0, np.zeros((len(atoms), 3))
            if atoms.pbc.all() and len(guests):
                energy_eV, on_guests = field(atoms.positions[guests].reshape(-1, size, 3), atoms.cell.array)
                if on_guests is not None:
                    forces_eV_A[guests] = on_guests.reshape(-1, 3)
            results.append(Result(energy_eV, forces_eV_A if "forces" in wanted else None))
        return results

    return Potential(
        name="field",
        device="cpu",
        dtype="float64",
        conservative=True,
        elements=None,
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=forward,
        make_package_calculator=lambda: None,
        package_calculator_name="none",
        native=False,
        details={"cutoff_A": 5.0},
    )


def nothing(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, np.ndarray]:
    return 0.0, np.zeros_like(positions_A)


def carbon_dioxide() -> Atoms:
    return Atoms("CO2", positions=[[0, 0, 0], [0, 0, 1.16], [0, 0, -1.16]])


def box(guest: Atoms, cell_A: np.ndarray = SKEWED) -> System:
    """A cell with a single atom as a host, which guests do not feel."""
    host = Atoms("He", positions=[[1.0, 1.0, 1.0]], cell=cell_A, pbc=True)
    return make_system(host, guest)


def chain(
    potential: Potential,
    system: System,
    activity_volume: float,
    folder: Path,
    entry: dict[str, Any] = BRIDGE,
    seed: int = 1,
    temperature_K: float = TEMPERATURE_K,
    **settings: Any,
) -> dict[str, Any]:
    """Simulate a case at beta f V = `activity_volume`; returns observations and the samples after equilibration."""
    fugacity_Pa = activity_volume * units.kB * temperature_K / system.host.get_volume() / units.Pascal
    files, found = simulate_case(
        potential,
        entry,
        system,
        {"temperature_K": temperature_K, "fugacity_Pa": fugacity_Pa},
        SETTINGS | settings,
        folder,
        seed=seed,
        stream="test",
    )
    samples = read_sample_columns(files[0])
    kept = samples["trial"] > found["equilibration_trials"]
    return {"observations": found, "files": files, "samples": {name: column[kept] for name, column in samples.items()}}


def mean_number(found: dict[str, Any], expected: float) -> dict[str, float]:
    numbers = found["samples"]["n_molecules"]
    blocks = numbers[: len(numbers) // 15 * 15].reshape(15, -1).mean(axis=1)
    return {
        "mean": numbers.mean(),
        "stderr": blocks.std(ddof=1) / np.sqrt(len(blocks)),
        "variance": numbers.var(),
        "least": numbers.min(),
        "expected": expected,
    }
