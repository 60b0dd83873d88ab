"""Isosteric heat of adsorption from the fluctuations of a grand-canonical simulation.

Q = RT - (<U N> - <U><N>) / (<N²> - <N>²) with the interaction energy U of N guests (Nicholson and Parsonage, Computer
Simulation and the Statistical Mechanics of Adsorption, 1982; Vuong and Monson, Langmuir 12, 5425 (1996),
doi:10.1021/la960325m), positive where heat is released. It holds for an ideal gas, which costs less than 0.1 kJ/mol
for CO2 at 298 K and 1 bar, and for guests whose internal energy is that of the gas, such as rigid ones. At zero loading
it is Widom's RT - <ΔE exp(-ΔE/kT)>/<exp(-ΔE/kT)>.
"""

from __future__ import annotations

import numpy as np
from scipy import constants

EV_IN_KJ_MOL = constants.e * constants.N_A / 1000


def isosteric_heat(
    n_molecules: np.ndarray,
    energies_eV: np.ndarray,
    blocks: np.ndarray,
    temperature_K: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Isosteric heat (kJ/mol) and its standard error by the bootstrap over blocks (doi:10.1214/aos/1176344552).

    NaN where the number of molecules does not fluctuate; the error is NaN for fewer than two blocks.

    Parameters
    ----------
    n_molecules, energies_eV : ndarray, shape (n,)
        Samples of the production.
    blocks : ndarray of int, shape (n,)
        Block of each sample; blocks are drawn whole.
    temperature_K : float
    n_resamples : int
    rng : Generator
    """
    if not len(n_molecules):
        return float("nan"), float("nan")
    # moments about the means of all samples: no digits are lost, and no result depends on the origin
    number = n_molecules - np.mean(n_molecules)
    energy = energies_eV - np.mean(energies_eV)
    groups = np.unique(blocks, return_inverse=True)[1]
    moments = (np.ones(len(number)), number, energy, number * energy, number * number)
    sums = np.array([np.bincount(groups, values) for values in moments])
    count = sums.shape[1]
    value = _heat(sums.sum(axis=1, keepdims=True), temperature_K)[0]
    if count < 2:
        return float(value), float("nan")
    draws = rng.multinomial(count, np.full(count, 1 / count), size=n_resamples)
    heats = _heat(sums @ draws.T, temperature_K)
    known = heats[np.isfinite(heats)]
    return float(value), float(known.std(ddof=1)) if len(known) > 1 else float("nan")


def _heat(sums: np.ndarray, temperature_K: float) -> np.ndarray:
    """Heats (kJ/mol) of sums of 1, N, U, UN, N², shape (5, k)."""
    total, number, energy, product, square = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = square - number**2 / total
        # what rounding leaves of a variance of zero
        variance = np.where(variance > 1e-9, variance, np.nan)
        slope = (product - number * energy / total) / variance
    return constants.R * temperature_K / 1000 - slope * EV_IN_KJ_MOL
