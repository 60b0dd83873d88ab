"""Draw a seeded random sample of a phonon database, with filters, and write which materials it holds."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.records import write_json
from assay.references.phonon_databases import Access, access_parser
from assay.references.selection import Sample, select


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, parents=[access_parser()])
    parser.add_argument("--sample", required=True, help="phonons.database.sample, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="selection.json, to be written")
    arguments = parser.parse_args(argv)
    block = json.loads(arguments.sample)
    try:
        if block is None:
            raise UserError(
                "phonons.database.sample: the configuration asks for no sample; add one, or drop this target."
            )
        sample = Sample.from_config(block)
        access = Access.from_arguments(arguments)
        index = access.index()
        mdr_ids = {case: entry.mdr_id for case, entry in index.items() if entry.mdr_id}

        def load(case: str):
            return access.record(case, access.record_file(case, mdr_ids.get(case)))

        chosen, visited = select(index, sample, load, say=lambda line: print(line, flush=True))
        selection = {
            "source": arguments.source,
            "sample": block,
            "ids": chosen,
            "mdr_ids": {case: mdr_ids[case] for case in chosen if case in mdr_ids},
            "n_candidates": len(index),
            "visited": visited,
        }
        write_json(arguments.output, selection)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.output}: {len(chosen)} materials, {len(visited)} visited of {len(index)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
