"""What the LAMMPS bridge costs beside the calculator, and what ghost atoms would cost.

    .envs/lammps/bin/python benchmarks/bridge_overhead.py            # the bridge, 10 to 10,000 atoms
    .envs/chgnet/bin/python benchmarks/bridge_overhead.py --ghosts   # ghost atoms: CHGNet on the cell of Mg-MOF-74

The bridge: a step of molecular dynamics with a calculator that does nothing, less the time inside of that calculator.

Ghost atoms: pair styles hand a model the atoms of the cell and all their images within a distance as a structure that
is not periodic. Within one cutoff the forces of a model that passes messages are wrong; they are right within the
cutoff times the number of its layers. Both are compared with the periodic evaluation of the same cell.

Processor time is taken, which other processes on the machine disturb less than the wall's clock; use one thread.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
FRAMEWORK = Path(__file__).parents[1] / "resources/frameworks/Mg-MOF-74.cif"


class Nothing(Calculator):
    """Zero energy, forces and stress; adds up the time that it takes."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        start = time.process_time()
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}
        self.seconds += time.process_time() - start


def bridge_us(count: int, rounds: int) -> tuple[float, float]:
    """Microseconds per step beside the calculator, the shortest of some rounds; and those of LAMMPS alone."""
    from assay.lammps import LammpsBridge

    edge_A = (count / 0.033) ** (1 / 3)
    gas = Atoms("He" * count, positions=np.random.default_rng(0).uniform(0, edge_A, (count, 3)), cell=[edge_A] * 3)
    gas.pbc = True
    steps = max(20, min(1000, 200_000 // count))
    calculator = Nothing()
    best = {}
    for name in ("bridge", "alone"):
        with LammpsBridge(calculator, "metal") as bridge:
            bridge.place(gas)
            order = bridge.command if name == "bridge" else bridge.lammps.command
            order("fix dynamics all nve")
            order("run 5 post no")
            times = []
            for _ in range(rounds):
                start, inside = time.process_time(), calculator.seconds
                order(f"run {steps} pre no post no")
                times.append(time.process_time() - start - (calculator.seconds - inside))
            best[name] = 1e6 * min(times) / steps
    return best["bridge"], best["alone"]


def with_ghosts(atoms: Atoms, reach_A: float) -> Atoms:
    """The cell's atoms and their images within a distance of the cell, not periodic, as LAMMPS would hold them."""
    cell = atoms.cell.array
    widths_A = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    margins = reach_A / widths_A
    inside = atoms.get_scaled_positions(wrap=True)
    ranges = [range(-int(np.ceil(margin)), int(np.ceil(margin)) + 1) for margin in margins]
    shifts = sorted(itertools.product(*ranges), key=lambda shift: shift != (0, 0, 0))
    numbers, positions = [], []
    for shift in shifts:
        fractional = inside + shift
        kept = ((fractional >= -margins) & (fractional < 1 + margins)).all(axis=1)
        numbers.append(atoms.numbers[kept])
        positions.append(fractional[kept] @ cell)
    return Atoms(np.concatenate(numbers), positions=np.concatenate(positions))


def measure_bridge(rounds: int) -> None:
    print("   atoms   bridge µs/step   LAMMPS alone   limit (250 + 0.1 per atom)")
    found = []
    for count in SIZES:
        bridge, alone = bridge_us(count, rounds)
        found.append(bridge)
        print(f"{count:8d} {bridge:16.0f} {alone:14.1f} {250 + 0.1 * count:12.0f}", flush=True)
    # relative deviations count alike at all sizes
    weights = 1 / np.array(found)
    design = np.stack([np.ones(len(SIZES)), np.array(SIZES, dtype=float)], axis=1)
    fixed, per_atom = np.linalg.lstsq(design * weights[:, None], np.array(found) * weights, rcond=None)[0]
    print(f"fit: {fixed:.0f} µs + {per_atom:.4f} µs per atom")


def measure_ghosts(rounds: int) -> None:
    from assay.failures import PotentialFailure
    from assay.frameworks import read_framework
    from assay.potentials import load

    potential = load({"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}}, probe=False)
    cutoff_A, layers = potential.details["cutoff_A"], potential.details["interaction_layers"]
    framework = read_framework(FRAMEWORK)
    structures = {"periodic": framework}
    for number in (1, layers):
        structures[f"ghosts within {number * cutoff_A:g} Å"] = with_ghosts(framework, number * cutoff_A)
    print(f"{potential.name}, {len(framework)} atoms of Mg-MOF-74, cutoff {cutoff_A:g} Å, {layers} layers")
    print("  structure              atoms  CPU s (1 thread)   ratio   largest deviation of forces (eV/Å)")
    expected, first_s = None, None
    for name, structure in structures.items():
        properties = ("energy", "forces", "stress") if structure.pbc.all() else ("energy", "forces")
        times = []
        try:
            for _ in range(rounds if len(structure) < 2000 else 1):
                start = time.process_time()
                (result,) = potential.evaluate([structure], properties)
                times.append(time.process_time() - start)
        except PotentialFailure as failure:
            print(f"  {name:20s} {len(structure):7d} {failure.reason}: {failure.message}")
            continue
        forces = result.forces_eV_A[: len(framework)]
        expected = forces if expected is None else expected
        first_s = first_s or min(times)
        print(
            f"  {name:20s} {len(structure):7d} {min(times):15.3f} {min(times) / first_s:7.1f}"
            f" {np.abs(forces - expected).max():12.2e}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ghosts", action="store_true", help="measure ghost atoms with CHGNet in place of the bridge")
    parser.add_argument("--rounds", type=int, default=5, help="repeats, of which the shortest counts (default: 5)")
    options = parser.parse_args()
    (measure_ghosts if options.ghosts else measure_bridge)(options.rounds)


if __name__ == "__main__":
    main()
