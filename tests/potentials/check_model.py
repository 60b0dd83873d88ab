"""Checks of one model inside its own environment: conformance, and errors of loading. Prints one JSON object.

.envs/sevennet/bin/python tests/potentials/check_model.py '{"name": "7net-0", "package": "sevennet", ...}'
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk

from assay.failures import PotentialFailure, UserError
from assay.potentials import Potential, load
from assay.potentials import memory as memory_module
from assay.potentials.conformance import conformance
from assay.records import plain


def answer(call: Callable[[], Any]) -> list[str]:
    """Type, reason and message of what a call raises."""
    try:
        call()
    except (PotentialFailure, UserError) as error:
        return [type(error).__name__, getattr(error, "reason", ""), str(error)]
    return ["nothing", "", ""]


def half(file: Path) -> bytes:
    """What is there of a file of which the second half was lost."""
    content = file.read_bytes()
    return content[: len(content) // 2]


def loading_errors(entry: dict[str, Any]) -> dict[str, list[str]]:
    """What a missing, an empty and a truncated checkpoint say, an unknown model, and a GPU that is not there."""
    given = entry.get("checkpoint", "bundled")
    weights = Path(given["path"]) if isinstance(given, dict) else None
    suffix = "".join(weights.suffixes) if weights else ".pth"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if weights and weights.is_dir():
            (folder / "empty").mkdir()
            (folder / "truncated").mkdir()
            for file in weights.iterdir():
                (folder / "truncated" / file.name).write_bytes(half(file))
        else:
            (folder / f"empty{suffix}").touch()
            truncated = half(weights) if weights else b"PK\x03\x04" + bytes(1000)
            (folder / f"truncated{suffix}").write_bytes(truncated)
        answers = {
            state: answer(lambda file=folder / f"{state}{suffix}": load({**entry, "checkpoint": {"path": str(file)}}))
            for state in ("missing", "empty", "truncated")
        }
    answers["unknown"] = answer(lambda: load({**entry, "loader": {**entry["loader"], "no_such_key": 0}}))
    answers["cuda:99"] = answer(lambda: load(entry, "cuda:99"))
    return answers


def isolated_atoms_alone_and_among_others(potential: Potential) -> float:
    """Largest deviation (eV) of structures without any edge between a pass of their own and one with a crystal."""
    lone = [Atoms("Si", cell=[25.0] * 3, pbc=True), Atoms("Si"), Atoms("Si2", positions=[(0, 0, 0), (20.0, 0, 0)])]
    alone = [potential.evaluate([atoms])[0].energy_eV for atoms in lone]
    among = [result.energy_eV for result in potential.evaluate([bulk("Si"), *lone, bulk("Si")])[1:-1]]
    return float(np.abs(np.subtract(alone, among)).max())


def halvings_in_little_memory(potential: Potential, room_MB: float = 60.0) -> dict[str, Any]:
    """A pass that is too large for the memory that a process may have, on the CPU's real allocator."""
    batch = [bulk("Si", cubic=True) for _ in range(128)]
    expected = potential.evaluate(batch[:1])[0].energy_eV
    potential.budget.atoms_per_pass = potential.budget.sparse_atoms_per_pass = 8 * len(batch)
    told = memory_module.available_MB
    memory_module.available_MB = lambda: room_MB
    try:
        results = potential.evaluate(batch)
    finally:
        memory_module.available_MB = told
    worst = max(abs(result.energy_eV - expected) for result in results) / 8
    return {"halvings": len(potential.budget.halvings), "energy_eV_per_atom": worst}


def main() -> None:
    entry = json.loads(sys.argv[1])
    potential = load(entry)
    report = conformance(potential)
    report["loading"] = loading_errors(entry)
    report["isolated_eV"] = isolated_atoms_alone_and_among_others(potential)
    large = potential.native and potential.details.get("parameters", 0) > 4e5
    report["little_memory"] = halvings_in_little_memory(potential) if large else None
    print(json.dumps(plain(report)))


if __name__ == "__main__":
    main()
