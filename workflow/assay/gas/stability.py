"""How long runs last: the first of explosion, broken bond and foreign molecule, and how many runs saw none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from assay.gas.chemistry import Chemistry
from assay.statistics import mean, standard_error

FS_PER_PS = 1000.0


@dataclass(frozen=True)
class Ending:
    """How a run went.

    Attributes
    ----------
    time_ps : float
        Until the first event; the length of the run if there was none.
    cause : str or None
        What the event was; None for a run that stayed stable to its end, whose time is a lower bound.
    """

    time_ps: float
    cause: str | None


def ending(
    length_ps: float, found: Chemistry | None, explosion: tuple[float, str] | None, *, reached: bool = True
) -> Ending:
    """The first thing that went wrong in a run.

    Parameters
    ----------
    length_ps : float
        Length of the production that was asked for.
    found : Chemistry or None
        None where there are no frames.
    explosion : (float, str) or None
        Time (fs) and cause of an explosion.
    reached : bool
        Whether the production began; if not, the run ended at 0.
    """
    if not reached:
        return Ending(0.0, f"equilibration: {explosion[1] if explosion else 'no production'}")
    events: list[tuple[float, str]] = [explosion] if explosion else []
    if found is not None:
        if found.first_broken_fs is not None:
            events.append((found.first_broken_fs, "broken bond"))
        if found.first_foreign_fs is not None:
            events.append((found.first_foreign_fs, "foreign molecule"))
    if not events:
        return Ending(length_ps, None)
    time_fs, cause = min(events, key=lambda event: event[0])
    return Ending(time_fs / FS_PER_PS, cause)


@dataclass(frozen=True)
class Stability:
    """Endings of the repeats of one system.

    Attributes
    ----------
    n_stable, n_repeats : int
    time_ps, time_stderr_ps : float
        Mean time to the first event; runs without one count with their length, so that it is a lower bound where
        `censored`.
    censored : bool
        Whether any run was still stable at its end.
    cause : str or None
        What ended most of the runs that ended.
    """

    n_stable: int
    n_repeats: int
    time_ps: float
    time_stderr_ps: float
    censored: bool
    cause: str | None


def stability(endings: Sequence[Ending]) -> Stability:
    """How many runs stayed stable, and how long the runs lasted."""
    times = [one.time_ps for one in endings]
    causes = Counter(one.cause for one in endings if one.cause)
    n_stable = sum(one.cause is None for one in endings)
    return Stability(
        n_stable=n_stable,
        n_repeats=len(endings),
        time_ps=mean(times),
        time_stderr_ps=standard_error(times),
        censored=n_stable > 0,
        cause=causes.most_common(1)[0][0] if causes else None,
    )
