"""A made-up campaign of insertions into a channel of known shape: a sound model, one with a hole, one that failed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from scipy.spatial import KDTree

from assay.cells import periodic_images
from assay.contacts import Contacts
from assay.hosts import make_system, placed, write_system
from assay.records import write_json
from assay.widom.sampling import draw_insertions

CASE = "guest-in-channel"
SEED = 5
EDGE_A, HEIGHT_A, RING_A = 13.0, 6.0, 5.2
OVERLAP_FRACTION = 0.7
CARDS = [
    {"model": "sound", "label": "Sound", "colour": "#0072B2"},
    {"model": "holey", "label": "Holey", "colour": "#D55E00"},
    {"model": "broken", "label": "Broken", "colour": "#009E73"},
    {"model": "absent", "label": "Absent", "colour": "#CC79A7"},
]
SETTINGS = {
    "temperatures_K": [280.0, 300.0, 350.0],
    "temperature_K": 300.0,
    "blocks": 20,
    "bootstrap": 200,
    "map_window_A": 50.0,
    "map_tile_A": 1.5,
    "map_limit_eV": 5.0,
}
SIGMA_A, EPSILON_EV = 3.0, 0.02


def channel() -> Atoms:
    """A hexagonal cell whose atoms lie on a cylinder around its middle, metals among them."""
    cell = np.array([[EDGE_A, 0, 0], [-EDGE_A / 2, EDGE_A * np.sqrt(3) / 2, 0], [0, 0, HEIGHT_A]])
    angles = np.arange(18) * 2 * np.pi / 18
    ring = np.column_stack([RING_A * np.cos(angles), RING_A * np.sin(angles), np.arange(18) % 3 * HEIGHT_A / 3])
    return Atoms("OMgC" * 6, positions=ring + cell.sum(axis=0) / 2, cell=cell, pbc=True)


def energies(host: Atoms, centres_A: np.ndarray) -> np.ndarray:
    """Lennard-Jones energies (eV) of points with the sixteen nearest of the host's atoms, images included."""
    cell = host.cell.array
    fractional = centres_A @ np.linalg.inv(cell)
    tree = KDTree(periodic_images(host, 10.0).reshape(-1, 3))
    distances, _ = tree.query((fractional - np.floor(fractional)) @ cell, k=16)
    ratio = (SIGMA_A / distances) ** 6
    return 4 * EPSILON_EV * (ratio**2 - ratio).sum(axis=1)


def write_campaign(folder: Path, n_insertions: int = 2000, sampling: str = "random") -> None:
    """Write inputs and records: the hole is -1 eV wherever nuclei overlap deeply; one model failed, one is absent."""
    system = make_system(channel(), Atoms("OCO", positions=[[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]]))
    inputs = folder / "inputs"
    write_system(inputs / CASE, system)
    drawn = draw_insertions(n_insertions, seed=SEED, path=f"widom/{CASE}", sampling=sampling)
    centres = drawn.fractional @ system.host.cell.array
    fraction, distance = Contacts.of(system.host, system.guest).closest(
        placed(system.guest, centres, drawn.quaternions)
    )
    values = energies(system.host, centres)
    facts = system.facts() | {"sha256": "0"}
    settings = {"overlap_fraction": OVERLAP_FRACTION, "sampling": sampling, "insertions": n_insertions}
    index = {"settings": settings, "seed": SEED, "by_model": {}, "cases": {CASE: facts}}
    write_json(inputs / "batch-000.json", index)
    for model in ("sound", "holey", "broken"):
        own = values.copy()
        result = {"status": "ok", "reason": None, "message": None, "observations": observations()}
        path = folder / f"models/{model}/widom/batch-000.json"
        if model == "broken":
            result |= {"status": "failed", "reason": "non_finite", "message": "no energy", "observations": {}}
        else:
            skipped = np.zeros(n_insertions, dtype=bool)
            if model == "holey":
                own[fraction < 0.3] = -1.0
                own[0] = np.nan
                skipped[np.nanargmax(own)] = True
                own[skipped] = np.inf
            (path.parent / CASE).mkdir(parents=True, exist_ok=True)
            with h5py.File(path.parent / CASE / "insertions.h5", "w") as file:
                file["energy_eV"], file["closest_fraction"], file["closest_A"] = own, fraction, distance
                file["skipped"], file["position_A"], file["replicate"] = skipped, centres, drawn.replicate
                file.attrs.update({"stream": "0", "n_insertions": n_insertions, "sampling": sampling})
        write_json(path, {"model": model, "device": "cpu", "threads": 1, "cases": {CASE: result}})


def observations() -> dict:
    """What a run says beside the energies."""
    minimum = {"energy_eV": -0.4, "binding_energy_kJ_mol": -38.6, "site": "metal", "metal": "Mg"}
    return {
        "supercell": [1, 1, 2],
        "n_atoms": 57,
        "image_distance_A": 12.0,
        "cutoff_A": 5.0,
        "reach_A": 25.0,
        "host_residual_force_max_eV_A": 0.1,
        "host_relaxed": False,
        "far_field_offset_eV": 1e-6,
        "mode": "host graph",
        "seconds_per_insertion": 0.2,
        "minima": [minimum | {"metal_distance_A": 2.4, "angle_deg": 130.0}],
    }
