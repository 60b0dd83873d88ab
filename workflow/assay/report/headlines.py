"""The numbers by which the overview sums up a chapter, and where its summary has them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headline:
    """A number of a chapter, one per model in its summary.

    Attributes
    ----------
    chapter : str
    label, unit : str
        What it is, as people say it.
    column, stderr : str or None
        Columns of ``{chapter}_summary``: the mean over a model's cases, and its standard error.
    n : str
        Column of the number of cases in that mean.
    n_trusted : str or None
        Column of the number of cases whose result can be trusted, where the chapter tells.
    """

    chapter: str
    label: str
    unit: str
    column: str
    stderr: str | None
    n: str
    n_trusted: str | None = None


HEADLINES = (
    Headline(
        "diatomics",
        "bond lengths of pairs",
        "Å",
        "bond_length_error_A",
        "bond_length_error_A_stderr",
        "bond_length_error_A_n",
    ),
    Headline("phonons", "phonon frequencies", "THz", "zone_mae_THz", "zone_mae_stderr_THz", "n_reference"),
    Headline(
        "gas",
        "drift of the energy",
        "meV/atom/ps",
        "drift_mean_abs_meV_per_atom_ps",
        "drift_mean_abs_stderr_meV_per_atom_ps",
        "n_ok",
    ),
    Headline(
        "widom",
        "Henry coefficient",
        "decades",
        "henry_log10_deviation",
        "henry_log10_deviation_stderr",
        "n_compared",
        n_trusted="n_trusted",
    ),
    Headline(
        "adsorption",
        "isotherm",
        "mol/kg",
        "excess_deviation_mol_kg",
        "excess_deviation_stderr_mol_kg",
        "n_compared",
    ),
)
"""Deviations from a reference or from experiment, and a drift, which an exact integration has not: less is nearer."""
