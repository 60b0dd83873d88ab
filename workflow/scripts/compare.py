"""What changed between two campaigns beyond errors, and what their records say of the cause.

    python workflow/scripts/compare.py results_a results_b

Exit code 0: nothing changed; 1: something did; 2: bad input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from assay.failures import UserError, near_misses
from assay.records import atomic_path
from assay.report.causes import causes
from assay.report.comparison import RELATIVE, SIGMA, as_table, compare_tables
from assay.report.comparison_text import as_text
from assay.report.descriptions import read_descriptions
from assay.tables import read_table


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    folders = (arguments.results_a, arguments.results_b)
    try:
        names = chosen_tables(*folders, arguments.table)
        descriptions = read_descriptions()
        compared, models = {}, {}
        for name in names:
            a, b = (read_table(folder / "tables" / f"{name}.csv") for folder in folders)
            compared[name] = compare_tables(
                name,
                a,
                b,
                descriptions,
                sigma=arguments.sigma,
                relative=arguments.relative,
                everything=arguments.all,
            )
            models[name] = pd.unique(pd.concat([a["model"], b["model"]]))
        found = causes(*folders, models)
        if arguments.csv:
            changes = [change for one in compared.values() for change in one.changes]
            with atomic_path(arguments.csv) as temporary:
                as_table(changes, {key: "; ".join(words) for key, words in found.items()}).to_csv(
                    temporary, index=False
                )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    only = sorted(set(table_names(folders[0])) ^ set(table_names(folders[1])))
    if only and not arguments.table:
        print(f"Only on one side, and not compared: {', '.join(only)}")
    print(as_text(compared, found, arguments.sigma))
    return int(any(one.changes for one in compared.values()))


def table_names(results: Path) -> list[str]:
    """Names of a campaign's tables."""
    return sorted(path.stem for path in (results / "tables").glob("*.csv"))


def chosen_tables(a: Path, b: Path, wanted: list[str] | None) -> list[str]:
    """The tables to compare: those that are wanted, or all that both campaigns have.

    Raises
    ------
    UserError
        If a campaign has no tables, or not the wanted one.
    """
    for folder in (a, b):
        if not table_names(folder):
            raise UserError(f"{folder / 'tables'}: there are no tables; give a campaign's folder of results.")
        for name in wanted or ():
            if name not in table_names(folder):
                raise UserError(f"{folder / 'tables'}: there is no {name}.csv{near_misses(name, table_names(folder))}")
    shared = [name for name in table_names(a) if name in table_names(b)]
    if not shared:
        raise UserError(f"{a} and {b} have no table in common; nothing can be compared.")
    return wanted or shared


def not_negative(text: str) -> float:
    """A number of zero or more."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of zero or more")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results_a", type=Path, help="folder of a campaign's results")
    parser.add_argument("results_b", type=Path, help="that of another one")
    parser.add_argument("--table", nargs="+", help="names of tables, such as phonons_summary; all in common by default")
    parser.add_argument("--all", action="store_true", help="also what differs from run to run, such as times")
    parser.add_argument(
        "--sigma", type=not_negative, default=SIGMA, help="standard errors that are a change (%(default)s)"
    )
    parser.add_argument(
        "--relative", type=not_negative, default=RELATIVE, help="relative change without errors (%(default)s)"
    )
    parser.add_argument("--csv", type=Path, help="also write all changes as CSV")
    return parser


if __name__ == "__main__":
    sys.exit(main())
