"""Force fields as files: YAML, read strictly.

Keys carry their units: ``epsilon_K`` and the like are energies divided by Boltzmann's constant, as the literature of
adsorption gives them; constants of bonds and angles are those of ``k/2 x^2``. Every file names its sources.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ase import units

from assay.failures import UserError, near_misses
from assay.potentials.force_field_pairs import Buckingham, LennardJones, Pair
from assay.potentials.force_fields import Angle, Bond, ForceField, Site

KJ_MOL = units.kJ / units.mol
MIXING = ("lorentz-berthelot", "geometric")
AT_CUTOFF = ("truncated", "shifted")
FRAMEWORK_CHARGES = ("structure", "sites", "none")

REQUIRED = {"description", "source", "mixing", "cutoff_A", "at_cutoff", "guest"}
OPTIONAL = {"framework_charges", "framework", "pairs", "bonds", "angles"}
SITE_KEYS = {"element", "epsilon_K", "sigma_A", "charge_e"}
PAIR_KEYS = {
    "lennard-jones": {"epsilon_K", "sigma_A"},
    "buckingham": {"A_K", "B_1_A", "C_K_A6"},
}
BOND_KEYS = {"sites", "length_A", "constant_kJ_mol_A2"}
ANGLE_KEYS = {"sites", "angle_deg", "constant_kJ_mol_rad2"}


def read_force_field(path: Path) -> ForceField:
    """Read a force field.

    Raises
    ------
    UserError
        If the file is missing, is not YAML, lacks a key, or has an unknown one; the sentence names file and key.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
        content = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such force field; give the path of one as `loader.file`.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    _keys(path, "", content, REQUIRED, OPTIONAL)
    framework = _sites(path, "framework", content.get("framework") or {})
    guest = _sites(path, "guest", content["guest"])
    for name in framework.keys() & guest.keys():
        raise UserError(f"{path}: guest.{name}: the framework has a site of this name too; rename one of them.")
    charges = _choice(path, "framework_charges", content.get("framework_charges", "none"), FRAMEWORK_CHARGES)
    sites = {**framework, **guest}
    for name, site in sites.items():
        if site.charge_e is None and (name in guest or charges == "sites"):
            raise UserError(f"{path}: {name}.charge_e: the key is missing; add the charge (e).")
    return ForceField(
        path=path,
        sha256=hashlib.sha256(text).hexdigest(),
        mixing=_choice(path, "mixing", content["mixing"], MIXING),
        cutoff_A=_number(path, "cutoff_A", content["cutoff_A"], above=0.0),
        shifted=_choice(path, "at_cutoff", content["at_cutoff"], AT_CUTOFF) == "shifted",
        framework_charges=charges,
        framework=framework,
        guest=guest,
        pairs=_pairs(path, content.get("pairs") or [], sites),
        bonds=tuple(
            Bond(
                tuple(entry["sites"]),
                _number(path, f"{where}.length_A", entry["length_A"], above=0.0),
                _number(path, f"{where}.constant_kJ_mol_A2", entry["constant_kJ_mol_A2"], above=0.0) * KJ_MOL,
            )
            for where, entry in _entries(path, "bonds", content.get("bonds") or [], BOND_KEYS, 2, guest)
        ),
        angles=tuple(
            Angle(
                tuple(entry["sites"]),
                _number(path, f"{where}.angle_deg", entry["angle_deg"], above=0.0),
                _number(path, f"{where}.constant_kJ_mol_rad2", entry["constant_kJ_mol_rad2"], above=0.0) * KJ_MOL,
            )
            for where, entry in _entries(path, "angles", content.get("angles") or [], ANGLE_KEYS, 3, guest)
        ),
    )


def _sites(path: Path, part: str, entries: Any) -> dict[str, Site]:
    _keys(path, part, entries, set(), entries)
    sites = {}
    for name, entry in entries.items():
        where = f"{part}.{name}"
        _keys(path, where, entry, SITE_KEYS - {"charge_e"}, SITE_KEYS)
        charge = entry.get("charge_e")
        sites[name] = Site(
            name=name,
            element=str(entry["element"]),
            epsilon_eV=_number(path, f"{where}.epsilon_K", entry["epsilon_K"], above=-1e-300) * units.kB,
            sigma_A=_number(path, f"{where}.sigma_A", entry["sigma_A"], above=0.0),
            charge_e=None if charge is None else _number(path, f"{where}.charge_e", charge),
        )
    return sites


def _pairs(path: Path, entries: Any, sites: Mapping[str, Site]) -> dict[frozenset[str], Pair]:
    pairs: dict[frozenset[str], Pair] = {}
    forms = set().union(*PAIR_KEYS.values())
    for where, entry in _entries(path, "pairs", entries, {"sites", "form"}, 2, sites, forms):
        form = _choice(path, f"{where}.form", entry["form"], tuple(PAIR_KEYS))
        _keys(path, where, entry, PAIR_KEYS[form] | {"sites", "form"}, set())
        numbers = {key: _number(path, f"{where}.{key}", entry[key], above=0.0) for key in PAIR_KEYS[form]}
        key = frozenset(entry["sites"])
        if key in pairs:
            raise UserError(f"{path}: {where}.sites: this pair is there twice; remove one.")
        if form == "lennard-jones":
            pairs[key] = LennardJones(numbers["epsilon_K"] * units.kB, numbers["sigma_A"])
            continue
        try:
            pairs[key] = Buckingham.of(numbers["A_K"] * units.kB, numbers["B_1_A"], numbers["C_K_A6"] * units.kB)
        except ValueError as error:
            raise UserError(f"{path}: {where}: {error}; check the order of A, B and C.") from error
    return pairs


def _entries(
    path: Path,
    part: str,
    entries: Any,
    required: set[str],
    count: int,
    known: Mapping[str, Site],
    optional: Iterable[str] = (),
) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a list with their places, after a check of their keys and of the sites that they name."""
    if not isinstance(entries, list):
        raise UserError(f"{path}: {part}: expected a list, got {entries!r}.")
    found = []
    for place, entry in enumerate(entries):
        where = f"{part}.{place}"
        _keys(path, where, entry, required, optional)
        names = entry["sites"]
        if not isinstance(names, list) or len(names) != count:
            raise UserError(f"{path}: {where}.sites: expected {count} names of sites, got {names!r}.")
        for name in names:
            if name not in known:
                raise UserError(f"{path}: {where}.sites: unknown site {name!r}{near_misses(name, known)}")
        found.append((where, entry))
    return found


def _keys(path: Path, where: str, entry: Any, required: set[str], optional: Iterable[str]) -> None:
    place = f"{where}: " if where else ""
    if not isinstance(entry, dict):
        raise UserError(f"{path}: {place}expected a mapping, got {entry!r}.")
    known = required | set(optional)
    for key in entry:
        if key not in known:
            raise UserError(f"{path}: {place}unknown key {key!r}{near_misses(key, sorted(known))}")
    for key in sorted(required - entry.keys()):
        raise UserError(f"{path}: {place}the key {key!r} is missing; add it.")


def _choice(path: Path, where: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UserError(f"{path}: {where}: unknown value {value!r}{near_misses(str(value), allowed)}")
    return value


def _number(path: Path, where: str, value: Any, above: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= above:
        limit = "" if above == -math.inf else f" above {max(above, 0.0):g}"
        raise UserError(f"{path}: {where}: expected a number{limit}, got {value!r}.")
    return float(value)
