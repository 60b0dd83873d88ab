"""Trial insertions: places uniform in the whole cell, orientations uniform over all rotations.

Six uniform numbers make one insertion: three are fractional coordinates, three a unit quaternion (Shoemake, in Graphics
Gems III, 124 (1992), doi:10.1016/B978-0-08-050755-2.50036-1). They come from a random stream that depends on the
campaign's seed and the case, not on the model, or from Sobol sequences with a random linear scramble and a random shift
of digits (Matoušek, J. Complexity 14, 527 (1998), doi:10.1006/jcom.1998.0489), several independent ones, whose spread
gives the error. In either case a longer run begins with the shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import h5py
import numpy as np
from scipy.stats import qmc

from assay.failures import UserError, near_misses
from assay.randomness import quaternions_of, random_stream
from assay.records import atomic_path

SAMPLINGS = ("random", "sobol")


@dataclass(frozen=True)
class Insertions:
    """Where and how a guest is inserted.

    Attributes
    ----------
    fractional : ndarray, shape (n, 3)
        The guest's centre in the host's lattice vectors, in [0, 1).
    quaternions : ndarray, shape (n, 4)
        Unit quaternions x, y, z, w.
    replicate : ndarray of int, shape (n,)
        Which independent sequence each belongs to; zero throughout for a random stream.
    """

    fractional: np.ndarray
    quaternions: np.ndarray
    replicate: np.ndarray

    def __len__(self) -> int:
        return len(self.fractional)

    def first(self, count: int) -> Insertions:
        """The first so many of them."""
        return Insertions(self.fractional[:count], self.quaternions[:count], self.replicate[:count])


def draw_insertions(count: int, *, seed: int, path: str, sampling: str = "random", replicates: int = 16) -> Insertions:
    """Insertions of a case.

    Parameters
    ----------
    count : int
    seed : int
        Of the campaign.
    path : str
        Name of the stream, such as ``widom/Mg-MOF-74``.
    sampling : str
        ``random`` or ``sobol``.
    replicates : int
        Independent Sobol sequences; insertion i belongs to number i modulo this.

    Raises
    ------
    UserError
        If the sampling is unknown.
    """
    if sampling == "random":
        numbers = random_stream(seed, path).random((count, 6))
        return Insertions(numbers[:, :3], quaternions_of(numbers[:, 3:]), np.zeros(count, dtype=np.int64))
    if sampling != "sobol":
        raise UserError(f"widom.sampling: unknown sampling {sampling!r}{near_misses(sampling, SAMPLINGS)}")
    points = ceil(count / replicates)
    sequences = [
        qmc.Sobol(6, rng=random_stream(seed, f"{path}/{replicate}")).random_base2(ceil(log2(max(points, 1))))[:points]
        for replicate in range(replicates)
    ]
    numbers = np.stack(sequences, axis=1).reshape(-1, 6)[:count]
    return Insertions(numbers[:, :3], quaternions_of(numbers[:, 3:]), np.arange(count) % replicates)


def write_insertions(path: Path, insertions: Insertions) -> None:
    """Write insertions as HDF5, atomically."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["fractional"] = insertions.fractional
        file["quaternions"] = insertions.quaternions
        file["replicate"] = insertions.replicate


def read_insertions(path: Path) -> Insertions:
    """Read what `write_insertions` wrote.

    Raises
    ------
    UserError
        If the file is missing or not readable.
    """
    try:
        with h5py.File(path, "r") as file:
            return Insertions(*(file[name][:] for name in ("fractional", "quaternions", "replicate")))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: not a file of insertions ({error}); delete it and rerun the campaign.") from error
