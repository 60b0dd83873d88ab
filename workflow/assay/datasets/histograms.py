"""Two histograms of a data set: distances of pairs, and forces against the distance of the nearest atom.

What is nowhere in the data a potential has never seen: most crystals near equilibrium have no atoms closer than their
bonds, and there a potential extrapolates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from matscipy.neighbours import neighbour_list

from assay.failures import UserError
from assay.potentials.boxes import boxed
from assay.records import atomic_path

ELEMENTS = len(chemical_symbols)


@dataclass(frozen=True)
class Bins:
    """Where the bins are.

    Attributes
    ----------
    cutoff_A : float
        Pairs farther apart are not counted.
    width_A : float
        Of bins of distances.
    force_decades : tuple of float
        Decimal logarithms of the smallest and the largest force (eV/Å) with a bin of its own.
    bins_per_decade : int
    """

    cutoff_A: float = 6.0
    width_A: float = 0.05
    force_decades: tuple[float, float] = (-4.0, 3.0)
    bins_per_decade: int = 10

    @property
    def distance_edges_A(self) -> np.ndarray:
        """Edges of the bins of distances (Å)."""
        return np.linspace(0.0, self.cutoff_A, round(self.cutoff_A / self.width_A) + 1)

    @property
    def force_edges_eV_A(self) -> np.ndarray:
        """Edges of the bins of forces (eV/Å): the first one begins at zero, the last one has no end."""
        low, high = self.force_decades
        inner = np.logspace(low, high, round((high - low) * self.bins_per_decade) + 1)
        return np.concatenate([[0.0], inner, [np.inf]])


@dataclass
class Histograms:
    """Counts over all frames so far, of a size that does not depend on how many there are.

    Attributes
    ----------
    bins : Bins
    pairs : ndarray of int64, shape (elements, elements, distances)
        Pairs by their atomic numbers, the smaller one first, and distance; each pair once.
    forces : ndarray of int64, shape (distances, forces)
        Atoms by the distance of their nearest neighbour and the magnitude of their force.
    shortest_A : ndarray, shape (elements, elements)
        Smallest distance of each pair; infinite where there is none.
    frames, frames_without_forces, atoms, atoms_alone : int
        Counts; atoms alone have no other one within the cutoff.
    largest_force_eV_A : float
        NaN while there is none.
    """

    bins: Bins = field(default_factory=Bins)
    pairs: np.ndarray = field(init=False)
    forces: np.ndarray = field(init=False)
    shortest_A: np.ndarray = field(init=False)
    frames: int = 0
    frames_without_forces: int = 0
    atoms: int = 0
    atoms_alone: int = 0
    largest_force_eV_A: float = np.nan

    def __post_init__(self) -> None:
        distances = len(self.bins.distance_edges_A) - 1
        self.pairs = np.zeros((ELEMENTS, ELEMENTS, distances), dtype=np.int64)
        self.forces = np.zeros((distances, len(self.bins.force_edges_eV_A) - 1), dtype=np.int64)
        self.shortest_A = np.full((ELEMENTS, ELEMENTS), np.inf)

    def add(self, atoms: Atoms) -> None:
        """Count a frame; periodic images are neighbours like all others, an atom's own included.

        Raises
        ------
        ValueError
            If positions or forces are not finite, or the cell does not span its periodic directions.
        """
        forces = (atoms.calc.results if atoms.calc else {}).get("forces")
        if not np.isfinite(atoms.positions).all() or (forces is not None and not np.isfinite(forces).all()):
            raise ValueError("its positions or forces are not finite numbers")
        positions, cell = boxed(atoms, self.bins.cutoff_A)
        centre, neighbour, distance, images = neighbour_list(
            "ijdS", positions=positions, cell=cell, pbc=np.ones(3, dtype=bool), cutoff=self.bins.cutoff_A
        )
        once = (centre < neighbour) | ((centre == neighbour) & _forwards(images))
        place = np.minimum((distance / self.bins.width_A).astype(np.int64), self.pairs.shape[2] - 1)
        low = np.minimum(atoms.numbers[centre], atoms.numbers[neighbour])
        high = np.maximum(atoms.numbers[centre], atoms.numbers[neighbour])
        np.add.at(self.pairs, (low[once], high[once], place[once]), 1)
        np.minimum.at(self.shortest_A, (low, high), distance)
        nearest = np.full(len(atoms), np.inf)
        np.minimum.at(nearest, centre, distance)
        self.frames += 1
        self.atoms += len(atoms)
        self.atoms_alone += int(np.isinf(nearest).sum())
        if forces is None:
            self.frames_without_forces += 1
            return
        size = np.linalg.norm(forces, axis=1)
        self.largest_force_eV_A = float(np.fmax(self.largest_force_eV_A, size.max()))
        near = np.isfinite(nearest)
        column = np.searchsorted(self.bins.force_edges_eV_A, size[near], side="right") - 1
        row = np.minimum((nearest[near] / self.bins.width_A).astype(np.int64), self.forces.shape[0] - 1)
        np.add.at(self.forces, (row, column), 1)


def _forwards(images: np.ndarray) -> np.ndarray:
    """Of an atom's images, those on one side: of each one and its opposite, exactly one."""
    first, second, third = images.T
    return (first > 0) | ((first == 0) & ((second > 0) | ((second == 0) & (third > 0))))


