"""A training that is killed after an epoch and goes on, against one that is not. Prints one JSON object.

.envs/schnetpack/bin/python tests/training/check_training.py FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import torch

from assay.potentials import load
from assay.potentials.schnetpack_files import Architecture, read_weights
from assay.training import loop
from assay.training.dataset import PARTS, make_structures

SETTINGS = {
    "elements": ["C", "O"],
    "body_order": 3,
    "terms": 1,
    "cutoff_A": 3.5,
    "structures": {"training": 12, "validation": 4, "test": 4},
}
RECIPE = loop.Recipe(epochs=5, batch_size=4, learning_rate=0.003, energy_weight=1.0, seed=3)
KILLED_AFTER = 2


def run(kind: str, folder: Path, said: list[str]) -> dict:
    structures = make_structures(SETTINGS, seed=1)
    parts = [[atoms for atoms in structures if atoms.info["part"] == part] for part in PARTS]
    architecture = Architecture(kind, ("C", "O"), features=8, interactions=2, radial_functions=8, cutoff_A=3.5)
    files = {"model": folder / "model.pt", "checkpoint": folder / "checkpoint.pt"}
    return loop.train(architecture, RECIPE, *parts, **files, say=said.append)


def run_until_killed(kind: str, folder: Path) -> None:
    save = loop._save

    def save_and_die(*arguments) -> None:
        save(*arguments)
        if len(arguments[4]) == KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    loop._save = save_and_die
    run(kind, folder, [])


def compare(kind: str, folder: Path) -> dict:
    whole = run(kind, folder / "whole", [])
    killed = subprocess.run([sys.executable, __file__, str(folder / "killed"), kind], check=False).returncode
    left = (folder / "killed" / "checkpoint.pt").exists()
    said: list[str] = []
    resumed = run(kind, folder / "killed", said)
    one, other = (read_weights(folder / name / "model.pt").module.state_dict() for name in ("whole", "killed"))
    entry = {"name": kind, "package": "schnetpack", "checkpoint": {"path": str(folder / "whole" / "model.pt")}}
    potential = load(entry, probe=False)
    structures = [atoms for atoms in make_structures(SETTINGS, seed=1) if atoms.info["part"] == "test"]
    results = potential.evaluate(structures)
    pairs = zip(results, structures, strict=True)
    misses = [abs(result.energy_eV - atoms.get_potential_energy()) / len(atoms) for result, atoms in pairs]
    return {
        "killed": killed,
        "left": left,
        "said": said,
        "same_weights": all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys(),
        "same_curve": [row["validation_force_mae_meV_A"] for row in whole["curve"]]
        == [row["validation_force_mae_meV_A"] for row in resumed["curve"]],
        "epochs": [row["epoch"] for row in resumed["curve"]],
        "finished": not (folder / "killed" / "checkpoint.pt").exists(),
        "test_error_meV_per_atom": whole["test"]["energy_mae_meV_per_atom"],
        "potential_error_meV_per_atom": 1e3 * sum(misses) / len(misses),
        "elements": sorted(potential.elements),
    }


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        run_until_killed(sys.argv[2], folder)
    print(json.dumps({kind: compare(kind, folder / kind) for kind in ("schnet", "painn")}))


if __name__ == "__main__":
    main()
