"""Tables of the diatomic chapter: one row per model and pair, one per model, one per model and element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ase.data import atomic_masses, atomic_numbers

from assay.diatomics import metrics, smoothness, wells
from assay.diatomics.protocol import CURVE_FILE, Curve, Pair, read_curve, read_pair
from assay.levels import level_columns, summary_levels
from assay.records import read_json
from assay.references.curves import BOUND_EV, load_curve
from assay.results import cases_of_all, census, first_columns
from assay.statistics import finite, mean, standard_error


@dataclass(frozen=True)
class Headline:
    """A number of every pair that is summarised by model and drawn by pair; small is good.

    Attributes
    ----------
    column : str
        In the table by pair.
    label : str
        For figures, with its unit.
    notable : float
        From here on it matters; what is below a hundredth of it is drawn as nothing.
    of_bound : bool
        Whether it is about bonds, so that pairs count only where the reference is bound.
    """

    column: str
    label: str
    notable: float
    of_bound: bool = False


HEADLINES = (
    Headline("bond_length_error_A", "bond length, |error| (Å)", 0.05, of_bound=True),
    Headline("well_depth_error_eV", "well depth, |error| (eV)", 0.3, of_bound=True),
    Headline("wavenumber_error_cm1", "wavenumber, |error| (cm$^{-1}$)", 100, of_bound=True),
    Headline("energy_mae_bond_eV", "energy MAE around the bond (eV)", 0.3),
    Headline("force_mae_bond_eV_A", "force MAE around the bond (eV/Å)", 1.0),
    Headline("attractive_wall_fraction", "attractive share of the wall", 0.1),
    Headline("outer_barrier_eV", "barrier against bonding (eV)", 0.1),
    Headline("spurious_minima", "spurious minima", 1),
    Headline("force_deviation_max_eV_A", "|F + dE/dr|, largest (eV/Å)", 0.05),
    Headline("rotational_spread_energy_eV", "spread over orientations (eV)", 0.01),
)

RANGES = ("wall", "bond", "tail")


@dataclass(frozen=True)
class Reference:
    """The reference curve at a pair's distances.

    Attributes
    ----------
    level_of_theory : str
    energies_eV, forces_eV_A : ndarray, shape (n_radii,)
        Relative to the isolated atoms; radial force. NaN at distances that the reference does not have, or where it
        did not converge.
    """

    level_of_theory: str
    energies_eV: np.ndarray
    forces_eV_A: np.ndarray


@dataclass(frozen=True)
class PreparedPair:
    """A pair as all models got it.

    Attributes
    ----------
    case : str
        Such as ``N-N``.
    pair : Pair
    facts : dict
        Its entry in the index of prepared pairs.
    settings : mapping
        ``wall_limit``, ``tail_limit``, ``ripple_eV``.
    """

    case: str
    pair: Pair
    facts: Mapping[str, Any]
    settings: Mapping[str, Any]

    @cached_property
    def reference(self) -> Reference | None:
        """The reference curve, if there is one."""
        path = self.facts["reference"]
        return None if path is None else reference_at(load_curve(Path(path)), self.pair.radii_A)

    @cached_property
    def contact_A(self) -> float:
        """Length in which distances are measured: that of the reference's minimum or, without one, of the radii."""
        if self.reference is not None:
            known = np.isfinite(self.reference.energies_eV)
            minimum = wells.bond_minimum(self.pair.radii_A[known], self.reference.energies_eV[known])
            if minimum.exists:
                return minimum.radius_A
        return self.pair.covalent_length_A

    @property
    def wall_A(self) -> float:
        """Where the wall ends; nearer minima are holes in it, not bonds."""
        return self.settings["wall_limit"] * self.contact_A

    @property
    def reduced_mass_u(self) -> float:
        """Of the two atoms."""
        first, second = (atomic_masses[atomic_numbers[symbol]] for symbol in self.pair.symbols)
        return float(first * second / (first + second))


