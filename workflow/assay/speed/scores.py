"""Tables of the speed chapter: one row per model and case, one row per model, device and kind of system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.records import read_json
from assay.results import census, first_columns
from assay.speed.fits import ScalingFit, fit_scaling
from assay.speed.names import BATCH
from assay.speed.protocol import TIMES_FILE, read_times

TIME_STEP_FS = 1.0
STEPS_PER_NS = 1e6 / TIME_STEP_FS
NS_PER_DAY = 86400.0 / STEPS_PER_NS
"""Divided by the time of a step (s): nanoseconds simulated in a day."""

QUANTILES = (0.1, 0.9)
QUOTED_SIZES = (10, 100, 1000, 10000, 100000)
"""Sizes of which the summary quotes the measured speed, where there is one."""

EXTRAPOLATED_SIZES = (1000, 10000, 100000, 1000000)
"""Sizes of which it quotes the cost of a nanosecond by the fit."""

OBSERVATIONS = ("n_passes", "peak_host_memory_MB", "peak_gpu_memory_MB", "load_average")
MEDIAN_FACTOR = float(np.sqrt(np.pi / 2))
"""Standard error of a median over that of a mean, for a normal distribution."""


@dataclass(frozen=True)
class DftCost:
    """What one self-consistent calculation of forces costs.

    Attributes
    ----------
    n_atoms : int
    step_s : float
        Median wall time on one core (s).
    method : str
        Such as ``PBE, GPAW, quick``.
    """

    n_atoms: int
    step_s: float
    method: str


def read_prepared(indexes: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Facts of all prepared cases by name."""
    return {case: facts for path in indexes for case, facts in read_json(path)["cases"].items()}


