"""Recompute small references with GPAW and compare them with the shipped files, whose checksums are verified first."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from assay.failures import UserError
from assay.references.comparison import compare_curves, compare_force_sets
from assay.references.curves import load_curve, verify_checksums
from assay.references.gpaw_code import Gpaw, NotConverged
from assay.references.gpaw_diatomics import make_curve
from assay.references.gpaw_phonons import make_force_set
from assay.references.gpaw_settings import diatomic_settings, phonon_settings
from assay.structures import load_crystals


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--shipped", type=Path, default=Path("resources/references"), help="folder of the shipped files"
    )
    parser.add_argument("--crystals", type=Path, default=Path("resources/structures/crystals.yaml"))
    parser.add_argument("--elements", nargs="*", default=["H"], help="pairs to recompute (default: H)")
    parser.add_argument("--cases", nargs="*", default=["Si"], help="crystals to recompute (default: Si)")
    parser.add_argument("--settings", default="quick", help="settings of the shipped files (default: quick)")
    parser.add_argument("--workdir", type=Path, required=True, help="finished points; a second start resumes there")
    arguments = parser.parse_args()
    try:
        failures = check(arguments)
    except (UserError, NotConverged) as error:
        sys.exit(f"check_references: {error}")
    if failures:
        sys.exit(f"check_references: {failures} quantities differ from the shipped references by more than is allowed.")


def check(arguments: argparse.Namespace) -> int:
    """Compare, print a table, and return how many quantities are out of bounds."""
    shipped, workdir = arguments.shipped, arguments.workdir
    print(f"{verify_checksums(shipped)} shipped files have their checksums", flush=True)
    code = Gpaw()
    rows = []
    for element in arguments.elements:
        reference = load_curve(shipped / "diatomics" / f"{element}.json")
        curve = make_curve(
            element,
            diatomic_settings(arguments.settings),
            code,
            workdir=workdir / "diatomics" / element,
            output=workdir / "diatomics" / f"{element}.json",
            say=_say,
        )
        rows += compare_curves(curve, reference)
    crystals = load_crystals(arguments.crystals)
    for case in arguments.cases:
        folder = workdir / "phonons" / case
        make_force_set(
            crystals[case],
            phonon_settings(arguments.settings),
            code,
            workdir=folder,
            output=folder / "phonopy_params.yaml.xz",
            record_path=folder / "record.json",
            say=_say,
        )
        rows += compare_force_sets(case, folder, shipped / "phonons" / case)
    print(f"\n{'quantity':<28} {'recomputed':>12} {'shipped':>12} {'allowed':>9}")
    for row in rows:
        verdict = "" if row.agrees else "DIFFERS"
        print(f"{row.quantity:<28} {row.value:12.5f} {row.shipped:12.5f} {row.allowed:9.4f} {verdict}")
    return sum(not row.agrees for row in rows)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
