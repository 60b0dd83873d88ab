"""From an entry of the catalogue to a loaded `Potential`."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.checkpoints import is_result, weights_of
from assay.failures import PotentialFailure, UserError, near_misses
from assay.potentials.base import Potential

log = logging.getLogger("assay")

ADAPTERS = {
    "sevennet": "assay.potentials.sevennet",
    "chgnet": "assay.potentials.chgnet",
    "nequix": "assay.potentials.nequix",
    "mace": "assay.potentials.mace",
    "orb": "assay.potentials.orb",
    "mattersim": "assay.potentials.mattersim",
    "nequip": "assay.potentials.nequip",
    "schnetpack": "assay.potentials.schnetpack",
    "fairchem": "assay.potentials.fairchem",
    "fairchem1": "assay.potentials.fairchem1",
    "deepmd": "assay.potentials.deepmd",
    "matgl": "assay.potentials.matgl",
    "metatomic": "assay.potentials.metatomic",
    "leignn": "assay.potentials.leignn",
    "tblite": "assay.potentials.tblite",
    "gpaw": "assay.potentials.gpaw_calculator",
    "ase": "assay.potentials.ase_calculator",
    "classical": "assay.potentials.classical",
}
"""The module of each package; its ``load(entry, device)`` returns a `Potential`."""


def load(entry: Mapping[str, Any], device: str = "cpu", probe: bool = True) -> Potential:
    """Load a potential and find out how much it can evaluate in one pass.

    Parameters
    ----------
    entry : mapping
        One entry of the catalogue: ``name``, ``package``, ``loader``, ``checkpoint`` (see `assay.checkpoints`), and
        optionally ``dtype``, ``elements``, ``forces``, ``corrections`` (see
        `assay.potentials.corrections`) and ``batch_atoms``, which fixes the atoms of condensed matter per pass and
        makes the probe unnecessary.
    device : str
        ``cpu``, ``cuda`` or ``cuda:N``.
    probe : bool
        Whether to measure the budget of a pass (about two seconds on a CPU). If False, a cautious default holds.

    Raises
    ------
    UserError
        If the package has no adapter, the device does not exist, or the arguments of the loader or of a correction
        are wrong.
    PotentialFailure
        ``environment`` if the package cannot be imported, ``checkpoint`` if the weights are missing or unreadable.
    """
    name, package = entry["name"], entry["package"]
    if package not in ADAPTERS:
        raise UserError(f"models: {name}.package: no adapter for {package!r}{near_misses(package, ADAPTERS)}")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise UserError(f"device {device!r} is unknown; use cpu, cuda or cuda:N.")
    potential = _imported(ADAPTERS[package], name, package).load(entry, device)
    if potential.native:
        from assay.potentials.probe import choose_budget

        potential.budget = choose_budget(potential, fixed_atoms=entry.get("batch_atoms"), measure=probe)
    if entry.get("corrections"):
        module = _imported("assay.potentials.corrections", name, "matscipy")
        potential = module.corrected(potential, entry["corrections"], dispersion=entry.get("dispersion"))
    return potential


def _imported(module: str, name: str, package: str) -> ModuleType:
    """A module that needs a package which not every environment has."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PotentialFailure(
            "environment", f"{name}: the package {package!r} cannot be imported in this environment: {error}."
        ) from error


def checkpoint_path(entry: Mapping[str, Any]) -> Path | None:
    """The file or folder of the entry's weights, or None if they come with the package or there are none.

    Nothing is fetched here (see `assay.fetching`). Files of torch are pickles, which can run code when they are read:
    the checksum of the catalogue says that this is the file that was trusted. Without one there is a warning, except
    for what a rule of the campaign has trained.

    Raises
    ------
    PotentialFailure
        ``checkpoint`` if the weights are missing, empty, could not be fetched, or are not those of the checksum.
    """
    checkpoint = entry.get("checkpoint", "bundled")
    if not isinstance(checkpoint, Mapping):
        return None
    try:
        weights = weights_of(entry)
    except UserError as error:
        raise PotentialFailure("checkpoint", str(error)) from error
    if "sha256" not in checkpoint and not is_result(weights.path):
        log.warning(
            "%s: %s may run code when it is read, and the catalogue has no checksum of it; if you trust it, add"
            " `sha256: %s` to its checkpoint",
            entry["name"],
            weights.path,
            weights.sha256,
        )
    return weights.path


def loader_options(entry: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """The arguments of the entry's loader.

    Raises
    ------
    UserError
        If one is not among those that the adapter knows.
    """
    options = entry.get("loader") or {}
    for key in sorted(set(options).difference(known)):
        raise UserError(f"models: {entry['name']}.loader.{key}: unknown key{near_misses(key, sorted(known))}")
    return options


def declared_elements(entry: Mapping[str, Any], known: frozenset[str] | None) -> frozenset[str] | None:
    """The elements that the model knows and the entry, if it lists any, allows."""
    listed = entry.get("elements")
    if not listed or not isinstance(listed, list | tuple):
        return known
    return frozenset(listed) if known is None else known & frozenset(listed)
