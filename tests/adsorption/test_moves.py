"""Trials as random numbers: their distributions, and that a chain's numbers do not depend on how a run is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from assay.adsorption.acceptance import DELETION, INSERTION, REGROWTH, ROTATION, TRANSLATION, log_acceptance
from assay.adsorption.moves import Shares, draw, skip
from assay.failures import UserError
from assay.randomness import random_stream

CELL = np.array([[9.0, 0, 0], [-4.0, 8.0, 0], [1.0, 2.0, 7.0]])
WEIGHTS = {"translation": 1, "rotation": 1, "exchange": 2, "regrowth": 1}


def trials(count: int, walkers: int = 4, skipped: int = 0, weights: dict = WEIGHTS, internal: int = 5):
    streams = [random_stream(7, f"moves/{number}") for number in range(walkers)]
    for stream in streams:
        skip(stream, skipped)
    return draw(
        streams,
        count,
        shares=Shares.of(weights, atoms=3, internal=internal),
        cell_A=CELL,
        max_displacement_A=np.linspace(0.5, 2.0, walkers),
        max_rotation_deg=np.linspace(10.0, 180.0, walkers),
        internal=internal,
    )


def test_moves_have_their_shares_and_insertions_equal_deletions():
    drawn = trials(5000)
    shares = np.bincount(drawn.move.ravel(), minlength=5) / drawn.move.size
    assert shares == pytest.approx([0.2] * 5, abs=0.01)


def test_an_atom_has_no_rotations_and_a_rigid_guest_no_regrowths():
    shares = Shares.of(WEIGHTS, atoms=1, internal=1)
    assert (shares.translation, shares.rotation, shares.exchange, shares.regrowth) == (1 / 3, 0, 2 / 3, 0)


@pytest.mark.parametrize(
    "weights", [{"translation": 1}, {"exchange": 0, "translation": 1}, {"exchange": 1, "rotation": -1}]
)
def test_weights_without_exchanges_or_below_zero_are_refused(weights):
    with pytest.raises(UserError, match=r"adsorption\.shares"):
        Shares.of(weights, atoms=2, internal=1)


def test_translations_are_uniform_in_a_cube_of_each_walkers_own_size():
    drawn = trials(20_000)
    for walker, limit in enumerate(np.linspace(0.5, 2.0, 4)):
        chosen = drawn.move[:, walker] == TRANSLATION
        shifts = drawn.shift[chosen, walker] @ CELL
        assert np.abs(shifts).max() <= limit
        assert shifts.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.05 * limit)
        assert shifts.std(axis=0) == pytest.approx(np.full(3, limit / np.sqrt(3)), rel=0.05)
        assert not drawn.shift[~chosen, walker].any()


def test_rotations_are_symmetric_and_within_their_limit():
    drawn = trials(20_000)
    for walker, limit in enumerate(np.linspace(10.0, 180.0, 4)):
        chosen = drawn.move[:, walker] == ROTATION
        vectors = np.degrees(Rotation.from_matrix(drawn.turn[chosen, walker]).as_rotvec())
        angles = np.linalg.norm(vectors, axis=1)
        assert angles.max() <= limit + 1e-9
        assert angles.mean() == pytest.approx(limit / 2, rel=0.05)
        assert vectors.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.04 * limit)


def test_insertions_are_uniform_in_the_cell_and_over_all_orientations():
    drawn = trials(20_000)
    chosen = drawn.move == INSERTION
    assert drawn.place[chosen].mean(axis=0) == pytest.approx(np.full(3, 0.5), abs=0.01)
    axes = drawn.turn[chosen][:, :, 2]
    assert axes.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.02)
    assert np.cov(axes.T) == pytest.approx(np.eye(3) / 3, abs=0.01)
    unturned = np.isin(drawn.move, (TRANSLATION, REGROWTH, DELETION))
    assert np.array_equal(drawn.turn[unturned], np.broadcast_to(np.eye(3), (unturned.sum(), 3, 3)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(1, 40))
def test_trial_number_t_is_the_same_however_the_run_is_cut(first, count):
    whole, part = trials(80), trials(count, skipped=first)
    for name in ("move", "choice", "shift", "place", "turn", "member", "log_uniform"):
        assert np.array_equal(getattr(whole, name)[first : first + count], getattr(part, name))


def test_a_walkers_numbers_do_not_depend_on_the_others():
    alone, together = trials(50, walkers=1), trials(50, walkers=4)
    assert np.array_equal(alone.place[:, 0], together.place[:, 0])
    assert np.array_equal(alone.move[:, 0], together.move[:, 0])


@given(st.integers(0, 200), st.floats(-10, 10), st.floats(-5, 5))
def test_an_insertion_and_its_deletion_balance(count, log_activity_volume, change):
    """P(N) a(N -> N+1) = P(N+1) a(N+1 -> N) with P(N) the grand-canonical weight (zV)^N exp(-beta U) / N!."""
    forth, back = np.minimum(
        log_acceptance(
            np.array([INSERTION, DELETION]),
            np.array([count, count + 1]),
            np.full(2, log_activity_volume),
            np.array([change, -change]),
        ),
        0.0,
    )
    weight = log_activity_volume - np.log(count + 1) - change
    assert forth - back == pytest.approx(weight, abs=1e-9)
