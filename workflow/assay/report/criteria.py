"""What models are compared by when a job is given: per chapter the deviations of the table by case, lower is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

EXPERIMENT = "experiment"


@dataclass(frozen=True)
class Criterion:
    """One number of every case whose size, or a function of it, is a model's error there.

    Attributes
    ----------
    label : str
        In plain words.
    column : str
        In the chapter's table by model and case.
    unit : str
        Of the error; empty for shares and factors.
    stderr : str or None
        Column of the standard errors.
    against : str or None
        What the model is compared with; None: the level of theory in the table's row, empty: a law or nothing.
    transform : callable
        Makes the error of the number.
    """

    label: str
    column: str
    unit: str
    stderr: str | None = None
    against: str | None = ""
    transform: Callable[[np.ndarray], np.ndarray] = np.abs


def _log10(ratio: np.ndarray) -> np.ndarray:
    """Size of a ratio's decimal logarithm; a ratio that is not positive has none."""
    return np.abs(np.log10(np.where(ratio > 0, ratio, np.nan)))


def _share_stderr(count: pd.Series, total: pd.Series) -> pd.Series:
    """Standard error of a share by Agresti and Coull (doi:10.1080/00031305.1998.10480550), not zero for none or all."""
    share = (count + 2) / (total + 4)
    return np.sqrt(share * (1 - share) / (total + 4))


UNSTABLE = "unstable_share"
UNSTABLE_STDERR = "unstable_share_stderr"
DIFFUSION_STDERR = "diffusion_log10_stderr"

CRITERIA: dict[str, tuple[Criterion, ...]] = {
    "diatomics": (
        Criterion("energy around the bond", "energy_mae_bond_eV", "eV", against=None),
        Criterion("attractive share of the repulsive wall", "attractive_wall_fraction", ""),
        Criterion("force against the gradient of the energy, largest", "force_deviation_max_eV_A", "eV/Å"),
    ),
    "phonons": (Criterion("frequencies over the Brillouin zone", "zone_mean_absolute_error_THz", "THz", against=None),),
    "gas": (
        Criterion("share of runs that did not last", UNSTABLE, "", UNSTABLE_STDERR),
        Criterion(
            "drift of the energy", "drift_fit_meV_per_atom_ps", "meV/(atom ps)", "drift_fit_stderr_meV_per_atom_ps"
        ),
        Criterion(
            "self-diffusion", "diffusion_ratio", "decades", DIFFUSION_STDERR, "Enskog's theory", transform=_log10
        ),
    ),
    "widom": (
        Criterion("Henry coefficient", "henry_log10_ratio", "decades", "henry_log10_ratio_stderr", EXPERIMENT),
        Criterion("heat of adsorption", "heat_change_kJ_mol", "kJ/mol", "heat_of_adsorption_stderr_kJ_mol", EXPERIMENT),
    ),
    "adsorption": (Criterion("excess loading", "excess_change_mol_kg", "mol/kg", "excess_stderr_mol_kg", EXPERIMENT),),
}
"""By chapter, which is the name of the table. Criteria of a chapter share its weight evenly."""


def prepared(chapter: str, table: pd.DataFrame, summary: pd.DataFrame | None = None) -> pd.DataFrame:
    """A chapter's table as its criteria read it: one row per model and case, without numbers that mean nothing.

    Parameters
    ----------
    chapter : str
    table : DataFrame
        By model and case.
    summary : DataFrame, optional
        Of the Widom chapter: tells the headline temperature.
    """
    rows = table.copy()
    if chapter == "gas":
        if "n_stable" in rows and "n_repeats" in rows:
            lost, runs = rows["n_repeats"] - rows["n_stable"], rows["n_repeats"]
            rows[UNSTABLE], rows[UNSTABLE_STDERR] = lost / runs, _share_stderr(lost, runs)
        if "diffusion_ratio" in rows:
            rows[DIFFUSION_STDERR] = rows["diffusion_ratio_stderr"] / rows["diffusion_ratio"].abs() / np.log(10)
    if chapter == "widom" and summary is not None:
        rows = rows[np.isclose(rows["temperature_K"], summary["temperature_K"].iloc[0])]
    if chapter == "adsorption" and "equilibrated" in rows:
        # a mean over a chain that still fills the pores is no loading
        settled = is_true(rows["equilibrated"]) | (rows["status"] != "ok")
        rows.loc[~settled, "excess_change_mol_kg"] = np.nan
    return rows


def is_true(values: pd.Series) -> pd.Series:
    """Which values are true; read from CSV, a column with gaps holds the words."""
    return values.astype(str) == "True"
