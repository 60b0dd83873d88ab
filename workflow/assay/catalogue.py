"""The catalogue of potentials: read, completed by what entries inherit, and validated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.failures import UserError, near_misses
from assay.validation import SCHEMAS, read_schema, read_yaml, validate


def load_catalogue(path: Path) -> dict[str, dict[str, Any]]:
    """Read and validate a catalogue, each entry with the keys that it has from its base.

    Raises
    ------
    UserError
        One sentence with the file, the entry, the key and the remedy.
    """
    catalogue = read_yaml(path)
    if isinstance(catalogue, Mapping):
        catalogue = {name: _completed(name, catalogue, path) for name in catalogue}
    validate(catalogue, catalogue_schema(), [path])
    return catalogue


def catalogue_schema() -> dict[str, Any]:
    """The schema of a catalogue, with what the loader of each package takes (workflow/schemas/loaders)."""
    schema = read_schema("models")
    loaders = {path.stem: read_yaml(path) for path in sorted((SCHEMAS / "loaders").glob("*.yaml"))}
    entry = schema["additionalProperties"]
    entry["properties"]["package"]["enum"] = list(loaders)
    entry["allOf"] = [
        {"if": {"properties": {"package": {"const": package}}}, "then": {"properties": {"loader": loader}}}
        for package, loader in loaders.items()
    ]
    return schema


def _completed(name: str, catalogue: Mapping[str, Any], path: Path, heirs: tuple[str, ...] = ()) -> Any:
    """An entry with the keys of its base, and of the base's base, that it does not have itself."""
    entry = catalogue[name]
    base = entry.get("base") if isinstance(entry, Mapping) else None
    if not isinstance(base, str):
        return entry
    if base not in catalogue:
        raise UserError(f"{path}: {name}.base: {base!r} is not in the catalogue{near_misses(base, catalogue)}")
    if base in (*heirs, name):
        circle = " -> ".join([*heirs, name, base])
        raise UserError(f"{path}: {name}.base: these entries are each other's base: {circle}; remove one of the keys.")
    inherited = _completed(base, catalogue, path, (*heirs, name))
    return {**inherited, **entry} if isinstance(inherited, Mapping) else entry
