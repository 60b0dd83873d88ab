"""Checks of the energies of many guests by force fields, where LAMMPS and torch are. Prints one JSON object.

.envs/lammps/bin/python tests/adsorption/check_additive_guests.py
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from assay.failures import PotentialFailure
from assay.frameworks import read_framework, read_molecule
from assay.hosts import joined, make_system, placed
from assay.potentials import load
from assay.potentials.additive_guests import AdditiveGuests
from assay.potentials.force_field_files import read_force_field
from assay.potentials.force_field_pairs import COULOMB_EV_A
from assay.potentials.force_fields import ForceField
from assay.potentials.guests import NONE
from assay.potentials.host_guest import interaction
from assay.potentials.lammps_energies import LammpsEvaluator
from assay.records import plain

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
TIGHT = 1e-8
SKEWED = np.array([[11.1, 0.0, 0.0], [-5.3, 13.4, 0.0], [4.9, -6.0, 12.3]])

DIATOMIC = """
description: a salt of diatomic molecules, in an empty framework
source: none
mixing: geometric
cutoff_A: 5.0
at_cutoff: truncated
framework_charges: sites
framework:
  X: {element: Mg, epsilon_K: 0.0, sigma_A: 1.0, charge_e: 0.0}
guest:
  Na: {element: Na, epsilon_K: EPSILON, sigma_A: 3.0, charge_e: CHARGE}
  Cl: {element: Cl, epsilon_K: EPSILON, sigma_A: 3.0, charge_e: -CHARGE}
"""


def force_field(name: str) -> ForceField:
    return read_force_field(RESOURCES / f"force_fields/{name}.yaml")


def diatomic(charge_e: float, epsilon_K: float) -> ForceField:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "salt.yaml"
        text = DIATOMIC.replace("-CHARGE", str(-charge_e)).replace("CHARGE", str(charge_e))
        path.write_text(text.replace("EPSILON", str(epsilon_K)))
        return read_force_field(path)


SYSTEM = make_system(
    read_framework(RESOURCES / "frameworks/Mg-MOF-74.cif"), read_molecule(RESOURCES / "molecules/CO2.xyz")
)
HOST, GUEST = SYSTEM.host, SYSTEM.guest


def skewed_host(field: ForceField) -> Atoms:
    """Ten atoms of the force field's sites at random in a skewed cell, neutral, none of them repeated."""
    random = np.random.default_rng(4)
    names = [list(field.framework)[number % len(field.framework)] for number in range(10)]
    host = Atoms([field.framework[name].element for name in names], cell=SKEWED, pbc=True)
    host.set_scaled_positions(random.random((10, 3)))
    host.set_array("site", np.array(names, dtype="U16"))
    host.set_array("molecule", np.full(10, -1))
    charges = random.normal(0, 0.6, 10)
    host.set_initial_charges(charges - charges.mean())
    return host


def random_places(random: np.random.Generator, host: Atoms, count: int) -> np.ndarray:
    centres = random.random((count, 3)) @ host.cell.array
    return placed(GUEST, centres, Rotation.random(count, rng=random).as_quat())


def filled(energies: AdditiveGuests, host: Atoms, count: int, random: np.random.Generator) -> np.ndarray:
    """Positions of guests that are put into an empty host one by one, where they do not overlap."""
    energies.start(np.zeros((1, count, len(GUEST), 3)), np.array([0]))
    found: list[np.ndarray] = []
    while len(found) < count:
        place = random_places(random, host, 1)
        accepted = energies.changes([0], [NONE], place) < 0.5
        energies.settle(accepted)
        found += [place[0]] * int(accepted[0])
    return np.array(found)


def by_lammps(evaluator: LammpsEvaluator, host: Atoms, positions_A: np.ndarray) -> float:
    """E(host and guests) - E(host)."""
    count = len(positions_A)
    guests = Atoms(np.tile(GUEST.numbers, count), positions_A.reshape(-1, 3), cell=host.cell, pbc=True)
    guests.set_array("site", np.tile(GUEST.arrays["site"], count))
    guests.set_array("molecule", np.repeat(np.arange(count), len(GUEST)))
    alone = evaluator.evaluate(host, frozenset()).energy_eV
    return evaluator.evaluate(joined(host, guests), frozenset()).energy_eV - alone if count else 0.0


