"""Fetch a record of a phonon database, from the network or a mirror, and write it as the phonon chapter reads it.

The file is verified (checksum, size, kind), parsed, and written as phonopy_params.yaml.xz with record.json. Where it
brings thermal properties of its own, they are reproduced from its forces; a record that fails this check is marked.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from assay.downloads import Obtained
from assay.failures import UserError
from assay.phonons.protocol import read_phonopy, write_forces
from assay.phonons.references import self_check
from assay.provenance import package_versions
from assay.records import file_sha256, write_json
from assay.references.cases import MP_ID
from assay.references.phonon_databases import Access, access_parser, mdr_id_of, parse_mdr_index
from assay.references.phonon_records import PhononRecord
from assay.structures import to_ase


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, parents=[access_parser()]
    )
    parser.add_argument("--case", required=True, help="Materials Project id, such as mp-149")
    parser.add_argument("--mdr-id", nargs="?", default="", const="", help="id in the MDR database")
    parser.add_argument("--index", type=Path, nargs="*", default=[], help="index of the MDR database")
    parser.add_argument("--sha256", nargs="?", default="", const="", help="pinned checksum of the file")
    parser.add_argument("--output", type=Path, required=True, help="phonopy_params.yaml.xz, to be written")
    parser.add_argument("--record", type=Path, required=True, help="record.json, to be written")
    arguments = parser.parse_args(argv)
    case = arguments.case
    try:
        if not MP_ID.fullmatch(case):
            raise UserError(f"{case!r}: not an id of the Materials Project, such as mp-149; correct it.")
        access = Access.from_arguments(arguments)
        obtained = access.record_file(case, _mdr_id(access, case, arguments), arguments.sha256 or None)
        record = access.record(case, obtained)
        facts = write_record(case, record, arguments.output)
        write_json(arguments.record, _origin(access, obtained) | facts)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    check = facts["self_check"]
    print(f"{case}: {facts['formula']}, {facts['n_displacements']} displacements, from {obtained.source}")
    if check:
        print(f"{case}: self-check {check['status']}, largest deviation {check['deviation_max']:.1e}")
        if check["status"] == "failed":
            print(f"WARNING: {case}: the stored thermal properties are not those of the stored forces", file=sys.stderr)
    if access.database.name == "alexandria-pbe" and record.energy_eV is None:
        print(f"WARNING: {case}: its energy is not a number, as in the PBEsol files; is it PBE?", file=sys.stderr)
    return 0


def _mdr_id(access: Access, case: str, arguments: argparse.Namespace) -> str | None:
    """From the command line, else from the index given, else from that of the mirror, if it has one."""
    if arguments.mdr_id or not access.database.needs_mdr_ids:
        return arguments.mdr_id or None
    for path in arguments.index:
        return mdr_id_of(case, parse_mdr_index(path.read_text()), str(path))
    entry = access.index().get(case) if access.mirror else None
    return entry.mdr_id if entry else None


def write_record(case: str, record: PhononRecord, output: Path) -> dict:
    """Write the phonopy file, read it back, check it, and say what it holds."""
    phonopy = record.phonopy()
    write_forces(output, phonopy, force_constants=record.forces_eV_A is None)
    check = self_check(read_phonopy(output), record) if record.thermal else None
    made = len(record.displaced_atoms) == 0
    return {
        "case": case,
        "formula": to_ase(phonopy.primitive).get_chemical_formula("metal", empirical=True),
        "space_group": record.space_group,
        "n_atoms_supercell": record.n_atoms_supercell,
        "supercell_matrix": record.supercell_matrix,
        "primitive_matrix": record.primitive_matrix,
        "holds": "forces" if record.forces_eV_A is not None else "force constants",
        "displacements": "made by phonopy" if made else "of the record",
        "n_displacements": len(phonopy.displacements),
        "drift_force_max_eV_A": (
            float(np.linalg.norm(record.forces_eV_A.mean(axis=1), axis=1).max())
            if record.forces_eV_A is not None
            else None
        ),
        "energy_eV": record.energy_eV,
        "stored_thermal": vars(record.thermal) if record.thermal else None,
        "self_check": check,
        "versions": package_versions(("assay", "phonopy", "numpy")),
        "sha256": file_sha256(output),
    }


def _origin(access: Access, obtained: Obtained) -> dict:
    return {
        "level_of_theory": access.database.level_of_theory,
        "database": access.database.title,
        "citation": access.database.citation,
        "licence": access.database.licence,
        "source": obtained.source,
        "source_sha256": obtained.sha256,
    }


if __name__ == "__main__":
    sys.exit(main())
