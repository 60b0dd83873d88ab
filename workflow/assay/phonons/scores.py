"""Tables of the phonon chapter: one row per model and crystal, one row per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.levels import level_columns, summary_levels
from assay.phonons.metrics import (
    imaginary_fraction,
    stability_confusion,
    zone_mean_absolute_error,
)
from assay.phonons.protocol import read_phonopy
from assay.phonons.references import PHONOPY_FILE
from assay.phonons.spectra import (
    BandPath,
    Spectrum,
    band_path,
    frequencies_at,
    load_spectrum,
    mesh_numbers,
    save_spectrum,
    spectrum,
)
from assay.records import fingerprint, read_json
from assay.results import cases_of_all, census, first_columns
from assay.statistics import mean_absolute_error, mean_signed_error, standard_error


@dataclass(frozen=True)
class Quantity:
    """A number of a spectrum that has a column for the model and one for the reference.

    Attributes
    ----------
    name, unit : str
        Together the name of the column.
    label : str
        For figures.
    harmonic_sum : bool
        Whether it is a sum over modes, which means nothing where modes are imaginary.
    """

    name: str
    unit: str
    label: str
    harmonic_sum: bool

    def column(self, kind: str = "") -> str:
        """Name of a column, such as ``frequency_max_mae_THz`` for ``kind="mae"``."""
        return "_".join(part for part in (self.name, kind, self.unit) if part)


HEADLINES = (
    Quantity("frequency_max", "THz", "maximum frequency (THz)", harmonic_sum=False),
    Quantity("free_energy_300K", "kJ_mol", "F at 300 K (kJ/mol)", harmonic_sum=True),
    Quantity("entropy_300K", "J_K_mol", "S at 300 K (J/K/mol)", harmonic_sum=True),
    Quantity("heat_capacity_300K", "J_K_mol", "C$_V$ at 300 K (J/K/mol)", harmonic_sum=True),
)
"""Quantities whose deviations from the reference are summarised and drawn."""

SPECTRAL = (
    *HEADLINES,
    Quantity("frequency_min", "THz", "minimum frequency (THz)", harmonic_sum=False),
    Quantity("frequency_min_commensurate", "THz", "minimum frequency at commensurate q (THz)", harmonic_sum=False),
    Quantity("imaginary_fraction", "", "share of imaginary modes", harmonic_sum=False),
    Quantity("imaginary", "", "has imaginary modes", harmonic_sum=False),
)
"""All columns that exist for the model and for the reference, in the table's order."""

QUOTED_TEMPERATURE_K = 300.0
OBSERVATIONS = (
    "energy_eV_per_atom",
    "volume_A3_per_atom",
    "residual_force_max_eV_A",
    "residual_pressure_GPa",
    "drift_force_max_eV_A",
    "relaxation_steps",
    "relaxation_volume_change",
    "n_displacements",
    "n_atoms_supercell",
)


@dataclass(frozen=True)
class PreparedCrystal:
    """A crystal as all models got it.

    Attributes
    ----------
    case : str
    facts : dict
        Its entry in the index of prepared crystals.
    path : BandPath
    mesh : list of int
    symmetry_tolerance_A : float
    reference : Spectrum or None
    """

    case: str
    facts: dict[str, Any]
    path: BandPath
    mesh: list[int]
    symmetry_tolerance_A: float
    reference: Spectrum | None


def read_prepared(indexes: Sequence[Path], settings: Mapping[str, Any], cache: Path) -> dict[str, PreparedCrystal]:
    """The prepared crystals of all batches, with the spectra of their references.

    Parameters
    ----------
    indexes : sequence of Path
        ``results/inputs/phonons/batch-*.json``.
    settings : mapping
        ``mesh_length_A``, ``band_points``, ``temperatures_K``.
    cache : Path
        Folder in which the references' spectra are kept.
    """
    prepared = {}
    for index_path in indexes:
        index = read_json(index_path)
        for case, facts in index["cases"].items():
            prepared[case] = _prepared_crystal(case, facts, index_path.parent, index["settings"], settings, cache)
    return prepared


