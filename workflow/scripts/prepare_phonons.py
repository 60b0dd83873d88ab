"""Write the exact crystals and displacements that every model gets, and an index of them.

A crystal comes from its reference record where there is one (cell, supercell, primitive cell, displacements), else from
the file of lattice facts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from assay.failures import UserError
from assay.phonons.protocol import displaced_crystal, read_displacements, write_displacements
from assay.phonons.references import find_reference
from assay.records import file_sha256, write_json
from assay.structures import load_crystals, to_ase


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", help="names of crystals")
    parser.add_argument("--structures", type=Path, required=True, help="file of crystals")
    parser.add_argument("--references", type=Path, required=True, help="folder of reference records")
    parser.add_argument("--fetched", type=Path, help="folder of the records of crystals that are not in that file")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write; crystals go beside it")
    arguments = parser.parse_args(argv)
    settings = json.loads(arguments.settings)
    try:
        crystals = load_crystals(arguments.structures)
        cases = {}
        for case in arguments.cases:
            known = case in crystals or arguments.fetched is None
            reference = find_reference(arguments.references if known else arguments.fetched, case)
            if reference:
                if reference.self_check == "failed":
                    print(f"{case}: the reference failed its self-check; see {reference.path.parent / 'record.json'}")
                phonopy = read_displacements(reference.path)
            elif case not in crystals:
                raise UserError(f"{arguments.fetched}/{case}: holds no reference record; fetch it again.")
            else:
                phonopy = displaced_crystal(
                    crystals[case].atoms(),
                    crystals[case].supercell_matrix,
                    displacement_A=settings["displacement_A"],
                    symmetry_tolerance_A=settings["symmetry_tolerance_A"],
                )
            name = f"{case}.yaml"
            write_displacements(arguments.index.parent / name, phonopy)
            n_displacements = len(phonopy.supercells_with_displacements)
            cases[case] = {
                "file": name,
                "sha256": file_sha256(arguments.index.parent / name),
                "formula": to_ase(phonopy.primitive).get_chemical_formula("metal", empirical=True),
                "n_atoms_primitive": len(phonopy.primitive),
                "n_atoms_supercell": len(phonopy.supercell),
                "n_atoms_displaced": n_displacements * len(phonopy.supercell),
                "n_displacements": n_displacements,
                "structure": f"reference {reference.path}" if reference else crystals[case].source,
                "reference": reference.path if reference else None,
                "reference_sha256": file_sha256(reference.path) if reference else None,
                "level_of_theory_reference": reference.level_of_theory if reference else None,
                "reference_self_check": reference.self_check if reference else None,
            }
        write_json(arguments.index, {"settings": settings, "seed": arguments.seed, "cases": cases})
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    with_reference = sum(case["reference"] is not None for case in cases.values())
    print(f"prepared {len(cases)} crystals, {with_reference} with a reference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
