"""Reference records of phonons: a phonopy file with forces, and beside it what is known of its origin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.failures import UserError
from assay.records import file_sha256, read_json

PHONOPY_FILE = "phonopy_params.yaml.xz"


@dataclass(frozen=True)
class PhononReference:
    """A reference record.

    Attributes
    ----------
    case : str
    path : Path
        The phonopy file.
    level_of_theory : str
        Such as ``PBE`` or ``PBEsol``.
    """

    case: str
    path: Path
    level_of_theory: str


def find_reference(folder: Path, case: str) -> PhononReference | None:
    """The reference of a crystal in ``{folder}/{case}/``, or None where there is none.

    Raises
    ------
    UserError
        If the record is incomplete, or the phonopy file is not the one it describes.
    """
    path = Path(folder) / case / PHONOPY_FILE
    if not path.exists():
        return None
    record_path = path.with_name("record.json")
    record = read_json(record_path)
    if "level_of_theory" not in record:
        raise UserError(f"{record_path}: the key 'level_of_theory' is missing; add it (such as PBE).")
    expected = record.get("sha256")
    if expected and file_sha256(path) != expected:
        raise UserError(f"{path}: its SHA-256 is not the one in {record_path}; fetch or compute the reference again.")
    return PhononReference(case, path, record["level_of_theory"])
