"""Checks of force fields inside the environment that has LAMMPS and torch-pme. Prints one JSON object.

.envs/lammps/bin/python tests/force_fields/check_force_fields.py [FOLDER OF PUBLISHED INPUTS]
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from scipy.spatial.transform import Rotation

from assay.failures import PotentialFailure
from assay.frameworks import read_framework, read_molecule
from assay.potentials import load
from assay.potentials.force_field_files import read_force_field
from assay.potentials.force_field_pairs import COULOMB_EV_A
from assay.potentials.force_fields import ForceField
from assay.potentials.host_guest import interaction
from assay.potentials.lammps_energies import LammpsEvaluator
from assay.records import plain

ROOT = Path(__file__).resolve().parents[2]
FORCE_FIELDS = ROOT / "resources/force_fields"
FRAMEWORK = ROOT / "resources/frameworks/Mg-MOF-74.cif"
ALL = frozenset(("energy", "forces", "stress"))
TIGHT = 1e-8
SKEWED = np.array([[7.1, 0.0, 0.0], [-3.3, 8.4, 0.0], [2.9, -4.0, 6.3]])

IONS = """
description: ions without any other interaction
source: none
mixing: geometric
cutoff_A: 9.0
at_cutoff: truncated
framework_charges: sites
framework:
  Na: {element: Na, epsilon_K: 0.0, sigma_A: 1.0, charge_e: 1.0}
  Cl: {element: Cl, epsilon_K: 0.0, sigma_A: 1.0, charge_e: -1.0}
guest:
  probe: {element: Na, epsilon_K: 0.0, sigma_A: 1.0, charge_e: 1.0}
"""


def force_field(name: str) -> ForceField:
    return read_force_field(FORCE_FIELDS / f"{name}.yaml")


def ionic() -> ForceField:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ions.yaml"
        path.write_text(IONS)
        return read_force_field(path)


def carbon_dioxide() -> Atoms:
    return read_molecule(ROOT / "resources/molecules/CO2.xyz")


def insertions(cell_A: np.ndarray, molecule: Atoms, count: int, seed: int) -> np.ndarray:
    """Positions of the molecule's atoms at random places of the cell, with random orientations."""
    random = np.random.default_rng(seed)
    turned = np.einsum("nij,mj->nmi", Rotation.random(count, rng=random).as_matrix(), molecule.positions)
    return (random.random((count, 3)) @ cell_A)[:, None] + turned


def skewed_host(field: ForceField) -> Atoms:
    """Eight atoms of the force field's sites at random in a small skewed cell, neutral."""
    random = np.random.default_rng(4)
    names = list(field.framework)
    chosen = [names[number % len(names)] for number in range(8)]
    host = Atoms([field.framework[name].element for name in chosen], cell=SKEWED, pbc=True)
    host.set_scaled_positions(random.random((8, 3)))
    host.set_array("site", np.array(chosen, dtype="U16"))
    charges = random.normal(0, 0.6, 8)
    host.set_initial_charges(charges - charges.mean())
    return host


def against_lammps(
    field: ForceField, host: Atoms, count: int = 12, positions: np.ndarray | None = None, highest_eV: float = 50.0
) -> dict[str, float]:
    """Largest deviation from E(host + guest) - E(host) - E(guest) by LAMMPS, among insertions without overlap."""
    guest = carbon_dioxide()
    evaluator = LammpsEvaluator(field, TIGHT)
    if positions is None:
        positions = insertions(host.cell.array, guest, 400, seed=1)
    energies = interaction(field, host, guest)(positions)
    chosen = np.flatnonzero(energies < highest_eV)[:count]
    alone = evaluator.evaluate(host, frozenset()).energy_eV
    worst = relative = 0.0
    for place in chosen:
        guest.set_positions(positions[place])
        guest.set_cell(host.cell)
        guest.pbc = True
        both = host + guest
        difference = evaluator.evaluate(both, frozenset()).energy_eV - alone
        difference -= evaluator.evaluate(guest, frozenset()).energy_eV
        worst = max(worst, abs(difference - energies[place]))
        relative = max(relative, abs(difference - energies[place]) / max(abs(difference), 0.05))
    return {"insertions": len(chosen), "absolute_eV": worst, "relative": relative}


