"""Write what of a model's catalogue entry its results depend on: an edit there, and only there, reruns its jobs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry", help="catalogue entry, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="file to write, results/models/{model}/model.json")
    arguments = parser.parse_args(argv)
    try:
        write_json(arguments.output, json.loads(arguments.entry))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
