"""Laws that any potential obeys, held against tolerances: symmetries, extensivity, derivatives, batch = single.

The laws themselves are in `assay.potentials.laws`. A potential whose forces are not derivatives of an energy, or which
is not equivariant by construction, is measured on those laws too, but not required to obey them; inversion is only
reported, for potentials without parity break it by construction.

    python -m assay.potentials.conformance --entry '{"name": "lj", "package": "classical", ...}' --output lj.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from assay.failures import PotentialFailure, UserError
from assay.potentials import laws
from assay.potentials.base import PROPERTIES, Potential
from assay.potentials.loading import load
from assay.potentials.probe import probe_crystal
from assay.records import write_json

PAIRS = (("Mg", "O"), ("Na", "Cl"), ("Si", "C"), ("Cu", "Au"))
"""Compounds to try, in rock salt: the first whose elements the potential knows."""


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from what a law says, for one floating-point type.

    Attributes
    ----------
    energy_meV_per_atom, force_meV_A, stress_meV_A3 : float
        For what is computed twice in different ways: the part that does not depend on the structure.
    relative : float
        The part that grows with the structure's largest force or stress.
    force_derivative_meV_A, stress_derivative_meV_A3, relative_derivative : float
        The same for what is compared with a difference quotient of energies.
    steps_A, strains : tuple of float
        Steps to try in difference quotients.
    """

    energy_meV_per_atom: float
    force_meV_A: float
    stress_meV_A3: float
    relative: float
    force_derivative_meV_A: float
    stress_derivative_meV_A3: float
    relative_derivative: float
    steps_A: tuple[float, ...]
    strains: tuple[float, ...]

    def of(self, quantity: str, forces_meV_A: float, stress_meV_A3: float) -> float:
        """The tolerance of a quantity for a structure with such largest force and stress."""
        scale = {"force": forces_meV_A, "stress": stress_meV_A3}.get(quantity.partition("_")[0], 0.0)
        relative = self.relative_derivative if "derivative" in quantity else self.relative
        return getattr(self, quantity) + relative * scale


TOLERANCES = {
    "float32": Tolerance(0.01, 0.1, 0.01, 2e-5, 2.0, 0.2, 1e-3, (0.02, 0.005, 0.002), (0.004, 0.001, 0.0005)),
    "float64": Tolerance(1e-6, 1e-6, 1e-7, 1e-8, 1e-3, 1e-4, 1e-6, (2e-3, 5e-4), (1e-3, 2e-4)),
}


@dataclass(frozen=True)
class Measurement:
    """One number of one law on one structure; `tolerance` is None where nothing is required."""

    law: str
    system: str
    quantity: str
    value: float
    tolerance: float | None

    @property
    def passed(self) -> bool:
        """Whether the number is finite and within its tolerance."""
        return bool(np.isfinite(self.value)) and (self.tolerance is None or self.value <= self.tolerance)


def systems(elements: frozenset[str] | None) -> dict[str, Atoms]:
    """Structures without symmetry, of elements that the potential knows: a crystal in a sheared cell, a compound, a
    crystal cell smaller than any cutoff, a slab, and a molecule without a cell."""
    rng = np.random.default_rng(7)
    crystal = probe_crystal(elements)
    symbol = crystal.symbols[0]
    spacing = 2 * covalent_radii[atomic_numbers[symbol]]
    shear = np.array([[1.01, 0.02, 0], [0, 0.985, 0.01], [0, 0, 1.02]])
    known = frozenset(["Si", "C"]) if elements is None else elements
    pair = next((pair for pair in PAIRS if known.issuperset(pair)), (symbol, symbol))
    edge = 2 * sum(covalent_radii[atomic_numbers[each]] for each in pair)
    sites = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (0.5,) * 3]
    compound = Atoms([pair[0]] * 4 + [pair[1]] * 4, scaled_positions=sites, cell=[edge] * 3, pbc=True)
    if pair == (symbol, symbol):
        compound = crystal.copy()
    slab = crystal.copy()
    slab.pbc = (True, True, False)
    bent = [(0, 0, 0), (1.2 * spacing, 0, 0), (1.5 * spacing, 1.1 * spacing, 0.2)]
    found = {
        "crystal": crystal,
        "compound": compound,
        "small cell": Atoms([symbol], cell=[spacing, 1.1 * spacing, 1.2 * spacing], pbc=True),
        "slab": slab,
        "molecule": Atoms([symbol, pair[1], pair[0]], positions=bent),
    }
    for atoms in found.values():
        atoms.set_cell(atoms.cell.array @ shear, scale_atoms=True)
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
    return found


