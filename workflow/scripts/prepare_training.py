"""Draw synthetic training data: structures with energies, forces and stresses of a random n-body potential."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from assay.failures import UserError
from assay.records import write_json
from assay.training.dataset import make_structures, potential_of, write_structures


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", required=True, help="the configuration's block `training`, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--output", type=Path, required=True, help="the structures (extended XYZ), to be written")
    parser.add_argument("--potential", type=Path, required=True, help="parameters of the potential, to be written")
    arguments = parser.parse_args(argv)
    settings = json.loads(arguments.settings)
    try:
        structures = make_structures(settings, arguments.seed)
        write_structures(arguments.output, structures)
        write_json(arguments.potential, potential_of(settings, arguments.seed).describe())
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    kinds = Counter(atoms.info["kind"] for atoms in structures)
    print(f"{arguments.output}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
