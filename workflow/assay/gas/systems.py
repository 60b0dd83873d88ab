"""What every model starts from: rigid molecules at random in a periodic cube, or the atoms of a file.

Molecules are inserted one after the other at uniform places and orientations; one that would come too close to another,
or to an image of one, is drawn again. The start of a repeat follows from the campaign's seed, the system and the number
of the repeat alone, so that it is the same for all models and does not depend on how many repeats there are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import read, write
from scipy.spatial.transform import Rotation

from assay.failures import UserError
from assay.randomness import random_stream
from assay.records import atomic_path

MINIMUM_DISTANCE_A = 2.5
"""Between atoms of different molecules: outside of the repulsive wall of most pairs, far inside of a dilute gas."""

ATTEMPTS_PER_MOLECULE = 10_000

G_PER_CM3 = 1e24 / units.mol
"""1 u/Å³ in g/cm³."""


def read_structure(path: Path, frame: int = 0) -> Atoms:
    """One structure of a file, by ase.

    Parameters
    ----------
    path : Path
        Extended XYZ, or anything else that ase reads.
    frame : int
        Index of the structure; negative ones count from the end.

    Raises
    ------
    UserError
        If the file is missing, not readable, or has no such frame.
    """
    try:
        atoms = read(path, index=frame)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; correct the path of the system in gas.systems.") from error
    except (IndexError, StopIteration) as error:
        raise UserError(f"{path}: there is no frame {frame}; choose another in gas.systems.") from error
    except Exception as error:  # every format of ase has errors of its own
        raise UserError(f"{path}: ase cannot read it ({' '.join(str(error).split())}); mend the file.") from error
    if not len(atoms):
        raise UserError(f"{path}: frame {frame} has no atoms; choose another in gas.systems.")
    return atoms


def random_gas(
    molecule: Atoms,
    count: int,
    random: np.random.Generator,
    *,
    box_A: float,
    minimum_distance_A: float = MINIMUM_DISTANCE_A,
) -> Atoms:
    """So many rigid copies of a molecule at random places and orientations in a periodic cube.

    Parameters
    ----------
    molecule : Atoms
        Its arrays, such as ``site`` and the initial charges, go with the copies.
    count : int
    random : Generator
    box_A : float
        Edge of the cube.
    minimum_distance_A : float
        Between atoms of different molecules, images included.

    Returns
    -------
    Atoms
        Periodic, molecules whole, with the array ``molecule``: to which one an atom belongs.

    Raises
    ------
    UserError
        If they do not fit in without overlaps.
    """
    body = molecule.positions - molecule.get_center_of_mass()
    extent_A = 2 * np.linalg.norm(body, axis=1).max()
    if box_A < extent_A + minimum_distance_A:
        raise UserError(
            f"gas.systems: a molecule {extent_A:.3g} Å long would meet its own image in a box of {box_A:g} Å;"
            " enlarge box_A."
        )
    placed = np.empty((0, 3))
    for number in range(count):
        for _ in range(ATTEMPTS_PER_MOLECULE):
            copy = Rotation.random(rng=random).apply(body) + random.random(3) * box_A
            if _closest(copy, placed, box_A) >= minimum_distance_A:
                break
        else:
            raise UserError(
                f"gas.systems: {count} × {molecule.get_chemical_formula()} do not fit into a cube of {box_A:g} Å with"
                f" {minimum_distance_A:g} Å between them ({number} did); enlarge box_A or lower count."
            )
        placed = np.concatenate([placed, copy])
    gas = Atoms(np.tile(molecule.numbers, count), placed, cell=[box_A] * 3, pbc=True)
    for name, values in molecule.arrays.items():
        if name not in ("numbers", "positions"):
            gas.set_array(name, np.concatenate([values] * count))
    gas.set_array("molecule", np.repeat(np.arange(count), len(molecule)))
    return gas


def _closest(copy: np.ndarray, placed: np.ndarray, box_A: float) -> float:
    if not len(placed):
        return np.inf
    vectors = copy[:, None] - placed
    vectors -= box_A * np.rint(vectors / box_A)
    return float(np.sqrt((vectors**2).sum(axis=2).min()))


def gas_frames(name: str, molecule: Atoms, *, count: int, box_A: float, repeats: int, seed: int) -> list[Atoms]:
    """The starts of so many repeats of a gas, each from a random stream of its own."""
    streams = (random_stream(seed, f"gas/{name}/repeat-{repeat}/start") for repeat in range(repeats))
    return [random_gas(molecule, count, stream, box_A=box_A) for stream in streams]


def file_frames(path: Path, frame: int, repeats: int) -> list[Atoms]:
    """The structure of a file as the start of so many repeats, which differ by their velocities.

    Without an array ``molecule`` in the file every atom is a molecule of its own.

    Raises
    ------
    UserError
        As of `read_structure`, or if the structure has a single atom or is not periodic in three directions.
    """
    atoms = read_structure(path, frame)
    if not atoms.pbc.all() or atoms.cell.rank < 3:
        raise UserError(f"{path}: frame {frame} is not periodic in three directions; give it a cell and pbc.")
    if len(atoms) < 2:
        raise UserError(f"{path}: frame {frame} has one atom, which cannot move without momentum; take a larger cell.")
    atoms.calc = None
    atoms.set_constraint()
    if "molecule" not in atoms.arrays:
        atoms.set_array("molecule", np.arange(len(atoms)))
    return [atoms.copy() for _ in range(repeats)]


def write_frames(path: Path, frames: list[Atoms]) -> None:
    """Write structures as extended XYZ, atomically: positions, charges, molecules and sites."""
    columns = ["symbols", "positions"]
    columns += [name for name in ("masses", "initial_charges", "molecule", "site") if name in frames[0].arrays]
    with atomic_path(path) as temporary:
        write(temporary, [_bare(atoms, columns) for atoms in frames], format="extxyz", columns=columns)


def _bare(atoms: Atoms, columns: list[str]) -> Atoms:
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    for name in columns[2:]:
        bare.set_array(name, atoms.arrays[name])
    return bare


def read_frames(path: Path, count: int) -> list[Atoms]:
    """The first `count` structures that `write_frames` wrote.

    Raises
    ------
    UserError
        If the file is missing, not readable, or has fewer.
    """
    try:
        frames = read(path, index=f":{count}", format="extxyz")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
    except (ValueError, KeyError, IndexError, StopIteration) as error:
        raise UserError(f"{path}: not readable as extended XYZ ({error}); delete it and rerun.") from error
    if len(frames) < count:
        raise UserError(f"{path}: {len(frames)} structures for {count} repeats; delete it and rerun the campaign.")
    return frames


def system_facts(start: Atoms, molecule: str | None) -> dict[str, float | int | str | None]:
    """What the index says of a system.

    Parameters
    ----------
    start : Atoms
        With the array ``molecule``.
    molecule : str or None
        Formula of its molecules; None where they are not of one kind.
    """
    volume_A3 = float(start.get_volume())
    return {
        "n_atoms": len(start),
        "n_molecules": len(np.unique(start.arrays["molecule"])),
        "volume_A3": volume_A3,
        "density_g_cm3": float(start.get_masses().sum()) / volume_A3 * G_PER_CM3,
        "molecule": molecule,
    }
