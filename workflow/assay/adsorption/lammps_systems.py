"""A host with its guests in LAMMPS: by LAMMPS's own force field, or by any potential through the bridge.

An instance is filled anew for every block of trials, so that a block depends on nothing but where the guests are when
it begins, and on its seed: a chain that is taken up again from positions is the same chain.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from assay.adsorption.lammps_axes import Axes
from assay.adsorption.lammps_forces import OUTCOMES, GuestForces
from assay.adsorption.lammps_script import COUNTERS, EXCHANGE_FIX, GUESTS, molecule_file
from assay.failures import PotentialFailure, UserError
from assay.hosts import joined
from assay.lammps import LammpsBridge
from assay.lammps.systems import GHOST_FREE_A
from assay.potentials.force_fields import Assignment, ForceField
from assay.potentials.lammps_input import EWALD_ACCURACY, Topology, commands, data_file

Order = Callable[[str], None]
"""Gives LAMMPS a command."""


class LammpsSystem(Protocol):
    """A host with guests in an instance of LAMMPS.

    Attributes
    ----------
    mode : str
        Whose energies they are, for the record.
    guest_energy_eV : float
        Of an isolated guest.
    parts : Parts
    """

    mode: str
    guest_energy_eV: float
    parts: Parts

    @property
    def counted_energy_eV(self) -> float:
        """What LAMMPS's energy has in it for each guest alone."""

    def fill(self, positions_A: np.ndarray, folder: Path, *, trials: bool) -> Order:
        """Put the host and guests at positions (n, m, 3) into the instance, in place of what it held.

        `trials` tells that energies are for Monte Carlo trials, and that nobody needs forces.
        """

    def energy_eV(self, count: int) -> float:
        """Interaction energy (eV) of the `count` guests that are in the instance, after a run."""

    def outcomes(self) -> np.ndarray:
        """Trials of the block by what became of them, shape (4, 3): `COUNTERS`, `assay.adsorption.lammps_forces`."""

    def remember(self, positions_A: np.ndarray, energy_eV: float) -> None:
        """Be told the energy of the guests that come next."""