def two_atoms() -> dict[str, Any]:
    """Energies of one guest atom at distances from one host atom, by both engines, without charges."""
    field = replace(force_field("uff-trappe"), framework_charges="none")
    host = Atoms("Mg", cell=[40.0] * 3, pbc=True)
    guest = Atoms("O")
    guest.set_array("site", np.array(["O_co2"], dtype="U16"))
    guest.set_array("molecule", np.zeros(1, dtype=int))
    distances = np.array([2.0, 2.87, 3.5, 6.0, 13.9, 14.1])
    neutral = replace(field, guest={name: replace(site, charge_e=0.0) for name, site in field.guest.items()})
    energies = interaction(neutral, host, guest)(distances[:, None, None] * [0.6, 0.0, 0.8])
    evaluator = LammpsEvaluator(neutral)
    by_lammps = []
    for distance in distances:
        host.set_array("site", np.array(["Mg"], dtype="U16"))
        guest.set_positions([[0.6 * distance, 0, 0.8 * distance]])
        by_lammps.append(evaluator.evaluate(host + guest, frozenset()).energy_eV)
    return {"distances_A": distances, "interaction_eV": energies, "lammps_eV": by_lammps}


def ionic_lattices() -> dict[str, float]:
    """Madelung's constant of rock salt by LAMMPS, and what an ion feels at the vacancy that it fills, by torch-pme."""
    field, spacing = ionic(), 2.82
    crystal = bulk("NaCl", "rocksalt", a=2 * spacing, cubic=True)
    crystal.set_array("site", np.array(crystal.get_chemical_symbols(), dtype="U16"))
    energy = LammpsEvaluator(field, TIGHT).evaluate(crystal, frozenset()).energy_eV
    vacancy = crystal.copy()
    place = vacancy.positions[0].copy()
    del vacancy[0]
    probe = Atoms("Na")
    probe.set_array("site", np.array(["probe"], dtype="U16"))
    felt = interaction(field, vacancy, probe)(place[None, None])[0]
    return {
        "madelung": -energy / (len(crystal) / 2) * spacing / COULOMB_EV_A,
        "vacancy": felt * spacing / COULOMB_EV_A,
        "edge_in_spacings": 2.0,
    }


def derivatives() -> dict[str, float]:
    """Forces and stress by LAMMPS against central differences of the energy, for gas and for framework with guest."""
    flexible = force_field("co2-trappe-flexible")
    gas = carbon_dioxide()
    gas.set_cell(SKEWED * 1.5)
    gas.pbc = True
    gas.positions += np.random.default_rng(0).normal(0, 0.03, (3, 3))
    other = gas.copy()
    other.positions += [3.6, 1.0, 0.5]
    other.set_array("molecule", np.ones(3, dtype=int))
    found = {}
    for name, field, atoms in (
        ("gas", flexible, gas + other),
        ("framework", force_field("co2-mof74-dft"), guest_at_metal()),
    ):
        evaluator = LammpsEvaluator(field, TIGHT)
        result = evaluator.evaluate(atoms, ALL)
        guests = np.flatnonzero(np.char.endswith(atoms.arrays["site"].astype(str), "_co2"))
        numeric = [[slope(evaluator, atoms, atom, axis) for axis in range(3)] for atom in guests[:3]]
        found[f"{name}_force"] = np.abs(np.array(numeric) - result.forces_eV_A[guests[:3]]).max()
        found[f"{name}_largest_force"] = np.abs(result.forces_eV_A[guests[:3]]).max()
        if name == "gas":
            found["stress"] = np.abs(numeric_stress(evaluator, atoms) - result.stress_eV_A3).max()
            found["largest_stress"] = np.abs(result.stress_eV_A3).max()
    return found


def guest_at_metal() -> Atoms:
    """Carbon dioxide in Mg-MOF-74, at the lowest of some random insertions."""
    host, guest = read_framework(FRAMEWORK), carbon_dioxide()
    positions = insertions(host.cell.array, guest, 400, seed=2)
    energies = interaction(force_field("co2-mof74-dft"), host, guest)(positions)
    guest.set_positions(positions[int(np.argmin(energies))])
    return host + guest


def slope(evaluator: LammpsEvaluator, atoms: Atoms, atom: int, axis: int, step_A: float = 1e-4) -> float:
    energies = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[atom, axis] += sign * step_A
        energies.append(evaluator.evaluate(moved, frozenset()).energy_eV)
    return -(energies[0] - energies[1]) / (2 * step_A)


def numeric_stress(evaluator: LammpsEvaluator, atoms: Atoms, step: float = 1e-5) -> np.ndarray:
    stress = []
    for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            energies.append(evaluator.evaluate(strained, frozenset()).energy_eV)
        stress.append((energies[0] - energies[1]) / (2 * step * atoms.get_volume()))
    return np.array(stress)


