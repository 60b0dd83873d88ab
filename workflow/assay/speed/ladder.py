"""Ladders: the cases of one kind in ascending size, where they end, and what the next rung will cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.failures import PotentialFailure

ENDS = frozenset({"out_of_memory", "timeout", "crashed", "not_reached"})
"""Reasons that a larger system of the same kind would fail for as well."""


def smaller_cases(case: str, cases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Cases of the same ladder below this one, ascending; `cases` hold ``ladder`` and ``n_atoms``."""
    own = cases[case]
    same = [other for other, facts in cases.items() if facts["ladder"] == own["ladder"] and other != case]
    order = list(cases)
    below = [name for name in same if _rank(cases[name], order.index(name)) < _rank(own, order.index(case))]
    return sorted(below, key=lambda name: _rank(cases[name], order.index(name)))


def _rank(facts: Mapping[str, Any], position: int) -> tuple[int, int]:
    return facts["n_atoms"], position


def require_open(smaller: Sequence[tuple[str, Mapping[str, Any] | None]]) -> None:
    """Check that no smaller case has ended the ladder.

    Parameters
    ----------
    smaller : sequence of (str, mapping or None)
        Names and results of the cases below, each of which has had its turn: one without a result brought the process
        to its end.

    Raises
    ------
    PotentialFailure
        ``not_reached``.
    """
    for name, result in smaller:
        if result is None:
            raise PotentialFailure("not_reached", f"the ladder ended at {name}, which brought the process to its end.")
        if result["reason"] in ENDS:
            raise PotentialFailure("not_reached", f"the ladder ended at {name} ({result['reason']}).")


def predicted_step_s(done: Iterable[tuple[int, float]], n_atoms: int) -> float | None:
    """Time of a step of `n_atoms` from smaller ones, ``(atoms, seconds)`` in ascending order; None if there are none.

    The last two say how it grows: at least linearly, at most quadratically.
    """
    done = list(done)
    if not done:
        return None
    exponent = 1.0
    if len(done) > 1 and done[-1][0] > done[-2][0]:
        (first, first_s), (second, second_s) = done[-2:]
        exponent = float(np.clip(np.log(second_s / first_s) / np.log(second / first), 1.0, 2.0))
    size, seconds = done[-1]
    return seconds * (n_atoms / size) ** exponent


def require_time(predicted_s: float | None, evaluations: int, left_s: float, n_atoms: int) -> None:
    """Check that a case fits into what is left of the time budget.

    Raises
    ------
    PotentialFailure
        ``timeout``.
    """
    cost_s = (predicted_s or 0.0) * evaluations
    if left_s <= 0 or cost_s > left_s:
        raise PotentialFailure(
            "timeout",
            f"{evaluations} steps of {n_atoms} atoms would take about {cost_s:.3g} s, and of the time budget"
            f" {max(left_s, 0.0):.3g} s are left.",
        )
