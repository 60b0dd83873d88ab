"""Runs in the environment of LAMMPS: the bridge beside LAMMPS's own potentials and ase; prints its findings as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet
from bridge_calculators import ARGON, KCAL_MOL, Broken, Failing, LennardJonesPairs, NotANumber, Nothing, Well, argon

from assay.failures import PotentialFailure, UserError
from assay.lammps import LammpsBridge, command
from assay.potentials import load

EPSILON_EV, SIGMA_A = ARGON["epsilon_eV"][18], ARGON["sigma_A"][18]
LAMMPS_MVV2E = 1.0364269e-4
PRESSURES = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")
TILTED = np.array([[17.0, 0, 0], [3.5, 16.5, 0], [-2.0, 4.0, 16.0]])


def solid_argon(tilted: bool) -> Atoms:
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True) * 3
    rng = np.random.default_rng(1)
    if tilted:
        atoms.set_cell(TILTED, scale_atoms=True)
    atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
    atoms.set_velocities(rng.normal(0, 0.02, atoms.positions.shape))
    return atoms


def native_argon(bridge: LammpsBridge, cutoff_A: float, per_energy: float = 1.0) -> None:
    """Replace the calculator by LAMMPS's own pair style."""
    bridge.lammps.command(f"pair_style lj/cut {cutoff_A}")
    bridge.lammps.command(f"pair_coeff * * {EPSILON_EV * per_energy:.17g} {SIGMA_A}")
    bridge.lammps.command("pair_modify shift yes")


def by_id(bridge: LammpsBridge, name: str) -> np.ndarray:
    count = bridge.lammps.extract_setting("nlocal")
    order = np.argsort(bridge.lammps.numpy.extract_atom("id", nelem=count, dim=1))
    return bridge.lammps.numpy.extract_atom(name, nelem=count, dim=3)[order].copy()


def furthest(bridge: LammpsBridge, one: np.ndarray, other: np.ndarray, cell: np.ndarray) -> float:
    fractional = (one - other) @ np.linalg.inv(cell)
    return float(np.abs((fractional - np.round(fractional)) @ cell).max())


def relative(one, other) -> float:
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return float(np.abs(one - other).max() / np.abs(other).max())


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


def copper(turned: bool) -> Atoms:
    atoms = bulk("Cu") * 3 if turned else bulk("Cu", cubic=True) * 2
    atoms.rattle(0.08, seed=3)
    if turned:
        atoms.rotate(37, "z", rotate_cell=True)
        atoms.rotate(21, "x", rotate_cell=True)
        atoms.set_cell(
            atoms.cell.array @ (np.eye(3) + 0.03 * np.random.default_rng(2).random((3, 3))), scale_atoms=True
        )
    return atoms


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


def counters(bridge: LammpsBridge) -> list[int]:
    return [int(bridge.lammps.extract_fix("mc", 0, 1, nrow=row)) for row in range(8)]


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


def empty_box() -> dict:
    """No atom at the start: the first evaluations have none, insertions bring some."""
    with LammpsBridge(argon(7.5), "metal") as bridge:
        bridge.place(Atoms(cell=[20.0] * 3, pbc=True), elements=["Ar"])
        bridge.run(0)
        nothing = bridge.lammps.get_thermo("pe")
        bridge.command("fix mc all gcmc 1 10 0 1 5 240 0.0 0.5 pressure 60 full_energy")
        bridge.run(20)
        return {"energy_eV": nothing, "atoms": bridge.lammps.get_natoms(), "symbols": len(bridge.snapshot())}


def what_calculators_see() -> dict:
    """Order by ids, elements, charges and molecules, although LAMMPS sorts its atoms."""
    calculator = Nothing(keep=True)
    with LammpsBridge(calculator, "metal", types={1: "Mg"}) as bridge:
        for line in (
            "atom_style full",
            "region box block -5 5 -5 5 -5 5",
            "create_box 2 box",
            "mass 1 1.0",
            "mass 2 16.0",
        ):
            bridge.command(line)
        rng = np.random.default_rng(0)
        positions = rng.uniform(-5, 5, (20, 3))
        kinds = rng.integers(1, 3, 20)
        tags = (rng.permutation(20) + 1).tolist()
        bridge.lammps.create_atoms(20, tags, kinds.tolist(), positions.ravel().tolist())
        bridge.command("set type 1 charge 0.5")
        bridge.command("set atom 3*5 mol 7")
        bridge.run(0)
    (atoms,) = calculator.seen
    order = np.argsort(tags)
    kinds = kinds[order]
    return {
        "numbers": atoms.numbers.tolist() == np.where(kinds == 1, 12, 8).tolist(),
        "positions_A": float(np.abs(atoms.positions - (positions[order] + 5)).max()),
        "charges": atoms.get_initial_charges().tolist() == np.where(kinds == 1, 0.5, 0.0).tolist(),
        "molecules": atoms.arrays["molecule"].tolist() == [6 if 3 <= i + 1 <= 5 else -1 for i in range(20)],
        "periodic": atoms.pbc.tolist(),
    }


