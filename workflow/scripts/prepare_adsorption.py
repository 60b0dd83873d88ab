"""Write the hosts and guests that every model gets, and an index of their states: fugacity, gas density, pores."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from scipy import constants

from assay.adsorption.gas_law import GasState, critical_point, peng_robinson
from assay.adsorption.pores import pore_fraction
from assay.failures import UserError
from assay.frameworks import read_framework, read_molecule
from assay.hosts import make_system, write_system
from assay.records import file_sha256, fingerprint, write_json


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, help="files, temperature and pressure by case, as JSON")
    parser.add_argument("--settings", required=True, help="settings of the calculations, as JSON")
    parser.add_argument("--by-model", default="{}", help="settings of single models, as JSON")
    parser.add_argument("--cases-by-model", default="{}", help="cases of models that do not go through all, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the campaign")
    parser.add_argument("--index", type=Path, required=True, help="index to write; systems go beside it")
    arguments = parser.parse_args(argv)
    settings = json.loads(arguments.settings)
    plan = json.loads(arguments.plan)
    try:
        systems = {facts["system"]: prepare(arguments.index, facts, arguments.seed) for facts in plan.values()}
        cases = {
            case: systems[facts["system"]] | state(facts, systems[facts["system"]], settings["equation_of_state"])
            for case, facts in plan.items()
        }
        for case, facts in cases.items():
            facts["sha256"] = fingerprint(facts["sha256"], case, arguments.seed, facts["fugacity_Pa"])
        content = {
            "settings": settings,
            "seed": arguments.seed,
            "by_model": json.loads(arguments.by_model),
            "cases_by_model": json.loads(arguments.cases_by_model),
            "cases": cases,
        }
        write_json(arguments.index, content)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"prepared {len(cases)} states of {', '.join(systems)}")
    return 0


def prepare(index: Path, facts: dict, seed: int) -> dict:
    """Write one host and its guest; returns what an index says of them."""
    system = make_system(
        read_framework(Path(facts["framework"]), primitive=facts["primitive"]), read_molecule(Path(facts["guest"]))
    )
    files = write_system(index.parent / index.stem / facts["system"], system)
    fraction, stderr = pore_fraction(system.host, seed)
    return {
        "system": facts["system"],
        **{part: str(path.relative_to(index.parent)) for part, path in files.items()},
        "sha256": fingerprint(*(file_sha256(path) for path in files.values())),
        "guest_mass_u": float(system.guest.get_masses().sum()),
        "pore_fraction": fraction,
        "pore_fraction_stderr": stderr,
        **system.facts(facts["axis"]),
    }


def state(facts: dict, system: dict, equation_of_state: str) -> dict:
    """Temperature, pressure, fugacity and density of the gas."""
    temperature_K, pressure_Pa = facts["temperature_K"], facts["pressure_bar"] * constants.bar
    if equation_of_state == "ideal":
        gas = GasState(pressure_Pa, 1.0, pressure_Pa / (constants.R * temperature_K))
    else:
        gas = peng_robinson(critical_point(system["guest_formula"], facts["critical"]), temperature_K, pressure_Pa)
    return {
        "temperature_K": temperature_K,
        "pressure_bar": facts["pressure_bar"],
        "fugacity_Pa": gas.fugacity_Pa,
        "fugacity_coefficient": gas.fugacity_coefficient,
        "gas_density_mol_m3": gas.density_mol_m3,
    }


if __name__ == "__main__":
    sys.exit(main())
