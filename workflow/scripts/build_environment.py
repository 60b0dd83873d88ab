"""Build one isolated environment from a conda-format file and write its lock.

The tool is mamba or conda where on PATH, else uv, else venv and pip; ASSAY_ENVIRONMENT_TOOL chooses another.
An environment whose file cannot be satisfied (no such version, a conflict, an import that fails) gets a lock that says
so, and its models' jobs record it; where the network or the disk stood in the way, the program ends with exit code 1
and the next campaign tries again.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from pathlib import Path

from assay.environments import BuildFailure, build, read_specification, write_failed_lock
from assay.failures import UserError
from assay.installers import choose_tool
from assay.locks import held

ROOT = Path(__file__).resolve().parents[2]
log = logging.getLogger("build_environment")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specification", type=Path, help="environment file, such as envs/chgnet.yaml")
    parser.add_argument("--prefix", type=Path, required=True, help="where to build it, such as .envs/chgnet")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        tool = choose_tool()
        specification = read_specification(arguments.specification)
        # an orphan of a snakemake that was killed may still be building it
        with held(arguments.prefix.parent / f".{arguments.prefix.name}.lock", log.info):
            build(specification, arguments.prefix, tool=tool, project=ROOT, report=log.info)
    except UserError as error:
        log.error("%s", error)
        return 1
    except BuildFailure as error:
        log.error("%s: %s", arguments.specification, error)
        if not error.permanent:
            return 1
        shutil.rmtree(arguments.prefix, ignore_errors=True)
        write_failed_lock(arguments.prefix, f"{arguments.specification}: {error}")
        log.error("recorded as failed; change the file, or delete %s, to try again", arguments.prefix)
    return 0


if __name__ == "__main__":
    sys.exit(main())
