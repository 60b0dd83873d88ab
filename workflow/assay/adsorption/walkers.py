"""The states of many Markov chains at once, in arrays with room for as many guests as the fullest one has, and more.

A guest is the fractional coordinate of its centre of mass, a rotation and the number of its internal configuration;
where its atoms are follows from these. Guests of a walker have the slots 0 to n - 1: an inserted one gets slot n, and
the last one takes the slot of a deleted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from assay.adsorption.acceptance import DELETION, INSERTION, REGROWTH
from assay.adsorption.moves import Trials
from assay.adsorption.raw import MOVES, PARTS
from assay.potentials.guests import NONE

FIRST_CAPACITY = 16
COUNTED = ("attempted", "accepted", "overlaps", "non_finite", "evaluated")
ATTEMPTED, ACCEPTED, OVERLAPS, NON_FINITE, EVALUATED = range(len(COUNTED))
SLOTTED = ("fractional", "rotations", "members", "positions_A", "closest")
"""Arrays of `Walkers` that have an entry for every slot."""


@dataclass
class Walkers:
    """w chains with c slots each.

    Attributes
    ----------
    counts : ndarray of int, shape (w,)
        Guests.
    fractional : ndarray, shape (w, c, 3)
        Centres of mass, in [0, 1).
    rotations : ndarray, shape (w, c, 3, 3)
    members : ndarray of int, shape (w, c)
        Internal configurations.
    positions_A : ndarray, shape (w, c, m, 3)
        Atoms; NaN in empty slots.
    closest : ndarray, shape (w, c)
        Least contact of a guest with the host; NaN where it is not known.
    energies_eV : ndarray, shape (w,)
        Interaction energies.
    max_displacement_A, max_rotation_deg : ndarray, shape (w,)
    tally : ndarray of int, shape (w, parts, moves, 5)
        Trials that were `COUNTED`.
    window : ndarray of int, shape (w, moves, 2)
        Proposed and accepted since step lengths were last adapted; where there was no guest to move nothing was
        proposed.
    """

    counts: np.ndarray
    fractional: np.ndarray
    rotations: np.ndarray
    members: np.ndarray
    positions_A: np.ndarray
    closest: np.ndarray
    energies_eV: np.ndarray
    max_displacement_A: np.ndarray
    max_rotation_deg: np.ndarray
    tally: np.ndarray
    window: np.ndarray

    @classmethod
    def empty(cls, count: int, atoms: int, max_displacement_A: float, max_rotation_deg: float) -> Walkers:
        """So many chains without guests, for guests of so many atoms."""
        slots = (count, FIRST_CAPACITY)
        return cls(
            counts=np.zeros(count, dtype=int),
            fractional=np.zeros((*slots, 3)),
            rotations=np.zeros((*slots, 3, 3)),
            members=np.zeros(slots, dtype=int),
            positions_A=np.full((*slots, atoms, 3), np.nan),
            closest=np.full(slots, np.nan),
            energies_eV=np.zeros(count),
            max_displacement_A=np.full(count, float(max_displacement_A)),
            max_rotation_deg=np.full(count, float(max_rotation_deg)),
            tally=np.zeros((count, len(PARTS), len(MOVES), len(COUNTED)), dtype=np.int64),
            window=np.zeros((count, len(MOVES), 2), dtype=np.int64),
        )

    @classmethod
    def joined(cls, parts: Sequence[Walkers]) -> Walkers:
        """Walkers of several groups as one; all get the slots of the widest."""
        capacity = max(part.capacity for part in parts)
        for part in parts:
            part.grow(capacity)
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        )

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Walkers:
        """Of what `arrays` gave."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def part(self, chosen: slice) -> Walkers:
        """Some of the walkers, as a copy."""
        return Walkers(**{name: array[chosen].copy() for name, array in self.arrays().items()})

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def capacity(self) -> int:
        """Slots of each walker."""
        return self.members.shape[1]

    def grow(self, capacity: int) -> None:
        """Give every walker at least so many slots."""
        missing = capacity - self.capacity
        if missing <= 0:
            return
        for name in SLOTTED:
            array = getattr(self, name)
            blank = np.nan if name in ("positions_A", "closest") else 0
            padding = [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2)
            setattr(self, name, np.pad(array, padding, constant_values=blank))


