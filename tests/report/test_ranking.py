"""Ranks over cases: closed forms, what holds for any errors, and how sure ranks are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.report.ranking import FAILED, error_matrix, first_shares, rank_confidence

NAN = float("nan")


def frame(rows, models="abc") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(models)[: len(rows[0])])


def test_a_model_that_is_best_in_every_case_is_first_for_certain():
    found = rank_confidence(frame([[1, 2, 3], [10, 20, 30], [0.1, 0.5, 0.2]]))
    assert found["mean_rank"].tolist() == pytest.approx([1, 7 / 3, 8 / 3])
    assert found.loc["a", ["mean_rank_low", "mean_rank_high", "first_share"]].tolist() == [1, 1, 1]
    assert found["n_cases"].tolist() == [3, 3, 3]


def test_one_large_error_does_not_outweigh_many_small_advantages():
    found = rank_confidence(frame([[1, 2]] * 9 + [[1000, 2]]))
    assert found["mean_rank"].tolist() == pytest.approx([1.1, 1.9])


def test_failures_rank_behind_all_results_and_share_their_place():
    found = rank_confidence(frame([[FAILED, FAILED, 5.0], [FAILED, 1.0, 2.0]]))
    assert found["mean_rank"].tolist() == pytest.approx([(2.5 + 3) / 2, (2.5 + 1) / 2, (1 + 2) / 2])
    assert found["n_ok"].tolist() == [0, 1, 2]


def test_what_was_not_run_is_not_ranked():
    found = rank_confidence(frame([[1, 2, NAN], [1, 2, NAN], [2, 1, 3]]))
    assert found.loc["c", "mean_rank"] == 3
    assert found["mean_rank"][:2].tolist() == pytest.approx([4 / 3, 5 / 3])
    alone = rank_confidence(frame([[1, NAN], [NAN, NAN]]))
    assert alone["mean_rank"].isna().all()
    assert (alone["n_cases"] == 0).all()


def test_a_case_that_nobody_has_tells_nothing():
    found = rank_confidence(frame([[FAILED, NAN, FAILED], [2, 1, FAILED]]))
    assert found["mean_rank"].tolist() == [2, 1, 3]
    assert set(found["n_cases"]) == {1}


def test_the_common_subset_leaves_out_cases_that_a_model_lacks():
    errors = frame([[1, 2, FAILED], [2, 1, 3], [2, 1, NAN]])
    found = rank_confidence(errors, common=True)
    assert found["mean_rank"].tolist() == [2, 1, 3]
    assert set(found["n_cases"]) == {1}


def test_one_case_without_errors_tells_nothing_of_confidence():
    found = rank_confidence(frame([[1, 2]]))
    assert found["mean_rank"].tolist() == [1, 2]
    assert found[["mean_rank_low", "mean_rank_high", "first_share"]].isna().all(axis=None)


def test_standard_errors_make_one_case_as_sure_as_they_are():
    """P(|x| < |y|) of two normal numbers far from zero, 1 apart with errors of 1 each, is Phi(1/sqrt 2) = 0.760."""
    found = rank_confidence(frame([[100, 101]]), frame([[1.0, 1.0]]), resamples=20000)
    assert found.loc["a", "first_share"] == pytest.approx(0.760, abs=4 * np.sqrt(0.76 * 0.24 / 20000))
    assert found.loc["a", ["mean_rank_low", "mean_rank_high"]].tolist() == [1, 2]


def test_the_share_of_first_places_is_that_of_the_bootstrap():
    """Of three cases of which one goes to the other model: P(at least two of three draws are won) = 20/27."""
    found = rank_confidence(frame([[1, 2], [1, 2], [2, 1]]), resamples=20000)
    assert found.loc["a", "first_share"] == pytest.approx(20 / 27, abs=4 * np.sqrt(20 / 27 * 7 / 27 / 20000))


def test_equal_seeds_give_equal_numbers_and_others_do_not():
    rng = np.random.default_rng(1)
    errors = frame(rng.random((7, 3)))
    first = rank_confidence(errors, seed=3)
    pd.testing.assert_frame_equal(first, rank_confidence(errors, seed=3))
    assert not first.equals(rank_confidence(errors, seed=4))


finite_errors = arrays(float, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.integers(0, 4).map(float))


@given(finite_errors)
@settings(max_examples=40, deadline=None)
def test_ranks_add_up_and_stay_with_their_models(values):
    errors = pd.DataFrame(values)
    found = rank_confidence(errors, resamples=50)
    n_models = values.shape[1]
    assert found["mean_rank"].sum() == pytest.approx(n_models * (n_models + 1) / 2)
    if len(values) > 1:
        assert found["first_share"].sum() == pytest.approx(1)
        assert (found["mean_rank_low"] <= found["mean_rank_high"]).all()
    turned = rank_confidence(errors[errors.columns[::-1]], resamples=50)
    pd.testing.assert_frame_equal(turned.loc[found.index], found)
    # ranks do not depend on the unit of a case
    scaled = rank_confidence(errors.mul(np.arange(1, len(values) + 1), axis=0), resamples=50)
    pd.testing.assert_series_equal(scaled["mean_rank"], found["mean_rank"])


def test_first_places_are_shared_by_equal_ones():
    assert first_shares(np.array([[1.0, 1.0, 2.0], [3.0, 2.0, NAN]])).tolist() == pytest.approx([0.25, 0.75, 0])


def test_errors_and_their_errors_must_be_of_the_same_cases():
    with pytest.raises(ValueError, match="different cases or models"):
        rank_confidence(frame([[1, 2]]), frame([[1, 2], [1, 2]]))


def test_the_matrix_tells_failures_from_what_is_not_there():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "a", "b", "b"],
            "case": ["x", "y", "z", "x", "y"],
            "status": ["ok", "failed", "missing", "ok", "ok"],
            "change": [-2.0, NAN, NAN, 1.0, NAN],
            "change_stderr": [0.1, NAN, NAN, 0.2, NAN],
        }
    )
    errors, stderrs = error_matrix(table, "change", "change_stderr")
    assert errors.loc["x"].tolist() == [2, 1]
    assert errors.loc["y", "a"] == FAILED
    assert np.isnan(errors.loc["y", "b"]) and errors.loc["z"].isna().all()
    assert stderrs.loc["x"].tolist() == [0.1, 0.2]
