"""Grand-canonical Monte Carlo of many chains in lockstep: every chain's trial is evaluated in the same call.

A chain depends on its own random numbers and on the energies only, not on what other chains share its steps. Step
lengths are adapted during equilibration, at fixed numbers of trials, and stay as they are afterwards, since adaptation
breaks detailed balance. Odd replicas have a raised fugacity in the first half of the equilibration, so that a chain
that does not forget its past is seen by the difference from the even ones, which begin with an empty host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import constants

from assay.adsorption.acceptance import ROTATION, TRANSLATION, log_acceptance
from assay.adsorption.insertion_bias import InsertionBias
from assay.adsorption.moves import Shares, Trials, draw
from assay.adsorption.overlaps import OverlapMap
from assay.adsorption.reservoir import Reservoir
from assay.adsorption.walkers import (
    ACCEPTED,
    ATTEMPTED,
    EVALUATED,
    NON_FINITE,
    OVERLAPS,
    Proposals,
    Walkers,
    propose,
    settle,
)
from assay.cells import widths
from assay.contacts import OVERLAP_FRACTION, Contacts
from assay.failures import PotentialFailure
from assay.potentials.guests import GuestEnergies

ADAPT_EVERY = 500
LEAST_WINDOW = 20
TARGET_ACCEPTANCE = 0.45
LOADING = 30.0
"""By how much the fugacity of odd replicas is raised at the start."""

DRIFT_EV = {"float64": 1e-6, "float32": 0.1}
"""How far energies of the same guests, added up over trials and computed at once, may differ."""


@dataclass(frozen=True)
class Conditions:
    """What all chains of a lockstep have in common.

    Attributes
    ----------
    cell_A : ndarray, shape (3, 3)
        Of the simulated host.
    temperature_K : float
    reservoir : Reservoir
    shares : Shares
    contacts : Contacts
        Of one cell of the host and the guest.
    overlaps : OverlapMap or None
        What is rejected without evaluation; None rejects nothing.
    equilibration_trials, sample_every, frame_every : int
    drift_eV : float
        See `DRIFT_EV`.
    bias : InsertionBias or None
        Where guests are inserted; None for uniformly in all of the cell.
    """

    cell_A: np.ndarray
    temperature_K: float
    reservoir: Reservoir
    shares: Shares
    contacts: Contacts
    overlaps: OverlapMap | None
    equilibration_trials: int
    sample_every: int
    frame_every: int
    drift_eV: float = DRIFT_EV["float64"]
    bias: InsertionBias | None = None


@dataclass(frozen=True)
class Sample:
    """The state of all walkers after some trials; arrays of shape (w,), see `assay.adsorption.raw.SAMPLES`."""

    trial: int
    n_molecules: np.ndarray
    energy_eV: np.ndarray
    closest_fraction: np.ndarray
    n_inside: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Frame:
    """Guests of all walkers after some trials; positions (Å) of shape (w, c, m, 3)."""

    trial: int
    n_molecules: np.ndarray
    positions_A: np.ndarray
    active: np.ndarray


@dataclass
class Lockstep:
    """Chains that are advanced together.

    Attributes
    ----------
    conditions : Conditions
    energies : GuestEnergies
    walkers : Walkers
    streams : list of Generator
        One of each walker, at the next trial.
    log_activity_volume : ndarray, shape (w,)
        ln(beta f V).
    loaded : ndarray of bool, shape (w,)
        Chains that start with a raised fugacity.
    done : int
        Trials made.
    active : ndarray of bool, shape (w,)
    samples, frames : list
        What was recorded since it was last taken away.
    energy_drift_eV : float
        The largest difference that `refresh` has met.
    """

    conditions: Conditions
    energies: GuestEnergies
    walkers: Walkers
    streams: Sequence[np.random.Generator]
    log_activity_volume: np.ndarray
    loaded: np.ndarray
    done: int = 0
    active: np.ndarray = field(default=None)
    samples: list[Sample] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    energy_drift_eV: float = 0.0

    def __post_init__(self) -> None:
        self.log_activity_volume = np.asarray(self.log_activity_volume, dtype=float)
        self.loaded = np.asarray(self.loaded, dtype=bool)
        if self.active is None:
            self.active = np.ones(len(self.walkers), dtype=bool)
        self._start()

    def advance(self, until: int, block: int) -> None:
        """Go on to the next multiple of `block`, or to `until` trials if that is nearer.

        Blocks have to end where steps are adapted: `ADAPT_EVERY` is a multiple of `block`.

        Raises
        ------
        PotentialFailure
            As of `Potential.evaluate`.
        """
        walkers, conditions = self.walkers, self.conditions
        trials = draw(
            self.streams,
            min((self.done // block + 1) * block, until) - self.done,
            shares=conditions.shares,
            cell_A=conditions.cell_A,
            max_displacement_A=walkers.max_displacement_A,
            max_rotation_deg=walkers.max_rotation_deg,
            internal=len(conditions.reservoir),
            bias=conditions.bias,
        )
        for row in range(len(trials)):
            self._step(trials, row)
            self.done += 1
            if self.done % conditions.sample_every == 0:
                self._sample()
            if self.done % conditions.frame_every == 0:
                self.frames.append(
                    Frame(self.done, walkers.counts.copy(), walkers.positions_A.astype(np.float32), self.active.copy())
                )
        if self.done % ADAPT_EVERY == 0 and self.done <= conditions.equilibration_trials:
            adapt(walkers, float(widths(conditions.cell_A).min()) / 2)

    def refresh(self) -> None:
        """Compute all energies anew, so that rounding does not add up.

        Raises
        ------
        PotentialFailure
            ``error`` if they are not what was added up; as of `Potential.evaluate`.
        """
        before = self.walkers.energies_eV
        found = self._start()
        drift = np.abs(found - before)[self.active].max(initial=0.0)
        self.energy_drift_eV = max(self.energy_drift_eV, float(drift))
        # a comparison with NaN is false
        if not drift <= self.conditions.drift_eV:
            raise PotentialFailure(
                "error",
                f"after {self.done} trials the energies of the same guests differ by {drift:.2g} eV between two"
                f" evaluations, more than {self.conditions.drift_eV:g} eV.",
            )
        self.walkers.energies_eV = np.where(self.active, found, before)

    @property
    def recorded_bytes(self) -> int:
        """Size of the frames that are in memory."""
        return sum(frame.positions_A.nbytes for frame in self.frames)

    @property
    def inside(self) -> np.ndarray:
        """Guests inside the framework when that was last looked at, shape (w,)."""
        return self.samples[-1].n_inside if self.samples else np.zeros_like(self.walkers.counts)

    def forget(self) -> None:
        """Drop samples and frames, which are somewhere else by now."""
        self.samples.clear()
        self.frames.clear()

    def stop(self, chosen: slice) -> None:
        """Leave these walkers where they are."""
        self.active[chosen] = False

    def _start(self) -> np.ndarray:
        counts = np.where(self.active, self.walkers.counts, 0)
        return np.asarray(self.energies.start(self.walkers.positions_A, counts), dtype=float)

    def _step(self, trials: Trials, row: int) -> None:
        walkers, conditions = self.walkers, self.conditions
        part = int(self.done >= conditions.equilibration_trials)
        moves = trials.move[row]
        everyone = np.flatnonzero(self.active)
        walkers.tally[everyone, part, moves[everyone], ATTEMPTED] += 1
        proposals = propose(walkers, trials, row, self.active, conditions.reservoir.members_A, conditions.cell_A)
        walkers.window[proposals.walkers, proposals.moves, 0] += 1
        if conditions.overlaps is not None:
            proposals = self._without_overlaps(proposals, part)
        if not len(proposals):
            return
        changes = self.energies.changes(proposals.walkers, proposals.removed, proposals.added_A)
        lost = np.isnan(changes) | np.isneginf(changes)
        who = proposals.walkers
        walkers.tally[who, part, proposals.moves, EVALUATED] += 1
        if lost.any():
            walkers.tally[who[lost], part, proposals.moves[lost], NON_FINITE] += 1
            changes = np.where(lost, np.inf, changes)
        log_activity = self.log_activity_volume[who]
        if self.done < conditions.equilibration_trials // 2:
            log_activity = log_activity + np.where(self.loaded[who], np.log(LOADING), 0.0)
        reduced = changes * (constants.e / (constants.k * conditions.temperature_K))
        log_bias = 0.0
        if conditions.bias is not None:
            log_bias = conditions.bias.log_density(proposals.fractional, proposals.rotations)
        accepted = proposals.log_uniform < log_acceptance(
            proposals.moves, walkers.counts[who], log_activity, reduced, log_bias
        )
        self.energies.settle(accepted)
        if not accepted.any():
            return
        taken = proposals.take(accepted)
        settle(walkers, taken, changes[accepted])
        walkers.tally[taken.walkers, part, taken.moves, ACCEPTED] += 1
        walkers.window[taken.walkers, taken.moves, 1] += 1
        if walkers.counts.max() == walkers.capacity:
            walkers.grow(2 * walkers.capacity)
            self._start()

    def _without_overlaps(self, proposals: Proposals, part: int) -> Proposals:
        """The proposals that do not bring a guest into the host; the others are counted."""
        coming = np.isfinite(proposals.added_A[:, 0, 0])
        overlapping = np.zeros(len(proposals), dtype=bool)
        overlapping[coming] = self.conditions.overlaps.overlapping(proposals.added_A[coming])
        if not overlapping.any():
            return proposals
        who, moves = proposals.walkers[overlapping], proposals.moves[overlapping]
        self.walkers.tally[who, part, moves, OVERLAPS] += 1
        return proposals.take(~overlapping)

    def _sample(self) -> None:
        walkers = self.walkers
        there = np.arange(walkers.capacity) < walkers.counts[:, None]
        unknown = there & np.isnan(walkers.closest)
        if unknown.any():
            walkers.closest[unknown] = self.conditions.contacts.closest(walkers.positions_A[unknown])[0]
        closest = np.where(there, walkers.closest, np.inf)
        least = closest.min(axis=1)
        self.samples.append(
            Sample(
                self.done,
                walkers.counts.copy(),
                walkers.energies_eV.copy(),
                np.where(np.isfinite(least), least, np.nan),
                (closest < OVERLAP_FRACTION).sum(axis=1),
                self.active.copy(),
            )
        )


def adapt(walkers: Walkers, longest_A: float) -> None:
    """Bring step lengths nearer to the target acceptance, by what was accepted since the last time."""
    for move, name, longest in ((TRANSLATION, "max_displacement_A", longest_A), (ROTATION, "max_rotation_deg", 180.0)):
        attempted, accepted = walkers.window[:, move].T
        known = attempted >= LEAST_WINDOW
        factor = np.clip(accepted / np.maximum(attempted, 1) / TARGET_ACCEPTANCE, 0.5, 1.5)
        lengths = getattr(walkers, name)
        setattr(walkers, name, np.where(known, np.minimum(lengths * factor, longest), lengths))
    walkers.window[:] = 0
