"""What the tables and figures of the Widom chapter read: prepared systems, and the energies of models' insertions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms

from assay.failures import UserError
from assay.hosts import read_system
from assay.projections import View, top_view
from assay.records import read_json
from assay.widom import attempts

SOBOL = "sobol"


@dataclass(frozen=True)
class InsertionEnergies:
    """What one model says of one case's insertions; n attempts in the order of the stream.

    Attributes
    ----------
    energies_eV : ndarray, shape (n,)
        Infinite where the attempt was skipped, NaN where the model gave no finite energy.
    overlaps : ndarray of bool, shape (n,)
        Nuclei closer than the chapter's fraction of the sum of their covalent radii.
    skipped : ndarray of bool, shape (n,)
    positions_A : ndarray, shape (n, 3)
        Centre of the guest.
    replicates : ndarray of int, shape (n,), or None
        Replicates of quasi-random points; None: attempts are independent.
    """

    energies_eV: np.ndarray
    overlaps: np.ndarray
    skipped: np.ndarray
    positions_A: np.ndarray
    replicates: np.ndarray | None


def read_prepared(indexes: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Facts of all prepared cases by name, with the ``folder`` of their files and the chapter's ``settings``."""
    prepared = {}
    for path in indexes:
        index = read_json(path)
        for case, facts in index["cases"].items():
            shared = {"folder": Path(path).parent / case, "settings": index["settings"], "by_model": index["by_model"]}
            prepared[case] = facts | shared
    return prepared


def read_energies(path: Path, overlap_fraction: float) -> InsertionEnergies:
    """Read the raw insertions of one model and case.

    Parameters
    ----------
    path : Path
    overlap_fraction : float
        Distances below this fraction of the sum of covalent radii are overlaps.

    Raises
    ------
    UserError
        If the file is missing or not what a run writes.
    """
    try:
        with h5py.File(path) as file:
            quasi_random = file.attrs["sampling"] == SOBOL
            return InsertionEnergies(
                energies_eV=file["energy_eV"][:],
                overlaps=file["closest_fraction"][:] < overlap_fraction,
                skipped=file["skipped"][:].astype(bool),
                positions_A=file["position_A"][:],
                replicates=file["replicate"][:] if quasi_random else None,
            )
    except (OSError, KeyError) as error:
        raise UserError(
            f"{path}: not a file of insertion energies ({error}); delete it and rerun the model."
        ) from error


def overlap_fraction(facts: Mapping[str, Any], model: str) -> float:
    """The fraction of covalent radii below which nuclei overlap, as a model's run had it."""
    return (facts["settings"] | facts["by_model"].get(model, {}))["overlap_fraction"]


def read_all_energies(
    prepared: Mapping[str, Mapping[str, Any]], results: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[tuple[str, str], InsertionEnergies]:
    """Energies by model and case of all results that are there.

    Parameters
    ----------
    prepared : mapping of str to mapping
        From `read_prepared`.
    results : mapping of (model, case) to dict
        From `assay.results.read_results`.
    """
    return {
        (model, case): read_energies(result["folder"] / attempts.FILE, overlap_fraction(prepared[case], model))
        for (model, case), result in results.items()
        if result["status"] == "ok" and case in prepared
    }


def read_views(prepared: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, View], dict[str, Atoms]]:
    """Each case's view along its channels, and its host.

    Raises
    ------
    UserError
        If a host cannot be read, or its axis is not a lattice direction.
    """
    hosts = {
        case: read_system(facts["folder"] / "host.xyz", facts["folder"] / "guest.xyz").host
        for case, facts in prepared.items()
    }
    views = {}
    for case, host in hosts.items():
        try:
            views[case] = top_view(host.cell.array, host.positions, np.array(prepared[case]["axis"]))
        except ValueError as error:
            raise UserError(f"widom.cases.{case}.axis: {error}; give another.") from error
    return views, hosts
