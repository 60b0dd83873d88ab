"""Which model for my job? Rank the models of a campaign for a job, with the numbers, the costs and the caveats.

Only the tables are read (results/tables/*.csv). Example:

    python workflow/scripts/recommend.py --job "phonons of oxides, 500 atoms, must conserve energy"

Options are laid over what the text says.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from assay.failures import UserError
from assay.records import plain
from assay.report.job_words import Job, parse_formula, understand
from assay.report.recommendation import recommend
from assay.report.recommendation_text import as_json, as_text
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        job, unknown = understand(arguments.job) if arguments.job else (Job(), [])
        job = _with_options(job, arguments)
        tables = read_tables(arguments.results)
        found = recommend(tables, job, speed_system=arguments.speed_system, seed=arguments.seed)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(plain(as_json(found, unknown)), indent=1) if arguments.json else as_text(found, unknown))
    return 0


def read_tables(results: Path) -> dict:
    """All tables of a campaign by name.

    Raises
    ------
    UserError
        If there are none.
    """
    paths = sorted((results / "tables").glob("*.csv"))
    if not paths:
        raise UserError(f"{results / 'tables'}: there are no tables; `snakemake tables` makes them.")
    return {path.stem: read_table(path) for path in paths}


def weights(text: str) -> dict[str, float]:
    """Weights of chapters, such as ``phonons=2,gas=1`` or ``phonons,gas``."""
    found = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        try:
            found[name.strip()] = float(weight or 1)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{part!r}: expected a chapter and a number, such as phonons=2") from error
        if not 0 <= found[name.strip()] < float("inf"):
            raise argparse.ArgumentTypeError(f"{part!r}: a weight is zero or more")
    return found


def elements(text: str) -> tuple[str, ...]:
    """Symbols of elements, such as ``Mg,O``."""
    symbols = tuple(part.strip() for part in text.split(","))
    for symbol in symbols:
        if parse_formula(symbol) != [symbol]:
            raise argparse.ArgumentTypeError(f"{symbol!r} is no element")
    return symbols


def positive(text: str) -> float:
    """A number above zero."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above zero")
    return value


def _with_options(job: Job, arguments: argparse.Namespace) -> Job:
    given = {
        "chapters": arguments.chapters,
        "elements": arguments.elements,
        "n_atoms": None if arguments.atoms is None else round(arguments.atoms),
        "device": arguments.device,
        "conservative": arguments.conservative or None,
        "dispersion": arguments.dispersion or None,
        "licence": arguments.licence,
        "level_of_theory": arguments.level_of_theory,
        "max_s_per_step": arguments.max_s_per_step,
    }
    return replace(job, **{key: value for key, value in given.items() if value is not None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", help="the job in words; what is not in the vocabulary is named and left out")
    parser.add_argument("--chapters", type=weights, help="chapters with their weights, such as phonons=2,gas=1")
    parser.add_argument("--elements", type=elements, help="elements of the system, such as Mg,O")
    parser.add_argument("--atoms", type=positive, help="number of atoms of the system")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="where it shall run")
    parser.add_argument("--conservative", action="store_true", help="forces must be the gradient of the energy")
    parser.add_argument("--dispersion", action="store_true", help="dispersion must be in the training data, or added")
    parser.add_argument("--licence", help="commercial, open, or how the licence's name begins, such as MIT")
    parser.add_argument("--level-of-theory", help="functional that the model must reproduce, such as PBE or r2SCAN")
    parser.add_argument("--max-s-per-step", type=positive, help="longest time of a step (s) at that number of atoms")
    parser.add_argument("--speed-system", help="kind of system whose times are quoted, as in the speed table")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the campaign's results")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
