"""A random sample of a phonon database: seeded, filtered, and the same wherever and whenever it is drawn.

Every material has a random number of its own, the SHA-256 of the seed and its id, and materials are visited in the
order of these numbers. A record that is added to or removed from the database moves no other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ase.data import chemical_symbols

from assay.failures import UserError, near_misses
from assay.kinds import UnreadableRecord
from assay.references.phonon_databases import IndexEntry
from assay.references.phonon_records import PhononRecord
from assay.transfers import NotThere

NOBLE_GASES = frozenset({"He", "Ne", "Ar", "Kr", "Xe", "Rn"})
METALLOIDS = frozenset({"B", "Si", "Ge", "As", "Sb", "Te", "At"})
NOT_METALS = NOBLE_GASES | METALLOIDS | {"H", "C", "N", "O", "F", "P", "S", "Cl", "Se", "Br", "I"}


@dataclass(frozen=True)
class Sample:
    """What is asked for.

    Attributes
    ----------
    n : int
        Materials.
    seed : int
    max_atoms_supercell : int or None
        Largest supercell.
    elements : frozenset of str
        The only elements that may occur; empty for all.
    exclude_elements : frozenset of str
        Elements that may not occur.
    exclude_metals : bool
        Leave out what is made of metallic elements only: the records hold no band gap.
    """

    n: int
    seed: int
    max_atoms_supercell: int | None = None
    elements: frozenset[str] = frozenset()
    exclude_elements: frozenset[str] = frozenset()
    exclude_metals: bool = False

    @classmethod
    def from_config(cls, block: Mapping[str, Any]) -> Sample:
        """From the block ``phonons.database.sample``.

        Raises
        ------
        UserError
            If an element does not exist.
        """
        for key in ("elements", "exclude_elements"):
            for symbol in block[key]:
                if symbol not in chemical_symbols[1:]:
                    hint = near_misses(symbol, chemical_symbols[1:])
                    raise UserError(f"phonons.database.sample.{key}: there is no element {symbol!r}{hint}")
        return cls(
            n=block["n"],
            seed=block["seed"],
            max_atoms_supercell=block["max_atoms_supercell"],
            elements=frozenset(block["elements"]),
            exclude_elements=frozenset(block["exclude_elements"]),
            exclude_metals=block["exclude_metals"],
        )

    def refuses_elements(self, elements: Iterable[str]) -> str | None:
        """Why a material of these elements is left out, or None."""
        elements = set(elements)
        if self.elements and not elements <= self.elements:
            return f"holds {', '.join(sorted(elements - self.elements))}"
        if elements & self.exclude_elements:
            return f"holds {', '.join(sorted(elements & self.exclude_elements))}"
        if self.exclude_metals and not elements & NOT_METALS:
            return "holds metallic elements only"
        return None

    def refuses(self, record: PhononRecord) -> str | None:
        """Why a record is left out, or None."""
        if self.max_atoms_supercell is not None and record.n_atoms_supercell > self.max_atoms_supercell:
            return f"{record.n_atoms_supercell} atoms in the supercell"
        return self.refuses_elements(record.elements)


def elements_of(formula: str) -> set[str]:
    """Elements of a formula such as ``BaPdF4``."""
    return set(re.findall(r"[A-Z][a-z]?", formula))


def visiting_order(cases: Iterable[str], seed: int) -> list[str]:
    """The cases by their random numbers."""
    return sorted(cases, key=lambda case: hashlib.sha256(f"{seed}/{case}".encode()).digest())


def select(
    candidates: Mapping[str, IndexEntry],
    sample: Sample,
    load: Callable[[str], PhononRecord],
    say: Callable[[str], None] = print,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Draw a sample.

    Parameters
    ----------
    candidates : mapping of str to IndexEntry
        All records that there are; where a formula is known, elements are judged by it and nothing is fetched.
    sample : Sample
    load : callable
        Obtains and reads a record.
    say : callable
        Called with one line per visited candidate.

    Returns
    -------
    chosen : list of str
        In visiting order: a larger `n` appends.
    visited : list of dict
        ``case``, ``chosen``, ``why_not``.

    Raises
    ------
    UserError
        If fewer than `sample.n` pass, or the network fails.
    """
    chosen: list[str] = []
    visited: list[dict[str, Any]] = []
    for case in visiting_order(candidates, sample.seed):
        if len(chosen) == sample.n:
            break
        why_not = _why_not(case, candidates[case], sample, load)
        if why_not is None:
            chosen.append(case)
        visited.append({"case": case, "chosen": why_not is None, "why_not": why_not})
        say(f"{len(chosen)}/{sample.n} {case}: {why_not or 'chosen'}")
    if len(chosen) < sample.n:
        raise UserError(
            f"phonons.database.sample.n: {sample.n} materials are asked for, but only {len(chosen)} of"
            f" {len(candidates)} pass; lower it, or loosen the filters."
        )
    return chosen, visited


def _why_not(case: str, entry: IndexEntry, sample: Sample, load: Callable[[str], PhononRecord]) -> str | None:
    if entry.formula and (refusal := sample.refuses_elements(elements_of(entry.formula))):
        return refusal
    try:
        return sample.refuses(load(case))
    except (NotThere, UnreadableRecord) as error:
        return f"unusable: {error}"
