"""Which trials of a grand-canonical Markov chain are accepted (Metropolis et al., doi:10.1063/1.1699114).

Guests with fugacity f in a volume V at inverse temperature beta (Norman and Filinov, High Temp. 7, 216 (1969); Frenkel
and Smit, Understanding Molecular Simulation, section 5.6): a place uniform in V, an orientation uniform over all
rotations and, for flexible guests, an internal configuration of the isolated molecule's own distribution. Then only
interaction energies matter, and with z = beta f

    insertion   min(1, z V / (N + 1) exp(-beta dU))
    deletion    min(1, N / (z V) exp(-beta dU))
    all others  min(1, exp(-beta dU))

for insertions and deletions that are tried equally often, whatever N is. A new internal configuration in place of an
old one (regrowth) is of the others: what it is drawn by cancels the change of the intramolecular energy.
"""

from __future__ import annotations

import numpy as np
from scipy import constants

from assay.adsorption.raw import MOVES

TRANSLATION, ROTATION, INSERTION, DELETION, REGROWTH = range(len(MOVES))
"""Moves as numbers, in the order of `assay.adsorption.raw.MOVES`."""

_EXCHANGE = np.array([0, 0, 1, -1, 0])
_AFTERWARDS = np.array([0, 0, 1, 0, 0])


def activity_volume(fugacity_Pa: float, temperature_K: float, volume_A3: float) -> float:
    """z V = beta f V, the number of molecules of an ideal gas in the volume."""
    return fugacity_Pa * volume_A3 * 1e-30 / (constants.k * temperature_K)


def log_acceptance(
    moves: np.ndarray,
    n_molecules: np.ndarray,
    log_activity_volume: np.ndarray,
    reduced_changes: np.ndarray,
    log_bias: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Logarithms of the acceptance probabilities before they are cut off at one.

    Parameters
    ----------
    moves : ndarray of int, shape (k,)
        `TRANSLATION`, ...
    n_molecules : ndarray of int, shape (k,)
        Before the move; at least one for a deletion.
    log_activity_volume : ndarray, shape (k,)
        ln(z V).
    reduced_changes : ndarray, shape (k,)
        beta dU of the interaction energy.
    log_bias : ndarray, shape (k,), optional
        ln b(r) where a guest comes or goes (`assay.adsorption.insertion_bias`); zero for uniform insertions.

    Returns
    -------
    ndarray, shape (k,)
        NaN where the change is.
    """
    exchange = _EXCHANGE[moves]
    # one for moves that exchange nothing: its logarithm is then multiplied by zero
    crowd = np.where(exchange == 0, 1, n_molecules + _AFTERWARDS[moves])
    return exchange * (log_activity_volume - np.log(crowd) - log_bias) - reduced_changes
