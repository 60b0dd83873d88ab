"""Why two campaigns differ, as far as the records of their jobs tell: versions, precision, device, settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.records import read_json

NO_RECORDS = "no records on one side"
NOTHING = "nothing that the records tell of"

NOT_CAUSES = frozenset({"threads", "atoms_per_pass", "MB_per_atom", "edges_per_atom"})
"""What a record has that changes the cost and not the result."""


def read_facts(results: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What decides the results of each model in each chapter, by the records of its jobs.

    Parameters
    ----------
    results : Path
        Folder of a campaign's results.

    Returns
    -------
    dict of (model, chapter) to dict
        Flat: ``package torch``, ``device``, ``setting repeats``, ``model entry dtype`` and so on. Where the jobs of a
        chapter differ, all their values.
    """
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for path in sorted((results / "models").glob("*/*/batch-*.json")):
        record = read_json(path)
        facts = found.setdefault((record["model"], record["chapter"]), {})
        for name, value in facts_of(record).items():
            facts.setdefault(name, set()).add(str(value))
    return {key: {name: ", ".join(sorted(values)) for name, values in facts.items()} for key, facts in found.items()}


def facts_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record decides its results, under names that people read."""
    environment, hardware = record.get("environment") or {}, record.get("hardware") or {}
    potential, entry = record.get("potential") or {}, record.get("entry") or {}
    settings = record.get("settings") or {}
    facts = {f"package {name}": version for name, version in (environment.get("packages") or {}).items()}
    facts |= {"Python": environment.get("python"), "device": record.get("device"), "seed": record.get("seed")}
    facts |= {"processor": hardware.get("processor"), "GPU": hardware.get("gpu")}
    facts |= {f"potential {name}": value for name, value in _flat(potential) if name not in NOT_CAUSES}
    facts |= {f"model entry {name}": value for name, value in _flat(entry)}
    facts |= {"protocol" if name == "protocol" else f"setting {name}": value for name, value in _flat(settings)}
    return facts | {"code revision": record.get("git_revision")}


def differences(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What differs between the facts of two campaigns, each as ``name: a -> b``."""
    if a is None or b is None:
        return (NO_RECORDS,)
    names = [*a, *(name for name in b if name not in a)]
    found = [f"{name}: {a.get(name, 'none')} -> {b.get(name, 'none')}" for name in names if a.get(name) != b.get(name)]
    return tuple(found) or (NOTHING,)


def causes(a: Path, b: Path, tables: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], tuple[str, ...]]:
    """What differs behind the rows of each table and model.

    Parameters
    ----------
    a, b : Path
        Folders of results.
    tables : mapping of str to iterable of str
        Models in each table that is asked for.
    """
    facts_a, facts_b = read_facts(a), read_facts(b)
    chapters = {chapter for _, chapter in (*facts_a, *facts_b)}
    found = {}
    for table, models in tables.items():
        chapter = chapter_of(table, chapters)
        for model in models:
            found[table, model] = differences(facts_a.get((model, chapter)), facts_b.get((model, chapter)))
    return found


def chapter_of(table: str, chapters: Iterable[str]) -> str:
    """The chapter whose calculations a table is made of: that with which its name begins."""
    if table == "atomic_energies":
        return "diatomics"
    return next((chapter for chapter in chapters if table == chapter or table.startswith(f"{chapter}_")), table)


def _flat(content: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Names and values of a mapping and of those within it; what batching measured of the machine is left out."""
    for name, value in content.items():
        if name == "batching":
            continue
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", one) for inner, one in _flat(value))
        else:
            yield name, value