def failures(folder: Path) -> dict:
    found = {}
    calculator = Failing(at=4)
    with LammpsBridge(calculator, "metal") as bridge:
        bridge.place(solid_argon(tilted=False))
        bridge.command("fix dynamics all nve")
        try:
            bridge.run(100)
        except Broken as error:
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            found["traceback"] = "calculate" in names
            found["same"] = error is calculator.error and error.__cause__ is None
        found["evaluations"] = calculator.count
        found["last_step"] = bridge.lammps.extract_global("ntimestep")
        bridge.command("velocity all set 0 0 0")
        bridge.run(5)
        found["afterwards"] = calculator.count
    marker = folder / "marker.txt"
    script = folder / "fails.in"
    for at, first in ((1, "run 0"), (1, "run 10"), (3, "run 10"), (1, "minimize 0 0 10 10")):
        script.write_text(
            "units metal\nregion b block 0 9 0 9 0 9\ncreate_box 1 b\ncreate_atoms 1 single 1 1 1\nmass 1 39.948\n"
            f'fix 1 all nve\n{first}\nprint "went on" file {marker}\nrun 10\n'
        )
        with LammpsBridge(Failing(at=at)) as bridge:
            try:
                bridge.file(script)
            except Broken as error:
                found[f"script {at} {first}"] = str(error)
        found[f"stopped {at} {first}"] = not marker.exists()
    for name, calculator in (("interrupt", Failing(2, KeyboardInterrupt())), ("nan", NotANumber())):
        with LammpsBridge(calculator, "metal") as bridge:
            bridge.place(solid_argon(tilted=False))
            try:
                bridge.run(3)
            except KeyboardInterrupt:
                found[name] = "KeyboardInterrupt"
            except PotentialFailure as failure:
                found[name] = failure.reason
    with LammpsBridge(argon(7.5), "metal", energy_only=True) as bridge:
        bridge.place(solid_argon(tilted=False))
        bridge.run(0)
        found["forces_without_forces"] = bool(np.isnan(by_id(bridge, "f")).all())
        found["pressure_without_forces"] = bool(np.isnan(bridge.lammps.get_thermo("press")))
    return found


def refusals(folder: Path) -> dict[str, str]:
    def with_box(order: Callable[[LammpsBridge], None], **options) -> Callable[[], None]:
        def run() -> None:
            with LammpsBridge(Nothing(), **options) as bridge:
                bridge.place(solid_argon(tilted=False))
                order(bridge)

        return run

    def no_box() -> None:
        with LammpsBridge(Nothing()) as bridge:
            bridge.run(0)

    def script(text: str) -> Callable[[], None]:
        def run() -> None:
            path = folder / "refused.in"
            path.write_text(text)
            with LammpsBridge(Nothing()) as bridge:
                bridge.file(path)

        return run

    box = "units metal\nregion b block 0 9 0 9 0 9\ncreate_box 1 b\ncreate_atoms 1 single 1 1 1\n"
    cases = {
        "unknown units": lambda: LammpsBridge(Nothing(), units="lj"),
        "no box": no_box,
        "other units": script("units si\nregion b block 0 9 0 9 0 9\ncreate_box 1 b\nmass 1 1\nrun 0\n"),
        "refused": with_box(lambda bridge: bridge.command("fix 1 all nosuchfix")),
        "script refused": script(box + "mass 1 39.948\nfix 1 all nve\n\nfix 2 all nosuchfix # here\nrun 1\n"),
        "after the return": script(box + "mass 1 39.948\nrun 0\nnosuchcommand 1 2\n"),
        "unknown mass": script(box + "mass 1 2.014\nrun 1\n"),
        "after clear": script(box + "mass 1 39.948\nrun 0\nclear\n" + box + "mass 1 2.014\nrun 0\n"),
        "box too late": script("units metal\nfix x all external pf/callback 1 1\n" + box + "run 0\n"),
    }
    told = {}
    for name, case in cases.items():
        try:
            case()
            told[name] = "nothing"
        except UserError as error:
            told[name] = str(error)
    return told


