"""What tables and figures both start from: prepared cases, and the productions of the chains that were run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assay.adsorption.isotherms import Production, Samples, production
from assay.adsorption.raw import MOVES_FILE, SAMPLES_FILE, read_moves, read_samples
from assay.elements import are_metals
from assay.hosts import read_system
from assay.records import read_json


@dataclass(frozen=True)
class Run:
    """One case of one model.

    Attributes
    ----------
    facts : mapping
        As prepared.
    observations : mapping
        Of the result.
    samples : Samples
        All of them.
    production : Production
    moves : DataFrame
        Columns of `assay.adsorption.raw.MOVES_TABLE`.
    folder : Path
        Of the raw files.
    """

    facts: Mapping[str, Any]
    observations: Mapping[str, Any]
    samples: Samples
    production: Production
    moves: pd.DataFrame
    folder: Path


def read_prepared(indexes: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Facts of all prepared cases by name, their files as paths; ``left_out``: models that do not go through it."""
    prepared: dict[str, dict[str, Any]] = {}
    for path in indexes:
        index = read_json(path)
        for case, facts in index["cases"].items():
            files = {part: Path(path).parent / facts[part] for part in ("host", "guest")}
            left_out = {model for model, cases in index.get("cases_by_model", {}).items() if case not in cases}
            prepared[case] = facts | files | {"left_out": left_out}
    return dict(sorted(prepared.items(), key=lambda item: _order(item[1])))


def _order(facts: Mapping[str, Any]) -> tuple[str, float, float]:
    return facts["system"], facts["temperature_K"], facts["pressure_bar"]


def isotherm_of(facts: Mapping[str, Any]) -> str:
    """Name of the isotherm that a case belongs to."""
    return f"{facts['system']}-{facts['temperature_K']:g}K"


def analyse(
    prepared: Mapping[str, Mapping[str, Any]],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> dict[tuple[str, str], Run]:
    """Productions by model and case of all results that are there.

    Parameters
    ----------
    prepared : mapping of str to mapping
        From `read_prepared`.
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    settings : mapping
        ``blocks``, ``min_effective_samples``.
    """
    return {
        (model, case): _run(prepared[case], result, settings)
        for (model, case), result in results.items()
        if result["status"] == "ok" and case in prepared
    }


def _run(facts: Mapping[str, Any], result: Mapping[str, Any], settings: Mapping[str, Any]) -> Run:
    folder, observations = result["folder"], result["observations"]
    samples = Samples.of(read_samples(folder / SAMPLES_FILE))
    found = production(
        samples, observations["equilibration_trials"], settings["blocks"], settings["min_effective_samples"]
    )
    return Run(facts, observations, samples, found, read_moves(folder / MOVES_FILE), folder)


def counted(moves: pd.DataFrame) -> pd.DataFrame:
    """Attempts, acceptances and so on of the production by move, all replicas together."""
    columns = ["attempted", "accepted", "overlaps", "non_finite"]
    chosen = moves[moves["part"].astype(str) == "production"]
    return chosen.assign(move=chosen["move"].astype(str)).groupby("move")[columns].sum()


def acceptance(counts: pd.DataFrame, move: str) -> float:
    """Share of a move's trials that were accepted; NaN if there were none."""
    if move not in counts.index or not counts.loc[move, "attempted"]:
        return float("nan")
    return float(counts.loc[move, "accepted"] / counts.loc[move, "attempted"])


def share(part: float, whole: float) -> float:
    """A share; NaN of nothing."""
    return float(part / whole) if whole else float("nan")


def inside_share(samples: Samples) -> float:
    """Share of samples in which a guest overlaps with the framework."""
    return float(np.mean(samples.n_inside > 0)) if len(samples.n_inside) else float("nan")


def closest_fraction(samples: Samples) -> float:
    """The closest contact of any guest with the framework, in sums of covalent radii; NaN without guests."""
    known = samples.closest_fractions[np.isfinite(samples.closest_fractions)]
    return float(known.min()) if len(known) else float("nan")


def metals_of(prepared: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Metal atoms of each system's prepared cell."""
    hosts = {facts["system"]: read_system(facts["host"], facts["guest"]).host for facts in prepared.values()}
    return {system: int(are_metals(host.numbers).sum()) for system, host in hosts.items()}
