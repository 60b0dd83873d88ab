"""Runs in LAMMPS's environment: the chapter's LAMMPS engine beside laws of statistical mechanics; prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from lammps_toys import (
    BRIDGE,
    KT_EV,
    ROOT,
    SETTINGS,
    TEMPERATURE_K,
    Field,
    box,
    carbon_dioxide,
    chain,
    mean_number,
    nothing,
    potential_of,
)
from scipy.spatial.transform import Rotation

from assay.adsorption.lammps_axes import Axes
from assay.adsorption.lammps_blocks import make_trials
from assay.adsorption.lammps_engine import simulate_case
from assay.adsorption.lammps_forces import GuestForces
from assay.adsorption.lammps_script import COUNTERS, Moves
from assay.adsorption.lammps_systems import BridgedSystem, NativeSystem
from assay.adsorption.raw import read_sample_columns
from assay.adsorption.trajectories import read_frames
from assay.failures import PotentialFailure, UserError
from assay.frameworks import read_framework, read_molecule
from assay.hosts import make_system
from assay.potentials import load
from assay.potentials.base import Result
from assay.potentials.force_field_files import read_force_field
from assay.potentials.lammps_library import open_lammps
from assay.records import plain


def ideal_gas(folder: Path) -> dict[str, Any]:
    """<N> = beta f V, and Poisson's variance."""
    system = box(carbon_dioxide())
    return mean_number(chain(potential_of(nothing, 3), system, 3.0, folder), 3.0)


NEUTRAL = """
description: nothing
source: none
mixing: geometric
cutoff_A: 3.0
at_cutoff: truncated
framework_charges: sites
framework:
  He: {element: He, epsilon_K: 0.0, sigma_A: 1.0, charge_e: 0.0}
guest:
  C_co2: {element: C, epsilon_K: 0.0, sigma_A: 1.0, charge_e: 0.0}
  O_co2: {element: O, epsilon_K: 0.0, sigma_A: 1.0, charge_e: 0.0}
"""


def native_ideal_gas(folder: Path) -> dict[str, Any]:
    """The same by LAMMPS's own pair styles, with parameters of zero."""
    folder.mkdir(parents=True)
    file = folder / "nothing.yaml"
    file.write_text(NEUTRAL)
    entry = {"name": "nothing", "package": "classical", "loader": {"kind": "force-field", "file": str(file)}}
    system = box(read_molecule(ROOT / "resources/molecules/CO2.xyz"))
    found = chain(load(entry, "cpu"), system, 3.0, folder / "case", entry)
    return mean_number(found, 3.0) | {"mode": found["observations"]["mode"]}


def dynamics_in_a_wave(folder: Path) -> dict[str, Any]:
    """Carbon atoms in u = -A cos(2 pi s) along the first lattice vector: <N> = beta f V I0(beta A), moved by dynamics.

    Where the guests are is left to the dynamics: mean u = -A I1/I0 needs forces, integrator and temperature.
    """
    amplitude = 2 * KT_EV

    def wave(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, np.ndarray]:
        inverse = np.linalg.inv(cell_A)
        phases = 2 * np.pi * positions_A[:, 0] @ inverse[:, 0]
        forces = np.zeros_like(positions_A)
        forces[:, 0] = -amplitude * np.sin(phases)[:, None] * 2 * np.pi * inverse[:, 0]
        return -amplitude * np.cos(phases).sum(), forces

    bessel = [np.i0(2.0), 1.5906368546373291]
    activity = 0.5
    found = chain(
        potential_of(wave, 3),
        box(carbon_dioxide()),
        activity,
        folder,
        moves="md+exchange",
        trials=6000,
        sample_every=20,
    )
    samples = found["samples"]
    per_molecule = samples["energy_eV"].sum() / samples["n_molecules"].sum()
    frames = read_frames(found["files"][2], 0)
    bonds = np.linalg.norm(np.diff(frames.positions_A[:, :, :2], axis=2)[:, :, 0], axis=2)
    return mean_number(found, activity * bessel[0]) | {
        "energy_kT": per_molecule / KT_EV,
        "expected_energy_kT": -2 * bessel[1] / bessel[0],
        "bond_A": [np.nanmin(bonds), np.nanmax(bonds)],
    }