def _prepared_crystal(
    case: str, facts: dict[str, Any], folder: Path, run_settings: Mapping, settings: Mapping, cache: Path
) -> PreparedCrystal:
    tolerance = run_settings["symmetry_tolerance_A"]
    phonopy = read_phonopy(folder / facts["file"], symmetry_tolerance_A=tolerance, produce_fc=False)
    path = band_path(phonopy, settings["band_points"])
    mesh = mesh_numbers(phonopy, settings["mesh_length_A"])
    reference = None
    if facts["reference"]:
        source = Path(facts["reference"])
        identity = fingerprint(facts["sha256"], facts["reference_sha256"], settings)
        reference = _cached_spectrum(cache / f"{case}.npz", identity, source, path, mesh, settings, tolerance)
    return PreparedCrystal(case, facts, path, mesh, tolerance, reference)


def _cached_spectrum(
    cache: Path,
    identity: str,
    source: Path,
    path: BandPath,
    mesh: Sequence[int],
    settings: Mapping[str, Any],
    tolerance: float,
) -> Spectrum:
    found = load_spectrum(cache, identity)
    if found is None:
        phonopy = read_phonopy(source, symmetry_tolerance_A=tolerance)
        found = spectrum(phonopy, path, mesh, settings["temperatures_K"])
        save_spectrum(cache, found, identity)
    return found


def model_spectrum(crystal: PreparedCrystal, result: Mapping[str, Any], settings: Mapping[str, Any]) -> Spectrum:
    """The spectrum of a model's force sets; kept in ``spectrum.npz`` beside them."""
    source = result["folder"] / PHONOPY_FILE
    identity = fingerprint(crystal.facts["sha256"], result["files"][PHONOPY_FILE], settings)
    cache = result["folder"] / "spectrum.npz"
    tolerance = crystal.symmetry_tolerance_A
    return _cached_spectrum(cache, identity, source, crystal.path, crystal.mesh, settings, tolerance)


def score(
    prepared: Mapping[str, PreparedCrystal],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    cards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    workers: int = 1,
) -> pd.DataFrame:
    """One row per model and crystal, also for those that failed or have not been run.

    Parameters
    ----------
    prepared : mapping of str to PreparedCrystal
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    cards : sequence of mapping
        What the catalogue says of each model: ``model``, ``level_of_theory``.
    settings : mapping
        ``mesh_length_A``, ``band_points``, ``temperatures_K``, ``imaginary_threshold_THz``.
    workers : int
        Threads.
    """
    pairs = [(card, crystal) for card in cards for crystal in prepared.values()]
    with ThreadPoolExecutor(workers) as pool:
        rows = pool.map(
            lambda pair: _row(pair[1], results.get((pair[0]["model"], pair[1].case)), pair[0], settings), pairs
        )
        return pd.DataFrame(list(rows))


