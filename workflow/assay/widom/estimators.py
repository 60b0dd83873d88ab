"""What insertion energies say of adsorption at zero coverage.

Widom's test-particle method (doi:10.1063/1.1734110): W = <exp(-ΔE/kT)> over attempts that are uniform in the whole cell
and over all rotations. From it the excess chemical potential -kT ln W, the Henry coefficient W/(ρRT) of a host of mass
density ρ and, for rigid molecules, the heat of adsorption RT - <ΔE exp(-ΔE/kT)>/W (doi:10.1021/ct700342k), positive
where heat is released. Every attempt counts: an infinite energy is an attempt of weight zero. The attempts do not
depend on the temperature, so that one set of energies serves all temperatures, as long as enough attempts carry weight.

Errors: of W from blocks (of quasi-random points: from independently scrambled replicates); of logarithms and ratios by
the bootstrap (doi:10.1214/aos/1176344552). Neither can know of a site that no attempt has found: see `Verdict`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import constants

from assay.statistics import standard_error

KB_EV_K = constants.k / constants.e
EV_IN_KJ_MOL = constants.e * constants.N_A / 1000
GAS_CONSTANT_J_MOL_K = constants.R

TOP = 10
"""Attempts of which the joint share of the weight is quoted."""

INTERVAL = (0.025, 0.975)
MOST_GROUPS = 1000
"""More attempts than this are resampled in as many contiguous groups, whose sums are as independent as they are."""

MINIMUM_EFFECTIVE = 10.0
"""Effective sample size from which a number is trusted.

The relative error of W is about 1/sqrt(n_effective): 30 % at 10, 0.14 decades, less than what laboratories differ by.
Below it, a bootstrap mostly repeats the few attempts that it has and understates its own error.
"""

HOLE_OVERLAP_SHARE = 0.01
"""Share of the Boltzmann weight from overlaps above which a potential has a hole.

