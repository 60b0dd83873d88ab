"""Chains of blocks: Monte Carlo trials by LAMMPS from where the block before has ended, and what is kept of them.

A block ends where a sample or a frame is taken, where step lengths are adapted, and after `LONGEST_BLOCK` trials, so
that the template's orientation changes often (see `assay.adsorption.lammps_script`). All that happens in a block
follows from the positions at its beginning and from a random stream of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms, units
from scipy.spatial.transform import Rotation

from assay.adsorption.lammps_blocks import make_trials, move_on
from assay.adsorption.lammps_forces import OUTCOMES
from assay.adsorption.lammps_script import COUNTERS, Dynamics, Moves
from assay.adsorption.lammps_systems import LammpsSystem
from assay.adsorption.monte_carlo import ADAPT_EVERY, LEAST_WINDOW, LOADING, TARGET_ACCEPTANCE
from assay.adsorption.moves import Shares
from assay.adsorption.raw import EQUILIBRATION, MOVES, PARTS, PRODUCTION
from assay.adsorption.walkers import COUNTED
from assay.cells import widths
from assay.contacts import OVERLAP_FRACTION, Contacts
from assay.failures import PotentialFailure
from assay.randomness import random_stream
from assay.records import atomic_path

LONGEST_BLOCK = 50
LARGEST_SEED = 2**31 - 1

PLACES = [MOVES.index(move) for move in COUNTERS]
"""Where LAMMPS's moves stand in a tally, and what is counted of them."""

SUCCESSES = [COUNTED.index(name) for name in ("attempted", "accepted")]
RESULTS = [COUNTED.index(name) for name in OUTCOMES]


