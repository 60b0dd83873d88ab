"""What is timed: a helium gas, supercells of a crystal, and batches of a small cell of it.

The gas has 0.033 atoms/Å³ in a periodic cube, by random sequential addition: atoms are put at random places, those that
would be nearer than 2 Å to one that is there are refused. It has few neighbours and flatters models with a short
cutoff, so a dense solid stands beside it: supercells as near to a cube as they come, atoms displaced at random from
their sites by 0.05 Å (about the thermal motion at room temperature), so that no two steps are alike.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from assay.failures import UserError
from assay.randomness import random_stream
from assay.records import atomic_path


@dataclass(frozen=True)
class Systems:
    """Fresh systems of one case: in every repeat so many structures with the same atoms in the same cell.

    Attributes
    ----------
    numbers : ndarray of int, shape (n,)
        Atomic numbers of one structure.
    cell_A : ndarray, shape (3, 3)
    positions_A : ndarray, shape (repeats, structures, n, 3)
    """

    numbers: np.ndarray
    cell_A: np.ndarray
    positions_A: np.ndarray

    @property
    def repeats(self) -> int:
        """How many times there is something fresh to evaluate."""
        return self.positions_A.shape[0]

    @property
    def structures(self) -> int:
        """How many structures are evaluated together."""
        return self.positions_A.shape[1]

    @property
    def atoms_in_all(self) -> int:
        """Atoms that are evaluated together."""
        return self.structures * len(self.numbers)

    def batch(self, repeat: int) -> list[Atoms]:
        """The structures of one repeat."""
        return [Atoms(self.numbers, one, cell=self.cell_A, pbc=True) for one in self.positions_A[repeat]]


def helium_gas(
    count: int,
    random: np.random.Generator,
    *,
    density_atoms_A3: float = 0.033,
    minimum_distance_A: float = 2.0,
) -> Atoms:
    """A gas of so many helium atoms in a periodic cube, none nearer to another or to an image than the minimum.

    Parameters
    ----------
    count : int
    random : Generator
    density_atoms_A3 : float
        Atoms per Å³.
    minimum_distance_A : float
        Random addition jams where the spheres of this diameter fill 38 % of the cube; the default fills 14 %.
    """
    edge_A = (count / density_atoms_A3) ** (1 / 3)
    nearest = minimum_distance_A / edge_A
    placed = np.empty((0, 3))
    while len(placed) < count:
        # more than are missing: a few proposals would cost as much as many
        proposed = random.random((2 * (count - len(placed)) + 100, 3))
        if len(placed):
            distance, _ = cKDTree(placed, boxsize=1.0).query(proposed, distance_upper_bound=nearest)
            proposed = proposed[~np.isfinite(distance)]
        placed = np.concatenate([placed, _without_overlaps(proposed, nearest)])[:count]
    return Atoms(f"He{count}", scaled_positions=placed, cell=[edge_A] * 3, pbc=True)


def _without_overlaps(points: np.ndarray, nearest: float) -> np.ndarray:
    """The points that are not too near to an earlier one that is kept, in a periodic cube with an edge of 1."""
    if not len(points):
        return points
    pairs = cKDTree(points, boxsize=1.0).query_pairs(nearest, output_type="ndarray")
    refused = np.zeros(len(points), dtype=bool)
    for earlier, later in pairs[np.lexsort(pairs.T[::-1])].tolist():
        refused[later] |= not refused[earlier]
    return points[~refused]


def supercell_repeats(atoms_in_cell: int, size: int) -> tuple[int, int, int]:
    """Repeats along the axes, equal or one apart, whose number of atoms is nearest to `size` (as a ratio)."""
    edge = max(1, int((size / atoms_in_cell) ** (1 / 3)))
    choices = [(n, *rest) for n in range(max(1, edge - 1), edge + 2) for rest in ((n, n), (n, n + 1), (n + 1, n + 1))]
    return min(choices, key=lambda repeats: abs(np.log(np.prod(repeats) * atoms_in_cell / size)))


def supercell(cell: Atoms, size: int) -> Atoms:
    """The supercell of a crystal's cell that is near to a cube and nearest to so many atoms."""
    return cell.repeat(supercell_repeats(len(cell), size))


def rattled(atoms: Atoms, random: np.random.Generator, *, displacement_A: float = 0.05) -> Atoms:
    """A copy with every coordinate displaced at random; `displacement_A` is the standard deviation."""
    copy = atoms.copy()
    copy.positions += random.normal(0.0, displacement_A, copy.positions.shape)
    return copy


def make_systems(
    path: str, size: int, structures: int, repeats: int, *, seed: int, cell: Atoms | None = None
) -> Systems:
    """Fresh systems of a case: the gas, or supercells of `cell` where one is given.

    Parameters
    ----------
    path : str
        Name of the case, the same for all models and devices.
    size : int
        Atoms of one structure; supercells come as near to it as they can.
    structures : int
        How many are evaluated together.
    repeats : int
    seed : int
        Of the campaign.
    cell : Atoms, optional
        Conventional cell of a crystal.
    """
    perfect = None if cell is None else supercell(cell, size)
    rows: list[list[Atoms]] = []
    for repeat in range(repeats):
        random = random_stream(seed, f"speed/{path}/{repeat}")
        rows.append(
            [helium_gas(size, random) if perfect is None else rattled(perfect, random) for _ in range(structures)]
        )
    first = rows[0][0]
    positions = np.array([[atoms.positions for atoms in row] for row in rows])
    return Systems(first.numbers, first.cell.array, positions)


def write_systems(path: Path, systems: Systems) -> None:
    """Write systems as a numpy archive, atomically."""
    with atomic_path(path) as temporary:
        np.savez(temporary, numbers=systems.numbers, cell_A=systems.cell_A, positions_A=systems.positions_A)


def read_systems(path: Path) -> Systems:
    """Read what `write_systems` wrote.

    Raises
    ------
    UserError
        If the file is missing or not readable.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Systems(archive["numbers"], archive["cell_A"], archive["positions_A"])
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not an archive of systems ({error}); delete it and rerun the campaign.") from error