@dataclass(frozen=True)
class Bond:
    """What chemists ask of a curve; NaN where it does not bind.

    Attributes
    ----------
    length_A, depth_eV, wavenumber_cm1 : float
    """

    length_A: float
    depth_eV: float
    wavenumber_cm1: float


def read_prepared(indexes: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, PreparedPair]:
    """The prepared pairs of all batches: ``results/inputs/diatomics/batch-*.json``."""
    prepared = {}
    for path in map(Path, indexes):
        for case, facts in read_json(path)["cases"].items():
            prepared[case] = PreparedPair(case, read_pair(path.parent / facts["file"]), facts, settings)
    return prepared


def reference_at(record: Mapping[str, Any], radii_A: np.ndarray) -> Reference:
    """A reference curve at the distances of a grid that holds the reference's own."""
    distances = np.array(record["distances_A"], float)
    known = np.array(record["converged"], bool)
    energies = np.array(record["energies_eV"], float) - 2 * record["atom_energy_eV"]
    forces = np.array(record["forces_eV_A"], float)
    nearest = np.abs(radii_A[:, None] - distances).argmin(axis=1)
    known_here = known[nearest] & (np.abs(radii_A - distances[nearest]) < 1e-6)
    return Reference(
        record["level_of_theory"],
        np.where(known_here, energies[nearest], np.nan),
        np.where(known_here, forces[nearest], np.nan),
    )


def bond_of(prepared: PreparedPair, energies_eV: np.ndarray) -> Bond:
    """Bond length, well depth and wavenumber of a curve at the pair's distances; NaN energies are left out."""
    known = np.isfinite(energies_eV)
    radii, energies = prepared.pair.radii_A[known], energies_eV[known]
    minimum = wells.bond_minimum(radii, energies, nearest_A=prepared.wall_A)
    stretch = wells.wavenumber_cm1(radii, energies, minimum.radius_A, prepared.reduced_mass_u)
    return Bond(minimum.radius_A, -minimum.energy_eV, stretch)


def curve_of(result: Mapping[str, Any]) -> Curve:
    """The curve of a result."""
    return read_curve(result["folder"] / CURVE_FILE)


