"""Train SchNet or PaiNN on the synthetic data, in the environment of schnetpack.

Writes the weights and, beside them, what they come from and how the errors fell. A training that was killed goes on
after its last epoch. Smaller trainings on the first structures alone tell how the error falls with the data.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from assay.failures import UserError
from assay.provenance import command_line, git_revision, hardware, package_versions
from assay.records import file_sha256, write_json
from assay.training.dataset import read_structures

PACKAGES = ("assay", "schnetpack", "torch", "numpy", "ase", "matscipy")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", required=True, help="schnet or painn")
    parser.add_argument("--data", type=Path, required=True, help="structures with energies and forces (extended XYZ)")
    parser.add_argument("--settings", required=True, help="the configuration's block `training`, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    parser.add_argument("--model", type=Path, required=True, help="the weights, to be written")
    parser.add_argument("--record", type=Path, required=True, help="curve and provenance (JSON), to be written")
    parser.add_argument("--workdir", type=Path, required=True, help="finished epochs; a second start resumes there")
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO, stream=sys.stdout)
    try:
        write_json(arguments.record, run(arguments))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(arguments: argparse.Namespace) -> dict:
    """Train on parts of the data and on all of it, and say what came out."""
    import torch

    from assay.potentials.schnetpack_files import Architecture
    from assay.training.loop import Recipe, train

    settings = json.loads(arguments.settings)
    torch.set_num_threads(arguments.threads)
    parts = read_structures(arguments.data)
    architecture = Architecture(
        kind=arguments.architecture,
        elements=tuple(settings["elements"]),
        features=settings["features"],
        interactions=settings["interactions"],
        radial_functions=settings["radial_functions"],
        cutoff_A=float(settings["cutoff_A"]),
    )
    names = ("epochs", "batch_size", "learning_rate", "energy_weight")
    recipe = Recipe(**{name: settings[name] for name in names}, seed=arguments.seed)
    count = len(parts["training"])
    sizes = sorted({size for size in settings["sizes"] if size < count} | {count})
    trainings = []
    for size in sizes:
        folder = arguments.workdir / str(size)
        result = train(
            architecture,
            recipe,
            parts["training"][:size],
            parts["validation"],
            parts["test"],
            model=arguments.model if size == count else folder / "model.pt",
            checkpoint=folder / "checkpoint.pt",
        )
        trainings.append(result)
        logging.info("%d structures: test error %.0f meV/Å", size, result["test"]["force_mae_meV_A"])
    whole = trainings[-1]
    return {
        "model": f"{arguments.architecture}-synthetic",
        "architecture": arguments.architecture,
        "settings": settings,
        "seed": arguments.seed,
        "threads": arguments.threads,
        "data": str(arguments.data),
        "data_sha256": file_sha256(arguments.data),
        "model_sha256": file_sha256(arguments.model),
        **whole,
        "sizes": [
            {key: training[key] for key in ("n_train", "best_epoch", "test", "seconds")} for training in trainings
        ],
        "versions": package_versions(PACKAGES),
        "hardware": hardware(),
        "git_revision": git_revision(),
        "command": command_line(),
    }


if __name__ == "__main__":
    sys.exit(main())