def density_per_A(counts: np.ndarray, edges_A: np.ndarray) -> np.ndarray:
    """A histogram as a probability density (1/Å), whose integral is one; NaN where nothing was counted."""
    total = counts.sum()
    return counts / (total * np.diff(edges_A)) if total else np.full(len(counts), np.nan)


def percentile_A(counts: np.ndarray, edges_A: np.ndarray, percent: float) -> float:
    """The distance (Å) below which so many per cent of the counts are, linear within a bin; NaN for no counts."""
    total = counts.sum()
    if not total:
        return float("nan")
    below = np.concatenate([[0.0], np.cumsum(counts) / total])
    bin_ = int(np.searchsorted(below, percent / 100, side="left"))
    bin_ = max(bin_, 1)
    within = (percent / 100 - below[bin_ - 1]) / (below[bin_] - below[bin_ - 1])
    return float(edges_A[bin_ - 1] + within * (edges_A[bin_] - edges_A[bin_ - 1]))


def write_histograms(path: Path, histograms: Histograms) -> None:
    """Write counts and edges of bins as HDF5, atomically; only the pairs that occur."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        bins = file.create_group("bins")
        bins["distance_edges_A"] = histograms.bins.distance_edges_A
        bins["force_edges_eV_A"] = histograms.bins.force_edges_eV_A
        pairs = file.create_group("pair_distances")
        for first, second in np.argwhere(histograms.pairs.any(axis=2)):
            counts = pairs.create_dataset(pair_name(first, second), data=histograms.pairs[first, second])
            counts.attrs["shortest_A"] = histograms.shortest_A[first, second]
        file["nearest_distance_and_force"] = histograms.forces
        for name in ("frames", "frames_without_forces", "atoms", "atoms_alone", "largest_force_eV_A"):
            file.attrs[name] = getattr(histograms, name)


def pair_name(first: int, second: int) -> str:
    """Such as ``O-Mg``, by atomic numbers."""
    return f"{chemical_symbols[first]}-{chemical_symbols[second]}"


def count_frames(
    path: Path, frames: Iterable[Atoms], histograms: Histograms, report: Callable[[Histograms], None]
) -> None:
    """Count all frames of a data set, in place.

    Parameters
    ----------
    path : Path
        For messages.
    frames : iterable of Atoms
    histograms : Histograms
    report : callable
        Called with `histograms` after every frame.

    Raises
    ------
    UserError
        If a frame cannot be counted, or there is none.
    """
    for number, atoms in enumerate(frames, start=1):
        try:
            histograms.add(atoms)
        except ValueError as error:
            raise UserError(f"{path}: frame {number} is malformed ({error}); remove or repair it.") from error
        report(histograms)
    if not histograms.frames:
        raise UserError(f"{path}: there is no frame in it; correct datasets.path.")