def score(
    prepared: Mapping[str, PreparedPair],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    cards: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """One row per model and pair, also for those that failed or have not been run.

    Parameters
    ----------
    prepared : mapping of str to PreparedPair
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    cards : sequence of mapping
        What the catalogue says of each model: ``model``, ``level_of_theory``, ``base``.
    """
    rows = [_row(pair, results.get((card["model"], case)), card) for card in cards for case, pair in prepared.items()]
    table = pd.DataFrame(rows)
    bases = {card["model"]: card.get("base") for card in cards}
    for column, change in (("bond_length_A", "bond_length_change_A"), ("well_depth_eV", "well_depth_change_eV")):
        own = table.set_index(["model", "case"])[column].astype(float)
        of_base = [own.get((bases[model], case), np.nan) for model, case in own.index]
        table[change] = own.to_numpy() - np.array(of_base, float)
    return table


def _row(prepared: PreparedPair, result: Mapping[str, Any] | None, card: Mapping[str, Any]) -> dict[str, Any]:
    reference = prepared.reference
    row: dict[str, Any] = first_columns(card["model"], prepared.case, result)
    row |= level_columns(card, reference.level_of_theory if reference else None)
    ok = row["status"] == "ok"
    curve = curve_of(result) if ok else None
    nothing = Bond(np.nan, np.nan, np.nan)
    own = bond_of(prepared, curve.mean_interaction_eV) if ok else nothing
    theirs = bond_of(prepared, reference.energies_eV) if reference else nothing
    row["bound_reference"] = theirs.depth_eV > BOUND_EV if reference else None
    quantities = (("bond_length", "length_A", "A"), ("well_depth", "depth_eV", "eV"))
    for name, attribute, unit in (*quantities, ("wavenumber", "wavenumber_cm1", "cm1")):
        value, expected = getattr(own, attribute), getattr(theirs, attribute)
        row[f"{name}_{unit}"] = value
        row[f"{name}_reference_{unit}"] = expected
        row[f"{name}_error_{unit}"] = abs(value - expected)
    row |= _observed(prepared, curve, own, reference) if ok else dict.fromkeys(OBSERVED)
    row["wall_time_s"] = result["wall_time_s"] if result else None
    row["device"] = result["device"] if result else None
    return row


def _observed(prepared: PreparedPair, curve: Curve, bond: Bond, reference: Reference | None) -> dict[str, Any]:
    """Numbers by the names of `OBSERVED`."""
    radii, energies, force = curve.radii_A, curve.mean_interaction_eV, curve.mean_radial_force_eV_A
    wall_A, ripple_eV = prepared.wall_A, prepared.settings["ripple_eV"]
    deviations = [np.nan] * 6
    if reference:
        limits = {key: prepared.settings[key] for key in ("wall_limit", "tail_limit")}
        for start, (own, theirs) in enumerate(((energies, reference.energies_eV), (force, reference.forces_eV_A))):
            found = metrics.mean_absolute_deviation_by_range(radii, own, theirs, prepared.contact_A, **limits)
            deviations[3 * start : 3 * start + 3] = [found[name] for name in RANGES]
    deepest = wells.deepest_point(radii, energies)
    start_A = bond.length_A if np.isfinite(bond.length_A) else wall_A
    lost_A = wells.repulsion_lost_A(radii, force, start_A)
    barrier = wells.outer_barrier(radii, energies, bond.length_A)
    probe, step_A = curve.probe_eV, curve.stencil_A
    probed_force = curve.radial_forces_eV_A[:, curve.probed]
    values = (
        *deviations,
        deepest.radius_A,
        deepest.energy_eV,
        np.isfinite(lost_A),
        lost_A,
        wells.attractive_wall_fraction(radii, force, wall_A),
        wells.spurious_minima(radii, energies, bond.length_A, ripple_eV=ripple_eV),
        barrier.energy_eV,
        barrier.radius_A if barrier.energy_eV > ripple_eV else np.nan,
        wells.barrier_count(radii, energies, nearest_A=wall_A, ripple_eV=ripple_eV),
        smoothness.force_sign_flips(force),
        smoothness.tortuosity(energies),
        smoothness.largest_energy_jump(radii, probe, step_A, nearest_A=wall_A),
        smoothness.largest_force_deviation(radii, probed_force, probe, step_A, nearest_A=wall_A),
        smoothness.mean_force_deviation(radii, probed_force, probe, step_A, nearest_A=wall_A),
        metrics.net_force(curve.forces_eV_A),
        metrics.rotational_spread(radii, curve.interaction_eV, nearest_A=wall_A),
        metrics.rotational_spread(radii, curve.radial_forces_eV_A, nearest_A=wall_A),
        metrics.transverse_force(radii, curve.forces_eV_A, curve.orientations, nearest_A=wall_A),
        metrics.asymptote(energies),
        metrics.asymptote(reference.energies_eV) if reference else np.nan,
        smoothness.energy_jump_published(energies),
        smoothness.conservation_deviation_published(radii, energies, force),
        smoothness.spearman_repulsive_energy(radii, energies),
        smoothness.spearman_descending_force(radii, force),
    )
    return dict(zip(OBSERVED, values, strict=True))


OBSERVED = (
    *(f"energy_mae_{name}_eV" for name in RANGES),
    *(f"force_mae_{name}_eV_A" for name in RANGES),
    "deepest_radius_A",
    "deepest_energy_eV",
    "locked",
    "repulsion_lost_A",
    "attractive_wall_fraction",
    "spurious_minima",
    "outer_barrier_eV",
    "outer_barrier_A",
    "barriers",
    "force_sign_flips",
    "tortuosity",
    "energy_jump_eV",
    "force_deviation_max_eV_A",
    "force_deviation_mean_eV_A",
    "net_force_max_eV_A",
    "rotational_spread_energy_eV",
    "rotational_spread_force_eV_A",
    "transverse_force_max_eV_A",
    "asymptote_eV",
    "asymptote_reference_eV",
    "energy_jump_published_eV",
    "conservation_deviation_published_eV_A",
    "spearman_energy",
    "spearman_force",
)
"""Columns that need the model's curve; those on the gradient, orientations and jumps begin where the wall ends."""

AVERAGED = (
    *(name for name in OBSERVED[:6] if name not in {headline.column for headline in HEADLINES}),
    "force_sign_flips",
    "tortuosity",
    "energy_jump_published_eV",
    "conservation_deviation_published_eV_A",
    "spearman_energy",
    "spearman_force",
)
"""Further columns of which the summary has means over pairs."""


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per model: means over pairs, on all that it has and, for the headlines, on those that all models have.

    ``_stderr`` is the standard error of a mean, from the spread over pairs. Errors of bonds are means over the pairs
    that are bound in the reference and in the model; how many of the first the model binds is ``n_bonds_found``.
    """
    n_models = table["model"].nunique()
    done = table[table["status"] == "ok"]
    rows = []
    for model, own in table.groupby("model", sort=False):
        ok = done[done["model"] == model]
        bound = ok[ok["bound_reference"].eq(True)]
        row: dict[str, Any] = {
            "model": model,
            **summary_levels(own),
            **census(own),
            "n_bonds_reference": len(bound),
            "n_bonds_found": int(bound["bond_length_A"].notna().sum()),
            "n_locked": int(ok["locked"].eq(True).sum()),
        }
        for headline in HEADLINES:
            row |= _mean_of(headline, done, model, n_models)
        for column in AVERAGED:
            row[column] = mean(ok[column])
        row["energy_jump_max_eV"] = _largest(ok["energy_jump_eV"])
        row["asymptote_mae_eV"] = mean(np.abs(ok["asymptote_eV"].astype(float)))
        row["bond_length_change_max_A"] = _largest(ok["bond_length_change_A"])
        row["well_depth_change_max_eV"] = _largest(ok["well_depth_change_eV"])
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_of(headline: Headline, done: pd.DataFrame, model: str, n_models: int) -> dict[str, Any]:
    """Mean of a headline over a model's pairs and over those that all models have, each with its count."""
    column = headline.column
    counted = done[done[column].notna()]
    if headline.of_bound:
        counted = counted[counted["bound_reference"].eq(True)]
    values = counted[counted["model"] == model]
    common = values[values["case"].isin(cases_of_all(counted, n_models))]
    return {
        column: mean(values[column]),
        f"{column}_stderr": standard_error(values[column]),
        f"{column}_n": len(values),
        f"{column}_common": mean(common[column]),
        f"{column}_n_common": len(common),
    }


def _largest(values: pd.Series) -> float:
    known = np.abs(finite(values))
    return float(known.max()) if known.size else float("nan")


def atomic_energies(
    prepared: Mapping[str, PreparedPair],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    cards: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """Energy of one atom in the same box, one row per model and element; the case is the element."""
    rows = []
    for card in cards:
        found: dict[str, dict[str, Any]] = {}
        for case, pair in prepared.items():
            result = results.get((card["model"], case))
            for position, element in enumerate(pair.pair.symbols):
                if found.get(element, {}).get("status") == "ok":
                    continue
                row = first_columns(card["model"], element, result) | {
                    "level_of_theory_model": card.get("level_of_theory"),
                    "energy_eV": None,
                }
                if row["status"] == "ok":
                    row["energy_eV"] = float(curve_of(result).atoms_eV[position])
                found[element] = row
        rows += found.values()
    return pd.DataFrame(rows)
