"""Compute a crystal's PBE force set with GPAW: lattice relaxation, displaced supercells, phonopy_params.yaml.xz."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.failures import UserError, near_misses
from assay.references.gpaw_code import Gpaw, NotConverged
from assay.references.gpaw_phonons import make_force_set
from assay.references.gpaw_settings import PHONONS, phonon_settings
from assay.structures import load_crystals


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crystals", type=Path, required=True, help="file of crystals (YAML)")
    parser.add_argument("--case", required=True, help="the crystal, a key of that file")
    parser.add_argument("--settings", default="quick", help=f"one of {', '.join(PHONONS)} (default: quick)")
    parser.add_argument("--output", type=Path, required=True, help="the force set, phonopy_params.yaml.xz")
    parser.add_argument("--record", type=Path, required=True, help="what it is and how it was made, record.json")
    parser.add_argument("--workdir", type=Path, required=True, help="finished points; a second start resumes there")
    parser.add_argument(
        "--convergence-tests", action="store_true", help="also with a higher cut-off and denser k-points"
    )
    arguments = parser.parse_args()
    try:
        crystals = load_crystals(arguments.crystals)
        if arguments.case not in crystals:
            hint = near_misses(arguments.case, crystals)
            raise UserError(f"{arguments.crystals}: there is no crystal {arguments.case!r}{hint}")
        make_force_set(
            crystals[arguments.case],
            phonon_settings(arguments.settings),
            Gpaw(),
            workdir=arguments.workdir,
            output=arguments.output,
            record_path=arguments.record,
            convergence_tests=arguments.convergence_tests,
            say=lambda line: print(line, flush=True),
        )
    except (UserError, NotConverged) as error:
        sys.exit(f"reference_phonons: {error}")


if __name__ == "__main__":
    main()