def _row(
    crystal: PreparedCrystal, result: Mapping[str, Any] | None, card: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    row: dict[str, Any] = first_columns(card["model"], crystal.case, result) | {
        "formula": crystal.facts["formula"],
        "n_atoms_primitive": crystal.facts["n_atoms_primitive"],
        **level_columns(card, crystal.facts["level_of_theory_reference"]),
        "reference_self_check": crystal.facts.get("reference_self_check"),
    }
    ok = row["status"] == "ok"
    threshold = settings["imaginary_threshold_THz"]
    found = model_spectrum(crystal, result, settings) if ok else None
    own = properties(found, threshold)
    theirs = properties(crystal.reference, threshold)
    for quantity in SPECTRAL:
        row[quantity.column()] = own[quantity.name]
        row[quantity.column("reference")] = theirs[quantity.name]
    row["zone_mean_absolute_error_THz"] = _zone_error(crystal, result, found)
    seen = result["observations"] if ok else {}
    row |= {name: seen.get(name) for name in OBSERVATIONS}
    row["wall_time_s"] = result["wall_time_s"] if result else None
    row["device"] = result["device"] if result else None
    return row


def properties(content: Spectrum | None, threshold_THz: float) -> dict[str, float | bool | None]:
    """Numbers of one spectrum by the names of `SPECTRAL`; None where there is no spectrum.

    Whether a crystal has imaginary modes is decided at the wave vectors that fit into the supercell: between them
    frequencies are interpolated, and a small supercell gives acoustic branches that dip below zero near Gamma.
    """
    names = [quantity.name for quantity in SPECTRAL]
    if content is None:
        return dict.fromkeys(names)
    lowest = float(min(content.mesh_frequencies.min(), content.band_frequencies.min()))
    highest = float(max(content.mesh_frequencies.max(), content.band_frequencies.max()))
    share = imaginary_fraction(content.mesh_frequencies, content.mesh_weights, threshold_THz)
    lowest_exact = float(content.commensurate_frequencies.min())
    thermal = content.at(QUOTED_TEMPERATURE_K)
    values = (highest, *thermal, lowest, lowest_exact, share, lowest_exact < -threshold_THz)
    return dict(zip(names, values, strict=True))


def _zone_error(crystal: PreparedCrystal, result: Mapping[str, Any] | None, found: Spectrum | None) -> float | None:
    if found is None or crystal.reference is None or result is None:
        return None
    reference, frequencies = crystal.reference, found.mesh_frequencies
    same = found.mesh_qpoints.shape == reference.mesh_qpoints.shape
    if not same or not np.allclose(found.mesh_qpoints, reference.mesh_qpoints):
        # the potential's relaxed crystal has another symmetry, hence other irreducible points of the same mesh
        phonopy = read_phonopy(result["folder"] / PHONOPY_FILE, symmetry_tolerance_A=crystal.symmetry_tolerance_A)
        frequencies = frequencies_at(phonopy, reference.mesh_qpoints)
    return zone_mean_absolute_error(frequencies, reference.mesh_frequencies, reference.mesh_weights)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per model: mean errors against the references, on all its crystals and on those that all models have.

    Means are over crystals; ``_stderr`` is the standard error of that mean, from the spread over crystals. Thermal
    properties are compared where neither side has imaginary modes, since these are left out of the sums.
    """
    with_reference = table[(table["status"] == "ok") & table["frequency_max_reference_THz"].notna()]
    n_models = table["model"].nunique()
    common = cases_of_all(with_reference, n_models)
    rows = []
    for model, own in table.groupby("model", sort=False):
        ok = own[own["status"] == "ok"]
        compared = with_reference[with_reference["model"] == model]
        row: dict[str, Any] = {
            "model": model,
            **summary_levels(own),
            **census(own),
            "n_reference": len(compared),
            "n_common": len(common),
        }
        shared = compared[compared["case"].isin(common)]
        for quantity in HEADLINES:
            comparable = _comparable(with_reference, quantity)
            values, reference = _pairs(comparable[comparable["model"] == model], quantity)
            row[quantity.column("mae")] = mean_absolute_error(values, reference)
            row[quantity.column("mae_stderr")] = standard_error((values - reference).abs())
            row[quantity.column("bias")] = mean_signed_error(values, reference)
            row[f"{quantity.name}_n"] = len(values)
            everywhere = comparable[comparable["case"].isin(cases_of_all(comparable, n_models))]
            values, reference = _pairs(everywhere[everywhere["model"] == model], quantity)
            row[quantity.column("mae_common")] = mean_absolute_error(values, reference)
            row[f"{quantity.name}_n_common"] = len(values)
        row["zone_mae_THz"] = compared["zone_mean_absolute_error_THz"].mean()
        row["zone_mae_stderr_THz"] = standard_error(compared["zone_mean_absolute_error_THz"])
        row["zone_mae_common_THz"] = shared["zone_mean_absolute_error_THz"].mean()
        row |= stability_confusion(compared["imaginary"].astype(bool), compared["imaginary_reference"].astype(bool))
        row["n_imaginary"] = int(ok["imaginary"].astype(bool).sum())
        row["residual_force_max_eV_A"] = ok["residual_force_max_eV_A"].astype(float).max()
        rows.append(row)
    return pd.DataFrame(rows)


def _comparable(rows: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """The rows in which model and reference both mean something."""
    if not quantity.harmonic_sum:
        return rows
    return rows[~rows["imaginary"].astype(bool) & ~rows["imaginary_reference"].astype(bool)]


def _pairs(rows: pd.DataFrame, quantity: Quantity) -> tuple[pd.Series, pd.Series]:
    """Values of model and reference."""
    return rows[quantity.column()].astype(float), rows[quantity.column("reference")].astype(float)
