"""Random streams that are the same for all models, and uniform rotations."""

from __future__ import annotations

import numpy as np


def random_stream(seed: int, path: str) -> np.random.Generator:
    """The random stream of the campaign's seed and a path that no model is in.

    Parameters
    ----------
    seed : int
    path : str
        What the numbers are for, such as ``widom/CO2-in-Mg-MOF-74``; another path is an independent stream.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, *path.encode()]))


def quaternions_of(uniform: np.ndarray) -> np.ndarray:
    """Unit quaternions x, y, z, w, uniform over all rotations, from uniform numbers.

    Shoemake, in Graphics Gems III, 124 (1992), doi:10.1016/B978-0-08-050755-2.50036-1.

    Parameters
    ----------
    uniform : ndarray, shape (n, 3)
        In [0, 1).

    Returns
    -------
    ndarray, shape (n, 4)
    """
    share, first, second = uniform[:, 0], 2 * np.pi * uniform[:, 1], 2 * np.pi * uniform[:, 2]
    one, other = np.sqrt(1 - share), np.sqrt(share)
    return np.stack([one * np.sin(first), one * np.cos(first), other * np.sin(second), other * np.cos(second)], axis=1)