Nuclei that overlap (`assay.contacts`) are closer than in any molecule of main-group elements; a guest that keeps
its bonds is repelled there by eV, a weight below 1e-16 at room temperature. One percent is past all rounding, and small
enough that the Henry coefficient hardly changes before the flag is up.
"""

HOLE_ENERGY_EV = 0.0
"""Energy of an overlap below which a potential has a hole even where its weight is small: nuclei that attract there."""


@dataclass(frozen=True)
class Resamples:
    """Draws with replacement, the same for all temperatures.

    Attributes
    ----------
    groups : ndarray of int, shape (n,)
        Group of each attempt; groups are drawn whole.
    counts : ndarray, shape (n_resamples, n_groups)
        How often each draw has each group.
    """

    groups: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class Verdict:
    """How far a set of energies can be believed at one temperature.

    Attributes
    ----------
    n_effective : float
        Kish's effective sample size, (sum w)²/(sum w²): how many attempts of equal weight would say as much.
    top10_share : float
        Share of the weight that the ten heaviest attempts carry.
    overlap_share : float
        Share of the weight that overlaps carry.
    henry_without_overlaps_mol_kg_Pa : float
        Henry coefficient with the weight of overlaps set to zero.
    hole : bool
        Whether the potential attracts where nuclei overlap, see `HOLE_OVERLAP_SHARE` and `HOLE_ENERGY_EV`.
    trusted : bool
        No hole, and an effective sample size of `MINIMUM_EFFECTIVE` or more.
    """

    n_effective: float
    top10_share: float
    overlap_share: float
    henry_without_overlaps_mol_kg_Pa: float
    hole: bool
    trusted: bool


@dataclass(frozen=True)
class Estimate:
    """Adsorption at zero coverage at one temperature; numbers as in the table, with standard errors.

    Attributes
    ----------
    temperature_K : float
    n_blocks : int
        Blocks from which the errors of means come.
    mu_excess_kJ_mol, mu_excess_stderr_kJ_mol : float
    henry_coefficient_mol_kg_Pa, henry_coefficient_stderr_mol_kg_Pa : float
        The error is that of the mean over blocks.
    henry_coefficient_low_mol_kg_Pa, henry_coefficient_high_mol_kg_Pa : float
        95 % interval of the bootstrap.
    henry_log10, henry_log10_stderr : float
        Decadic logarithm; finite where the coefficient itself overflows.
    heat_of_adsorption_kJ_mol, heat_of_adsorption_stderr_kJ_mol : float
        Positive: released. NaN where no attempt has weight.
    heat_of_adsorption_low_kJ_mol, heat_of_adsorption_high_kJ_mol : float
        95 % interval of the bootstrap.
    verdict : Verdict
    """

    temperature_K: float
    n_blocks: int
    mu_excess_kJ_mol: float
    mu_excess_stderr_kJ_mol: float
    henry_coefficient_mol_kg_Pa: float
    henry_coefficient_stderr_mol_kg_Pa: float
    henry_coefficient_low_mol_kg_Pa: float
    henry_coefficient_high_mol_kg_Pa: float
    henry_log10: float
    henry_log10_stderr: float
    heat_of_adsorption_kJ_mol: float
    heat_of_adsorption_stderr_kJ_mol: float
    heat_of_adsorption_low_kJ_mol: float
    heat_of_adsorption_high_kJ_mol: float
    verdict: Verdict


def contiguous_blocks(n_insertions: int, n_blocks: int) -> np.ndarray:
    """Block of each attempt: contiguous blocks whose sizes differ by one at most; shape (n_insertions,)."""
    count = min(n_blocks, n_insertions)
    return np.arange(n_insertions) * count // n_insertions


def draw_resamples(groups: np.ndarray, n_resamples: int, rng: np.random.Generator) -> Resamples:
    """Bootstrap draws of groups of attempts.

    Parameters
    ----------
    groups : ndarray of int, shape (n,)
        Such as from `contiguous_blocks`, or replicates of quasi-random points.
    n_resamples : int
    rng : Generator
    """
    names, numbers = np.unique(groups, return_inverse=True)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_resamples)
    return Resamples(numbers, counts.astype(float))


def scaled_weights(energies_eV: np.ndarray, temperature_K: float) -> tuple[np.ndarray, float]:
    """Boltzmann weights over the largest of them, and the logarithm of that largest one.

    An energy that is infinite or no number has weight zero.
    """
    logarithms = np.full(len(energies_eV), -np.inf)
    known = np.isfinite(energies_eV)
    logarithms[known] = -energies_eV[known] / (KB_EV_K * temperature_K)
    largest = float(logarithms.max()) if known.any() else 0.0
    return np.exp(logarithms - largest), largest


def estimate_all(
    energies_eV: np.ndarray,
    temperatures_K: Sequence[float],
    density_kg_m3: float,
    *,
    overlaps: np.ndarray | None = None,
    replicates: np.ndarray | None = None,
    n_blocks: int = 20,
    n_resamples: int = 1000,
    rng: np.random.Generator,
) -> list[Estimate]:
    """Adsorption at zero coverage at several temperatures from one set of energies.

    Parameters
    ----------
    energies_eV : ndarray, shape (n,)
        Of the insertions; infinite or NaN: weight zero.
    temperatures_K : sequence of float
    density_kg_m3 : float
        Mass of the host over the volume in which positions are uniform.
    overlaps : ndarray of bool, shape (n,), optional
        Attempts in which nuclei overlap; none unless given.
    replicates : ndarray of int, shape (n,), optional
        Independent replicates of quasi-random points, which then are the blocks; else attempts are independent.
    n_blocks, n_resamples : int
    rng : Generator
        Of the bootstrap.

    Raises
    ------
    ValueError
        If there are no energies.
    """
    energies = np.asarray(energies_eV, dtype=float)
    if not energies.size:
        raise ValueError("no insertion energies")
    blocks = contiguous_blocks(len(energies), n_blocks) if replicates is None else np.asarray(replicates)
    groups = contiguous_blocks(len(energies), MOST_GROUPS) if replicates is None else blocks
    resamples = draw_resamples(groups, n_resamples, rng)
    overlapping = np.zeros(len(energies), dtype=bool) if overlaps is None else np.asarray(overlaps, dtype=bool)
    return [
        estimate(energies, temperature, density_kg_m3, overlapping, blocks, resamples) for temperature in temperatures_K
    ]


def estimate(
    energies_eV: np.ndarray,
    temperature_K: float,
    density_kg_m3: float,
    overlaps: np.ndarray,
    blocks: np.ndarray,
    resamples: Resamples,
) -> Estimate:
    """Adsorption at zero coverage at one temperature; parameters as of `estimate_all`."""
    kT_eV = KB_EV_K * temperature_K
    ideal = 1 / (density_kg_m3 * GAS_CONSTANT_J_MOL_K * temperature_K)
    weights, largest = scaled_weights(energies_eV, temperature_K)
    weighted = weights * np.where(np.isfinite(energies_eV), energies_eV, 0.0)
    means = _block_means(weights, blocks)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_mean = largest + np.log(weights.mean())
        heat = (kT_eV - weighted.sum() / weights.sum()) * EV_IN_KJ_MOL
        log_means, heats = _resampled(weights, weighted, resamples, largest, kT_eV)
        stderr = ideal * np.exp(largest + np.log(standard_error(means)))
        low, high = (ideal * np.exp(_quantile(log_means, share)) for share in INTERVAL)
        henry = ideal * np.exp(log_mean)
    spread = _deviation(log_means)
    return Estimate(
        temperature_K=float(temperature_K),
        n_blocks=len(means),
        mu_excess_kJ_mol=0.0 - kT_eV * EV_IN_KJ_MOL * log_mean,
        mu_excess_stderr_kJ_mol=kT_eV * EV_IN_KJ_MOL * spread,
        henry_coefficient_mol_kg_Pa=henry,
        henry_coefficient_stderr_mol_kg_Pa=stderr,
        henry_coefficient_low_mol_kg_Pa=low,
        henry_coefficient_high_mol_kg_Pa=high,
        henry_log10=(log_mean + np.log(ideal)) / np.log(10),
        henry_log10_stderr=spread / np.log(10),
        heat_of_adsorption_kJ_mol=heat,
        heat_of_adsorption_stderr_kJ_mol=_deviation(heats),
        heat_of_adsorption_low_kJ_mol=_quantile(heats, INTERVAL[0]),
        heat_of_adsorption_high_kJ_mol=_quantile(heats, INTERVAL[1]),
        verdict=judge(energies_eV, temperature_K, density_kg_m3, overlaps),
    )


def judge(energies_eV: np.ndarray, temperature_K: float, density_kg_m3: float, overlaps: np.ndarray) -> Verdict:
    """How far a set of energies can be believed; parameters as of `estimate_all`."""
    weights, _ = scaled_weights(energies_eV, temperature_K)
    # with weights of their own: where a hole takes all the weight, a difference would leave nothing but rounding
    others, largest = scaled_weights(np.where(overlaps, np.inf, energies_eV), temperature_K)
    with np.errstate(divide="ignore", over="ignore"):
        factor = np.exp(largest + np.log(others.mean()))
    total = weights.sum()
    share = float(weights[overlaps].sum() / total) if total > 0 else 0.0
    effective = float(total**2 / (weights**2).sum()) if total > 0 else 0.0
    top = np.sort(weights)[-TOP:].sum() / total if total > 0 else np.nan
    hole = share > HOLE_OVERLAP_SHARE or bool((energies_eV[overlaps] < HOLE_ENERGY_EV).any())
    return Verdict(
        n_effective=effective,
        top10_share=float(top),
        overlap_share=share if total > 0 else np.nan,
        henry_without_overlaps_mol_kg_Pa=factor / (density_kg_m3 * GAS_CONSTANT_J_MOL_K * temperature_K),
        hole=hole,
        trusted=not hole and effective >= MINIMUM_EFFECTIVE,
    )


def _block_means(weights: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    numbers = np.unique(blocks, return_inverse=True)[1]
    return np.bincount(numbers, weights) / np.bincount(numbers)


def _resampled(
    weights: np.ndarray, weighted: np.ndarray, resamples: Resamples, largest: float, kT_eV: float
) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the mean weight and heat of adsorption (kJ/mol) of each draw."""
    parts = (np.ones_like(weights), weights, weighted)
    sizes, sums, energy_sums = (resamples.counts @ np.bincount(resamples.groups, part) for part in parts)
    return largest + np.log(sums / sizes), (kT_eV - energy_sums / sums) * EV_IN_KJ_MOL


def _deviation(values: np.ndarray) -> float:
    """Standard deviation over the draws in which some attempt has weight; NaN for fewer than two."""
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def _quantile(values: np.ndarray, share: float) -> float:
    """A quantile that is one of the values, so that draws without weight (-inf) may be among them; NaN are left out."""
    known = values[~np.isnan(values)]
    return float(np.quantile(known, share, method="nearest")) if len(known) else float("nan")
