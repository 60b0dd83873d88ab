"""Runs in the environment of LAMMPS: Monte Carlo through the bridge; prints its findings as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms, units
from bridge_calculators import KCAL_MOL, LennardJonesPairs, Nothing, Well, argon
from bridge_systems import TILTED, counters, native_argon, solid_argon

from assay.lammps import LammpsBridge


def gas_moves(
    kind: str, tilted: bool, *, moving: bool = False, energy_only: bool = False, invocations: int = 60
) -> dict:
    """Grand-canonical argon at T* = 2: translations, insertions, deletions; with `moving` among dynamics."""
    cell = TILTED * 1.2 if tilted else np.eye(3) * 20.0
    atoms = Atoms(
        "Ar4",
        scaled_positions=[(0.1, 0.1, 0.1), (0.6, 0.6, 0.6), (0.1, 0.6, 0.1), (0.6, 0.1, 0.7)],
        cell=cell,
        pbc=True,
    )
    temperature, cutoff_A = 240.0, 7.5
    calculator = argon(cutoff_A)
    with LammpsBridge(calculator, "metal", energy_only=energy_only) as bridge:
        bridge.place(atoms)
        order = bridge.command
        if kind == "native":
            native_argon(bridge, cutoff_A)
            order = bridge.lammps.command
        if moving:
            order(f"velocity all create {temperature} 54654")
            order(f"fix dynamics all nvt temp {temperature} {temperature} 0.1")
        order("compute_modify thermo_temp dynamic/dof yes")
        every, moves = (10, 0) if moving else (1, 10)
        order(f"fix mc all gcmc {every} 10 {moves} 1 12345 {temperature} 0.0 1.5 pressure 120 full_energy")
        order("timestep 0.002")
        order(f"run {every * invocations} post no")
        return {
            "counters": counters(bridge),
            "atoms": bridge.lammps.get_natoms(),
            "energy_eV": bridge.lammps.get_thermo("pe"),
            "asked": sorted({" ".join(asked) for asked in calculator.asked}),
        }


CO2 = """# rigid CO2

3 atoms
2 bonds

Coords

1 0.0 0.0 0.0
2 1.16 0.0 0.0
3 -1.16 0.0 0.0

Types

1 1
2 2
3 2

Charges

1 0.7
2 -0.35
3 -0.35

Bonds

1 1 1 2
2 1 1 3

Special Bond Counts

1 2 0 0
2 1 1 0
3 1 1 0

Special Bonds

1 2 3
2 1 3
3 1 2
"""
CO2_SITES = {"epsilon_eV": {6: 27 * units.kB, 8: 79 * units.kB}, "sigma_A": {6: 2.8, 8: 3.05}}
CUTOFF_CO2_A = 9.0


def molecules(kind: str, folder: Path) -> dict:
    """All moves of CO2, in units real; the calculator's energy has the inside of molecules in it."""
    (folder / "co2.mol").write_text(CO2)
    calculator = LennardJonesPairs(**CO2_SITES, cutoff_A=CUTOFF_CO2_A)
    alone = Atoms("CO2", positions=[(0, 0, 0), (1.16, 0, 0), (-1.16, 0, 0)], cell=[60.0] * 3, pbc=True)
    alone.calc = LennardJonesPairs(**CO2_SITES, cutoff_A=CUTOFF_CO2_A)
    inside = alone.get_potential_energy() * KCAL_MOL if kind == "bridge" else 0.0
    with LammpsBridge(calculator, "real") as bridge:
        order = bridge.command if kind == "bridge" else bridge.lammps.command
        for line in (
            "atom_style full",
            "atom_modify map array sort 0 0",
            "bond_style zero",
            "region box block 0 20 0 20 0 20",
            "create_box 2 box bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 2",
            "bond_coeff * 1.16",
            "mass 1 12.011",
            "mass 2 15.999",
            f"molecule co2 {folder / 'co2.mol'}",
            "create_atoms 0 single 4 4 4 mol co2 4645 units box",
            "create_atoms 0 single 13 12 11 mol co2 4646 units box",
        ):
            order(line)
        if kind == "native":
            order(f"pair_style lj/cut {CUTOFF_CO2_A}")
            for kinds, number in ((1, 6), (2, 8)):
                epsilon = CO2_SITES["epsilon_eV"][number] * KCAL_MOL
                order(f"pair_coeff {kinds} {kinds} {epsilon:.17g} {CO2_SITES['sigma_A'][number]}")
            order("pair_modify mix arithmetic shift yes")
            order("special_bonds lj/coul 0 0 0")
        order("group gas type 1 2")
        order(
            "fix mc gas gcmc 1 10 10 0 54341 300 -5 1.0 mol co2 pressure 60 maxangle 30 full_energy group gas"
            f" intra_energy {inside:.17g}"
        )
        order("run 60 post no")
        count = bridge.lammps.get_natoms() // 3
        return {
            "counters": counters(bridge),
            "molecules": count,
            "energy_kcal_mol": bridge.lammps.get_thermo("pe") - inside * count,
        }


