"""Write the exact geometries of pairs of atoms that every model gets, and an index of them.

The distances of a pair hold those of its reference curve, where there is one.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.diatomics.plan import reference_path
from assay.diatomics.protocol import make_pair, write_pair
from assay.failures import UserError
from assay.records import file_sha256, write_json
from assay.references.curves import load_curve


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", help="pairs of elements, such as N-N and C-O")
    parser.add_argument("--references", type=Path, required=True, help="folder of reference curves")
    parser.add_argument("--grid", required=True, help="distances, orientations and box, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write; geometries go beside it")
    arguments = parser.parse_args(argv)
    grid = json.loads(arguments.grid)
    try:
        cases = {name: prepare(name, grid, arguments) for name in arguments.pairs}
        content = {"settings": json.loads(arguments.settings), "seed": arguments.seed, "cases": cases}
        write_json(arguments.index, content)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    with_reference = sum(case["reference"] is not None for case in cases.values())
    print(f"prepared {len(cases)} pairs, {with_reference} with a reference")
    return 0


def prepare(name: str, grid: dict, arguments: argparse.Namespace) -> dict:
    """Write one pair; returns its entry in the index."""
    path = reference_path(arguments.references, name)
    reference = load_curve(path) if path is not None and path.exists() else None
    distances = None if reference is None else reference["distances_A"]
    pair = make_pair(tuple(name.split("-")), **grid, reference_A=distances)
    file = arguments.index.parent / f"{name}.json"
    write_pair(file, pair)
    return {
        "file": file.name,
        "sha256": file_sha256(file),
        "n_radii": len(pair.radii_A),
        "n_orientations": len(pair.orientations),
        "reference": None if reference is None else path,
        "reference_sha256": None if reference is None else file_sha256(path),
        "level_of_theory_reference": None if reference is None else reference["level_of_theory"],
    }


if __name__ == "__main__":
    sys.exit(main())
