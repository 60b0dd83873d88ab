"""Runs in the environment of LAMMPS: how the bridge is used, and what it refuses; prints its findings as JSON."""

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
from ase.build import bulk
from ase.calculators.emt import EMT
from bridge_calculators import Broken, Failing, NotANumber, Nothing, argon
from bridge_systems import by_id, relative, solid_argon

from assay.failures import PotentialFailure, UserError
from assay.lammps import LammpsBridge, command


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
            "seen": what_calculators_see,
            "failures": lambda: failures(folder),
            "refusals": lambda: refusals(folder),
            "script": lambda: script(folder),
            "command": lambda: told_by_the_command(folder),
        }
        wanted = sys.argv[1:] or list(checks)
        print(json.dumps({key: checks[key]() for key in wanted}, default=float))


if __name__ == "__main__":
    main()