SCRIPT = """# loops, includes and two boxes; EMT
variable a index 3.6 3.7
label again
clear
units metal
boundary p p p
include {include}
lattice fcc $a
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 63.546
set group all type 1
fix ase all external pf/callback 1 1
thermo_style custom step pe
variable i loop 2
label inner
run 2 post no
print "$a $i $(pe:%.12g)" append {output}
next i
jump SELF inner
if "$a > 3.65" then "jump SELF done"
next a
jump SELF again
label done
quit
print "not reached" append {output}
"""


def script(folder: Path) -> dict:
    (folder / "included.in").write_text("atom_modify map array\n")
    (folder / "loops.in").write_text(SCRIPT.format(include=folder / "included.in", output=folder / "energies.txt"))
    with LammpsBridge(EMT()) as bridge:
        bridge.file(folder / "loops.in")
        calls = bridge.calls
    found = []
    for a in (3.6, 3.7):
        atoms = bulk("Cu", a=a, cubic=True) * 2
        atoms.calc = EMT()
        found += [atoms.get_potential_energy()] * 2
    lines = [line.split() for line in (folder / "energies.txt").read_text().splitlines()]
    return {
        "lines": [line[:2] for line in lines],
        "energy": relative([float(line[2]) for line in lines], found),
        "calls": calls,
    }


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


ENTRY = json.dumps({"name": "emt", "package": "classical", "loader": {"kind": "emt"}, "checkpoint": "none"})
COPPER = """units metal
lattice fcc 3.7
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 63.546
{line}
minimize 0 0 1 1
"""


def told_by_the_command(folder: Path) -> dict[str, list[str]]:
    """Exit codes and what is written to stderr."""
    good, bad, ideal = (folder / name for name in ("in.good", "in.bad", "in.ideal"))
    good.write_text(COPPER.format(line="timestep 0.001"))
    bad.write_text(COPPER.format(line="timestep"))
    ideal.write_text(COPPER.format(line="fix mc all gcmc 1 10 0 1 5 240 0.0 0.5 pressure 60"))
    cases = {
        "no script": (folder / "in.none", "--entry", ENTRY),
        "no entry": (good, "--entry", "{"),
        "types": (good, "--entry", ENTRY, "--types", "Cu"),
        "symbol": (good, "--entry", ENTRY, "--types", "1=Cx"),
        "element": (good, "--entry", ENTRY, "--types", "1=Mg"),
        "units": (good, "--entry", ENTRY, "--units", "real"),
        "line": (bad, "--entry", ENTRY),
        "ideal gas": (ideal, "--entry", ENTRY),
    }
    told = {}
    for name, (path, *words) in cases.items():
        with contextlib.redirect_stderr(io.StringIO()) as stream:
            code = command.main([str(path), *words, "--log", "none", "--screen", "none"])
        told[name] = [str(code), stream.getvalue()]
    return told


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checks = {
            "nve": lambda: dynamics(False, "nve", 1000),
            "nve_tilted": lambda: dynamics(True, "nve", 200),
            "npt": lambda: dynamics(False, "npt temp 60 60 0.1 aniso 0 0 0.5", 300),
            "npt_tilted": lambda: dynamics(True, "npt temp 60 60 0.1 tri 0 0 0.5", 200),
            "emt": lambda: emt_in_ase_axes(turned=False),
            "emt_turned": lambda: emt_in_ase_axes(turned=True),
            "emt_dynamics": emt_against_ase,
            "real_and_metal": real_and_metal,
            "gas": lambda: [gas_moves(kind, tilted=False) for kind in ("native", "bridge")],
            "gas_tilted": lambda: [gas_moves(kind, tilted=True) for kind in ("native", "bridge")],
            "gas_moving": lambda: [gas_moves(kind, tilted=False, moving=True) for kind in ("native", "bridge")],
            "gas_energies": lambda: gas_moves("bridge", tilted=False, energy_only=True),
            "molecules": lambda: [molecules(kind, folder) for kind in ("native", "bridge")],
            "widom": lambda: [widom(kind) for kind in ("native", "bridge", "bridge, energies")],
            "ideal_gas": lambda: exchange(Nothing(), pressure_bar=20.0),
            "well": well,
            "not_periodic": not_periodic,
            "empty_box": empty_box,
            "seen": what_calculators_see,
            "failures": lambda: failures(folder),
            "refusals": lambda: refusals(folder),
            "script": lambda: script(folder),
            "potential": potential,
            "command": lambda: told_by_the_command(folder),
        }
        wanted = sys.argv[1:] or list(checks)
        print(json.dumps({key: checks[key]() for key in wanted}, default=float))


if __name__ == "__main__":
    main()