def against_lammps(field: ForceField, host: Atoms, count: int) -> dict[str, float]:
    """Deviations from LAMMPS per molecule: of the whole energy, and of changes by a move, an insertion, a deletion."""
    random = np.random.default_rng(count)
    energies, evaluator = AdditiveGuests(field, host, GUEST), LammpsEvaluator(field, TIGHT)
    positions = filled(energies, host, count, random)
    slots = np.zeros((1, count + 1, len(GUEST), 3))
    slots[0, :count] = positions
    whole = by_lammps(evaluator, host, positions)
    found = {"whole": abs(energies.start(slots, np.array([count]))[0] - whole), "energy": whole}
    other = random_places(random, host, 400)
    changes = {
        "move": (0, lambda place: np.concatenate((place[None], positions[1:]))),
        "insertion": (NONE, lambda place: np.concatenate((positions, place[None]))),
    }
    for name, (slot, after) in changes.items():
        place = next(one for one in other if energies.changes([0], [slot], one[None])[0] < 2.0)
        change = energies.changes([0], [slot], place[None])[0]
        found[name] = abs(change - (by_lammps(evaluator, host, after(place)) - whole))
    change = energies.changes([0], [0], np.full((1, len(GUEST), 3), np.nan))[0]
    found["deletion"] = abs(change - (by_lammps(evaluator, host, positions[1:]) - whole))
    return {name: value if name == "energy" else value / count for name, value in found.items()}


def long_run(field: ForceField, host: Atoms, steps: int = 400) -> dict[str, float]:
    """Four walkers through many accepted proposals of all kinds: their sum against what a fresh start says."""
    random = np.random.default_rng(8)
    energies, walkers, capacity = AdditiveGuests(field, host, GUEST), 4, 12
    positions, counts = np.zeros((walkers, capacity, len(GUEST), 3)), np.zeros(walkers, dtype=int)
    total = energies.start(positions, counts)
    settled, emptied, one_by_one = 0, 0, 0.0
    for step in range(steps):
        # fewer walkers than there are, in any order
        chosen = random.permutation(walkers)[: random.integers(1, walkers + 1)]
        removed = np.array([random.integers(NONE, count) if count else NONE for count in counts[chosen]])
        added = random_places(random, host, len(chosen))
        emptying = (random.random(len(chosen)) < (0.9 if step > steps - 60 else 0.3)) & (removed != NONE)
        added[emptying] = np.nan
        full = (removed == NONE) & (counts[chosen] == capacity)
        chosen, removed, added = chosen[~full], removed[~full], added[~full]
        changes = energies.changes(chosen, removed, added)
        if step % 40 == 0:
            singly = [energies.changes([w], [r], a[None])[0] for w, r, a in zip(chosen, removed, added, strict=True)]
            np.testing.assert_array_equal(np.isfinite(singly), np.isfinite(changes))
            finite = np.isfinite(changes)
            one_by_one = max(one_by_one, np.abs(changes[finite] - np.array(singly)[finite]).max(initial=0.0))
            energies.changes(chosen, removed, added)
        accepted = changes < 1.0
        energies.settle(accepted)
        for walker, slot, place in zip(chosen[accepted], removed[accepted], added[accepted], strict=True):
            if np.isnan(place).any():
                counts[walker] -= 1
                positions[walker, slot] = positions[walker, counts[walker]]
            else:
                positions[walker, counts[walker] if slot == NONE else slot] = place
                counts[walker] += slot == NONE
        total[chosen[accepted]] += changes[accepted]
        settled += accepted.sum()
        emptied += (counts[chosen[accepted]] == 0).sum()
    fresh = energies.start(positions, counts)
    return {
        "drift_eV": np.abs(fresh - total).max(),
        "largest_eV": np.abs(fresh).max(),
        "settled": settled,
        "emptied": emptied,
        "one_by_one_eV": one_by_one,
        "empty_eV": [float(energy) for energy, count in zip(fresh, counts, strict=True) if not count],
    }


