"""Host and guest: how they are made from files, put together, repeated and placed.

The prepared cell of the host is the same for all models. A potential sees as many repeats of it as its cut-off asks
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.io import read, write
from scipy.spatial.transform import Rotation

from assay.cells import shortest_translation
from assay.failures import UserError
from assay.records import atomic_path


@dataclass(frozen=True)
class System:
    """A host and its guest.

    Attributes
    ----------
    host : Atoms
        Periodic in three directions; positions are drawn uniformly in its cell.
    guest : Atoms
        A rigid molecule, centre of mass at the origin, in the orientation that quaternions turn.
    """

    host: Atoms
    guest: Atoms

    def facts(self, axis: Sequence[float] | None = None) -> dict[str, Any]:
        """What the tables need to know of the system.

        Parameters
        ----------
        axis : sequence of three floats, optional
            The channel's direction in the host's lattice vectors; the shortest lattice vector unless given.

        Returns
        -------
        dict
            ``volume_A3``, ``host_mass_u``, ``density_kg_m3``, ``axis`` (Cartesian unit vector), ``n_atoms_host``,
            ``n_atoms_guest``, ``guest_formula``.
        """
        cell = self.host.cell.array
        direction = shortest_translation(cell) if axis is None else np.asarray(axis, dtype=float) @ cell
        mass = float(self.host.get_masses().sum())
        volume = float(self.host.get_volume())
        return {
            "volume_A3": volume,
            "host_mass_u": mass,
            "density_kg_m3": mass / units.kg / (volume * 1e-30),
            "axis": direction / np.linalg.norm(direction) + 0.0,
            "n_atoms_host": len(self.host),
            "n_atoms_guest": len(self.guest),
            "guest_formula": self.guest.get_chemical_formula("hill"),
        }


@dataclass(frozen=True)
class Host:
    """The host that a potential sees.

    Attributes
    ----------
    cell : Atoms
        One cell; relaxed, if that was asked for.
    supercell : Atoms
        Repeats of it.
    repeats : tuple of int
    """

    cell: Atoms
    supercell: Atoms
    repeats: tuple[int, int, int]

    @classmethod
    def of(cls, cell: Atoms, repeats: tuple[int, int, int]) -> Host:
        """Of a cell and how often it is repeated along its vectors."""
        return cls(cell, cell.repeat(repeats), repeats)

    @property
    def image_distance_A(self) -> float:
        """From a guest to its nearest image (Å)."""
        return float(np.linalg.norm(shortest_translation(self.supercell.cell.array)))


def make_system(framework: Atoms, molecule: Atoms) -> System:
    """Host and guest as every model gets them: the atoms that belong to the guest are marked ``molecule`` 0.

    Raises
    ------
    UserError
        If the framework is not periodic in three directions.
    """
    if not framework.pbc.all() or abs(framework.cell.volume) < 1.0:
        raise UserError(
            f"framework {framework.get_chemical_formula()}: a host has to be periodic in three directions; give its"
            " cell in the file."
        )
    host, guest = framework.copy(), molecule.copy()
    for atoms, number in ((host, -1), (guest, 0)):
        atoms.set_constraint()
        atoms.info = {}
        atoms.arrays["molecule"] = np.full(len(atoms), number)
    host.wrap()
    guest.set_cell(None)
    guest.pbc = False
    guest.positions -= guest.get_center_of_mass()
    return System(host, guest)


def write_system(folder: Path, system: System) -> dict[str, Path]:
    """Write ``host.xyz`` and ``guest.xyz`` (extended XYZ), atomically; returns their paths by part."""
    paths = {}
    for part, atoms in (("host", system.host), ("guest", system.guest)):
        paths[part] = Path(folder) / f"{part}.xyz"
        with atomic_path(paths[part]) as temporary:
            write(temporary, atoms, format="extxyz")
    return paths


def read_system(host: Path, guest: Path) -> System:
    """Read what `write_system` wrote.

    Raises
    ------
    UserError
        If a file is missing or not readable.
    """
    parts = []
    for path in (host, guest):
        try:
            atoms = read(path, format="extxyz")
        except FileNotFoundError as error:
            raise UserError(f"{path}: no such file; rerun the job that makes it.") from error
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise UserError(f"{path}: not readable as extended XYZ ({error}); delete it and rerun.") from error
        atoms.calc = None
        parts.append(atoms)
    return System(*parts)


def placed(guest: Atoms, centres_A: np.ndarray, quaternions: np.ndarray) -> np.ndarray:
    """Positions of a rigid guest's atoms at many places and orientations.

    Parameters
    ----------
    guest : Atoms
        Centre at the origin; m atoms.
    centres_A : ndarray, shape (n, 3)
    quaternions : ndarray, shape (n, 4)
        Unit quaternions x, y, z, w.

    Returns
    -------
    ndarray, shape (n, m, 3)
        Å.
    """
    turned = Rotation.from_quat(quaternions).as_matrix() @ guest.positions.T
    return turned.transpose(0, 2, 1) + np.asarray(centres_A)[:, None, :]


def guest_at(guest: Atoms, positions_A: np.ndarray, host: Atoms) -> Atoms:
    """The guest at these positions, in the host's cell."""
    moved = guest.copy()
    moved.set_cell(host.cell)
    moved.pbc = host.pbc
    moved.positions = positions_A
    return moved


def joined(host: Atoms, guest: Atoms) -> Atoms:
    """Host and guest as one structure in the host's cell, the host's atoms first; labels and charges come along."""
    both = Atoms(
        numbers=np.concatenate([host.numbers, guest.numbers]),
        positions=np.concatenate([host.positions, guest.positions]),
        cell=host.cell,
        pbc=host.pbc,
    )
    # ase's own sum cuts the labels of the second part to the width of the first one's
    for name in (host.arrays.keys() | guest.arrays.keys()) - {"numbers", "positions"}:
        both.arrays[name] = np.concatenate([_array(host, guest, name), _array(guest, host, name)])
    return both


def _array(atoms: Atoms, other: Atoms, name: str) -> np.ndarray:
    """An array of the atoms, or zeros in its place where only the others have it."""
    if name in atoms.arrays:
        return atoms.arrays[name]
    like = other.arrays[name]
    return np.zeros((len(atoms), *like.shape[1:]), dtype=like.dtype)
