"""How much is adsorbed: means over the productions of a case's chains, in the units of the laboratory.

The absolute amount is what the simulation counts. The excess, which is what a balance or a manometer tells, is that
less what gas of the same density would hold in the pores (see `assay.adsorption.pores`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import constants

from assay.adsorption.equilibration import Verdict, judge, mean_error, split_into_blocks

A3_IN_M3 = constants.angstrom**3
U_IN_KG = constants.atomic_mass


@dataclass(frozen=True)
class Samples:
    """Samples of a case's chains, in the order of the chains.

    Attributes
    ----------
    replicas, trials, n_molecules : ndarray of int, shape (n,)
    energies_eV : ndarray, shape (n,)
        Interaction energies.
    n_inside : ndarray of int, shape (n,)
        Guests that overlap with the host.
    closest_fractions : ndarray, shape (n,)
        Least contact of a guest with the host, in sums of covalent radii; NaN without guests.
    """

    replicas: np.ndarray
    trials: np.ndarray
    n_molecules: np.ndarray
    energies_eV: np.ndarray
    n_inside: np.ndarray
    closest_fractions: np.ndarray

    @classmethod
    def of(cls, table: Mapping[str, np.ndarray]) -> Samples:
        """Of the columns of `assay.adsorption.raw.SAMPLES`."""
        names = ("replica", "trial", "n_molecules", "energy_eV", "n_inside", "closest_fraction")
        return cls(*(np.asarray(table[name]) for name in names))

    def where(self, chosen: np.ndarray) -> Samples:
        """Those of the samples."""
        return Samples(*(values[chosen] for values in vars(self).values()))


@dataclass(frozen=True)
class Production:
    """The samples that count, and whether the chains are equilibrated.

    Attributes
    ----------
    samples : Samples
    blocks : ndarray of int, shape (n,)
        Block of each sample; a block is of one chain.
    verdict : Verdict
    start_trials : dict of int to int
        By replica: trials after which its production starts.
    """

    samples: Samples
    blocks: np.ndarray
    verdict: Verdict
    start_trials: dict[int, int]

    def mean(self, values: np.ndarray) -> tuple[float, float]:
        """Mean of a quantity of the samples, and its standard error: of blocks or of chains, the larger one."""
        if not len(values):
            return float("nan"), float("nan")
        errors = [mean_error(values, groups) for groups in (self.blocks, self.samples.replicas)]
        known = [error for error in errors if np.isfinite(error)]
        return float(np.mean(values)), max(known, default=float("nan"))


def production(samples: Samples, adaptation_trials: int, n_blocks: int, minimum_effective: float) -> Production:
    """Find the productions of a case's chains.

    Parameters
    ----------
    samples : Samples
    adaptation_trials : int
        Trials of each chain in which moves are adapted: detailed balance does not hold there, so that they never count.
    n_blocks : int
        Blocks of a chain, for errors.
    minimum_effective : float
        Independent samples that a chain has to have.
    """
    kept = samples.where(samples.trials > adaptation_trials)
    names = np.unique(kept.replicas)
    chains = [np.flatnonzero(kept.replicas == name) for name in names]
    verdict = judge([kept.n_molecules[chain] for chain in chains], minimum_effective)
    parts = [chain[found.start :] for chain, found in zip(chains, verdict.chains, strict=True)]
    chosen = np.concatenate(parts) if parts else np.zeros(0, dtype=int)
    blocks = split_into_blocks([len(part) for part in parts], [found.n_effective for found in verdict.chains], n_blocks)
    starts = {int(name): int(kept.trials[part[0]]) for name, part in zip(names, parts, strict=True)}
    return Production(kept.where(chosen), blocks, verdict, starts)


def loading_mol_kg(n_molecules: float, host_mass_u: float) -> float:
    """Amount per mass of the bare host."""
    return 1000 * n_molecules / host_mass_u


def gas_molecules(density_mol_m3: float, volume_A3: float) -> float:
    """Molecules that gas of a density has in a volume."""
    return density_mol_m3 * constants.N_A * volume_A3 * A3_IN_M3


def excess(
    n_molecules: float, stderr: float, n_gas: float, pore_fraction: float, pore_fraction_stderr: float
) -> tuple[float, float]:
    """Excess number of molecules, less those that gas would have in the pores, and its standard error.

    Parameters
    ----------
    n_molecules, stderr : float
        Absolute.
    n_gas : float
        Of gas in the whole volume, see `gas_molecules`.
    pore_fraction, pore_fraction_stderr : float
        Share of the volume that is pore.
    """
    return n_molecules - n_gas * pore_fraction, float(np.hypot(stderr, n_gas * pore_fraction_stderr))


@dataclass(frozen=True)
class Slope:
    """The initial slope of an isotherm.

    Attributes
    ----------
    henry_mol_kg_Pa, stderr_mol_kg_Pa : float
    correction : float
        By what factor the correction to zero loading changed it.
    loading_mol_kg : float
        At the lowest fugacity.
    """

    henry_mol_kg_Pa: float
    stderr_mol_kg_Pa: float
    correction: float
    loading_mol_kg: float


NO_SLOPE = Slope(*[float("nan")] * 4)


def initial_slope(
    fugacities_Pa: Sequence[float], loadings_mol_kg: Sequence[float], errors_mol_kg: Sequence[float]
) -> Slope:
    """The Henry coefficient from the two lowest fugacities.

    Of a Langmuir isotherm n/f is linear in n; the straight line through the two lowest points is extended to n = 0,
    which removes the first order of the curvature without a fit. Of a single point n/f stays as it is.

    Parameters
    ----------
    fugacities_Pa, loadings_mol_kg, errors_mol_kg : sequence of float
        Points without a positive loading or without an error are left out.
    """
    f, n, error = (np.asarray(values, dtype=float) for values in (fugacities_Pa, loadings_mol_kg, errors_mol_kg))
    known = np.flatnonzero((n > 0) & (error > 0) & np.isfinite(error))
    first, *others = known[np.argsort(f[known])][:2] if len(known) else [None]
    if first is None:
        return NO_SLOPE
    ratio = n[first] / f[first]
    if not others or n[others[0]] <= n[first]:
        return Slope(float(ratio), float(error[first] / f[first]), 1.0, float(n[first]))
    second = others[0]
    bend = (1 / f[first] - 1 / f[second]) / (n[second] - n[first]) ** 2
    henry = bend * n[first] * n[second] * (n[second] - n[first])
    stderr = bend * np.hypot(n[second] ** 2 * error[first], n[first] ** 2 * error[second])
    return Slope(float(henry), float(stderr), float(henry / ratio), float(n[first]))
