"""Chains whose correlation, drift and errors are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adsorption.equilibration import (
    ALONE,
    APART,
    DRIFT,
    FEW,
    LATE,
    drift,
    examine,
    judge,
    mean_error,
    reduction,
    split_into_blocks,
)

PHI = 0.8
INEFFICIENCY = (1 + PHI) / (1 - PHI)


def autoregressive(count: int, seed: int, phi: float = PHI) -> np.ndarray:
    """A stationary chain of unit variance whose correlation is phi to the power of the distance."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=count) * np.sqrt(1 - phi**2)
    chain = np.empty(count)
    chain[0] = rng.normal()
    for place in range(1, count):
        chain[place] = phi * chain[place - 1] + noise[place]
    return chain


def test_the_inefficiency_of_a_known_correlation():
    found = [examine(autoregressive(5000, seed)) for seed in range(6)]
    assert np.mean([chain.inefficiency for chain in found]) == pytest.approx(INEFFICIENCY, rel=0.3)
    assert np.mean([chain.n_effective for chain in found]) == pytest.approx(5000 / INEFFICIENCY, rel=0.3)


def test_independent_samples_are_all_effective():
    chain = examine(np.random.default_rng(0).normal(size=2000))
    assert chain.n_effective > 1500 and chain.start < 500


def test_a_start_far_from_equilibrium_is_removed():
    """An exponential approach over 300 samples, from ten standard deviations away."""
    chain = autoregressive(4000, 1) - 10 * np.exp(-np.arange(4000) / 100)
    found = examine(chain)
    assert 200 < found.start < 2000
    assert chain[found.start :].mean() == pytest.approx(0, abs=4 * np.sqrt(INEFFICIENCY / (4000 - found.start)))


def test_a_jump_is_removed():
    chain = autoregressive(4000, 2)
    chain[:800] -= 12
    found = examine(chain)
    assert 790 <= found.start < 2000


@pytest.mark.parametrize("seed", range(5))
def test_stationary_chains_are_equilibrated(seed):
    verdict = judge([autoregressive(3000, 10 * seed + one) + 20 for one in range(2)], 20)
    assert verdict.equilibrated and verdict.remark is None
    assert verdict.n_effective > 200


@pytest.mark.parametrize("slope", [1.0, 3.0, 30.0])
def test_a_chain_that_drifts_to_its_end_is_not_equilibrated(slope):
    """By as many standard deviations over the run."""
    verdict = judge([autoregressive(3000, one) + np.linspace(0, slope, 3000) for one in range(2)], 20)
    assert not verdict.equilibrated
    assert DRIFT in verdict.remark or FEW in verdict.remark or LATE in verdict.remark


def test_of_a_chain_on_its_way_the_last_quarter_is_quoted():
    """A ramp of steps, whose last stretch is flat: the few samples there are no production."""
    chain = np.repeat(np.arange(40), 25) + np.tile([0.0, 0.1], 500)
    found = examine(chain)
    assert found.late and found.start == 750
    assert found.n_effective < 20 and LATE in judge([chain], 20).remark


def test_chains_that_disagree_are_not_equilibrated():
    verdict = judge([autoregressive(3000, 5), autoregressive(3000, 6) + 3], 20)
    assert not verdict.equilibrated and APART in verdict.remark


def test_a_single_chain_has_nothing_to_agree_with():
    verdict = judge([autoregressive(3000, 5)], 20)
    assert not verdict.equilibrated and verdict.remark == ALONE


def test_a_chain_that_never_moved_says_nothing():
    assert examine(np.full(500, 7)).n_effective == 1
    verdict = judge([np.zeros(500), np.zeros(500)], 20)
    assert not verdict.equilibrated and verdict.remark == FEW


def test_a_chain_that_is_stuck_after_its_last_exchange_says_nothing():
    """It fills up in 56 samples, and of those that follow two values are all that is known."""
    chain = np.r_[np.repeat(np.arange(7), 8), np.full(80, 6), np.full(64, 7)]
    assert examine(chain).n_effective <= 2
    verdict = judge([chain, chain], 10)
    assert not verdict.equilibrated and FEW in verdict.remark


def test_a_short_chain_has_too_few_samples():
    verdict = judge([autoregressive(60, 3)], 20)
    assert not verdict.equilibrated and FEW in verdict.remark


def test_no_samples_at_all():
    verdict = judge([], 20)
    assert not verdict.equilibrated and verdict.n_effective == 0
    assert examine(np.zeros(0)).n_effective == 0
    assert not judge([np.zeros(0)], 20).equilibrated


def test_the_drift_is_in_standard_errors():
    values = [drift([autoregressive(2000, 100 + seed)]) for seed in range(60)]
    assert np.std(values) == pytest.approx(1.0, abs=0.35)
    assert abs(np.mean(values)) < 0.5
    assert drift([np.concatenate([np.zeros(100), np.ones(100)])]) == 0.0


def test_the_ratio_of_gelman_and_rubin():
    equal = [np.tile([-1.0, 1.0], 50), np.tile([-1.0, 1.0], 30)]
    assert reduction(equal) == 1.0
    apart = [np.tile([-1.0, 1.0], 50), np.tile([0.0, 2.0], 50)]
    assert reduction(apart) == pytest.approx(np.sqrt(1 + 0.5))
    assert reduction([np.zeros(5), np.ones(5)]) == np.inf
    assert reduction(apart[:1]) == 1.0


def test_blocks_cover_the_standard_error_of_the_mean():
    """Of chains of the same length, with the truth from their own spread."""
    means, errors = [], []
    for seed in range(80):
        chain = autoregressive(1500, 500 + seed)
        blocks = split_into_blocks([1500], [1500 / INEFFICIENCY], 10)
        means.append(chain.mean())
        errors.append(mean_error(chain, blocks))
    truth = np.sqrt(INEFFICIENCY / 1500)
    assert np.std(means) == pytest.approx(truth, rel=0.25)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(truth, rel=0.15)


def test_the_error_of_equal_groups_is_that_of_their_means():
    values = np.array([1.0, 3.0, 5.0, 7.0])
    assert mean_error(values, np.array([0, 0, 1, 1])) == pytest.approx(np.std([2, 6], ddof=1) / np.sqrt(2))
    assert np.isnan(mean_error(values, np.zeros(4)))
    assert np.isnan(mean_error(np.ones(4), np.array([0, 0, 1, 1])))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 200), st.floats(1, 100)), min_size=1, max_size=4), st.integers(2, 20))
def test_blocks_are_contiguous_and_of_one_chain(chains, most):
    lengths, effective = zip(*chains, strict=True)
    blocks = split_into_blocks(lengths, effective, most)
    assert len(blocks) == sum(lengths)
    assert (np.diff(blocks) >= 0).all()
    ends = np.cumsum(lengths)
    owners = [set(blocks[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
    for place, (own, n_effective) in enumerate(zip(owners, effective, strict=True)):
        assert not own & set().union(*owners[:place], *owners[place + 1 :])
        assert len(own) <= max(2, min(most, n_effective / 4))
