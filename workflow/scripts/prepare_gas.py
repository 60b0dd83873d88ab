"""Write the starting structures of every repeat that every model gets, and an index of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.failures import UserError
from assay.gas.systems import file_frames, gas_frames, read_structure, system_facts, write_frames
from assay.records import file_sha256, fingerprint, write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, help="system, its facts and temperature by case, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--by-model", default="{}", help="settings of single models in place of those, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write; structures go beside it")
    arguments = parser.parse_args(argv)
    settings, by_model = json.loads(arguments.settings), json.loads(arguments.by_model)
    repeats = max(block.get("repeats", settings["repeats"]) for block in (settings, *by_model.values()))
    try:
        systems: dict[str, dict[str, Any]] = {}
        cases = {}
        for case, plan in json.loads(arguments.plan).items():
            if plan["system"] not in systems:
                systems[plan["system"]] = prepare(plan, repeats, arguments)
            cases[case] = facts_of_case(plan, systems[plan["system"]], arguments.seed)
        content = {"settings": settings, "seed": arguments.seed, "by_model": by_model, "cases": cases}
        write_json(arguments.index, content)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    for name, facts in systems.items():
        print(f"{name}: {facts['n_atoms']} atoms, {facts['density_g_cm3']:.3g} g/cm³, {repeats} starts")
    return 0


def prepare(plan: Mapping[str, Any], repeats: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Write the starts of one system; returns its facts and the identity of its first start."""
    name = plan["system"]
    if plan.get("molecule"):
        molecule = read_structure(Path(plan["molecule"]))
        frames = gas_frames(
            name, molecule, count=plan["count"], box_A=plan["box_A"], repeats=repeats, seed=arguments.seed
        )
        formula = molecule.get_chemical_formula()
    else:
        frames, formula = file_frames(Path(plan["file"]), plan.get("frame") or 0, repeats), None
    file = arguments.index.parent / f"{name}.xyz"
    write_frames(file, frames)
    reference = plan.get("reference")
    if reference and not Path(reference).is_file():
        raise UserError(f"gas.systems: {name}: there is no reference trajectory {reference}; correct the path.")
    return {
        "file": file.name,
        "start": fingerprint(frames[0].arrays, frames[0].cell.array),
        **system_facts(frames[0], formula),
        "reference": reference or None,
        "reference_sha256": file_sha256(Path(reference)) if reference else None,
    }


def facts_of_case(plan: Mapping[str, Any], system: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A case in the index. Its identity is that of the first start, from whose seed the others follow.

    So a model that is given more repeats does not take away the results of the others.
    """
    facts = {key: value for key, value in system.items() if key != "start"}
    sha256 = fingerprint(system["start"], seed, plan["temperature_K"])
    return {"system": plan["system"], "temperature_K": plan["temperature_K"], "sha256": sha256, **facts}


if __name__ == "__main__":
    sys.exit(main())
