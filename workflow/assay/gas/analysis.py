"""From raw results to physics: everything that tables and figures say of one model, system and temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from assay.gas.chemistry import Chemistry, chemistry
from assay.gas.energies import (
    EnergyConservation,
    Estimate,
    TimeStepScan,
    block_mean,
    block_means,
    combined,
    energy_conservation,
    energy_conservation_of,
    time_step_scan,
)
from assay.gas.observables import Observables, observables
from assay.gas.protocol import SCAN_PREFIX
from assay.gas.reference import NO_REFERENCE, ReferenceComparison, compare_with_reference
from assay.gas.stability import Ending, Stability, ending, stability
from assay.gas.systems import read_frames
from assay.gas.trajectories import (
    NVE,
    SCAN_FILE,
    THERMODYNAMICS_FILE,
    TRAJECTORY_FILE,
    Trajectory,
    read_scan,
    read_thermodynamics,
    read_trajectory,
    repeats_of,
)
from assay.records import read_json

TRACE_POINTS = 200
"""Points of an energy in time that a figure shows, each a mean over its share of the run."""


@dataclass(frozen=True)
class PreparedCase:
    """A system at a temperature, as all models got it.

    Attributes
    ----------
    case : str
    facts : dict
        Its entry in the index.
    settings : dict
        Of the calculations, for all models.
    by_model : dict of str to dict
        Settings of single models.
    folder : Path
        Where the index lies.
    """

    case: str
    facts: dict[str, Any]
    settings: dict[str, Any]
    by_model: dict[str, dict[str, Any]]
    folder: Path

    def settings_of(self, model: str) -> dict[str, Any]:
        """Settings with which a model ran."""
        return self.settings | self.by_model.get(model, {})

    @property
    def density_per_A3(self) -> float:
        """Molecules per Å³; NaN for systems that are not made of equal molecules."""
        return self.facts["n_molecules"] / self.facts["volume_A3"] if self.facts["molecule"] else float("nan")

    def starts(self, count: int) -> list[Atoms]:
        """Structures that the first so many repeats began with."""
        return read_frames(self.folder / self.facts["file"], count)


@dataclass(frozen=True)
class Trace:
    """Energies of one run in time, means over short stretches.

    Attributes
    ----------
    repeat : int
    time_ps, total_meV_per_atom, potential_meV_per_atom : ndarray, shape (p,)
        Energies are changes: of the total energy from its mean over the first twentieth, of the potential energy from
        its mean.
    """

    repeat: int
    time_ps: np.ndarray
    total_meV_per_atom: np.ndarray
    potential_meV_per_atom: np.ndarray


@dataclass(frozen=True)
class Analysis:
    """What the results of one model say of one case.

    Attributes
    ----------
    traces : tuple of Trace
    energies : EnergyConservation
        Mean over the runs that did not explode; over all, up to the explosion, if every one did.
    temperature_K : Estimate
        Of the same runs.
    scan : TimeStepScan or None
        None if no time steps were scanned.
    chemistry : dict of int to Chemistry
        By repeat; repeats without frames are not there.
    exploded : frozenset of int
        Repeats that ended in an explosion.
    endings : tuple of Ending
        By repeat: the first thing that went wrong.
    stability : Stability
    observables : Observables or None
        Of the stable runs; None if there is none.
    reference : ReferenceComparison
        With a trajectory of reference; NaN without one.
    """

    traces: tuple[Trace, ...]
    energies: EnergyConservation
    temperature_K: Estimate
    scan: TimeStepScan | None
    chemistry: dict[int, Chemistry]
    exploded: frozenset[int]
    endings: tuple[Ending, ...]
    stability: Stability
    observables: Observables | None
    reference: ReferenceComparison


def read_prepared(indexes: Sequence[Path]) -> dict[str, PreparedCase]:
    """All prepared cases by name, from ``results/inputs/gas/batch-*.json``."""
    prepared = {}
    for path in map(Path, indexes):
        index = read_json(path)
        for case, facts in index["cases"].items():
            prepared[case] = PreparedCase(case, facts, index["settings"], index.get("by_model", {}), path.parent)
    return prepared


def analyse_all(
    prepared: Mapping[str, PreparedCase],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    models: Sequence[str],
    bond_limit: float,
) -> dict[tuple[str, str], Analysis]:
    """Analyses by model and case, of those that have a result."""
    return {
        (model, case): analyse(content, model, results[model, case], bond_limit)
        for model in models
        for case, content in prepared.items()
        if results.get((model, case), {}).get("status") == "ok"
    }


def analyse(prepared: PreparedCase, model: str, result: Mapping[str, Any], bond_limit: float) -> Analysis:
    """Read a model's raw results of a case and work them out.

    Parameters
    ----------
    prepared : PreparedCase
    model : str
    result : mapping
        From `assay.results.read_results`; its status must be ``ok``.
    bond_limit : float
        A bond is broken where it is longer than this times its prepared length.

    Raises
    ------
    UserError
        If a raw file is missing or damaged.
    """
    folder, seen = result["folder"], result["observations"]
    settings = prepared.settings_of(model)
    n_repeats, n_atoms = seen["repeats"], prepared.facts["n_atoms"]
    exploded = {one["repeat"]: one for one in seen["exploded"]}

    thermodynamics = read_thermodynamics(folder / THERMODYNAMICS_FILE)
    production = thermodynamics[thermodynamics["phase"] == NVE]
    runs = {int(repeat): rows for repeat, rows in production.groupby("repeat")}
    lasting = [repeat for repeat in runs if repeat not in exploded] or list(runs)
    conserved = [_conservation(runs[repeat], n_atoms) for repeat in lasting]
    temperature = combined([block_mean(runs[repeat]["temperature_K"].to_numpy()) for repeat in lasting])

    trajectories = {repeat: read_trajectory(folder / TRAJECTORY_FILE, repeat) for repeat in _stored(folder)}
    starts = prepared.starts(n_repeats)
    found = {
        repeat: _chemistry(trajectory, starts[repeat], bond_limit)
        for repeat, trajectory in trajectories.items()
        if len(trajectory.positions_A)
    }
    endings = [
        ending(
            settings["production_ps"],
            found.get(repeat),
            _explosion(exploded.get(repeat)),
            reached=repeat in runs,
        )
        for repeat in range(n_repeats)
    ]
    stable = [trajectories[repeat] for repeat in trajectories if endings[repeat].cause is None]
    return Analysis(
        traces=tuple(_trace(repeat, rows, n_atoms) for repeat, rows in runs.items()),
        energies=energy_conservation_of(conserved),
        temperature_K=temperature,
        scan=_scan(folder, n_atoms, seen.get("scan_exploded") or ()),
        chemistry=found,
        exploded=frozenset(exploded),
        endings=tuple(endings),
        stability=stability(endings),
        observables=observables(stable, prepared.facts["molecule"], temperature.value),
        reference=_reference(prepared.facts, list(trajectories.values()), stable),
    )


def _stored(folder: Path) -> list[int]:
    """Repeats with frames; none where all exploded before the production."""
    path = folder / TRAJECTORY_FILE
    return repeats_of(path) if path.exists() else []


def _total_eV(rows: pd.DataFrame) -> np.ndarray:
    return (rows["potential_energy_eV"] + rows["kinetic_energy_eV"]).to_numpy()


def _conservation(rows: pd.DataFrame, n_atoms: int) -> EnergyConservation:
    return energy_conservation(rows["time_fs"].to_numpy(), _total_eV(rows), n_atoms)


def _trace(repeat: int, rows: pd.DataFrame, n_atoms: int) -> Trace:
    total, potential = _total_eV(rows), rows["potential_energy_eV"].to_numpy()
    start = total[: max(1, len(total) // 20)].mean()
    time_ps, total_meV, potential_meV = (
        block_means(values, min(TRACE_POINTS, len(rows)))
        for values in (
            rows["time_fs"].to_numpy() / 1000,
            (total - start) * 1000 / n_atoms,
            (potential - potential.mean()) * 1000 / n_atoms,
        )
    )
    return Trace(repeat, time_ps, total_meV, potential_meV)


def _chemistry(trajectory: Trajectory, start: Atoms, bond_limit: float) -> Chemistry:
    return chemistry(
        trajectory.position_time_fs,
        trajectory.positions_A,
        trajectory.cell_A,
        trajectory.numbers,
        trajectory.molecules,
        start.positions,
        bond_limit,
    )


def _explosion(found: Mapping[str, Any] | None) -> tuple[float, str] | None:
    return (found["time_fs"], f"explosion ({found['cause']})") if found else None


def _scan(folder: Path, n_atoms: int, exploded: Sequence[Mapping[str, Any]]) -> TimeStepScan | None:
    """Of the repeats that lived through all time steps; steps through which none lived are left out."""
    path = folder / SCAN_FILE
    if not path.exists():
        return None
    ended = {(one["phase"], one["repeat"]) for one in exploded}
    runs: dict[float, dict[int, EnergyConservation]] = {}
    for (timestep_fs, repeat), rows in read_scan(path).groupby(["timestep_fs", "repeat"]):
        if (f"{SCAN_PREFIX}{timestep_fs:g}fs", repeat) not in ended:
            energy_eV = rows["total_energy_eV"].to_numpy()
            found = energy_conservation(rows["time_fs"].to_numpy(), energy_eV, n_atoms)
            runs.setdefault(timestep_fs, {})[repeat] = found
    shared = sorted(set.intersection(*(set(own) for own in runs.values()))) if runs else []
    return time_step_scan(list(runs), [[own[repeat] for repeat in shared] for own in runs.values()])


def _reference(
    facts: Mapping[str, Any], runs: Sequence[Trajectory], lasting: Sequence[Trajectory]
) -> ReferenceComparison:
    return compare_with_reference(Path(facts["reference"]), runs, lasting) if facts["reference"] else NO_REFERENCE