def laws(field: ForceField) -> dict[str, float]:
    """Largest changes (eV) of an energy by what must not change it."""
    host, random = HOST.repeat((2, 1, 1)), np.random.default_rng(3)
    energies = AdditiveGuests(field, host, GUEST)
    positions = filled(energies, host, 6, random)
    count = np.array([6])
    energy = energies.start(positions[None], count)[0]
    images = positions + (random.integers(-3, 4, (6, 1, 3)) @ host.cell.array)
    turn = Rotation.from_rotvec([0.4, -1.1, 2.0]).as_matrix().T
    turned = host.copy()
    turned.set_cell(host.cell.array @ turn, scale_atoms=True)
    one = positions[:1]
    alone = LammpsEvaluator(field, TIGHT)
    isolated = Atoms(GUEST.numbers, one[0], cell=host.cell, pbc=True)
    isolated.set_array("site", GUEST.arrays["site"])
    isolated.set_array("molecule", np.zeros(len(GUEST), dtype=int))
    single = interaction(field, host, GUEST)(one)[0] + alone.evaluate(isolated, frozenset()).energy_eV
    return {
        "permutation": energies.start(positions[None, random.permutation(6)], count)[0] - energy,
        "images": energies.start(images[None], count)[0] - energy,
        "translation": energies.start(positions[None] + HOST.cell.array[0], count)[0] - energy,
        "mirrored atoms": energies.start(positions[None, :, [0, 2, 1]], count)[0] - energy,
        "rotation": AdditiveGuests(field, turned, GUEST).start((positions @ turn)[None], count)[0] - energy,
        "one guest": energies.start(one[None], np.array([1]))[0] - single,
    }


def rock_salt() -> dict[str, Any]:
    """Madelung's energy of a salt of diatomic guests, whose own pairs do not interact, and that of a larger cell."""
    field, spacing = diatomic(1.0, 0.0), 2.82
    edge = 2 * spacing
    sodium = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) * edge
    molecules = np.stack((sodium, sodium + np.array([spacing, 0, 0])), axis=1)
    host = Atoms("Mg", [[spacing / 2] * 3], cell=[edge] * 3, pbc=True)
    guest = Atoms("NaCl", [[0, 0, 0], [spacing, 0, 0]])
    energy = AdditiveGuests(field, host, guest).start(molecules[None], np.array([4]))[0]
    larger = np.concatenate([molecules, molecules + np.array([edge, 0, 0])])
    twice = AdditiveGuests(field, host.repeat((2, 1, 1)), guest).start(larger[None], np.array([8]))[0]
    return {"madelung": 1 - energy / 4 * spacing / COULOMB_EV_A, "repeated_eV": twice / 2 - energy}


def two_guests() -> dict[str, Any]:
    """Neutral diatomic guests across each other's axis, at distances around the cut-off of 5 Å."""
    field = diatomic(0.0, 100.0)
    host = Atoms("Mg", cell=[12.0] * 3, pbc=True)
    guest = Atoms("NaCl", [[0, 0, 0], [0.0, 0.0, 1.0]])
    distances = np.array([2.8, 3.4, 4.95, 5.05])
    across = distances[:, None, None] * np.array([1.0, 0.0, 0.0])
    pairs = 3.0 + np.stack((guest.positions + 0 * across, guest.positions + across), axis=1)
    return {"distances_A": distances, "energies_eV": AdditiveGuests(field, host, guest).start(pairs, np.full(4, 2))}


def overlaps(field: ForceField) -> dict[str, Any]:
    energies, random = AdditiveGuests(field, HOST, GUEST), np.random.default_rng(1)
    positions = filled(energies, HOST, 2, random)
    on_an_atom = positions[0] - positions[0, 0] + HOST.positions[7] + 0.2
    energies.start(np.concatenate((positions, np.zeros((1, 3, 3))))[None], np.array([2]))
    proposals = {"host": on_an_atom, "guest": positions[1] + 0.1}
    found = {name: float(energies.changes([0], [NONE], place[None])[0]) for name, place in proposals.items()}
    # the molecule that leaves is not in the way of the one that comes
    found["itself"] = float(energies.changes([0], [1], positions[None, 1] + 1e-9)[0])
    both = np.stack((positions[0], positions[0] + 0.1))
    found["start"] = float(energies.start(both[None], np.array([2]))[0])
    return found


def uncharged() -> dict[str, float]:
    """The generic force field without charges, in the framework or at all, against LAMMPS."""
    field = replace(force_field("uff-trappe"), framework_charges="none")
    neutral = replace(field, guest={name: replace(site, charge_e=0.0) for name, site in field.guest.items()})
    host = HOST.repeat((2, 1, 1))
    return {
        "framework": against_lammps(field, host, 3)["whole"],
        "both": against_lammps(neutral, host, 3)["whole"],
    }


