"""Write what of a model's catalogue entry its results depend on, and where its weights are and what is in them.

An edit there, and only there, reruns the model's jobs. Weights that are missing, or could not be fetched, are told too:
they become the reason of every case.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from assay.checkpoints import weights_of
from assay.failures import UserError
from assay.records import read_json, write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entry", help="catalogue entry, as JSON")
    parser.add_argument("--fetched", type=Path, nargs="?", help="record that fetch_checkpoint has written")
    parser.add_argument("--output", type=Path, required=True, help="file to write, results/models/{model}/model.json")
    arguments = parser.parse_args(argv)
    try:
        entry = json.loads(arguments.entry)
        if isinstance(entry["checkpoint"], dict):
            entry["weights"] = _weights(entry, arguments.fetched)
        write_json(arguments.output, entry)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _weights(entry: dict[str, Any], fetched: Path | None) -> dict[str, Any]:
    if fetched:
        record = read_json(fetched)
        if record["status"] != "ok":
            return {"failed": record["message"]}
        return {key: record[key] for key in ("path", "sha256", "files")}
    try:
        weights = weights_of(entry)
    except UserError as error:
        return {"failed": str(error)}
    return {"path": weights.path, "sha256": weights.sha256}


if __name__ == "__main__":
    sys.exit(main())
