"""Reference records of phonons: a phonopy file with forces, and beside it what is known of its origin.

Where a record brings thermal properties of its own, they are calculated anew: that the numbers agree says that the file
was read as it was meant, and that our sums over modes are those of its authors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from phonopy import Phonopy
from scipy import constants

from assay.failures import UserError
from assay.phonons.spectra import mesh_numbers, thermal_properties
from assay.records import file_sha256, read_json
from assay.references.phonon_records import PhononRecord

PHONOPY_FILE = "phonopy_params.yaml.xz"

GAS_CONSTANT_J_K_MOL = constants.R
THZ_IN_K = constants.h * 1e12 / constants.k

SELF_CHECK_MESH_LENGTH_A = 100.0
SELF_CHECK_TOLERANCE = 2e-4
"""Relative, at every stored temperature above zero; values below 1 kJ/mol or 1 J/K/mol count as that."""
ROUNDING_THz = 1e-3
"""An acoustic mode at Gamma below this is what a diagonalisation leaves of zero."""


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
    self_check : str or None
        ``passed``, ``failed``, or None where the record brings nothing to check against.
    """

    case: str
    path: Path
    level_of_theory: str
    self_check: str | None = None


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
    check = record.get("self_check")
    return PhononReference(case, path, record["level_of_theory"], check["status"] if check else None)


def self_check(phonopy: Phonopy, record: PhononRecord) -> dict[str, Any] | None:
    """Compare the thermal properties that a record stores with those of its forces, by the code that makes our tables.

    The stored sums hold those acoustic modes at Gamma that rounding left above zero, at frequencies of some 1e-7 THz;
    ours hold none. How many they are is read off the heat capacity (each adds the gas constant over the number of
    q-points) and their mean frequency off the entropy; with them added to ours, everything must agree.

    Parameters
    ----------
    phonopy : Phonopy
        Read back from the file that was written, with force constants.
    record : PhononRecord

    Returns
    -------
    dict or None
        ``status`` (passed, failed), deviations, and what was found of the modes at Gamma; None where nothing is stored.
    """
    stored = record.thermal
    if stored is None:
        return None
    mesh = mesh_numbers(phonopy, SELF_CHECK_MESH_LENGTH_A)
    warm = stored.temperatures_K > 0
    ours = thermal_properties(phonopy, mesh, stored.temperatures_K[warm])
    sums = np.array([ours.free_energy, ours.entropy, ours.heat_capacity])
    theirs = np.array([stored.free_energy_kJ_mol, stored.entropy_J_K_mol, stored.heat_capacity_J_K_mol])[:, warm]
    number, frequency_THz = _modes_at_gamma(theirs - sums, stored.temperatures_K[warm], int(np.prod(mesh)))
    sums_with_modes = sums + number * _zero_mode(frequency_THz, stored.temperatures_K[warm]) / np.prod(mesh)
    scale = np.maximum(np.abs(theirs), 1.0)
    before, after = np.abs(sums - theirs) / scale, np.abs(sums_with_modes - theirs) / scale
    names = ("free_energy", "entropy", "heat_capacity")
    stored_constants = record.force_constants_eV_A2
    return {
        "status": "passed" if after.max() <= SELF_CHECK_TOLERANCE else "failed",
        "tolerance": SELF_CHECK_TOLERANCE,
        "mesh": mesh,
        "temperatures_K": stored.temperatures_K[warm],
        "deviation_max": float(after.max()),
        "deviations": dict(zip(names, after, strict=True)),
        "deviations_without_modes_at_gamma": dict(zip(names, before, strict=True)),
        "modes_at_gamma_in_stored_sums": number,
        "their_mean_frequency_THz": frequency_THz if number else None,
        "force_constants_deviation_max_eV_A2": (
            float(np.abs(phonopy.force_constants - _rows_of(phonopy, stored_constants)).max())
            if stored_constants is not None
            else None
        ),
    }


def _rows_of(phonopy: Phonopy, full: np.ndarray) -> np.ndarray:
    """Of full force constants, what phonopy holds of its own: all rows, or those of the primitive cell."""
    return full if len(phonopy.force_constants) == len(full) else full[phonopy.primitive.p2s_map]


def _modes_at_gamma(difference: np.ndarray, temperatures_K: np.ndarray, n_q: int) -> tuple[int, float]:
    """Number (0 to 3) and mean frequency (THz) of the modes at Gamma in sums that exceed ours by `difference`."""
    _, entropy, heat_capacity = difference * n_q / GAS_CONSTANT_J_K_MOL
    number = int(np.clip(np.rint(np.median(heat_capacity)), 0, 3))
    if number == 0:
        return 0, 0.0
    # the entropy of a mode far below kT is R (1 - ln x), x = h nu / kT
    logarithms = 1 - entropy / number + np.log(temperatures_K / THZ_IN_K)
    frequency_THz = float(np.exp(np.median(logarithms)))
    return (number, frequency_THz) if frequency_THz < ROUNDING_THz else (0, 0.0)


def _zero_mode(frequency_THz: float, temperatures_K: np.ndarray) -> np.ndarray:
    """Free energy (kJ/mol), entropy and heat capacity (J/K/mol) of one mode far below kT, shape (3, n_T)."""
    if frequency_THz == 0:
        return np.zeros((3, len(temperatures_K)))
    logarithm = np.log(frequency_THz * THZ_IN_K / temperatures_K)
    free_energy = GAS_CONSTANT_J_K_MOL * temperatures_K * logarithm / 1000
    entropy = GAS_CONSTANT_J_K_MOL * (1 - logarithm)
    return np.array([free_energy, entropy, np.full(len(temperatures_K), GAS_CONSTANT_J_K_MOL)])