def read_machines(records: Sequence[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """What each result was measured on, by model and case: hardware, and whether the model was compiled."""
    machines = {}
    for path in records:
        record = read_json(path)
        hardware, potential = record["hardware"], record["potential"] or {}
        on_gpu = str(record["device"]).startswith("cuda")
        facts = {
            "hardware": hardware["gpu"] if on_gpu else hardware["processor"],
            "compile": potential.get("compile"),
        }
        machines |= {(record["model"], case): facts for case in record["cases"]}
    return machines


def read_dft_costs(paths: Sequence[Path]) -> dict[str, DftCost]:
    """What DFT costs by crystal, from those of the records of phonon references that tell their wall times.

    Raises
    ------
    UserError
        If a record is missing or not readable.
    """
    costs = {}
    for path in map(Path, paths):
        record = read_json(path)
        # records of databases and of users say what was computed, not how long it took
        walls = [displacement["wall_s"] for displacement in record.get("displacements", ())]
        if walls:
            method = ", ".join(record[key] for key in ("level_of_theory", "code", "settings"))
            costs[path.parent.name] = DftCost(record["atoms_in_supercell"], float(np.median(walls)), method)
    return costs


def score(
    prepared: Mapping[str, Mapping[str, Any]],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    machines: Mapping[tuple[str, str], Mapping[str, Any]],
    cards: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    """One row per model and case, also for those that failed or have not been run.

    Parameters
    ----------
    prepared : mapping of str to mapping
        From `read_prepared`.
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    machines : mapping of (model, case) to dict
        From `read_machines`.
    cards : sequence of mapping
        What the catalogue says of each model: ``model``, ``level_of_theory``.
    """
    rows = []
    for card in cards:
        for case, facts in prepared.items():
            key = (card["model"], case)
            rows.append(_row(card, case, facts, results.get(key), machines.get(key, {})))
    return pd.DataFrame(rows)


def _row(
    card: Mapping[str, Any],
    case: str,
    facts: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    machine: Mapping[str, Any],
) -> dict[str, Any]:
    device = result["device"] if result else None
    row: dict[str, Any] = first_columns(card["model"], case, result) | {
        "level_of_theory_model": card.get("level_of_theory"),
        "ladder": facts["ladder"],
        "system": facts["system"],
        "size": facts["size"],
        "n_structures": facts["n_structures"],
        "n_atoms": facts["n_atoms"],
        "device_asked": facts["device_asked"],
        "device": device or facts["device_asked"],
        "threads": result["threads"] if result else None,
        "hardware": machine.get("hardware"),
        "compile": machine.get("compile"),
        "dtype": result["observations"].get("dtype") if result else None,
    }
    ok = row["status"] == "ok"
    times = read_times(result["folder"] / TIMES_FILE) if ok else {}
    row |= speeds(times.get("step_s", np.array([])), facts["n_atoms"], facts["n_structures"])
    for name in ("neighbour_s", "model_s"):
        row[name] = float(np.median(times[name])) if ok else np.nan
    row |= {name: result["observations"].get(name) if ok else None for name in OBSERVATIONS}
    return row


def speeds(step_s: np.ndarray, n_atoms: int, n_structures: int) -> dict[str, float]:
    """Median, 10 % and 90 % quantiles of the time of a step and of what follows from it; NaN without any.

    Nanoseconds per day are those of every structure of a batch.
    """
    known = len(step_s) > 0
    middle, low, high = np.quantile(step_s, (0.5, *QUANTILES)) if known else (np.nan,) * 3
    spread = np.std(step_s, ddof=1) if len(step_s) > 1 else np.nan
    return {
        "n_repeats": len(step_s),
        "step_s": middle,
        "step_stderr_s": MEDIAN_FACTOR * spread / np.sqrt(len(step_s)) if known else np.nan,
        "step_q10_s": low,
        "step_q90_s": high,
        "ns_per_day": NS_PER_DAY / middle,
        "ns_per_day_q10": NS_PER_DAY / high,
        "ns_per_day_q90": NS_PER_DAY / low,
        "atoms_per_s": n_atoms / middle,
        "atoms_per_s_q10": n_atoms / high,
        "atoms_per_s_q90": n_atoms / low,
        "structures_per_s": n_structures / middle,
    }


def summarise(table: pd.DataFrame, dft: Mapping[str, DftCost]) -> pd.DataFrame:
    """One row per model, device and kind of system, the fastest first at the largest size that all have.

    Parameters
    ----------
    table : DataFrame
        From `score`.
    dft : mapping of str to DftCost
        By system, where there is one.
    """
    rows = []
    single = table[table["ladder"] != BATCH]
    for system, of_system in single.groupby("ladder", sort=False):
        common = common_size(of_system)
        own = [
            _summary(model, system, ladder, common, dft.get(system), _batches(table, model, asked))
            for (model, asked), ladder in of_system.groupby(["model", "device_asked"], sort=False)
        ]
        rows += sorted(own, key=lambda row: -np.nan_to_num(row["ns_per_day_at_common_size"], nan=-1.0))
    return pd.DataFrame(rows)


def common_size(rows: pd.DataFrame) -> int | None:
    """The largest size that every model and device has, of those that have any."""
    ok = rows[rows["status"] == "ok"]
    runs = ok.groupby(["model", "device_asked"]).ngroups
    counts = ok.groupby("size").apply(lambda part: part.groupby(["model", "device_asked"]).ngroups)
    everywhere = counts[counts == runs] if runs else counts
    return int(everywhere.index.max()) if len(everywhere) else None


def _batches(table: pd.DataFrame, model: str, asked: str) -> pd.DataFrame:
    return table[(table["ladder"] == BATCH) & (table["model"] == model) & (table["device_asked"] == asked)]


def _summary(
    model: str, system: str, ladder: pd.DataFrame, common: int | None, dft: DftCost | None, batches: pd.DataFrame
) -> dict[str, Any]:
    ok = ladder[ladder["status"] == "ok"].sort_values("n_atoms")
    of_size = ok.set_index("size")["ns_per_day"]
    ends = ladder[ladder["reason"].isin(["out_of_memory", "timeout", "crashed"])].sort_values("n_atoms")
    fit = fit_scaling(ok["n_atoms"], ok["step_s"], ok["step_stderr_s"])
    return {
        "model": model,
        "level_of_theory_model": ladder["level_of_theory_model"].iloc[0],
        "system": system,
        "device": (ok if len(ok) else ladder)["device"].iloc[0],
        "threads": (ok if len(ok) else ladder)["threads"].iloc[0],
        **census(ladder),
        **{f"ns_per_day_{size}_atoms": of_size.get(size, np.nan) for size in QUOTED_SIZES},
        "common_size_atoms": common,
        "ns_per_day_at_common_size": of_size.get(common, np.nan),
        "largest_n_atoms": ok["n_atoms"].max(),
        "ends_at_n_atoms": ends["n_atoms"].min(),
        "ends_with": ends["reason"].iloc[0] if len(ends) else None,
        **_fit_columns(fit),
        **_dft_columns(fit, dft),
        **_batch_columns(batches),
    }


def _fit_columns(fit: ScalingFit | None) -> dict[str, float]:
    """Parameters of t = a + b N^c, the size from which cost is linear, hours per ns by extrapolation."""
    unknown = (np.nan, np.nan)
    coefficient, coefficient_error = fit.coefficient_s() if fit else unknown
    linear, linear_error = fit.linear_size() if fit else unknown
    columns = {
        "overhead_s": fit.overhead_s if fit else np.nan,
        "overhead_stderr_s": fit.overhead_stderr_s if fit else np.nan,
        "coefficient_s": coefficient,
        "coefficient_stderr_s": coefficient_error,
        "exponent": fit.exponent if fit else np.nan,
        "exponent_stderr": fit.exponent_stderr if fit else np.nan,
        "linear_from_atoms": linear,
        "linear_from_stderr_atoms": linear_error,
    }
    for size in EXTRAPOLATED_SIZES:
        step, error = fit.step_s(size) if fit else unknown
        columns[f"hours_per_ns_{size}_atoms"] = step * STEPS_PER_NS / 3600
        columns[f"hours_per_ns_stderr_{size}_atoms"] = error * STEPS_PER_NS / 3600
    return columns


def _dft_columns(fit: ScalingFit | None, dft: DftCost | None) -> dict[str, Any]:
    """Cost of a step of DFT, and how many times faster the model is at that size."""
    columns: dict[str, Any] = {
        "dft_method": dft.method if dft else None,
        "dft_n_atoms": dft.n_atoms if dft else None,
        "dft_step_s": dft.step_s if dft else np.nan,
        "times_faster_than_dft": np.nan,
        "times_faster_than_dft_stderr": np.nan,
    }
    if fit and dft:
        step, error = fit.step_s(dft.n_atoms)
        columns["times_faster_than_dft"] = dft.step_s / step
        columns["times_faster_than_dft_stderr"] = dft.step_s / step * error / step
    return columns


def _batch_columns(batches: pd.DataFrame) -> dict[str, Any]:
    """The best batch, its throughput, and what it gains over one structure at a time."""
    ok = batches[batches["status"] == "ok"]
    best = ok.loc[ok["structures_per_s"].idxmax()] if len(ok) else None
    alone = ok.loc[ok["n_structures"] == 1, "structures_per_s"]
    gain, gain_error = np.nan, np.nan
    if best is not None and len(alone):
        gain = best["structures_per_s"] / alone.iloc[0]
        one = ok[ok["n_structures"] == 1].iloc[0]
        both = [row["step_stderr_s"] / row["step_s"] for row in (best, one)]
        gain_error = gain * np.hypot(*both) if best["n_structures"] > 1 else 0.0
    return {
        "batch_n_ok": len(ok),
        "batch_n_total": len(batches),
        "best_batch": best["n_structures"] if best is not None else None,
        "best_batch_structures_per_s": best["structures_per_s"] if best is not None else np.nan,
        "batch_speed_up": gain,
        "batch_speed_up_stderr": gain_error,
    }
