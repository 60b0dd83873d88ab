"""All trial insertions of a case, and the file of those whose energies are known: raw data and checkpoint in one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms

from assay.contacts import Contacts
from assay.hosts import placed
from assay.records import atomic_path
from assay.widom.sampling import Insertions

FILE = "insertions.h5"
PACKING = ("atoms_per_pass", "sparse_atoms_per_pass")
"""Of a potential's budget, what decides which structures share a pass."""

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Trials:
    """All insertions of a case, and how near each comes to the host.

    Attributes
    ----------
    insertions : Insertions
    centres_A : ndarray, shape (n, 3)
        The guest's centres in the prepared cell.
    positions_A : ndarray, shape (n, m, 3)
        The guest's atoms in the host that is evaluated.
    closest_fraction, closest_A : ndarray, shape (n,)
        See `assay.contacts.Contacts.closest`.
    """

    insertions: Insertions
    centres_A: np.ndarray
    positions_A: np.ndarray
    closest_fraction: np.ndarray
    closest_A: np.ndarray

    @classmethod
    def of(cls, insertions: Insertions, prepared: Atoms, host: Atoms, guest: Atoms) -> Trials:
        """Of insertions into a host's cell, which may have been relaxed since it was prepared."""
        positions = placed(guest, insertions.fractional @ host.cell.array, insertions.quaternions)
        closest = Contacts.of(host, guest).closest(positions)
        return cls(insertions, insertions.fractional @ prepared.cell.array, positions, *closest)

    def __len__(self) -> int:
        return len(self.insertions)


@dataclass
class Progress:
    """What is known so far; what the file holds.

    Attributes
    ----------
    energy_eV : ndarray, shape (k,)
        Of the first k insertions; +inf where skipped.
    sample_energy_eV : ndarray, shape (s,)
        Of the sampled overlaps, if they were evaluated ahead.
    seconds : float
        Time that all evaluations took.
    budget : dict
        How structures were packed into passes, so that a run that is resumed rounds as it would have.
    """

    energy_eV: np.ndarray = field(default_factory=lambda: np.empty(0))
    sample_energy_eV: np.ndarray = field(default_factory=lambda: np.empty(0))
    seconds: float = 0.0
    budget: dict[str, int] = field(default_factory=dict)


def write_attempts(
    path: Path, trials: Trials, known: Progress, skipped: np.ndarray, attributes: Mapping[str, Any]
) -> None:
    """Write the insertions whose energies are known, atomically."""
    count = len(known.energy_eV)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["energy_eV"] = known.energy_eV
        file["closest_fraction"] = trials.closest_fraction[:count]
        file["closest_A"] = trials.closest_A[:count]
        file["skipped"] = skipped[:count]
        file["position_A"] = trials.centres_A[:count]
        file["replicate"] = trials.insertions.replicate[:count]
        file["overlap_sample_energy_eV"] = known.sample_energy_eV
        file.attrs.update({**attributes, **known.budget, "n_insertions": count, "seconds": known.seconds})


def read_progress(path: Path, stream: str, device: str) -> Progress:
    """What a run that was stopped has left; nothing if the file is missing, damaged, or of another stream.

    How passes were packed is only of use on the same device.
    """
    if not path.exists():
        return Progress()
    try:
        with h5py.File(path, "r") as file:
            if file.attrs["stream"] != stream:
                log.info("%s belongs to other settings; starting anew", path)
                return Progress()
            budget = {name: int(file.attrs[name]) for name in PACKING if name in file.attrs}
            return Progress(
                energy_eV=file["energy_eV"][:],
                sample_energy_eV=file["overlap_sample_energy_eV"][:],
                seconds=float(file.attrs["seconds"]),
                budget=budget if file.attrs["device"] == device else {},
            )
    except (OSError, KeyError) as error:
        log.warning("%s is damaged (%s); starting anew", path, error)
        return Progress()
