"""Runs in the environment of LAMMPS: energies and dynamics through the bridge; prints its findings as JSON."""

from __future__ import annotations

import json
import sys

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet
from bridge_calculators import KCAL_MOL, argon
from bridge_systems import EPSILON_EV, SIGMA_A, by_id, copper, native_argon, relative, solid_argon

from assay.failures import PotentialFailure
from assay.lammps import LammpsBridge
from assay.potentials import load

LAMMPS_MVV2E = 1.0364269e-4
PRESSURES = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")


def furthest(bridge: LammpsBridge, one: np.ndarray, other: np.ndarray, cell: np.ndarray) -> float:
    fractional = (one - other) @ np.linalg.inv(cell)
    return float(np.abs((fractional - np.round(fractional)) @ cell).max())


def run_argon(kind: str, tilted: bool, dynamics: str, steps: int, cutoff_A: float = 7.5) -> dict:
    with LammpsBridge(argon(cutoff_A), "metal") as bridge:
        bridge.place(solid_argon(tilted))
        order = bridge.command
        if kind == "native":
            native_argon(bridge, cutoff_A)
            order = bridge.lammps.command
        order("neigh_modify every 1 delay 0 check yes")
        order(f"fix dynamics all {dynamics}")
        order("timestep 0.002")
        order(f"thermo_style custom step pe {' '.join(PRESSURES)} vol")
        order("run 0 post no")
        start = {
            "energy": bridge.lammps.get_thermo("pe"),
            "forces": by_id(bridge, "f"),
            "pressures": [bridge.lammps.get_thermo(name) for name in PRESSURES],
        }
        volumes = []
        for _ in range(10):
            order(f"run {steps // 10} pre no post no")
            volumes.append(bridge.lammps.get_thermo("vol"))
        low, high, xy, yz, xz, *_ = bridge.lammps.extract_box()
        x, y, z = np.subtract(high, low)
        cell = np.array([[x, 0, 0], [xy, y, 0], [xz, yz, z]])
        return {"start": start, "volumes": volumes, "positions": by_id(bridge, "x"), "cell": cell, "bridge": bridge}


def dynamics(tilted: bool, integrator: str, steps: int) -> dict:
    native, ours = (run_argon(kind, tilted, integrator, steps) for kind in ("native", "bridge"))
    return {
        **{key: relative(ours["start"][key], native["start"][key]) for key in native["start"]},
        "volume": relative(ours["volumes"], native["volumes"]),
        "volume_change": float(np.ptp(native["volumes"]) / native["volumes"][0]),
        "positions_A": furthest(ours["bridge"], ours["positions"], native["positions"], native["cell"]),
    }


