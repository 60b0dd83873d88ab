"""What a step costs at a size that somebody asks for, from the table of the speed chapter.

Between measured sizes, and beyond them, the time of a step is that of the fit t = a + b N^c (`assay.speed.fits`), with
the error of its parameters; with too few sizes for a fit, straight lines between logarithms, and nothing beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from assay.failures import UserError, near_misses
from assay.speed.fits import fit_scaling
from assay.speed.names import BATCH

MEASURED, FITTED, BETWEEN, BEYOND = "measured", "by the fit", "between measured sizes", "extrapolated by the fit"


@dataclass(frozen=True)
class StepCost:
    """Time of a step of one structure of a given size.

    Attributes
    ----------
    step_s, stderr_s : float
    n_atoms : int
    how : str
        `MEASURED`, `FITTED` (within the measured sizes), `BETWEEN` (without a fit), `BEYOND`.
    largest_n_atoms : int
        The largest size that was measured.
    ended_at_n_atoms : int or None
        The smallest size that did not fit into memory or time, and at which the reason was ``ended_with``.
    ended_with : str or None
    system, device, hardware : str
        What was timed, and on what.
    threads : int or None
    """

    step_s: float
    stderr_s: float
    n_atoms: int
    how: str
    largest_n_atoms: int
    ended_at_n_atoms: int | None
    ended_with: str | None
    system: str
    device: str
    hardware: str
    threads: int | None


def choose_system(table: pd.DataFrame, wanted: str | None = None) -> str:
    """The kind of system whose times are quoted: the wanted one, or that of most models and, of several, the slowest.

    Raises
    ------
    UserError
        If the wanted one is not in the table.
    """
    single = table[table["ladder"] != BATCH]
    systems = list(pd.unique(single["ladder"]))
    if wanted is not None and wanted not in systems:
        raise UserError(f"--speed-system: {wanted!r} is not in the speed table{near_misses(wanted, systems)}")
    ok = single[single["status"] == "ok"]
    counts = ok.groupby("ladder")["model"].nunique()
    per_atom = (ok["step_s"] / ok["n_atoms"]).groupby(ok["ladder"]).median()
    return wanted or max(systems, key=lambda system: (counts.get(system, 0), per_atom.get(system, 0.0)))


def step_cost(table: pd.DataFrame, model: str, n_atoms: int, system: str, device: str | None = None) -> StepCost | None:
    """The time of a step of a model at a size, on its fastest device unless one is given; None where none is known.

    Parameters
    ----------
    table : DataFrame
        Of the speed chapter, by model and case.
    model : str
    n_atoms : int
    system : str
        From `choose_system`.
    device : str, optional
        Without the number of the GPU: ``cuda`` for ``cuda:0``.
    """
    rows = table[(table["model"] == model) & (table["ladder"] == system)]
    kinds = rows["device"].astype(str).str.split(":").str[0]
    rows = rows if device is None else rows[kinds == device]
    found = [_cost(part, n_atoms) for _, part in rows.groupby(["device_asked", "device"], sort=False)]
    known = [cost for cost in found if cost is not None]
    return min(known, key=lambda cost: cost.step_s, default=None)


def _cost(rows: pd.DataFrame, n_atoms: int) -> StepCost | None:
    ok = rows[rows["status"] == "ok"].sort_values("n_atoms")
    if ok.empty:
        return None
    sizes, times, errors = (ok[name].to_numpy(dtype=float) for name in ("n_atoms", "step_s", "step_stderr_s"))
    step, error, how = _at(n_atoms, sizes, times, errors)
    if not np.isfinite(step):
        return None
    ends = rows[rows["reason"].isin(["out_of_memory", "timeout", "crashed"])].sort_values("n_atoms")
    threads = ok["threads"].iloc[0]
    return StepCost(
        step_s=step,
        stderr_s=error,
        n_atoms=n_atoms,
        how=how,
        largest_n_atoms=int(sizes.max()),
        ended_at_n_atoms=int(ends["n_atoms"].iloc[0]) if len(ends) else None,
        ended_with=str(ends["reason"].iloc[0]) if len(ends) else None,
        system=str(ok["ladder"].iloc[0]),
        device=str(ok["device"].iloc[0]),
        hardware=str(ok["hardware"].iloc[0]),
        threads=int(threads) if pd.notna(threads) else None,
    )


def _at(n_atoms: int, sizes: np.ndarray, times: np.ndarray, errors: np.ndarray) -> tuple[float, float, str]:
    """Time, standard error and origin at a size; NaN beyond the sizes without a fit."""
    if n_atoms in sizes:
        place = list(sizes).index(n_atoms)
        return float(times[place]), float(errors[place]), MEASURED
    inside = sizes.min() <= n_atoms <= sizes.max()
    fit = fit_scaling(sizes, times, errors)
    if fit is not None:
        return *fit.step_s(n_atoms), FITTED if inside else BEYOND
    if not inside:
        return float("nan"), float("nan"), BEYOND
    return *_between(n_atoms, sizes, times, errors), BETWEEN


def _between(n_atoms: int, sizes: np.ndarray, times: np.ndarray, errors: Sequence[float]) -> tuple[float, float]:
    """Straight line between the logarithms of the two neighbours; their errors as they enter it."""
    upper = int(np.searchsorted(sizes, n_atoms))
    lower = upper - 1
    share = np.log(n_atoms / sizes[lower]) / np.log(sizes[upper] / sizes[lower])
    weights = np.array([1 - share, share])
    pair = [lower, upper]
    step = float(np.exp(weights @ np.log(times[pair])))
    relative = np.nan_to_num(np.asarray(errors)[pair] / times[pair])
    return step, step * float(np.linalg.norm(weights * relative))
