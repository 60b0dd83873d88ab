"""Write the hosts, guests and insertions that every model gets, and an index of them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.frameworks import read_framework, read_molecule
from assay.hosts import make_system, write_system
from assay.records import file_sha256, fingerprint, write_json
from assay.widom.sampling import draw_insertions, write_insertions


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, help="framework, guest, primitive and axis by case, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--by-model", default="{}", help="settings of single models, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write; systems go beside it")
    arguments = parser.parse_args(argv)
    settings, by_model = json.loads(arguments.settings), json.loads(arguments.by_model)
    count = max(block["insertions"] for block in (settings, *(settings | own for own in by_model.values())))
    try:
        cases = {
            case: prepare(case, facts, count, settings, arguments) for case, facts in json.loads(arguments.plan).items()
        }
        content = {"settings": settings, "seed": arguments.seed, "by_model": by_model, "cases": cases}
        write_json(arguments.index, content)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"prepared {len(cases)} systems with {count} insertions each")
    return 0


def prepare(case: str, facts: dict, count: int, settings: dict, arguments: argparse.Namespace) -> dict:
    """Write one system and its insertions; returns its entry in the index."""
    system = make_system(
        read_framework(Path(facts["framework"]), primitive=facts["primitive"]), read_molecule(Path(facts["guest"]))
    )
    folder = arguments.index.parent / case
    files = write_system(folder, system)
    sampling = {"sampling": settings["sampling"]}
    if sampling["sampling"] == "sobol":
        sampling["replicates"] = settings["replicates"]
    insertions = draw_insertions(count, seed=arguments.seed, path=f"widom/{case}", **sampling)
    write_insertions(folder / "insertions.h5", insertions)
    # without the number of insertions: a longer stream begins with the shorter one, and extends what there is
    parts = [file_sha256(path) for path in files.values()]
    return {
        **{part: f"{case}/{path.name}" for part, path in files.items()},
        "insertions": f"{case}/insertions.h5",
        "n_insertions": count,
        "sha256": fingerprint(*parts, case, arguments.seed, sampling),
        **system.facts(facts["axis"]),
    }


if __name__ == "__main__":
    sys.exit(main())