def conformance(potential: Potential, seed: int = 0) -> dict[str, Any]:
    """Measure all laws.

    Returns
    -------
    dict
        ``passed``; ``measurements``, rows of a table; ``batching`` and ``details`` of the potential.
    """
    rng = np.random.default_rng(seed)
    limits = TOLERANCES.get(potential.dtype, TOLERANCES["float32"])
    structures = systems(potential.elements)
    rows: list[Measurement] = []

    def note(law: str, system: str, numbers: Mapping[str, float], scales: Sequence[float], required: bool = True):
        for quantity, value in numbers.items():
            tolerance = limits.of(quantity, *scales) if required else None
            rows.append(Measurement(law, system, quantity, value, tolerance))

    largest = [0.0, 0.0]
    for system, atoms in structures.items():
        scales = _scales(potential, atoms)
        largest = np.maximum(largest, scales)
        note("translation", system, laws.translation(potential, atoms, rng), scales)
        note("rotation", system, laws.rotation(potential, atoms, rng), scales, potential.equivariant)
        note("inversion", system, laws.inversion(potential, atoms), scales, required=False)
        note("permutation", system, laws.permutation(potential, atoms, rng), scales)
        note("net force", system, laws.net_force(potential, atoms), scales, potential.conservative)
        slopes = laws.force_derivative(potential, atoms, rng, limits.steps_A)
        note("force = -dE/dx", system, slopes, scales, potential.conservative)
        if atoms.pbc.any():
            note("wrapping", system, laws.wrapping(potential, atoms, rng), scales)
        if atoms.pbc.all():
            note("extensivity", system, laws.extensivity(potential, atoms), scales)
            slopes = laws.stress_derivative(potential, atoms, limits.strains)
            note("stress = dE/dstrain", system, slopes, scales, potential.conservative)
    some = list(structures.values())
    every = [*some, *_spread(structures["molecule"])]
    note("batch = single", "all", laws.batch_equals_single(potential, every), largest)
    note("calculator = batch", "all", laws.calculator_equals_batch(potential, some), largest)
    note("batch = package", "all", laws.batch_equals_package(potential, some), largest)
    answers = {
        "empty batch": laws.answers_empty_batch(potential),
        "unsupported element": laws.refuses_unknown_element(potential),
    }
    failed = sum(not row.passed for row in rows) + sum(answer is False for answer in answers.values())
    return {
        "model": potential.name,
        "device": potential.device,
        "dtype": potential.dtype,
        "conservative": potential.conservative,
        "equivariant": potential.equivariant,
        "passed": failed == 0,
        "n_failed": failed,
        "answers": answers,
        "measurements": [{**asdict(row), "passed": row.passed} for row in rows],
        "package_calculator": potential.package_calculator_name,
        "batching": potential.batching,
        "details": potential.details,
    }


def summary(report: Mapping[str, Any]) -> str:
    """A table for people: the worst number of each law and quantity, with its tolerance."""
    worst: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in report["measurements"]:
        key = row["law"], row["quantity"]
        if key not in worst or _strain_on(row) > _strain_on(worst[key]):
            worst[key] = row
    lines = [f"{report['model']} on {report['device']} ({report['dtype']})"]
    for (law, quantity), row in worst.items():
        limit = "reported" if row["tolerance"] is None else f"<= {row['tolerance']:.3g}"
        mark = "ok" if row["passed"] else "FAILED"
        lines.append(f"  {law:22s} {quantity:26s} {row['value']:10.3g}  {limit:12s} {mark:6s} ({row['system']})")
    lines += [f"  {question:22s} {answer}" for question, answer in report["answers"].items()]
    return "\n".join(lines)


def _strain_on(row: Mapping[str, Any]) -> float:
    return row["value"] / (row["tolerance"] or 1.0)


def _scales(potential: Potential, atoms: Atoms) -> tuple[float, float]:
    """Largest force (meV/Å) and stress (meV/Å³) of a structure."""
    (here,) = potential.evaluate([atoms], PROPERTIES)
    stress = 0.0 if here.stress_eV_A3 is None else float(np.abs(here.stress_eV_A3).max())
    return 1e3 * float(np.abs(here.forces_eV_A).max()), 1e3 * stress


def _spread(molecule: Atoms, factors: Sequence[float] = (0.9, 1.1, 1.5, 2.5, 8.0)) -> list[Atoms]:
    """The molecule pulled apart, to beyond all cutoffs."""
    apart = []
    for factor in factors:
        scaled = molecule.copy()
        scaled.positions *= factor
        apart.append(scaled)
    return apart


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 0 if the potential passes, 1 if not or if it cannot be loaded, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m assay.potentials.conformance",
        description="Measure the laws that any potential obeys, and write the numbers as JSON.",
    )
    parser.add_argument("--entry", required=True, help="one catalogue entry as JSON, or the path of a JSON file")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of rotations and displacements (default: 0)")
    parser.add_argument("--no-probe", action="store_true", help="use the default budget of a pass")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    options = parser.parse_args(arguments)
    try:
        entry = json.loads(options.entry if options.entry.lstrip().startswith("{") else Path(options.entry).read_text())
    except (OSError, json.JSONDecodeError) as error:
        print(f"--entry: neither JSON nor a JSON file: {error}", file=sys.stderr)
        return 2
    try:
        report = conformance(load(entry, options.device, probe=not options.no_probe), options.seed)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except PotentialFailure as failure:
        report = {"model": entry["name"], "passed": False, "reason": failure.reason, "message": failure.message}
        write_json(options.output, report)
        print(failure.message, file=sys.stderr)
        return 1
    write_json(options.output, report)
    print(summary(report))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
