"""Write the index of laws that every model is measured on; the structures are of elements that a model knows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import fingerprint, write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", required=True, help="names of laws")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write")
    arguments = parser.parse_args(argv)
    cases = {case: {"sha256": fingerprint(case, arguments.seed)} for case in arguments.cases}
    try:
        write_json(
            arguments.index,
            {"settings": json.loads(arguments.settings), "seed": arguments.seed, "cases": cases},
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"prepared {len(cases)} laws")
    return 0


if __name__ == "__main__":
    sys.exit(main())