def rotors(folder: Path) -> dict[str, Any]:
    """Molecules in u = -A cos^2 of the angle to an axis: <N> = beta f V int_0^1 exp(beta A x^2) dx.

    Proposed orientations that are not uniform on the sphere give another number.
    """
    strength = 3.0
    axis = np.array([0.0, 0.6, 0.8])
    grid = (np.arange(20_000) + 0.5) / 20_000
    weights = np.exp(strength * grid**2)

    def align(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        cosines = (positions_A[:, 1] - positions_A[:, 2]) @ axis / 2.32
        return -strength * KT_EV * (cosines**2).sum(), None

    found = chain(potential_of(align, 3), box(carbon_dioxide()), 1.0, folder, trials=8000)
    samples = found["samples"]
    return mean_number(found, weights.mean()) | {
        "energy_kT": samples["energy_eV"].sum() / samples["n_molecules"].sum() / KT_EV,
        "expected_energy_kT": -strength * (grid**2 * weights).mean() / weights.mean(),
    }


def inserted_orientations(folder: Path) -> dict[str, float]:
    """Mean of P2 of the angle between inserted molecules and the template's axis, for a template that is never turned,
    and for one that is turned for each block."""
    folder.mkdir()
    system, random = box(carbon_dioxide()), np.random.default_rng(5)
    found = {}
    with open_lammps() as lammps:
        for name in ("fixed", "turned"):
            forces = GuestForces(
                potential_of(nothing, 3), system.host, system.host, system.guest, Axes.of(system.host), 0.0, 4
            )
            engine = BridgedSystem(lammps, forces)
            values = []
            for _ in range(60):
                seed = int(random.integers(1, 2**31 - 1))
                rotation = Rotation.identity() if name == "fixed" else Rotation.random(rng=random)
                bar = 30 * KT_EV / system.host.get_volume() / units.bar
                moves = Moves(40, 0, 0.0, TEMPERATURE_K, bar, 1.0, 30.0, seed)
                positions_A, *_ = make_trials(engine, np.zeros((0, 3, 3)), moves, rotation, folder)
                # the template's axis is z in LAMMPS's axes
                cosines = ((positions_A[:, 1] - positions_A[:, 0]) @ engine.parts.axes.rotation)[:, 2] / 1.16
                values += list(1.5 * cosines**2 - 0.5)
            found[name] = np.mean(values)
            found[f"{name}_stderr"] = np.std(values) / np.sqrt(len(values))
    return found


def lattice_gas(folder: Path) -> dict[str, Any]:
    """Cubic wells that hold one atom each and nothing between them: Langmuir, <N> = M K / (1 + K)."""
    per_edge, edge_A, depth = 2, 10.0, 1.0
    share = 0.8

    def wells(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        places = (positions_A[:, 0] / edge_A % 1.0) * per_edge
        inside = (places % 1.0 < share ** (1 / 3)).all(axis=1)
        sites = np.floor(places).astype(int) @ [1, per_edge, per_edge**2]
        if not inside.all() or len(np.unique(sites)) < len(sites):
            return np.inf, None
        return -depth * KT_EV * len(sites), None

    found = {}
    sites = per_edge**3
    for constant in (0.3, 2.0):
        # of one site: K = beta f v exp(depth)
        activity = constant * sites / (share * np.exp(depth))
        run = chain(
            potential_of(wells, 1),
            box(Atoms("Ar"), np.eye(3) * edge_A),
            activity,
            folder / f"{constant:g}",
            trials=4000,
            shares={"translation": 1, "exchange": 3},
        )
        found[f"{constant:g}"] = mean_number(run, sites * constant / (1 + constant))
    return found


def lennard_jones(folder: Path) -> dict[str, Any]:
    """The fluid at T* = 1.5, rho* = 0.1, of which Kolafa and Nezbeda's equation of state gives mu_ex = -0.696 epsilon.

    Fluid Phase Equilib. 100, 1 (1994), doi:10.1016/0378-3812(94)80001-4. Energies up to half the box with the usual
    tail. The host is an atom that the fluid does not feel.
    """
    temperature, density, excess, edge = 1.5, 0.1, -0.696, 6.3
    epsilon_eV, sigma_A = 0.01, 3.4
    cutoff = edge / 2

    def pairs(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        points = positions_A[:, 0] / sigma_A
        first, second = np.triu_indices(len(points), 1)
        vectors = points[first] - points[second]
        vectors -= edge * np.round(vectors / edge)
        squares = np.einsum("ij,ij->i", vectors, vectors)
        inverse = np.maximum(squares[squares < cutoff**2], 0.05) ** -3
        tail = 8 / 3 * np.pi * len(points) ** 2 / edge**3 * (cutoff**-9 / 3 - cutoff**-3)
        return epsilon_eV * (4 * (inverse * (inverse - 1)).sum() + tail), None

    found = chain(
        potential_of(pairs, 1),
        box(Atoms("Ar"), np.eye(3) * edge * sigma_A),
        density * edge**3 * np.exp(excess / temperature),
        folder,
        temperature_K=temperature * epsilon_eV / units.kB,
        trials=10_000,
        equilibration_trials=1000,
        max_displacement_A=5.0,
        shares={"translation": 1, "exchange": 2},
    )
    return mean_number(found, density * edge**3)


def native_and_bridge(folder: Path) -> dict[str, Any]:
    """The same trials by LAMMPS's own force field, and by that force field through the bridge."""
    folder.mkdir()
    path = ROOT / "resources/force_fields/co2-mof74-dft.yaml"
    system = make_system(
        read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif"), read_molecule(ROOT / "resources/molecules/CO2.xyz")
    )
    force_field = load(
        {"name": "fitted", "package": "classical", "loader": {"kind": "force-field", "file": str(path)}}, "cpu"
    )
    evaluate = force_field.forward

    def forward(structures: list[Atoms], wanted: frozenset[str]) -> list[Result]:
        # of a rigid guest alone, whose atoms do not interact
        return [evaluate([atoms], wanted)[0] if atoms.pbc.all() else Result(0.0) for atoms in structures]

    potential = replace(force_field, forward=forward)
    found = {}
    with open_lammps() as lammps:
        forces = GuestForces(potential, system.host, system.host, system.guest, Axes.of(system.host), 0.0, 4)
        for name, engine in (
            ("native", NativeSystem(lammps, read_force_field(path), system.host, system.guest)),
            ("bridge", BridgedSystem(lammps, forces)),
        ):
            random, positions_A, counts = np.random.default_rng(3), np.zeros((0, 3, 3)), 0
            for _ in range(4):
                seed = int(random.integers(1, 2**31 - 1))
                moves = Moves(25, 25, 0.5, TEMPERATURE_K, 5.0, 0.5, 20.0, seed)
                positions_A, energy_eV, counted = make_trials(
                    engine, positions_A, moves, Rotation.random(rng=random), folder
                )
                counts = counts + counted
            found[name] = {"counts": counts, "energy_eV": energy_eV, "positions_A": positions_A}
    return found


def resumed(folder: Path) -> dict[str, Any]:
    """A run in one piece, one that is stopped by its potential and taken up again, and one that is extended."""
    calls = {"left": 10**9}

    def soft(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        calls["left"] -= 1
        if not calls["left"]:
            raise KeyboardInterrupt
        inverse = np.linalg.inv(cell_A)
        phases = 2 * np.pi * positions_A.reshape(-1, 3) @ inverse
        return float(0.01 * np.cos(phases).sum()), None

    facts = {"temperature_K": TEMPERATURE_K, "fugacity_Pa": 3e6}
    system, potential = box(carbon_dioxide()), potential_of(soft, 3)

    def run(name: str, trials: int) -> list[Path]:
        settings = SETTINGS | {"trials": trials, "replicas": 2, "sample_every": 25, "frame_every": 75}
        files, _ = simulate_case(
            potential, BRIDGE, system, facts, settings, folder / name / "case", seed=2, stream="x", checkpoint_s=0.0
        )
        return files

    whole = run("whole", 600)
    calls["left"] = 300
    stopped = False
    try:
        run("stopped", 600)
    except KeyboardInterrupt:
        stopped = True
    calls["left"] = 10**9
    files = {"stopped": run("stopped", 600)}
    run("extended", 300)
    files["extended"] = run("extended", 600)
    first = read_sample_columns(whole[0])
    same = {}
    for name, found in files.items():
        samples = read_sample_columns(found[0])
        frames = [[read_frames(run[2], replica).positions_A for run in (whole, found)] for replica in (0, 1)]
        same[name] = all(np.array_equal(first[key], samples[key], equal_nan=True) for key in first)
        same[f"{name} frames"] = all(np.array_equal(*pair, equal_nan=True) for pair in frames)
        same[f"{name} moves"] = whole[1].read_bytes() == found[1].read_bytes()
    return {"stopped": stopped, "same": same, "molecules": first["n_molecules"].max()}


def answers(folder: Path) -> dict[str, Any]:
    """What wrong input and bad potentials say, and what is counted."""
    system = box(carbon_dioxide())

    def failing(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        raise ZeroDivisionError("the model's own words")

    def sometimes(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        return float("nan") if positions_A[-1, 0, 0] % 5 < 1 else 0.0, None

    def attracting(positions_A: np.ndarray, cell_A: np.ndarray) -> tuple[float, None]:
        return -1.0 * len(positions_A) ** 2, None

    def of(field: Field, name: str, **settings: Any) -> Any:
        try:
            return chain(potential_of(field, 3), system, 20.0, folder / name, trials=1500, **settings)
        except (UserError, PotentialFailure, ZeroDivisionError) as error:
            return [type(error).__name__, getattr(error, "reason", ""), str(error)]

    counted = of(nothing, "overlaps", overlap_fraction=6.0)["observations"]
    return {
        "flexible": of(nothing, "flexible", guest="flexible"),
        "model": of(failing, "failing"),
        "non_finite": of(sometimes, "sometimes"),
        "runaway": of(attracting, "attracting"),
        "lammps": of(nothing, "refused", max_displacement_A=-1.0),
        "counted": {key: counted[f"n_{key}"] for key in ("overlaps", "evaluated", "non_finite")},
        "moves": list(COUNTERS),
    }


def main() -> None:
    checks = (
        *(ideal_gas, native_ideal_gas, dynamics_in_a_wave, rotors, inserted_orientations, lattice_gas, lennard_jones),
        *(native_and_bridge, resumed, answers),
    )
    wanted = sys.argv[1:] or [check.__name__ for check in checks]
    with tempfile.TemporaryDirectory() as folder:
        report = {check.__name__: check(Path(folder) / check.__name__) for check in checks if check.__name__ in wanted}
    print(json.dumps(plain(report)))


if __name__ == "__main__":
    main()
