"""Insertion energies, block by block, in a file that is its own checkpoint.

The energy of an insertion is E(host and guest) - E(host) - E(guest), all in the same cell, the guest's at the same
place and in the same orientation: what images and rounding do to it there, they do to it alone as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from assay.contacts import OVERLAP_FRACTION
from assay.failures import PotentialFailure
from assay.hosts import guest_at, joined
from assay.potentials.base import require_finite
from assay.widom.attempts import PACKING, Trials, read_progress, write_attempts
from assay.widom.overlaps import repulsive_everywhere

if TYPE_CHECKING:
    from assay.potentials import Potential
    from assay.potentials.batching import Budget

BLOCKS = {"interaction": 4096, "cpu": 32, "gpu": 512}
"""Insertions that are evaluated together: enough to fill passes, few enough that a kill costs little."""

CHECKPOINT_s = 60.0
"""Least time between two writings of the file."""

Report = Callable[[int, int, float], None]


def say_nothing(done: int, total: int, seconds: float) -> None:
    """A report to nobody."""


@dataclass(frozen=True)
class Inserter:
    """A potential's insertion energies in one host.

    Attributes
    ----------
    mode : str
        ``interaction`` (the potential's own, of guest and host alone), ``host graph`` (structures of which the host's
        part is made once) or ``whole structures``.
    energies : callable
        Positions of the guest's atoms (Å, shape (n, m, 3)) -> energies (eV, shape (n,)); NaN where the potential gave
        no finite number, +inf only where an interaction has a hard core.
    block : int
        Insertions that are evaluated together.
    host_energy_eV : float or None
        None where the potential has no need of it.
    """

    mode: str
    energies: Callable[[np.ndarray], np.ndarray]
    block: int
    host_energy_eV: float | None = None


def inserter(potential: Potential, host: Atoms, guest: Atoms) -> Inserter:
    """How this potential inserts a guest into a host, by the fastest way that it has.

    Raises
    ------
    PotentialFailure
        ``non_finite`` if the energy of the host is; as of `Potential.evaluate`.
    """
    if potential.interaction is not None:
        interaction = potential.interaction(host, guest)
        return Inserter("interaction", lambda positions: _numbers(interaction(positions)), BLOCKS["interaction"])
    potential.require_elements([host, guest])
    (alone,) = potential.evaluate([host], ("energy",))
    require_finite(alone, f"host {host.get_chemical_formula()}")
    in_host = potential.prepare_in_host(host) if potential.prepare_in_host else None

    def energies(positions_A: np.ndarray) -> np.ndarray:
        guests = [guest_at(guest, one, host) for one in positions_A]
        if in_host is None:
            together = potential.evaluate([joined(host, one) for one in guests], ("energy",))
        else:
            together = potential.evaluate(guests, ("energy",), prepare=in_host)
        lone = potential.evaluate(guests, ("energy",))
        found = np.array([both.energy_eV - one.energy_eV for both, one in zip(together, lone, strict=True)])
        return np.where(np.isfinite(found), found - alone.energy_eV, np.nan)

    mode = "whole structures" if in_host is None else "host graph"
    return Inserter(mode, energies, BLOCKS["cpu" if potential.device == "cpu" else "gpu"], alone.energy_eV)


def _numbers(energies_eV: np.ndarray) -> np.ndarray:
    """Energies with NaN for minus infinity, which no potential may have."""
    return np.where(np.isneginf(energies_eV), np.nan, energies_eV)


@dataclass(frozen=True)
class Rules:
    """What is done with overlaps.

    Attributes
    ----------
    fraction : float
        An insertion is an overlap if its `closest_fraction` is less.
    skip : bool
        Whether overlaps may be left out if a sample of them is repulsive.
    sample : int
        How many overlaps that sample has: the first ones of the stream, which is a random one.
    """

    fraction: float = OVERLAP_FRACTION
    skip: bool = False
    sample: int = 50


@dataclass(frozen=True)
class Outcome:
    """Energies of all insertions.

    Attributes
    ----------
    energy_eV : ndarray, shape (n,)
    skipped : ndarray of bool, shape (n,)
    overlaps : ndarray of bool, shape (n,)
    rules : Rules
    skip_reason : str or None
        Why overlaps were skipped or not; None if it was not asked for.
    sample_low_eV : float
        Least energy of the sampled overlaps; NaN if there is none.
    seconds : float
    """

    energy_eV: np.ndarray
    skipped: np.ndarray
    overlaps: np.ndarray
    rules: Rules
    skip_reason: str | None
    sample_low_eV: float
    seconds: float


def insert(
    how: Inserter,
    trials: Trials,
    path: Path,
    *,
    attributes: Mapping[str, Any],
    rules: Rules,
    budget: Budget | None = None,
    report: Report = say_nothing,
) -> Outcome:
    """Evaluate all insertions, going on where the file at `path` ends.

    Blocks end at multiples of their size, wherever a run was stopped, and the file is written after a block.

    Parameters
    ----------
    how : Inserter
    trials : Trials
    path : Path
        The raw data and the checkpoint: HDF5 with ``energy_eV``, ``closest_fraction``, ``closest_A``, ``skipped``,
        ``position_A``, ``replicate``, ``overlap_sample_energy_eV``.
    attributes : mapping
        The file's, with ``stream``: the identity of all that energies depend on, and ``device``. A file of another
        stream is ignored.
    rules : Rules
    budget : Budget, optional
        The potential's.
    report : callable
        ``report(done, total, seconds)`` after every block, with the time of one insertion in this process.

    Raises
    ------
    PotentialFailure
        ``non_finite`` if an insertion that is no overlap has no finite energy; what was done before is in the file.
    """
    known = read_progress(path, attributes["stream"], attributes["device"])
    if len(known.energy_eV) > len(trials):
        known.seconds *= len(trials) / len(known.energy_eV)
        known.energy_eV = known.energy_eV[: len(trials)]
    if budget is not None:
        for name, value in known.budget.items():
            setattr(budget, name, value)
    overlaps = trials.closest_fraction < rules.fraction
    sample = np.flatnonzero(overlaps)[: rules.sample]
    skipped, reason = np.zeros(len(trials), dtype=bool), None

    def timed(indices: np.ndarray) -> np.ndarray:
        start = time.monotonic()
        energies = how.energies(trials.positions_A[indices]) if len(indices) else np.empty(0)
        known.seconds += time.monotonic() - start
        return energies

    def write() -> None:
        if budget is not None:
            known.budget = {name: getattr(budget, name) for name in PACKING}
        write_attempts(path, trials, known, skipped, attributes)

    energy = np.full(len(trials), np.nan)
    if rules.skip:
        if len(known.sample_energy_eV) != len(sample):
            known.sample_energy_eV = timed(sample)
            write()
        allowed, reason = repulsive_everywhere(known.sample_energy_eV)
        energy[sample] = known.sample_energy_eV
        skipped = overlaps & allowed
        skipped[sample] = False
    done = len(known.energy_eV)
    energy[:done] = known.energy_eV
    first, began = done, time.monotonic()
    written = began
    while done < len(trials):
        end = min((done // how.block + 1) * how.block, len(trials))
        block = np.arange(done, end)
        pending = block[~skipped[block] & ~np.isin(block, sample if rules.skip else [])]
        energy[pending] = timed(pending)
        energy[block[skipped[block]]] = np.inf
        lost = block[np.isnan(energy[block]) & ~overlaps[block]]
        if len(lost):
            write()
            raise PotentialFailure(
                "non_finite",
                f"insertion {lost[0]} has no finite energy, and its closest contact of"
                f" {trials.closest_A[lost[0]]:.2f} Å does not explain that.",
            )
        done = end
        known.energy_eV = energy[:done]
        if time.monotonic() - written > CHECKPOINT_s:
            write()
            written = time.monotonic()
        per_insertion = (time.monotonic() - began) / (done - first)
        report(done, len(trials), per_insertion)
    known.energy_eV = energy
    write()
    low = float(np.nanmin(energy[sample], initial=np.inf))
    return Outcome(energy, skipped, overlaps, rules, reason, low if np.isfinite(low) else np.nan, known.seconds)
