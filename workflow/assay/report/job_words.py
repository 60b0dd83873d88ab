"""A job in a person's words, turned into what can be looked up in the tables.

The vocabulary is small and written down here: words for chapters, for kinds of materials, for devices and demands,
numbers of atoms, and the symbols, names and formulas of elements. What is not in it is not guessed; it is named as not
understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ase.data import atomic_names, chemical_symbols

from assay.failures import UserError, near_misses

VOCABULARY: dict[str, dict[str, str]] = {
    "chapters": {
        "diatomics": "diatomics, diatomic, dimer, dimers, pair, pairs, bond, bonds, collisions, repulsion, short range",
        "phonons": "phonons, phonon, vibrations, lattice dynamics, heat capacity, free energy, thermodynamics,"
        " band structure",
        "gas": "gas, gases, fluid, fluids, md, molecular dynamics, dynamics, diffusion, trajectories",
        "widom": "widom, insertion, insertions, henry, binding, heat of adsorption, mof, mofs, framework, frameworks,"
        " zeolite, zeolites",
        "adsorption": "adsorption, isotherm, isotherms, uptake, loading, gcmc, mof, mofs, framework, frameworks,"
        " zeolite, zeolites",
        "speed": "speed, fast, throughput, cheap",
    },
    "classes": {
        "oxides": "oxide, oxides",
        "nitrides": "nitride, nitrides",
        "carbides": "carbide, carbides",
        "sulfides": "sulfide, sulfides, sulphide, sulphides",
        "halides": "halide, halides, fluoride, fluorides, chloride, chlorides, bromide, bromides, iodide, iodides,"
        " salts",
        "metals": "metal, metals, alloy, alloys, metallic",
        "noble gases": "noble gas, noble gases, rare gas, rare gases",
    },
    "elements": {
        "C O": "carbon dioxide",
        "H O": "water",
        "C H": "methane",
        "H N": "ammonia",
    },
    "device": {"cpu": "cpu, cpus, processor, laptop", "cuda": "cuda, gpu, gpus"},
    "conservative": {"yes": "must conserve energy, conserves energy, energy conserving, conservative, nve"},
    "dispersion": {"yes": "with dispersion, dispersion, van der waals, vdw"},
    "licence": {
        "commercial": "commercial licence, commercial license, commercial use, commercial",
        "open": "open licence, open license, open source, free licence, free license",
    },
    "level_of_theory": {
        level: level for level in ("PBE", "PBE(+U)", "PBEsol", "r2SCAN", "SCAN", "RPBE", "B3LYP", "wB97M-V")
    },
}
"""Phrases by what they say, in any case of letters; a phrase in two entries says both. Blanks may be hyphens."""

IGNORED = frozenset(
    "a about an and are as at atom atoms be by calculate calculations compute crystal crystals do for from help i"  # noqa: SIM905
    " in is it its materials molecules must my need no not of on or please run simulate simulating simulation"
    " simulations solid solids some something system systems that the them to up use using want we with without"
    " would".split()
)
"""Words that say nothing that a table could answer."""

_QUANTITY = re.compile(r"\d+(?:\.\d+)?\s*(?:K|bar|GPa|ps|ns|fs)\b")
_SIZE = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*(k|thousand|million)?\s*[- ]?atoms?\b", re.IGNORECASE)
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)\s*(?:/|per)\s*step\b", re.IGNORECASE)
_FACTORS = {"k": 1e3, "thousand": 1e3, "million": 1e6}
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*)+")
_SYMBOLS = set(chemical_symbols[1:])
_NAMES = {name.lower(): symbol for name, symbol in zip(atomic_names[1:], chemical_symbols[1:], strict=True)}


@dataclass(frozen=True)
class Job:
    """What a potential is wanted for.

    Attributes
    ----------
    chapters : dict of str to float
        Weights of the chapters; empty: all that the campaign has, equally.
    elements : tuple of str
        That the system consists of; empty: any.
    classes : tuple of str
        Kinds of materials, of the vocabulary.
    n_atoms : int or None
    device : str or None
        ``cpu`` or ``cuda``.
    conservative, dispersion : bool
        Whether forces must be the gradient of the energy, and dispersion must be in the model.
    licence : str or None
        ``commercial``, ``open``, or how a licence's name begins.
    level_of_theory : str or None
    max_s_per_step : float or None
    """

    chapters: dict[str, float] = field(default_factory=dict)
    elements: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    n_atoms: int | None = None
    device: str | None = None
    conservative: bool = False
    dispersion: bool = False
    licence: str | None = None
    level_of_theory: str | None = None
    max_s_per_step: float | None = None

    def sentence(self) -> str:
        """All of it in words."""
        weights = ", ".join(f"{name} (weight {weight:g})" for name, weight in self.chapters.items())
        parts = [
            f"chapters: {weights or 'all'}",
            f"elements: {', '.join(self.elements)}" if self.elements else "",
            f"materials: {', '.join(self.classes)}" if self.classes else "",
            f"size: {self.n_atoms} atoms" if self.n_atoms else "",
            f"device: {self.device}" if self.device else "",
            "forces: gradient of the energy" if self.conservative else "",
            "dispersion: in the model" if self.dispersion else "",
            f"licence: {self.licence}" if self.licence else "",
            f"level of theory: {self.level_of_theory}" if self.level_of_theory else "",
            f"time of a step: at most {self.max_s_per_step:g} s" if self.max_s_per_step else "",
        ]
        return "; ".join(part for part in parts if part)


def understand(text: str) -> tuple[Job, list[str]]:
    """The job that a text describes, and the words of it that are not in the vocabulary.

    Parameters
    ----------
    text : str
        Such as ``phonons of oxides, 500 atoms, must conserve energy``.

    Raises
    ------
    UserError
        If nothing of it is understood.
    """
    found: dict[str, Any] = {}
    rest = text
    for pattern, key, read in ((_SIZE, "n_atoms", _size), (_TIME, "max_s_per_step", _seconds)):
        if match := pattern.search(rest):
            found[key] = read(match)
            rest = pattern.sub(" ", rest, count=1)
    said: dict[str, list[str]] = {}
    for phrase, meanings in _phrases():
        rest, here = _take(rest, phrase)
        for kind, entry in meanings if here else ():
            said.setdefault(kind, []).append(entry)
    unknown = _QUANTITY.findall(rest)
    symbols, words = _elements(_QUANTITY.sub(" ", rest))
    elements = [*" ".join(said.get("elements", [])).split(), *symbols]
    devices = said.get("device", [])
    job = Job(
        **found,
        chapters={name: 1.0 for name in VOCABULARY["chapters"] if name in said.get("chapters", ())},
        classes=tuple(name for name in VOCABULARY["classes"] if name in said.get("classes", ())),
        # a text that names both has no preference
        device=devices[0] if len(set(devices)) == 1 else None,
        elements=tuple(dict.fromkeys(elements)),
        conservative="conservative" in said,
        dispersion="dispersion" in said,
        licence=next(iter(said.get("licence", [])), None),
        level_of_theory=next(iter(said.get("level_of_theory", [])), None),
    )
    if job == Job():
        known = [phrase for phrase, _ in _phrases()]
        hint = near_misses(words[0], known) if words else "; name a chapter, a material or a size."
        raise UserError(f"--job: nothing of {text!r} is understood{hint}")
    return job, [*words, *unknown]


def parse_formula(text: str) -> list[str]:
    """The elements of a formula such as ``MgAl2O4``; none if it is no formula."""
    symbols = re.findall(r"[A-Z][a-z]?", text)
    return list(dict.fromkeys(symbols)) if _FORMULA.fullmatch(text) and set(symbols) <= _SYMBOLS else []


def _size(match: re.Match[str]) -> int:
    return round(float(match[1].replace(",", "")) * _FACTORS.get((match[2] or "").lower(), 1))


def _seconds(match: re.Match[str]) -> float:
    return float(match[1]) / (1000 if match[2].lower() == "ms" else 1)


@cache
def _phrases() -> list[tuple[str, list[tuple[str, str]]]]:
    """Phrases with what each says, the longest first: "heat of adsorption" holds "adsorption"."""
    meanings: dict[str, list[tuple[str, str]]] = {}
    for kind, entries in VOCABULARY.items():
        for entry, phrases in entries.items():
            for phrase in phrases.split(", "):
                meanings.setdefault(phrase, []).append((kind, entry))
    return sorted(meanings.items(), key=lambda item: -len(item[0]))


def _take(text: str, phrase: str) -> tuple[str, bool]:
    """The text without a phrase, and whether it was there."""
    words = r"[\s-]+".join(re.escape(word) for word in phrase.split())
    taken = re.sub(rf"(?<!\w)(?<!non-){words}(?![\w(+])", " ", text, flags=re.IGNORECASE)
    return taken, taken != text


def _elements(text: str) -> tuple[list[str], list[str]]:
    """Elements by symbol, name or formula, and the words that are left."""
    elements: list[str] = []
    unknown = []
    for word in re.findall(r"[^\s,;:!?-]+", text):
        word = word.strip("./'()")
        if not word or word.lower() in IGNORED:
            continue
        symbols = [_NAMES[word.lower()]] if word.lower() in _NAMES else parse_formula(word)
        elements += symbols
        unknown += [] if symbols else [word]
    return list(dict.fromkeys(elements)), unknown