def emt_in_ase_axes(turned: bool) -> dict:
    """Energies, forces and stress of a cell in any orientation, there and back."""
    atoms = copper(turned)
    with LammpsBridge(EMT(), "metal") as bridge:
        placed = bridge.place(atoms)
        bridge.command(f"thermo_style custom pe {' '.join(PRESSURES)}")
        bridge.run(0)
        xx, yy, zz, yz, xz, xy = (-bridge.lammps.get_thermo(name) / 1.6021765e6 for name in PRESSURES)
        stress = placed.tensor_to_ase(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
        forces, energy = placed.to_ase(by_id(bridge, "f")), bridge.lammps.get_thermo("pe")
        back = bridge.snapshot()
    expected = atoms.copy()
    expected.calc = EMT()
    return {
        "energy": relative(energy, expected.get_potential_energy()),
        "forces": relative(forces, expected.get_forces()),
        "stress": relative(stress, expected.get_stress(voigt=False)),
        "cell_A": float(np.abs(back.cell.array - atoms.cell.array).max()),
        "positions_A": furthest(bridge, back.positions, atoms.positions, atoms.cell.array),
        "symbols": str(back.symbols) == str(atoms.symbols),
    }


def emt_against_ase(steps: int = 200) -> dict:
    atoms = copper(turned=False)
    atoms.set_velocities(np.random.default_rng(4).normal(0, 0.02, atoms.positions.shape))
    with LammpsBridge(EMT(), "metal") as bridge:
        bridge.place(atoms)
        bridge.command("fix dynamics all nve")
        bridge.command("timestep 0.001")
        bridge.run(steps)
        found = bridge.snapshot()
    # LAMMPS's constant for kinetic energies differs from CODATA's by 5.5e-8: with other masses ase moves alike
    scale = LAMMPS_MVV2E / (units._amu * 1e4 / units._e)
    velocities = atoms.get_velocities()
    atoms.set_masses(atoms.get_masses() * scale)
    atoms.set_velocities(velocities)
    atoms.calc = EMT()
    VelocityVerlet(atoms, timestep=units.fs).run(steps)
    return {
        "positions_A": furthest(bridge, found.positions, atoms.positions, atoms.cell.array),
        "velocities": relative(found.get_velocities(), atoms.get_velocities()),
    }


def real_and_metal() -> dict:
    """The same dynamics in both systems of units; LAMMPS's constants of the two agree to some 1e-7."""
    found = {}
    for name, step in (("metal", 0.001), ("real", 1.0)):
        with LammpsBridge(argon(7.5), name) as bridge:
            bridge.place(solid_argon(tilted=False))
            bridge.command("fix dynamics all nvt temp 60 60 $(100*dt)")
            bridge.command(f"timestep {step}")
            bridge.run(200)
            found[name] = (bridge.snapshot(), bridge.lammps.get_thermo("pe"), bridge.lammps.get_thermo("press"))
    (metal, pe, press), (real, pe_kcal, press_atm) = found["metal"], found["real"]
    return {
        "positions_A": furthest(bridge, real.positions, metal.positions, metal.cell.array),
        "velocities": relative(real.get_velocities(), metal.get_velocities()),
        "energy": relative(pe_kcal / KCAL_MOL, pe),
        "pressure": relative(press_atm * 1.01325, press),
    }


def not_periodic() -> dict:
    """A slab and a cluster: energies of ase, and no pressure."""
    slab = bulk("Cu", cubic=True) * (2, 2, 1)
    slab.rattle(0.05, seed=1)
    slab.center(vacuum=5.0, axis=2)
    slab.pbc = (True, True, False)
    cluster = Atoms("Cu4", positions=[(5, 5, 5), (7.4, 5, 5), (5, 7.4, 5), (5, 5, 7.4)], cell=[12.0] * 3)
    deviations, pressures = [], []
    for atoms in (slab, cluster):
        with LammpsBridge(EMT(), "metal") as bridge:
            bridge.place(atoms)
            bridge.run(0)
            expected = atoms.copy()
            expected.calc = EMT()
            deviations.append(relative(bridge.lammps.get_thermo("pe"), expected.get_potential_energy()))
            deviations.append(relative(by_id(bridge, "f"), expected.get_forces()))
            pressures.append(bridge.lammps.get_thermo("press"))
    return {"relative": max(deviations), "no_pressure": bool(np.isnan(pressures).all())}


def potential() -> dict:
    """A potential of the catalogue, and ase's own Lennard-Jones."""
    loader = {"kind": "lennard-jones", "epsilon_eV": EPSILON_EV, "sigma_A": SIGMA_A, "cutoff_A": 10.0}
    loaded = load({"name": "argon", "package": "classical", "loader": loader, "elements": ["Ar"]})
    atoms = solid_argon(tilted=True)
    energies = []
    for calculator in (loaded, LennardJones(epsilon=EPSILON_EV, sigma=SIGMA_A, rc=10.0)):
        with LammpsBridge(calculator, "metal") as bridge:
            bridge.place(atoms)
            bridge.run(0)
            energies.append(bridge.lammps.get_thermo("pe"))
    with LammpsBridge(loaded, "metal") as bridge:
        bridge.place(atoms)
        native_argon(bridge, 10.0)
        bridge.lammps.command("run 0 post no")
        native = bridge.lammps.get_thermo("pe")
    reason = ""
    try:
        with LammpsBridge(loaded, "metal") as bridge:
            bridge.place(copper(turned=False))
            bridge.run(0)
    except PotentialFailure as failure:
        reason = failure.reason
    return {"energy": relative(energies, [native, native]), "copper": reason}


def main() -> None:
    checks = {
        "nve": lambda: dynamics(False, "nve", 1000),
        "nve_tilted": lambda: dynamics(True, "nve", 200),
        "npt": lambda: dynamics(False, "npt temp 60 60 0.1 aniso 0 0 0.5", 300),
        "npt_tilted": lambda: dynamics(True, "npt temp 60 60 0.1 tri 0 0 0.5", 200),
        "emt": lambda: emt_in_ase_axes(turned=False),
        "emt_turned": lambda: emt_in_ase_axes(turned=True),
        "emt_dynamics": emt_against_ase,
        "real_and_metal": real_and_metal,
        "not_periodic": not_periodic,
        "potential": potential,
    }
    wanted = sys.argv[1:] or list(checks)
    print(json.dumps({key: checks[key]() for key in wanted}, default=float))


if __name__ == "__main__":
    main()
