"""Print our shipped GPAW references beside published numbers: pairs against published PBE curves, and phonons.

The published curves (PBE, VASP) are read from the folder of shared data, named by ASSAY_SHARED (default: ../shared);
where it is missing only our own numbers are printed.

    python benchmarks/reference_check.py
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from pathlib import Path

import numpy as np

from assay.failures import UserError
from assay.records import read_json
from assay.references.comparison import force_set_facts
from assay.references.curves import Well, largest_force_error, load_curve, verify_checksums, well, well_of_record

ROOT = Path(__file__).resolve().parents[1]
CURVES = "data/diatomics/diatomics-dft.json.gz"


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shipped", type=Path, default=ROOT / "resources" / "references")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared")))
    arguments = parser.parse_args()
    print(f"{verify_checksums(arguments.shipped)} shipped files have their checksums\n")
    print_pairs(arguments.shipped, read_published(arguments.shared / CURVES))
    print()
    print_phonons(arguments.shipped)


def read_published(path: Path) -> dict[str, Well]:
    """Wells of the published PBE curves by element, depths against their last point; empty if the file is missing."""
    if not path.exists():
        return {}
    wells = {}
    with gzip.open(path, "rt") as stream:
        for formula, curve in json.load(stream)["PBE"].items():
            distances, energies = np.array(curve["distances"]), np.array(curve["energies"])
            beyond = distances >= 0.45
            try:
                wells[formula.partition("-")[0]] = well(distances[beyond], energies[beyond], energies[-1])
            except ValueError:
                continue
    return wells


def print_pairs(shipped: Path, published: dict[str, Well]) -> None:
    """The table of bond lengths and depths."""
    print(f"{'pair':<5} {'r_e Å':>8} {'PBE pub.':>9} {'diff.':>8} {'D_e eV':>8} {'PBE pub.':>9} {'diff.':>8}", end="")
    print(f" {'points':>7} {'conv.':>6} {'|F+dE/dr|':>10} {'wall s':>7}")
    deviations = []
    for path in sorted((shipped / "diatomics").glob("*.json")):
        record = load_curve(path)
        ours, theirs = well_of_record(record), published.get(record["element"])
        row = f"{record['element'] + '2':<5} {ours.bond_length_A:8.4f} "
        if theirs is None:
            row += f"{'-':>9} {'-':>8} {ours.depth_eV:8.3f} {'-':>9} {'-':>8}"
        else:
            length, depth = ours.bond_length_A - theirs.bond_length_A, ours.depth_eV - theirs.depth_eV
            row += f"{theirs.bond_length_A:9.4f} {length:8.4f} {ours.depth_eV:8.3f} {theirs.depth_eV:9.3f} {depth:8.3f}"
            if ours.bound and theirs.bound:
                deviations.append((abs(length), abs(depth)))
        converged = sum(record["converged"])
        error = largest_force_error(record, 0.85 * ours.bond_length_A)
        print(f"{row} {len(record['converged']):7d} {converged:6d} {error:10.3f} {record['wall_s']:7.0f}")
    if deviations:
        length, depth = np.mean(deviations, axis=0)
        print(f"mean absolute deviation of {len(deviations)} bound pairs: {length:.4f} Å, {depth:.3f} eV")


def print_phonons(shipped: Path) -> None:
    """The table of force sets."""
    print(f"{'crystal':<10} {'a Å':>8} {'max THz':>8} {'cut-off eV':>10} {'k-points':>9}", end="")
    print(f" {'atoms':>6} {'forces':>7} {'wall s':>7}")
    for path in sorted((shipped / "phonons").glob("*/record.json")):
        record = read_json(path)
        if record.get("code") != "GPAW":
            raise UserError(f"{path}: not a record of reference_phonons")
        constant, maximum = force_set_facts(path.with_name("phonopy_params.yaml.xz"))
        mesh = "x".join(str(count) for count in record["kpoints_supercell"])
        print(
            f"{record['case']:<10} {constant:8.4f} {maximum:8.3f} {record['cutoff_eV']:10.0f} {mesh:>9}"
            f" {record['atoms_in_supercell']:6d} {len(record['displacements']):7d} {record['wall_s']['total']:7.0f}"
        )
        for test in record.get("convergence_tests", ()):
            base, value = test["frequency_max_base_THz"], test["frequency_max_THz"]
            print(f"{'':<10} {test['change']}: {base:.3f} to {value:.3f} THz ({test['atoms']} atoms)")


if __name__ == "__main__":
    main()