def wavenumbers_1_cm(name: str, step_A: float = 0.01) -> list[float]:
    """The four highest normal modes of the free molecule, from finite differences of LAMMPS's forces."""
    field = force_field(name)
    length_A = field.bonds[0].length_A
    molecule = carbon_dioxide()
    molecule.positions *= length_A / 1.16
    molecule.set_cell([40.0] * 3)
    molecule.pbc = True
    molecule.rotate(30, (1, 2, 3), center="COM")
    evaluator = LammpsEvaluator(field, TIGHT)
    hessian = np.empty((9, 9))
    for row in range(9):
        forces = []
        for sign in (1, -1):
            moved = molecule.copy()
            moved.positions[row // 3, row % 3] += sign * step_A
            forces.append(evaluator.evaluate(moved, ALL).forces_eV_A.ravel())
        hessian[row] = (forces[1] - forces[0]) / (2 * step_A)
    masses = np.repeat(molecule.get_masses(), 3)
    squares = np.linalg.eigvalsh((hessian + hessian.T) / 2 / np.sqrt(np.outer(masses, masses)))[-4:]
    return [
        math.sqrt(square) * units._hbar * 1e10 / math.sqrt(units._e * units._amu) / units.invcm for square in squares
    ]


def extensivity() -> float:
    """Largest change of the energy per molecule (eV) when a cell narrower than the cut-off is repeated."""
    evaluator = LammpsEvaluator(force_field("co2-trappe-flexible"), TIGHT)
    cell = carbon_dioxide()
    cell.set_cell(SKEWED)
    cell.pbc = True
    one = evaluator.evaluate(cell, frozenset()).energy_eV
    changes = []
    for repeats in ((2, 1, 1), (2, 2, 2)):
        count = math.prod(repeats)
        larger = cell.repeat(repeats)
        larger.set_array("molecule", np.repeat(np.arange(count), 3))
        changes.append(abs(evaluator.evaluate(larger, frozenset()).energy_eV / count - one))
    return max(changes)


def laws_of_the_interaction() -> dict[str, Any]:
    field, host, guest = force_field("co2-mof74-dft"), read_framework(FRAMEWORK), carbon_dioxide()
    positions = insertions(host.cell.array, guest, 300, seed=3)
    energies = interaction(field, host, guest)
    together = energies(positions)
    finite = np.isfinite(together)
    shifted = energies(positions + np.array([2, -3, 1]) @ host.cell.array)
    larger = interaction(field, host.repeat((1, 1, 2)), guest)(positions)
    on_top = energies(np.repeat(host.positions[:, None], 3, axis=1))
    single = np.array([energies(one[None])[0] for one in positions[:20]])
    return {
        "not_a_number": int(np.isnan(together).sum()),
        "overlaps": int((~finite).sum()),
        "on_top_of_atoms": bool(np.all(on_top == np.inf)),
        "lattice_translation_eV": deviation(shifted, together),
        "supercell_eV": deviation(larger, together),
        "one_by_one_eV": deviation(single, together[:20]),
        "lowest_overlap_eV": float(energies(close_to_metal(host, guest)).min()),
    }


def deviation(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference (eV) of energies below 10 eV; infinite if they do not agree on what is above."""
    low = other < 10
    return float(np.abs(one[low] - other[low]).max()) if np.array_equal(one < 10, low) else math.inf


def close_to_metal(host: Atoms, guest: Atoms) -> np.ndarray:
    """An oxygen of the guest inside of Buckingham's maximum around each metal atom, from random directions."""
    random = np.random.default_rng(5)
    metals = host.positions[host.symbols == "Mg"]
    positions = insertions(np.zeros((3, 3)), guest, 400, seed=6)
    directions = random.normal(size=(400, 3))
    directions *= random.uniform(0.55, 1.0, 400)[:, None] / np.linalg.norm(directions, axis=1)[:, None]
    anchor = metals[random.integers(len(metals), size=400)] + directions
    return positions + (anchor - positions[:, 1])[:, None]


def answers() -> dict[str, list[str]]:
    """What wrong input to a loaded force field says."""
    potential = load(
        {
            "name": "generic",
            "package": "classical",
            "loader": {"kind": "force-field", "file": str(FORCE_FIELDS / "uff-trappe.yaml")},
        }
    )
    host, guest = read_framework(FRAMEWORK), carbon_dioxide()
    unlabelled = guest.copy()
    del unlabelled.arrays["molecule"]
    unlabelled.set_cell([20.0] * 3)
    unlabelled.pbc = True
    uncharged = host.copy()
    uncharged.set_array("initial_charges", None)
    odd = host.copy()
    odd.arrays["site"] = np.where(odd.arrays["site"] == "Oa", "O_x", odd.arrays["site"])
    found = {}
    for name, atoms in (
        ("not periodic", guest),
        ("no molecule", unlabelled),
        ("no charges", uncharged),
        ("unknown site", odd),
        ("unknown element", bulk("Cu")),
    ):
        try:
            potential.evaluate([atoms])
            found[name] = ["nothing", ""]
        except PotentialFailure as failure:
            found[name] = [failure.reason, failure.message]
    return found


def one_instance_for_all() -> float:
    """Largest difference (eV) of energies when structures alternate, atoms leave the cell, and cells change."""
    field = force_field("co2-trappe-flexible")
    evaluator, random = LammpsEvaluator(field), np.random.default_rng(7)
    first = carbon_dioxide()
    first.set_cell([14.0] * 3)
    first.pbc = True
    second = first.copy()
    second.positions += [4.0, 0.0, 1.0]
    second.set_array("molecule", np.ones(3, dtype=int))
    worst = 0.0
    for step in range(12):
        atoms = first + second if step % 3 else first.copy()
        atoms.positions += random.normal(0, 20, 3) + random.normal(0, 0.05, atoms.positions.shape)
        atoms.set_cell(atoms.cell.array * (1 + 0.01 * (step % 2)))
        fresh = LammpsEvaluator(field).evaluate(atoms, ALL)
        kept = evaluator.evaluate(atoms, ALL)
        worst = max(worst, abs(fresh.energy_eV - kept.energy_eV), np.abs(fresh.forces_eV_A - kept.forces_eV_A).max())
    return worst


def henry_coefficients(folder: Path, count: int = 20_000) -> dict[str, dict[str, float]]:
    """Henry coefficients (mol/kg/Pa) of the published inputs, by uniform insertions into the whole cell."""
    host, guest = read_framework(folder / "MgMOF74-small_unitcell.cif"), carbon_dioxide()
    positions = insertions(host.cell.array, guest, count, seed=0)
    charged = force_field("uff-trappe")
    found = {}
    for name, field, temperatures in (
        ("charges", charged, (273, 313)),
        ("no charges", replace(charged, framework_charges="none"), (313,)),
    ):
        energies = interaction(field, host, guest)(positions)
        density_kg_m3 = host.get_masses().sum() * units._amu / (host.get_volume() * 1e-30)
        for temperature in temperatures:
            weights = np.exp(-energies / (units.kB * temperature))
            scale = 1 / (density_kg_m3 * units._Nav * units._k * temperature)
            found[f"{name}, {temperature} K"] = {
                "mol_kg_Pa": weights.mean() * scale,
                "stderr": weights.std() / math.sqrt(count) * scale,
            }
    return found


def main() -> None:
    primitive, conventional = (read_framework(FRAMEWORK, primitive=choice) for choice in (True, False))
    generic, fitted = force_field("uff-trappe"), force_field("co2-mof74-dft")
    report = {
        "against_lammps": {
            "uff-trappe, primitive": against_lammps(generic, primitive),
            "uff-trappe, skewed": against_lammps(generic, skewed_host(generic)),
            "co2-mof74-dft, primitive": against_lammps(fitted, primitive, count=6),
            "co2-mof74-dft, hexagonal": against_lammps(fitted, conventional, count=3),
            "co2-mof74-dft, in a wall": against_lammps(
                fitted, primitive, 3, close_to_metal(primitive, carbon_dioxide()), highest_eV=math.inf
            ),
        },
        "two_atoms": two_atoms(),
        "ionic_lattices": ionic_lattices(),
        "derivatives": derivatives(),
        "wavenumbers_1_cm": {name: wavenumbers_1_cm(name) for name in ("co2-trappe-flexible", "co2-epm2-flexible")},
        "extensivity_eV": extensivity(),
        "laws": laws_of_the_interaction(),
        "answers": answers(),
        "one_instance": one_instance_for_all(),
        "henry": henry_coefficients(Path(sys.argv[1])) if len(sys.argv) > 1 else None,
    }
    print(json.dumps(plain(report)))


if __name__ == "__main__":
    main()
