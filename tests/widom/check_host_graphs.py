"""Compares one model's graphs in a fixed host with those of whole structures, in its own environment. Prints JSON.

.envs/chgnet/bin/python tests/widom/check_host_graphs.py '{"name": "chgnet", "package": "chgnet", ...}' host.xyz
"""

from __future__ import annotations

import json
import sys

import numpy as np
from ase import Atoms
from ase.io import read

from assay.contacts import Contacts
from assay.hosts import guest_at, placed
from assay.potentials import load
from assay.widom.sampling import draw_insertions

CO2 = Atoms("CO2", [(0, 0, 0), (0, 0, 1.16), (0, 0, -1.16)])
COUNT = 12


def main() -> None:
    entry, host = json.loads(sys.argv[1]), read(sys.argv[2])
    potential = load(entry, probe=False)
    drawn = draw_insertions(COUNT, seed=1, path="host graphs")
    positions = placed(CO2, drawn.fractional @ host.cell.array, drawn.quaternions)
    # one on top of an atom of the host, one that is far outside of the cell
    positions[0] += host.positions[0] - positions[0, 0] + (0.05, 0.02, 0.01)
    positions[1] += (5, -7, 4) @ host.cell.array
    guests = [guest_at(CO2, one, host) for one in positions]
    properties = ("energy", "forces", "stress")
    inside = potential.evaluate(guests, properties, prepare=potential.prepare_in_host(host))
    whole = potential.evaluate([host + guest for guest in guests], properties)
    # what rounding alone does: the same atoms in another order
    turned = potential.evaluate([(host + guest)[::-1] for guest in guests])
    prepare = potential.prepare_in_host(host)
    worst = {
        "edges": [prepare(guest).edges - potential.prepare(host + guest).edges for guest in guests],
        "energy_eV": [abs(one.energy_eV - other.energy_eV) for one, other in zip(inside, whole, strict=True)],
        "rounding_eV": [abs(one.energy_eV - other.energy_eV) for one, other in zip(turned, whole, strict=True)],
        "force_eV_A": [
            np.abs(one.forces_eV_A - other.forces_eV_A).max() for one, other in zip(inside, whole, strict=True)
        ],
        "force_scale_eV_A": [np.abs(other.forces_eV_A).max() for other in whole],
        "stress_eV_A3": [
            np.abs(one.stress_eV_A3 - other.stress_eV_A3).max() for one, other in zip(inside, whole, strict=True)
        ],
    }
    report = {name: [float(value) for value in values] for name, values in worst.items()}
    report["closest_fraction"] = Contacts.of(host, CO2).closest(positions)[0].tolist()
    report["layers"] = potential.details["interaction_layers"]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
