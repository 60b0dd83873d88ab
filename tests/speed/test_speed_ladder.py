"""Where a ladder ends, and what the next rung will cost."""

from __future__ import annotations

import pytest

from assay.failures import PotentialFailure
from assay.speed.ladder import predicted_step_s, require_open, require_time, smaller_cases


def result(status: str, reason: str | None = None) -> dict:
    return {"status": status, "reason": reason}


CASES = {
    "helium-10": {"ladder": "helium", "n_atoms": 10},
    "MgO-10": {"ladder": "MgO", "n_atoms": 8},
    "helium-100": {"ladder": "helium", "n_atoms": 100},
    "MgO-8": {"ladder": "MgO", "n_atoms": 8},
    "helium-32": {"ladder": "helium", "n_atoms": 32},
}


def test_smaller_cases_are_those_of_the_same_ladder_in_ascending_order():
    assert smaller_cases("helium-100", CASES) == ["helium-10", "helium-32"]
    assert smaller_cases("helium-10", CASES) == []
    assert smaller_cases("MgO-8", CASES) == ["MgO-10"]
    assert smaller_cases("MgO-10", CASES) == []


@pytest.mark.parametrize("reason", ["out_of_memory", "timeout", "crashed", "not_reached"])
def test_a_limit_ends_the_ladder(reason):
    with pytest.raises(PotentialFailure, match=f"ended at b \\({reason}\\)") as caught:
        require_open([("a", result("ok")), ("b", result("failed", reason))])
    assert caught.value.reason == "not_reached"


def test_a_case_without_a_result_brought_the_process_to_its_end():
    with pytest.raises(PotentialFailure, match="ended at a, which brought the process to its end"):
        require_open([("a", None)])


@pytest.mark.parametrize("reason", ["unsupported_element", "non_finite", "error"])
def test_what_is_no_matter_of_size_does_not_end_it(reason):
    require_open([("a", result("failed", reason)), ("b", result("ok"))])


def test_the_next_step_is_predicted_from_the_last_two():
    assert predicted_step_s([], 100) is None
    assert predicted_step_s([(10, 1.0)], 100) == pytest.approx(10.0)
    assert predicted_step_s([(10, 1.0), (100, 100.0)], 1000) == pytest.approx(1e4)
    # a constant cost so far: at least linear all the same
    assert predicted_step_s([(10, 1.0), (100, 1.0)], 1000) == pytest.approx(10.0)
    # and a disturbed clock does not make it cubic
    assert predicted_step_s([(10, 1.0), (20, 100.0)], 40) == pytest.approx(400.0)
    assert predicted_step_s([(8, 1.0), (8, 2.0)], 16) == pytest.approx(4.0)


def test_what_would_break_the_budget_is_a_timeout_that_says_so():
    require_time(1.0, 22, 30.0, 100)
    require_time(None, 22, 30.0, 100)
    with pytest.raises(PotentialFailure, match=r"22 steps of 100 atoms would take about 44 s.*30 s are left") as caught:
        require_time(2.0, 22, 30.0, 100)
    assert caught.value.reason == "timeout"
    with pytest.raises(PotentialFailure, match="0 s are left"):
        require_time(None, 22, -1.0, 100)
