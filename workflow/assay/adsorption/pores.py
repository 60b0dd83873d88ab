"""How much room a framework has: the share of its volume that helium fills.

The excess amount adsorbed is what is there less what the same volume of gas would hold, n_excess = n - ρ V_pore, and
the pore volume is by convention that which helium finds at room temperature: V_pore/V = <exp(-U/kT)> of a helium atom
at uniform places of the cell (Talu and Myers, AIChE J. 47, 1160 (2001), doi:10.1002/aic.690470521). Between helium and
host: Lennard-Jones, Lorentz-Berthelot mixing; UFF for the host (doi:10.1021/ja00051a040, σ = x/2^(1/6)), and ε/k = 10.9
K, σ = 2.64 Å for helium (Hirschfelder, Curtiss and Bird, Molecular Theory of Gases and Liquids, 1954). The result is a
property of the structure: the same for all models, whatever they say of helium.

Places are scrambled Sobol points in several independent sequences, whose spread gives the error.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.units import kB, kcal, mol
from scipy.spatial import cKDTree
from scipy.stats import qmc

from assay.adsorption.uff import WELLS
from assay.cells import periodic_images
from assay.randomness import random_stream
from assay.statistics import standard_error

HELIUM_EPSILON_EV = 10.9 * kB
HELIUM_SIGMA_A = 2.64
TEMPERATURE_K = 298.15
CUTOFF_A = 12.0
"""Beyond it helium's attraction to the usual framework is below 1 % of kT, which is left out."""

SEQUENCES = 8
POINTS_LOG2 = 11


def pore_fraction(host: Atoms, seed: int) -> tuple[float, float]:
    """Share of a host's volume that is pore, and its standard error.

    The weights of attractive places are above one, so that the share of a narrow pore may be too: that is how the
    excess is defined.

    Parameters
    ----------
    host : Atoms
        Periodic in three directions.
    seed : int
        The campaign's.
    """
    epsilon, sigma = _mixed(host)
    images = periodic_images(host, CUTOFF_A)
    tree = cKDTree(images.reshape(-1, 3))
    owners = np.repeat(np.arange(len(host)), images.shape[1])
    fractions = []
    for sequence in range(SEQUENCES):
        stream = random_stream(seed, f"adsorption/pores/{sequence}")
        points = qmc.Sobol(3, rng=stream).random_base2(POINTS_LOG2) @ host.cell.array
        energies = _energies_eV(points, tree, owners, epsilon, sigma)
        fractions.append(np.exp(-energies / (kB * TEMPERATURE_K)).mean())
    return float(np.mean(fractions)), standard_error(fractions)


def _mixed(host: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Depth (eV) and diameter (Å) of helium with each atom of the host."""
    wells = np.array([WELLS[symbol] for symbol in host.symbols])
    epsilon_eV = wells[:, 1] * kcal / mol
    sigma_A = wells[:, 0] / 2 ** (1 / 6)
    return np.sqrt(epsilon_eV * HELIUM_EPSILON_EV), (sigma_A + HELIUM_SIGMA_A) / 2


def _energies_eV(
    points: np.ndarray, tree: cKDTree, owners: np.ndarray, epsilon: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """Energy of helium at each point; infinite ones are large numbers."""
    pairs = cKDTree(points).sparse_distance_matrix(tree, CUTOFF_A, output_type="coo_matrix")
    atoms = owners[pairs.col]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        sixth = (sigma[atoms] / pairs.data) ** 6
        energies = 4 * epsilon[atoms] * sixth * (sixth - 1)
    return np.bincount(pairs.row, energies, minlength=len(points))