@dataclass(frozen=True)
class Parts:
    """Host and guest in LAMMPS's words.

    Attributes
    ----------
    lammps : lammps.lammps
    axes : Axes
    host, guest : Atoms
        The host as it is simulated.
    topology, assignment
        Of the host and one guest after it.
    """

    lammps: Any
    axes: Axes
    host: Atoms
    guest: Atoms
    topology: Topology
    assignment: Assignment

    def write(self, positions_A: np.ndarray, folder: Path) -> Path:
        """Write LAMMPS's data file of the host and guests at positions (host's axes); returns its path."""
        count, size, first = len(positions_A), len(self.guest), len(self.host)

        def repeated(array: np.ndarray) -> np.ndarray:
            return np.concatenate([array[:first], np.tile(array[first:], count)])

        def of_all(entries: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
            return tuple(
                (kind, *(atom + number * size for atom in atoms)) for number in range(count) for kind, *atoms in entries
            )

        topology = replace(
            self.topology,
            types=repeated(self.topology.types),
            bonds=of_all(self.topology.bonds),
            angles=of_all(self.topology.angles),
        )
        assignment = Assignment(
            names=(),
            molecules=np.concatenate([np.full(first, -1), np.repeat(np.arange(count), size)]),
            charges_e=repeated(self.assignment.charges_e),
        )
        host_A = self.axes.to_lammps(self.host.positions[:, None])[:, 0]
        positions_A = np.concatenate([host_A, self.axes.to_lammps(positions_A).reshape(-1, 3)])
        path = folder / "system.data"
        path.write_text(data_file(topology, assignment, positions_A, self.axes.box_A))
        return path

    def write_template(self, rotation: Rotation, folder: Path) -> Path:
        """Write the guest, turned, as a molecule file; returns its path."""
        first = len(self.host)
        path = folder / "guest.mol"
        path.write_text(
            molecule_file(
                rotation.apply(self.guest.positions),
                self.topology.types[first:].tolist(),
                self.assignment.charges_e[first:].tolist(),
                [(kind, *(atom - first for atom in atoms)) for kind, *atoms in self.topology.bonds],
                [(kind, *(atom - first for atom in atoms)) for kind, *atoms in self.topology.angles],
            )
        )
        return path

    def read(self) -> np.ndarray:
        """Positions of the guests' atoms in the host's axes, molecules whole, shape (n, m, 3)."""
        view, count = self.lammps.numpy, self.lammps.extract_setting("nlocal")
        molecules = view.extract_atom("molecule", nelem=count, dim=1)
        guests = np.flatnonzero(molecules > 0)
        guests = guests[np.argsort(view.extract_atom("id", nelem=count, dim=1)[guests])]
        images = np.array([self.lammps.decode_image_flags(int(image)) for image in self._images(count)[guests]])
        unwrapped_A = view.extract_atom("x", nelem=count, dim=3)[guests] + images.reshape(-1, 3) @ self.axes.cell_A
        shape = (-1, len(self.guest), 3)
        return self.axes.to_host(self.axes.to_lammps(self.axes.to_host(unwrapped_A).reshape(shape)))

    def _images(self, count: int) -> np.ndarray:
        return self.lammps.numpy.extract_atom("image", nelem=count, dim=1)


class NativeSystem:
    """Energies by LAMMPS's own pair styles and its Ewald sum, for the force fields of `assay.potentials.force_fields`.

    Buckingham interactions have their walls. Pairs of the host's own atoms are left out: the host stands still.

    Parameters
    ----------
    lammps : lammps.lammps
    force_field : ForceField
    host, guest : Atoms
    """

    mode = "lammps native"

    def __init__(self, lammps: Any, force_field: ForceField, host: Atoms, guest: Atoms) -> None:
        self.force_field = force_field
        both = joined(host, guest)
        assignment = force_field.assign(both)
        self.parts = Parts(lammps, Axes.of(host), host, guest, Topology.of(force_field, assignment), assignment)
        self._host_energy_eV = self.guest_energy_eV = 0.0
        with tempfile.TemporaryDirectory() as folder:
            for positions_A in (guest.positions[None], np.zeros((0, len(guest), 3))):
                order = self.fill(positions_A, Path(folder), trials=True)
                order("thermo_style custom pe emol")
                order("run 0 post no")
                if len(positions_A):
                    self.guest_energy_eV = lammps.get_thermo("emol")
            self._host_energy_eV = lammps.get_thermo("pe")

    @property
    def counted_energy_eV(self) -> float:
        """Bonds and angles."""
        return self.guest_energy_eV

    def fill(self, positions_A: np.ndarray, folder: Path, *, trials: bool) -> Order:
        """See `LammpsSystem`."""
        parts = self.parts

        def order(line: str) -> None:
            try:
                parts.lammps.command(line)
            except Exception as error:
                # LAMMPS raises plain Exceptions
                words = " ".join(str(error).split()).rstrip(".")
                raise PotentialFailure("error", f"LAMMPS stopped at `{line.split()[0]}`: {words}.") from error

        order("clear")
        data = parts.write(positions_A, folder)
        room = len(parts.guest)
        for line in commands(self.force_field, parts.topology, parts.assignment, data, room=room, evaluated=False):
            order(line)
        if parts.assignment.charges_e.any():
            # a splitting that does not change with the guests: what is left out within the host depends on it
            splitting_1_A = (1.35 - 0.15 * np.log(EWALD_ACCURACY)) / self.force_field.cutoff_A
            order(f"kspace_modify gewald {splitting_1_A:.17g}")
        order(f"group {GUESTS} molecule > 0")
        order("group host molecule <= 0")
        order("neigh_modify exclude group host host")
        return order

    def energy_eV(self, count: int) -> float:
        """See `LammpsSystem`."""
        return self.parts.lammps.get_thermo("pe") - self._host_energy_eV - count * self.guest_energy_eV

    def outcomes(self) -> np.ndarray:
        """See `LammpsSystem`; LAMMPS evaluates all."""
        found = np.zeros((len(COUNTERS), len(OUTCOMES)), dtype=int)
        found[:, OUTCOMES.index("evaluated")] = counters(self.parts.lammps)[:, 0]
        return found

    def remember(self, positions_A: np.ndarray, energy_eV: float) -> None:
        """See `LammpsSystem`; LAMMPS computes it again."""


class BridgedSystem:
    """Energies by a potential, through `assay.lammps`.

    Parameters
    ----------
    lammps : lammps.lammps
    forces : GuestForces
    """

    mode = "lammps bridge"

    def __init__(self, lammps: Any, forces: GuestForces) -> None:
        self.forces, host, guest = forces, forces.host, forces.guest
        both = joined(host, guest)
        names = tuple(sorted(set(both.symbols)))
        types = np.array([names.index(symbol) + 1 for symbol in both.symbols])
        topology = Topology(names, types, names, (), (), (), ())
        assignment = Assignment((), np.zeros(0), np.zeros(len(both)))
        self.parts = Parts(lammps, forces.axes, host, guest, topology, assignment)
        self.guest_energy_eV = forces.guest_energy_eV

    counted_energy_eV = 0.0

    def fill(self, positions_A: np.ndarray, folder: Path, *, trials: bool) -> Order:
        """See `LammpsSystem`."""
        parts = self.parts

        def order(line: str) -> None:
            try:
                bridge.command(line)
            except UserError as error:
                raise PotentialFailure("error", str(error)) from error

        parts.lammps.command("clear")
        elements = dict(enumerate(parts.topology.elements, start=1))
        bridge = LammpsBridge(self.forces, "metal", elements, energy_only=trials, lammps=parts.lammps)
        for line in (
            "atom_style full",
            "atom_modify map array sort 0 0",
            "box tilt large",
            f'read_data "{parts.write(positions_A, folder)}"',
            f"pair_style zero {GHOST_FREE_A:g} nocoeff",
            "pair_coeff * *",
            "neigh_modify every 1 delay 0 check yes",
            f"group {GUESTS} molecule > 0",
        ):
            order(line)
        self.forces.begin_trials(self._attempts if trials else None)
        return order

    def _attempts(self) -> np.ndarray:
        lammps = self.parts.lammps
        return np.array([lammps.extract_fix(EXCHANGE_FIX, 0, 1, nrow=2 * row) for row in range(len(COUNTERS))])

    def energy_eV(self, count: int) -> float:
        """See `LammpsSystem`."""
        return self.parts.lammps.get_thermo("pe")

    def outcomes(self) -> np.ndarray:
        """See `LammpsSystem`."""
        return self.forces.outcomes

    def remember(self, positions_A: np.ndarray, energy_eV: float) -> None:
        """See `LammpsSystem`."""
        self.forces.remember(positions_A, energy_eV)


def counters(lammps: Any) -> np.ndarray:
    """Attempts and successes of the moves of `COUNTERS` in the block, shape (4, 2)."""
    values = [lammps.extract_fix(EXCHANGE_FIX, 0, 1, nrow=row) for row in range(2 * len(COUNTERS))]
    return np.array(values, dtype=int).reshape(-1, 2)
