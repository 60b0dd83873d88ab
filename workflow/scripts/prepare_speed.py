"""Write the systems of one device's job that every model gets, fresh ones for every repeat, and an index of them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import file_sha256, write_json
from assay.speed.names import HELIUM
from assay.speed.systems import make_systems, write_systems
from assay.structures import load_crystals


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, help="system, size, structures and ladder by case, as JSON")
    parser.add_argument("--structures", type=Path, required=True, help="file of crystals")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--device", required=True, help="device that is asked for: auto, cpu or cuda")
    parser.add_argument("--budget-s", type=float, required=True, help="time budget of all cases of a model (s)")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write; systems go beside it")
    arguments = parser.parse_args(argv)
    settings = json.loads(arguments.settings)
    try:
        crystals = load_crystals(arguments.structures)
        cases = {
            case: prepare(facts, crystals, settings["repeats"], arguments)
            for case, facts in json.loads(arguments.plan).items()
        }
        content = {"settings": settings, "seed": arguments.seed, "budget_s": arguments.budget_s, "cases": cases}
        write_json(arguments.index, content)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"prepared {len(cases)} cases of up to {max(case['n_atoms'] for case in cases.values())} atoms")
    return 0


def prepare(facts: dict, crystals: dict, repeats: int, arguments: argparse.Namespace) -> dict:
    """Write the systems of one case, the same for all devices; returns its entry in the index."""
    cell = None if facts["system"] == HELIUM else crystals[facts["system"]].atoms()
    systems = make_systems(facts["path"], facts["size"], facts["structures"], repeats, seed=arguments.seed, cell=cell)
    file = arguments.index.parent / f"{facts['path']}.npz"
    write_systems(file, systems)
    return {
        "file": file.name,
        "sha256": file_sha256(file),
        "system": facts["system"],
        "ladder": facts["ladder"],
        "size": facts["size"],
        "n_structures": systems.structures,
        "n_atoms": systems.atoms_in_all,
        "device_asked": arguments.device,
    }


if __name__ == "__main__":
    sys.exit(main())