def host_cells(field: ForceField) -> dict[str, Any]:
    """How many atoms the framework is thought to consist of, and what one displaced atom changes."""
    repeated, random = HOST.repeat((2, 1, 1)), np.random.default_rng(6)
    displaced = repeated.copy()
    displaced.positions[3] += [0.05, 0.0, 0.0]
    energies = AdditiveGuests(field, displaced, GUEST)
    positions = filled(energies, displaced, 2, random)
    energy = energies.start(positions[None], np.array([2]))[0]
    return {
        "repeated": AdditiveGuests(field, repeated, GUEST).details["host_cell_atoms"],
        "displaced": energies.details["host_cell_atoms"],
        "displaced_eV": abs(energy - by_lammps(LammpsEvaluator(field, TIGHT), displaced, positions)),
    }


def answers(field: ForceField) -> dict[str, list[str]]:
    """What wrong input says."""
    energies = AdditiveGuests(field, HOST, GUEST)
    place = np.zeros((1, len(GUEST), 3))
    energies.start(np.full((2, 1, len(GUEST), 3), 5.0), np.array([1, 0]))
    charged = replace(field, guest={name: replace(site, charge_e=0.3) for name, site in field.guest.items()})
    cluster = HOST.copy()
    cluster.pbc = False

    def settled_overlap() -> None:
        energies.changes([1], [NONE], place + HOST.positions[0])
        energies.settle([True])

    cases: dict[str, Callable[[], Any]] = {
        "twice": lambda: energies.changes([0, 0], [0, 0], np.concatenate((place, place))),
        "empty slot": lambda: energies.changes([1], [0], place),
        "nothing": lambda: energies.changes([0], [NONE], place * np.nan),
        "full": lambda: energies.changes([0], [NONE], place),
        "settled twice": lambda: (
            energies.changes([0], [0], place + 5),
            energies.settle([False]),
            energies.settle([True]),
        ),
        "settled overlap": settled_overlap,
        "shapes": lambda: energies.start(np.zeros((1, 2, 4, 3)), np.array([1])),
        "charged guest": lambda: AdditiveGuests(charged, HOST, GUEST),
        "not periodic": lambda: AdditiveGuests(field, cluster, GUEST),
        "full host": lambda: AdditiveGuests(field, joined(HOST, GUEST), GUEST),
    }
    found = {}
    for name, wrong in cases.items():
        try:
            wrong()
            found[name] = ["nothing", ""]
        except (ValueError, PotentialFailure) as error:
            found[name] = [type(error).__name__, str(error)]
    return found


def loaded() -> bool:
    """Whether the adapter offers the energies of many guests."""
    file = str(RESOURCES / "force_fields/co2-mof74-dft.yaml")
    potential = load({"name": "fitted", "package": "classical", "loader": {"kind": "force-field", "file": file}})
    energies = potential.guests(HOST, GUEST)
    return energies.details["mode"] == "additive" and energies.details["host_cell_atoms"] == len(HOST)


def main() -> None:
    generic, fitted = force_field("uff-trappe"), force_field("co2-mof74-dft")
    report = {
        "against_lammps": {
            "fitted, 1 in one cell": against_lammps(fitted, HOST, 1),
            "fitted, 5 in two cells": against_lammps(fitted, HOST.repeat((2, 1, 1)), 5),
            "fitted, 40 in 16 cells": against_lammps(fitted, HOST.repeat((4, 2, 2)), 40),
            "generic, 40 in 16 cells": against_lammps(generic, HOST.repeat((4, 2, 2)), 40),
            "generic, 2 in a skewed cell": against_lammps(generic, skewed_host(generic), 2),
            "fitted, 5 in a skewed cell": against_lammps(fitted, skewed_host(fitted).repeat((2, 1, 2)), 5),
        },
        "long_run": {
            "fitted": long_run(fitted, HOST.repeat((2, 1, 1))),
            "generic": long_run(generic, skewed_host(generic)),
        },
        "laws_eV": {"fitted": laws(fitted), "generic": laws(generic)},
        "rock_salt": rock_salt(),
        "two_guests": two_guests(),
        "overlaps": overlaps(fitted),
        "uncharged_eV": uncharged(),
        "host_cells": host_cells(fitted),
        "answers": answers(fitted),
        "loaded": loaded(),
    }
    print(json.dumps(plain(report)))


if __name__ == "__main__":
    main()
