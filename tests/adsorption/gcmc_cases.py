"""A made-up potential and system for whole simulations: cases, settings, and what they leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from gcmc_toys import KT, SHARES, T, ToyGuests
from scipy import constants

from assay.adsorption import raw
from assay.adsorption.case import Case
from assay.adsorption.trajectories import Frames, read_frames
from assay.hosts import System, make_system
from assay.potentials.base import Potential, Result
from assay.potentials.batching import Prepared

EDGES_A = (8.0, 9.0, 10.0)
HOST = Atoms("C", scaled_positions=[(0.5, 0.5, 0.5)], cell=EDGES_A, pbc=True)
GUEST = Atoms("N2", [(0, 0, -0.55), (0, 0, 0.55)])


def waves(positions_A: np.ndarray) -> np.ndarray:
    """A smooth field (eV) with the host's period."""
    return -KT * np.cos(2 * np.pi * positions_A[:, :, 0] / EDGES_A[0]).sum(axis=1)


def soft(squares_A2: np.ndarray) -> np.ndarray:
    """Guests that do not like each other (eV)."""
    return np.where(squares_A2 < 9.0, KT * (1 - squares_A2 / 9.0), 0.0)


def whole_energy(atoms: Atoms) -> float:
    """The same of a structure of host and guests: a sum over the atoms of nitrogen and the pairs of molecules."""
    guests = atoms.positions[atoms.numbers == 7].reshape(-1, 2, 3)
    if not len(guests) or (atoms.numbers == 6).sum() == 0:
        return 0.0
    toy = ToyGuests(atoms.cell.lengths(), waves, soft)
    return float(toy.start(guests[None], np.array([len(guests)]))[0])


def potential(
    energy: Callable[[Atoms], float] = whole_energy, guests: Callable | None = None, cutoff_A: float = 3.5
) -> Potential:
    """One that evaluates whole structures, or that has additive energies of guests too."""
    return Potential(
        name="toy",
        device="cpu",
        dtype="float64",
        conservative=True,
        elements=None,
        prepare=lambda atoms: Prepared(atoms, atoms=len(atoms), edges=0),
        forward=lambda graphs, wanted: [Result(energy(atoms), np.zeros((len(atoms), 3))) for atoms in graphs],
        make_package_calculator=None,
        package_calculator_name="",
        native=True,
        details={"cutoff_A": cutoff_A},
        guests=guests,
    )


def additive(host: Atoms, guest: Atoms) -> ToyGuests:
    """What `potential` takes as `guests`."""
    return ToyGuests(host.cell.lengths(), waves, soft)


def system() -> System:
    return make_system(HOST, GUEST)


def settings(**changes) -> dict:
    known = {
        **{"moves": "mc", "guest": "rigid", "trials": 400, "equilibration_trials": 100, "replicas": 2},
        **{"sample_every": 20, "frame_every": 30, "supercell": "auto", "relax_host": False, "relax_fmax_eV_A": 0.01},
        **{"relax_steps": 10, "overlap_fraction": 0, "shares": SHARES, "max_displacement_A": 1.0},
        **{"max_rotation_deg": 30.0},
    }
    return known | changes


def fugacity_Pa(activity_volume: float) -> float:
    """So that an ideal gas would have so many molecules in one cell."""
    return activity_volume * constants.k * T / (HOST.get_volume() * 1e-30)


def cases(folder: Path, numbers=(1.0, 3.0), identity: str = "1") -> list[Case]:
    """A case for each number of molecules that an ideal gas would have in one cell."""
    facts = {"system": "toy", "temperature_K": T, "pressure_bar": 1.0, "fugacity_coefficient": 1.0}
    return [
        Case(f"toy-{number:g}", facts | {"fugacity_Pa": fugacity_Pa(number)}, folder / f"toy-{number:g}", identity)
        for number in numbers
    ]


def left(folder: Path, case: str = "toy-3", replica: int = 1) -> tuple[dict[str, np.ndarray], Frames]:
    """Samples and frames of a case."""
    return raw.read_sample_columns(folder / case / raw.SAMPLES_FILE), read_frames(
        folder / case / "trajectory.h5", replica
    )


def assert_equal_files(one: Path, other: Path, case: str = "toy-3") -> None:
    """Samples, frames and moves of a case are the same, to the last bit."""
    (samples, frames), (others, other_frames) = left(one, case), left(other, case)
    for name, values in samples.items():
        assert np.array_equal(values, others[name], equal_nan=True), name
    assert np.array_equal(frames.trial, other_frames.trial)
    assert np.array_equal(frames.n_molecules, other_frames.n_molecules)
    assert np.array_equal(frames.positions_A, other_frames.positions_A, equal_nan=True)
    assert raw.read_moves(one / case / raw.MOVES_FILE).equals(raw.read_moves(other / case / raw.MOVES_FILE))