@dataclass(frozen=True)
class Conditions:
    """What the chains of a case have in common.

    Attributes
    ----------
    case : str
    seed : int
        The campaign's.
    temperature_K, fugacity_bar : float
    shares : Shares
    trials, equilibration_trials, sample_every, frame_every : int
    dynamics : Dynamics or None
        Between exchanges, which are all trials then.
    exchanges_per_cycle, md_steps : int
        Exchanges between two runs of dynamics, and the steps of these.
    """

    case: str
    seed: int
    temperature_K: float
    fugacity_bar: float
    shares: Shares
    trials: int
    equilibration_trials: int
    sample_every: int
    frame_every: int
    dynamics: Dynamics | None = None
    exchanges_per_cycle: int = 1
    md_steps: int = 0

    @classmethod
    def of(
        cls, case: str, seed: int, facts: Mapping[str, Any], settings: Mapping[str, Any], guest: Atoms
    ) -> Conditions:
        """Of a prepared case and the chapter's settings."""
        dynamics = None
        if settings["moves"] == "md+exchange":
            dynamics = Dynamics(facts["temperature_K"], settings["thermostat_fs"], settings["timestep_fs"])
        return cls(
            case=case,
            seed=seed,
            temperature_K=facts["temperature_K"],
            fugacity_bar=facts["fugacity_Pa"] * units.Pascal / units.bar,
            shares=Shares.of(settings["shares"], atoms=len(guest), internal=1),
            dynamics=dynamics,
            md_steps=settings["md_steps_per_exchange"] if dynamics else 0,
            exchanges_per_cycle=settings["exchanges_per_cycle"] if dynamics else 1,
            **{key: settings[key] for key in ("trials", "equilibration_trials", "sample_every", "frame_every")},
        )

    def block_end(self, done: int) -> int:
        """Trials made when the block ends that begins after `done` trials."""
        intervals = [LONGEST_BLOCK, self.sample_every, self.frame_every]
        intervals += [self.exchanges_per_cycle] if self.dynamics else []
        ends = [(done // interval + 1) * interval for interval in intervals] + [self.trials]
        milestones = (self.equilibration_trials // 2, self.equilibration_trials)
        if done < self.equilibration_trials:
            ends.append((done // ADAPT_EVERY + 1) * ADAPT_EVERY)
        return min(ends + [milestone for milestone in milestones if milestone > done])


@dataclass
class Chain:
    """One replica: where it is, and its samples.

    Attributes
    ----------
    replica, done : int
        Its number, and trials made.
    positions_A : ndarray, shape (n, m, 3)
        Of the guests.
    energy_eV : float
        Their interaction energy.
    max_displacement_A, max_rotation_deg : float
    window : ndarray of int, shape (4, 2)
        Attempts and successes since steps were adapted, in the order of `COUNTERS`.
    tally : ndarray of int, shape (parts, moves, counted)
        As that of `assay.adsorption.walkers.Walkers`, by part of the run and move.
    samples : list of tuple
        Trial, number, energy, closest fraction, guests inside.
    """

    replica: int
    positions_A: np.ndarray
    max_displacement_A: float
    max_rotation_deg: float
    done: int = 0
    energy_eV: float = 0.0
    window: np.ndarray = field(default_factory=lambda: np.zeros((len(COUNTERS), 2), dtype=int))
    tally: np.ndarray = field(default_factory=lambda: np.zeros((len(PARTS), len(MOVES), len(COUNTED)), dtype=int))
    samples: list[tuple[float, ...]] = field(default_factory=list)

    def advance(self, system: LammpsSystem, conditions: Conditions, longest_A: float, folder: Path) -> None:
        """Make the next block of trials, and the dynamics that follow on it.

        Parameters
        ----------
        system : LammpsSystem
        conditions : Conditions
        longest_A : float
            Displacements do not grow beyond it.
        folder : Path
            For files that LAMMPS reads.

        Raises
        ------
        PotentialFailure
            As of the potential; ``unstable`` if dynamics lead to an energy that is not finite.
        """
        end = conditions.block_end(self.done)
        random = random_stream(conditions.seed, f"adsorption/{conditions.case}/{self.replica}/lammps/{self.done}")
        moves = self._moves(conditions, end - self.done, random)
        self.positions_A, self.energy_eV, counts = make_trials(
            system, self.positions_A, moves, Rotation.random(rng=random), folder
        )
        part = PARTS.index(EQUILIBRATION if self.done < conditions.equilibration_trials else PRODUCTION)
        self.tally[np.ix_([part], PLACES, SUCCESSES)] += counts
        self.tally[np.ix_([part], PLACES, RESULTS)] += system.outcomes()
        self.window += counts
        self.done = end
        if conditions.dynamics and end % conditions.exchanges_per_cycle == 0 and len(self.positions_A):
            self.positions_A, self.energy_eV = move_on(
                system, self.positions_A, conditions.dynamics, conditions.md_steps, random, folder
            )
        if not np.isfinite(self.energy_eV):
            raise PotentialFailure("unstable", f"after {end} trials the guests' energy is not a finite number.")
        if end % ADAPT_EVERY == 0 and end <= conditions.equilibration_trials:
            self._adapt(longest_A)

    def _moves(self, conditions: Conditions, count: int, random: np.random.Generator) -> Moves:
        shares = conditions.shares
        exchanges = count if conditions.dynamics else int(random.binomial(count, shares.exchange))
        others = shares.translation + shares.rotation
        loading = self.replica % 2 == 1 and self.done < conditions.equilibration_trials // 2
        return Moves(
            exchanges=exchanges,
            others=count - exchanges,
            rotation_share=shares.rotation / others if others else 0.0,
            temperature_K=conditions.temperature_K,
            fugacity_bar=conditions.fugacity_bar * (LOADING if loading else 1.0),
            max_displacement_A=self.max_displacement_A,
            max_rotation_deg=self.max_rotation_deg,
            seed=int(random.integers(1, LARGEST_SEED)),
        )

    def _adapt(self, longest_A: float) -> None:
        for move, name, longest in (
            ("translation", "max_displacement_A", longest_A),
            ("rotation", "max_rotation_deg", 180.0),
        ):
            attempted, accepted = self.window[COUNTERS.index(move)]
            if attempted >= LEAST_WINDOW:
                factor = np.clip(accepted / attempted / TARGET_ACCEPTANCE, 0.5, 1.5)
                setattr(self, name, float(min(getattr(self, name) * factor, longest)))
        self.window[:] = 0

    def sample(self, contacts: Contacts) -> None:
        """Keep the present state as a sample."""
        count, closest = len(self.positions_A), np.zeros(0)
        if count:
            closest = contacts.closest(self.positions_A)[0]
        self.samples.append(
            (
                self.done,
                count,
                self.energy_eV,
                closest.min() if count else np.nan,
                int((closest < OVERLAP_FRACTION).sum()),
            )
        )


def longest_displacement_A(host: Atoms) -> float:
    """Half of the cell's least width: a larger displacement is no other one."""
    return float(widths(host.cell.array).min()) / 2


def write_chains(path: Path, chains: list[Chain], stream: str) -> None:
    """Write a checkpoint, atomically; `stream` is the identity of all that the chains depend on but their length."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["stream"] = stream
        for chain in chains:
            group = file.create_group(str(chain.replica))
            for item in fields(Chain):
                group[item.name] = np.asarray(
                    getattr(chain, item.name), dtype=float if item.name == "samples" else None
                )


def read_chains(path: Path, stream: str) -> list[Chain] | None:
    """The chains of a checkpoint; None if there is none, or it belongs to other calculations."""
    if not path.exists():
        return None
    try:
        file = h5py.File(path, "r")
    except OSError:
        return None
    with file:
        if file.attrs.get("stream") != stream:
            return None
        chains = []
        for name in sorted(file, key=int):
            values = {item.name: file[name][item.name][()] for item in fields(Chain)}
            values["samples"] = [tuple(row) for row in values["samples"].reshape(-1, 5)]
            values |= {key: int(values[key]) for key in ("replica", "done")}
            values |= {key: float(values[key]) for key in ("energy_eV", "max_displacement_A", "max_rotation_deg")}
            chains.append(Chain(**values))
        return chains
