"""Compute the PBE curve of a homonuclear pair with GPAW: 0.5 to 6 Å, the lowest spin state at every distance."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.failures import UserError
from assay.references.gpaw_code import Gpaw
from assay.references.gpaw_diatomics import atomic_moment, make_curve
from assay.references.gpaw_settings import DIATOMICS, diatomic_settings


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--element", required=True, help="chemical symbol, such as N")
    parser.add_argument("--settings", default="quick", help=f"one of {', '.join(DIATOMICS)} (default: quick)")
    parser.add_argument("--output", type=Path, required=True, help="the curve (JSON)")
    parser.add_argument("--workdir", type=Path, required=True, help="finished points; a second start resumes there")
    arguments = parser.parse_args()
    try:
        atomic_moment(arguments.element)
        make_curve(
            arguments.element,
            diatomic_settings(arguments.settings),
            Gpaw(),
            workdir=arguments.workdir,
            output=arguments.output,
            say=lambda line: print(line, flush=True),
        )
    except UserError as error:
        sys.exit(f"reference_diatomics: {error}")


if __name__ == "__main__":
    main()
