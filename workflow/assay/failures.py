"""What can go wrong, told apart: the user's input, and a potential's physics.

A `UserError` is about a file, a key or a machine: it ends the program with one sentence and a non-zero exit code.
A `PotentialFailure` is a result: it becomes `status: failed` with a reason of the vocabulary in a record.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

REASONS = {
    "checkpoint": "the weights are missing, truncated, of the wrong checksum, or cannot be read",
    "crashed": "the process ended without a result (segmentation fault, kill, abort)",
    "environment": "the potential's package cannot be imported in its environment",
    "error": "the potential raised an exception that fits no other reason",
    "non_finite": "energy, forces or stress are not finite",
    "not_converged": "a relaxation did not reach its force criterion",
    "not_reached": "a smaller system of the same kind had already reached the limits of time or memory",
    "out_of_memory": "not even one structure fits into memory",
    "timeout": "the time budget of the calculation ran out",
    "unstable": "the simulated system fell apart",
    "unsupported_element": "the potential does not know an element of the structure",
}
"""The fixed vocabulary of `reason` in every record and table."""


class UserError(Exception):
    """Bad input or a bad machine, told in one sentence that names the file, the key and the remedy."""


class PotentialFailure(Exception):
    """A failure of a potential on a system: data, not an accident of the program.

    Parameters
    ----------
    reason : str
        A key of `REASONS`.
    message : str
        One sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"reason {reason!r} is not one of {sorted(REASONS)}")
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self):
        return type(self), (self.reason, self.message)


def near_misses(word: str, known: Iterable[str], count: int = 3) -> str:
    """A hint such as ``; did you mean 'chgnet-0.3.0'?``, or what is known if nothing is near."""
    known = [str(name) for name in known]
    near = difflib.get_close_matches(str(word), known, n=count, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(repr(name) for name in near)}?"
    if not known:
        return "; none is known"
    shown = ", ".join(repr(name) for name in known[:12])
    return f"; known: {shown}{', ...' if len(known) > 12 else ''}"
