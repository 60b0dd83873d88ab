"""Fetch a model's weights, from the network or a mirror, into the folder that the site keeps them in, and verify them.

By hand, for a name of the catalogue:

    python workflow/scripts/fetch_checkpoint.py sevennet-mf-ompa-mpa

With ``--record``, as a campaign calls it, what goes wrong is recorded and the program ends well: the model's cases will
fail for that reason, and those of others will not.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from assay.catalogue import load_catalogue
from assay.checkpoints import is_remote, site_folder
from assay.failures import UserError, near_misses
from assay.fetching import fetch
from assay.records import write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name of the catalogue")
    parser.add_argument("--catalogue", type=Path, default=Path("config/models.yaml"), help="default: %(default)s")
    parser.add_argument("--checkpoint", help="the model's key `checkpoint`, as JSON, in place of the catalogue's")
    parser.add_argument(
        "--folder", nargs="?", default="", const="", help="$ASSAY_CHECKPOINTS, else ~/.cache/assay/checkpoints"
    )
    parser.add_argument("--mirror", nargs="?", default="", const="", help="folder of files that replaces the network")
    parser.add_argument("--attempt", type=int, default=1, help="number of the attempt, for the record (default: 1)")
    parser.add_argument("--record", type=Path, help="results/checkpoints/{model}.json, to be written")
    arguments = parser.parse_args(argv)
    record = {"model": arguments.model, "status": "ok", "reason": None, "message": None, "attempt": arguments.attempt}
    nowhere = {"path": None, "sha256": None, "source": None, "files": []}
    try:
        entry = {"name": arguments.model, "checkpoint": _checkpoint(arguments)}
        folder, mirror = site_folder(arguments.folder).absolute(), arguments.mirror
        weights = fetch(entry, folder, Path(mirror).absolute() if mirror else None)
        print(f"{arguments.model}: {weights.path}, SHA-256 {weights.sha256}, from {weights.source}")
        record |= asdict(weights)
    except UserError as error:
        print(error, file=sys.stderr)
        if arguments.record is None:
            return 1
        record |= {"status": "failed", "reason": "checkpoint", "message": str(error)} | nowhere
    if arguments.record is not None:
        write_json(arguments.record, record)
    return 0


def _checkpoint(arguments: argparse.Namespace) -> dict:
    if arguments.checkpoint:
        return json.loads(arguments.checkpoint)
    catalogue = load_catalogue(arguments.catalogue)
    if arguments.model not in catalogue:
        raise UserError(
            f"{arguments.catalogue}: there is no {arguments.model!r}{near_misses(arguments.model, catalogue)}"
        )
    checkpoint = catalogue[arguments.model]["checkpoint"]
    if not is_remote(checkpoint):
        raise UserError(
            f"{arguments.catalogue}: {arguments.model}.checkpoint: nothing is to be fetched of {checkpoint!r}; take the"
            " model as it is."
        )
    return checkpoint


if __name__ == "__main__":
    sys.exit(main())
