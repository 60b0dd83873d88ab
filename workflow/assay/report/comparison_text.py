"""A comparison of campaigns for the terminal: changes by what the records say of their cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assay.report.causes import NO_RECORDS
from assay.report.comparison import (
    BEYOND_ERRORS,
    MISSING_IN_A,
    MISSING_IN_B,
    Change,
    TableComparison,
    expected_by_chance,
)

MOST_LINES = 40
"""Changes of one cause that are printed, the largest first; the CSV has all."""


def as_text(
    compared: Mapping[str, TableComparison], causes: Mapping[tuple[str, str], tuple[str, ...]], sigma: float
) -> str:
    """What changed, grouped by cause, with how much of it chance explains.

    Parameters
    ----------
    compared : mapping of str to TableComparison
        By table.
    causes : mapping of (table, model) to tuple of str
        From `assay.report.causes.causes`.
    sigma : float
        Standard errors from which on a number counted as changed.
    """
    lines = [
        f"{name}: {found.n_rows} rows in both, {len(found.changes)} changes in"
        f" {found.n_with_errors} numbers with errors and {found.n_without} cells without"
        for name, found in compared.items()
    ]
    changes = [change for found in compared.values() for change in found.changes]
    n_tested = sum(found.n_with_errors for found in compared.values())
    beyond = sum(change.kind == BEYOND_ERRORS for change in changes)
    lines.append(
        f"{beyond} of {n_tested} numbers with errors are {sigma:g} standard errors apart;"
        f" chance alone would do that to {expected_by_chance(n_tested, sigma):.1f}."
    )
    groups: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        groups.setdefault(causes.get((change.table, change.model), ()), []).append(change)
    for cause, members in groups.items():
        lines += ["", f"By the records: {'; '.join(cause) or NO_RECORDS}"]
        ordered = sorted(members, key=_size, reverse=True)
        lines += [f"  {sentence(change)}" for change in ordered[:MOST_LINES]]
        if len(ordered) > MOST_LINES:
            lines.append(f"  and {len(ordered) - MOST_LINES} more, all of them with --csv")
    return "\n".join(lines)


def sentence(change: Change) -> str:
    """One change in a line."""
    where = " ".join(part for part in (change.table, change.model, change.case, change.key) if part)
    if change.kind in (MISSING_IN_A, MISSING_IN_B):
        return f"{where}: {change.kind}"
    unit = f" {change.unit}" if change.unit else ""
    size = ""
    if np.isfinite(change.z):
        size = f" (z = {change.z:+.1f}, {100 * change.relative:+.3g} %)"
    elif np.isfinite(change.relative):
        size = f" ({100 * change.relative:+.3g} %)"
    return f"{where}: {change.column}: {change.a} -> {change.b}{unit}{size}"


def _size(change: Change) -> Sequence[float]:
    """Rows and words before numbers, these by how far they are apart."""
    if np.isfinite(change.z):
        return (1.0, abs(change.z))
    return (0.0, abs(change.relative)) if np.isfinite(change.relative) else (2.0, 0.0)
