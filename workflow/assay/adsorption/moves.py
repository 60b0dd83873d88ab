"""Trials as random numbers: which move, which molecule, where to, how it is turned, and what decides.

A trial takes the same number of uniform random numbers whatever it turns out to be, so that trial number t of a chain
has the same ones in every run, however the run was cut into pieces, and for all models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial.transform import Rotation

from assay.adsorption.acceptance import INSERTION, ROTATION, TRANSLATION
from assay.adsorption.insertion_bias import InsertionBias
from assay.failures import UserError
from assay.randomness import quaternions_of

NUMBERS_PER_TRIAL = 10


@dataclass(frozen=True)
class Shares:
    """Probabilities of the moves; insertions and deletions are tried equally often.

    Attributes
    ----------
    translation, rotation, exchange, regrowth : float
        Their sum is one.
    """

    translation: float
    rotation: float
    exchange: float
    regrowth: float

    @classmethod
    def of(cls, weights: Mapping[str, float], *, atoms: int, internal: int) -> Shares:
        """Of relative weights, for a guest of so many atoms with so many internal configurations.

        An atom has no orientation, and a rigid guest no other configuration: their weights are left out.

        Raises
        ------
        UserError
            If no weight is left for exchanges, or a weight is negative.
        """
        possible = {"rotation": atoms > 1, "regrowth": internal > 1}
        taken = {
            field.name: float(weights.get(field.name, 0.0)) * possible.get(field.name, True) for field in fields(cls)
        }
        if min(taken.values()) < 0 or taken["exchange"] <= 0:
            raise UserError(
                f"adsorption.shares: {dict(weights)}: weights have to be positive, that of exchanges above zero;"
                " correct them."
            )
        total = sum(taken.values())
        return cls(**{name: weight / total for name, weight in taken.items()})

    @property
    def thresholds(self) -> np.ndarray:
        """Where a uniform number passes from one move to the next, in the order of `assay.adsorption.raw.MOVES`."""
        half = self.exchange / 2
        return np.cumsum([self.translation, self.rotation, half, half])


@dataclass(frozen=True)
class Trials:
    """The next b trials of w walkers, before anything is known of where their guests are.

    Attributes
    ----------
    move : ndarray of int, shape (b, w)
    choice : ndarray, shape (b, w)
        In [0, 1): times the number of molecules it is the one that is moved or deleted.
    shift : ndarray, shape (b, w, 3)
        Translations, fractional; zero for other moves.
    place : ndarray, shape (b, w, 3)
        Fractional coordinates of insertions.
    turn : ndarray, shape (b, w, 3, 3)
        Rotation matrices: uniform ones for insertions, small ones for rotations, one for other moves.
    member : ndarray of int, shape (b, w)
        Internal configuration that an insertion or a regrowth brings.
    log_uniform : ndarray, shape (b, w)
        Logarithm of the number that a probability is compared with.
    """

    move: np.ndarray
    choice: np.ndarray
    shift: np.ndarray
    place: np.ndarray
    turn: np.ndarray
    member: np.ndarray
    log_uniform: np.ndarray

    def __len__(self) -> int:
        return len(self.move)


def draw(
    streams: Sequence[np.random.Generator],
    count: int,
    *,
    shares: Shares,
    cell_A: np.ndarray,
    max_displacement_A: np.ndarray,
    max_rotation_deg: np.ndarray,
    internal: int,
    bias: InsertionBias | None = None,
) -> Trials:
    """The next trials of all walkers.

    Parameters
    ----------
    streams : sequence of Generator
        One of each walker.
    count : int
    shares : Shares
    cell_A : ndarray, shape (3, 3)
    max_displacement_A, max_rotation_deg : ndarray, shape (w,)
        Translations are uniform in a cube of twice this edge, rotations have a uniform axis and an angle uniform up to
        this one in either sense.
    internal : int
        Number of internal configurations.
    bias : InsertionBias, optional
        Where insertions go, and in which direction; all are alike unless given.
    """
    numbers = np.stack([stream.random((count, NUMBERS_PER_TRIAL)) for stream in streams], axis=1)
    move = np.searchsorted(shares.thresholds, numbers[..., 0], side="right")
    shift_A = (2 * numbers[..., 3:6] - 1) * max_displacement_A[:, None]
    # not by one product of matrices: that rounds differently when there are more walkers
    shift = (shift_A[..., None] * np.linalg.inv(cell_A)).sum(axis=-2)
    turn = np.broadcast_to(np.eye(3), (*move.shape, 3, 3)).copy()
    inserting, turning = move == INSERTION, move == ROTATION
    place = numbers[..., 3:6].copy()
    if inserting.any() and bias is not None:
        place[inserting], turn[inserting] = bias.draw(
            numbers[inserting, 2], numbers[inserting, 3:6], numbers[inserting, 6:9]
        )
    elif inserting.any():
        turn[inserting] = Rotation.from_quat(quaternions_of(numbers[inserting, 6:9])).as_matrix()
    if turning.any():
        limits = np.radians(np.broadcast_to(max_rotation_deg, move.shape)[turning])
        turn[turning] = _small_rotations(numbers[turning, 6:9], limits)
    with np.errstate(divide="ignore"):
        log_uniform = np.log(numbers[..., 1])
    return Trials(
        move=move,
        choice=numbers[..., 2],
        shift=np.where((move == TRANSLATION)[..., None], shift, 0.0),
        place=place,
        turn=turn,
        member=(numbers[..., 9] * internal).astype(int),
        log_uniform=log_uniform,
    )


def _small_rotations(uniform: np.ndarray, limits_rad: np.ndarray) -> np.ndarray:
    """Rotations about uniform axes by angles uniform between minus and plus the limit, shape (n, 3, 3)."""
    height, azimuth = 2 * uniform[:, 0] - 1, 2 * np.pi * uniform[:, 1]
    radius = np.sqrt(1 - height**2)
    axes = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), height], axis=1)
    angles = (2 * uniform[:, 2] - 1) * limits_rad
    return Rotation.from_rotvec(axes * angles[:, None]).as_matrix()


def skip(stream: np.random.Generator, trials: int) -> None:
    """Pass over the random numbers of so many trials."""
    stream.bit_generator.advance(trials * NUMBERS_PER_TRIAL)