@dataclass(frozen=True)
class Proposals:
    """What k walkers propose in one trial; nothing for walkers that have no guest to move.

    Attributes
    ----------
    walkers, moves, removed : ndarray of int, shape (k,)
        `removed` is the slot that moves or is emptied, `assay.potentials.guests.NONE` for an insertion.
    added_A : ndarray, shape (k, m, 3)
        Atoms of what comes; NaN for a deletion.
    fractional : ndarray, shape (k, 3)
    rotations : ndarray, shape (k, 3, 3)
    members : ndarray of int, shape (k,)
        State of the guest that moved or comes.
    log_uniform : ndarray, shape (k,)
    """

    walkers: np.ndarray
    moves: np.ndarray
    removed: np.ndarray
    added_A: np.ndarray
    fractional: np.ndarray
    rotations: np.ndarray
    members: np.ndarray
    log_uniform: np.ndarray

    def __len__(self) -> int:
        return len(self.walkers)

    def take(self, chosen: np.ndarray) -> Proposals:
        """Some of them."""
        return Proposals(
            self.walkers[chosen],
            self.moves[chosen],
            self.removed[chosen],
            self.added_A[chosen],
            self.fractional[chosen],
            self.rotations[chosen],
            self.members[chosen],
            self.log_uniform[chosen],
        )


def propose(
    walkers: Walkers, trials: Trials, row: int, active: np.ndarray, members_A: np.ndarray, cell_A: np.ndarray
) -> Proposals:
    """What one row of trials means for the walkers as they are.

    Parameters
    ----------
    walkers : Walkers
        With an empty slot each.
    trials : Trials
    row : int
    active : ndarray of bool, shape (w,)
        Walkers that still run.
    members_A : ndarray, shape (r, m, 3)
        Internal configurations.
    cell_A : ndarray, shape (3, 3)
    """
    moves = trials.move[row]
    who = np.flatnonzero(active & ((moves == INSERTION) | (walkers.counts > 0)))
    moves, counts = moves[who], walkers.counts[who]
    inserting = moves == INSERTION
    slots = np.where(inserting, counts, (trials.choice[row, who] * counts).astype(int))
    fractional = np.where(inserting[:, None], trials.place[row, who], walkers.fractional[who, slots])
    fractional = fractional + trials.shift[row, who]
    fractional -= np.floor(fractional)
    before = walkers.rotations[who, slots]
    before[inserting] = _UNTURNED
    rotations = trials.turn[row, who] @ before
    # insertions and regrowths bring a new internal configuration
    members = np.where(_BRINGS[moves], trials.member[row, who], walkers.members[who, slots])
    added = place(fractional, rotations, members_A[members], cell_A)
    added[moves == DELETION] = np.nan
    return Proposals(
        walkers=who,
        moves=moves,
        removed=np.where(inserting, NONE, slots),
        added_A=added,
        fractional=fractional,
        rotations=rotations,
        members=members,
        log_uniform=trials.log_uniform[row, who],
    )


_BRINGS = np.isin(np.arange(len(MOVES)), (INSERTION, REGROWTH))
_COME = (np.arange(len(MOVES)) == INSERTION).astype(int) - (np.arange(len(MOVES)) == DELETION)
_UNTURNED = np.eye(3)


def place(fractional: np.ndarray, rotations: np.ndarray, internal_A: np.ndarray, cell_A: np.ndarray) -> np.ndarray:
    """Atoms (Å, shape (k, m, 3)) of guests with these centres, rotations and internal configurations."""
    # not by one product of matrices: that rounds differently when there are more walkers
    centres = (fractional[:, :, None] * cell_A).sum(axis=1)
    return centres[:, None, :] + internal_A @ rotations.transpose(0, 2, 1)


def settle(walkers: Walkers, accepted: Proposals, changes_eV: np.ndarray) -> None:
    """Make accepted proposals the walkers' states."""
    who, deleting = accepted.walkers, accepted.moves == DELETION
    slots = np.where(accepted.moves == INSERTION, walkers.counts[who], accepted.removed)
    walkers.energies_eV[who] += changes_eV
    walkers.counts[who] += _COME[accepted.moves]
    walkers.fractional[who, slots] = accepted.fractional
    walkers.rotations[who, slots] = accepted.rotations
    walkers.members[who, slots] = accepted.members
    walkers.positions_A[who, slots] = accepted.added_A
    walkers.closest[who, slots] = np.nan
    if deleting.any():
        emptied, hole = who[deleting], slots[deleting]
        last = walkers.counts[emptied]
        for name in SLOTTED:
            array = getattr(walkers, name)
            array[emptied, hole] = array[emptied, last]
        walkers.positions_A[emptied, last] = np.nan
        walkers.closest[emptied, last] = np.nan
        # without guests there is no energy, whatever rounding has left
        walkers.energies_eV[emptied[last == 0]] = 0.0