def widom(kind: str) -> list[float]:
    """Insertions into a dense fluid at rest."""
    with LammpsBridge(argon(7.5), "metal", energy_only=kind == "bridge, energies") as bridge:
        bridge.place(solid_argon(tilted=True))
        order = bridge.lammps.command if kind == "native" else bridge.command
        if kind == "native":
            native_argon(bridge, 7.5)
        order("fix trials all widom 1 50 1 4242 300.0 full_energy")
        order("run 3 post no")
        return [bridge.lammps.extract_fix("trials", 0, 1, nrow=row) for row in range(3)]


def exchange(calculator: Nothing, pressure_bar: float, invocations: int = 400) -> dict:
    """Insertions and deletions of atoms that do not see each other; `expected` is for an ideal gas, <N> = beta f V."""
    temperature, edge_A = 300.0, 46.0
    with LammpsBridge(calculator, "metal", energy_only=True) as bridge:
        bridge.place(Atoms("Ar", cell=[edge_A] * 3, pbc=True, positions=[[1, 1, 1]]))
        bridge.command(f"fix mc all gcmc 1 50 0 1 777 {temperature} 0.0 0.5 pressure {pressure_bar} full_energy")
        bridge.command("run 100 post no")
        numbers = []
        for _ in range(invocations):
            bridge.command("run 1 pre no post no")
            numbers.append(bridge.lammps.get_natoms())
        deletions = counters(bridge)[5]
    blocks = np.reshape(numbers, (20, -1)).mean(axis=1)
    return {
        "mean": float(np.mean(numbers)),
        "stderr": float(blocks.std(ddof=1) / np.sqrt(len(blocks))),
        "variance": float(np.var(numbers)),
        "expected": pressure_bar * units.bar * edge_A**3 / (units.kB * temperature),
        "deletions": deletions,
    }


def well() -> dict:
    """A well of 2 kT in half of the cell: <N> = beta f V (1 + exp(2)) / 2."""
    found = exchange(Well(2 * units.kB * 300.0), pressure_bar=5.0)
    return found | {"expected": found["expected"] * (1 + np.exp(2.0)) / 2}


def empty_box() -> dict:
    """No atom at the start: the first evaluations have none, insertions bring some."""
    with LammpsBridge(argon(7.5), "metal") as bridge:
        bridge.place(Atoms(cell=[20.0] * 3, pbc=True), elements=["Ar"])
        bridge.run(0)
        nothing = bridge.lammps.get_thermo("pe")
        bridge.command("fix mc all gcmc 1 10 0 1 5 240 0.0 0.5 pressure 60 full_energy")
        bridge.run(20)
        return {"energy_eV": nothing, "atoms": bridge.lammps.get_natoms(), "symbols": len(bridge.snapshot())}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checks = {
            "gas": lambda: [gas_moves(kind, tilted=False) for kind in ("native", "bridge")],
            "gas_tilted": lambda: [gas_moves(kind, tilted=True) for kind in ("native", "bridge")],
            "gas_moving": lambda: [gas_moves(kind, tilted=False, moving=True) for kind in ("native", "bridge")],
            "gas_energies": lambda: gas_moves("bridge", tilted=False, energy_only=True),
            "molecules": lambda: [molecules(kind, folder) for kind in ("native", "bridge")],
            "widom": lambda: [widom(kind) for kind in ("native", "bridge", "bridge, energies")],
            "ideal_gas": lambda: exchange(Nothing(), pressure_bar=20.0),
            "well": well,
            "empty_box": empty_box,
        }
        wanted = sys.argv[1:] or list(checks)
        print(json.dumps({key: checks[key]() for key in wanted}, default=float))


if __name__ == "__main__":
    main()
