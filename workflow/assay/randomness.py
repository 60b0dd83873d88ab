"""Random streams that are the same for all models."""

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
