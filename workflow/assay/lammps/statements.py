"""What LAMMPS inputs say that matters to the bridge, and scripts with points at which LAMMPS returns to Python.

A script is executed by LAMMPS itself, loops and includes and all. The bridge has to take hold of its fix once that is
defined, which can only be done from outside: behind the fix LAMMPS is made to jump to an empty file, which ends its
reading, and then to go on at a label behind the jump. Jumps of the script's own still work, also across that line.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.failures import UserError

FORCES_NEEDED = frozenset({"run", "minimize", "rerun", "dynamical_matrix", "third_order"})
"""Commands that evaluate forces."""

MONTE_CARLO_WITHOUT_FORCES = frozenset({"gcmc", "widom"})
"""Fixes that only ask the whole force field for energies if they are told to."""

LAST_LINE = "Last input line:"
"""What precedes the line in LAMMPS's messages."""

HERE = "assay_here"
"""Variable that tells at which line of the script LAMMPS has returned."""

FAILED = "assay_failed"
"""Variable that is 1 when the calculator has failed; defined before a script is read."""


@dataclass(frozen=True)
class Statement:
    """One command of an input: its first and last line (from 1) and its words, quotes kept, comments dropped."""

    first: int
    last: int
    words: tuple[str, ...]

    @property
    def external(self) -> str | None:
        """The name of the fix if the statement defines a fix of style ``external``."""
        is_external = len(self.words) > 3 and self.words[0] == "fix" and self.words[3] == "external"
        return self.words[1] if is_external else None


def statements(text: str) -> Iterator[Statement]:
    """The commands of an input: lines joined where they end with ``&``, texts in triple quotes taken as one."""
    first, parts, quoted = 1, [], False
    for number, line in enumerate(text.splitlines(), start=1):
        if not parts:
            first = number
        quoted ^= line.count('"""') % 2 == 1
        bare = line if quoted or '"""' in line else _without_comment(line)
        continued = bare.rstrip().endswith("&")
        parts.append(bare.rstrip()[:-1] if continued else bare)
        if not (continued or quoted):
            words = tuple(" ".join(parts).split())
            if words:
                yield Statement(first, number, words)
            parts = []


def _without_comment(line: str) -> str:
    quote = ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            return line[:place]
    return line


@dataclass
class Rules:
    """What an input must not do with a bridge, checked statement by statement.

    Parameters
    ----------
    bridges : set of str
        Names of the bridge's fixes.
    pair_A, skin_A, user_A : float or None
        Cutoff of ``pair_style zero``, skin of neighbour lists and cutoff of ``comm_modify``, as far as the statements
        tell: ghost atoms are kept within the sum of the first two, or the third if it is larger.
    """

    bridges: set[str]
    pair_A: float | None = None
    skin_A: float | None = 2.0
    user_A: float | None = 0.0

    def check(self, statement: Statement, origin: str) -> None:
        """Raise if a statement would make results wrong without a word from LAMMPS.

        Parameters
        ----------
        statement : Statement
        origin : str
            Where it stands, for the message.

        Raises
        ------
        UserError
            If a fix of style ``external`` acts on less than all atoms or not at every step, if the bridge's energy is
            switched off, if a Monte Carlo fix does not ask for it, or if it looks for overlaps farther than there are
            ghost atoms.
        """
        if statement.external:
            self.bridges.add(statement.external)
        match statement.words:
            case ("fix", _, _, "external", *_) if statement.words[2] != "all" or statement.words[4:] != (
                "pf/callback",
                "1",
                "1",
            ):
                raise UserError(
                    f"{origin}: the fix must act on all atoms at every step; write"
                    f" `fix {statement.words[1]} all external pf/callback 1 1`."
                )
            case ("fix", name, _, style, *arguments) if style in MONTE_CARLO_WITHOUT_FORCES:
                self._check_monte_carlo(name, style, arguments, origin)
            case ("fix_modify", name, *options) if name in self.bridges and _switched_off(options):
                raise UserError(
                    f"{origin}: `fix_modify {name}` takes the potential's energy or virial from the system; remove it."
                )
            case ("pair_style", "zero", cutoff, *_):
                self.pair_A = _number(cutoff)
            case ("pair_style", *_):
                self.pair_A = None
            case ("neighbor", skin, *_):
                self.skin_A = _number(skin)
            case ("comm_modify", *arguments) if "cutoff" in arguments[:-1]:
                self.user_A = _number(arguments[arguments.index("cutoff") + 1])

    def _check_monte_carlo(self, name: str, style: str, arguments: list[str], origin: str) -> None:
        if "full_energy" not in arguments:
            raise UserError(
                f"{origin}: without the keyword `full_energy` fix {style} does not ask for the potential's energy and"
                f" the gas is ideal; add it to fix {name}."
            )
        if "overlap_cutoff" in arguments[:-1]:
            overlap_A = _number(arguments[arguments.index("overlap_cutoff") + 1])
            if None in (overlap_A, self.pair_A, self.skin_A, self.user_A):
                return
            ghosts_A = max(self.pair_A + self.skin_A, self.user_A)
            if overlap_A > ghosts_A:
                raise UserError(
                    f"{origin}: fix {name} looks for overlaps within {overlap_A:g} Å but images of atoms are only known"
                    f" within {ghosts_A:g} Å; put `comm_modify cutoff {overlap_A:g}` before it."
                )


def _switched_off(options: list[str]) -> bool:
    return any(
        key in ("energy", "virial") and value in ("no", "off", "false") for key, value in itertools.pairwise(options)
    )


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


@dataclass(frozen=True)
class Script:
    """An input in which LAMMPS returns to Python behind every fix of the bridge.

    Attributes
    ----------
    path : Path
        The user's file.
    lines : list of str
        Its lines.
    text : str
        What LAMMPS gets to read.
    fixes : dict of str to str
        The fix that has just been defined, by the value that `HERE` has at a return.
    """

    path: Path
    lines: list[str]
    text: str
    fixes: dict[str, str]

    def where(self, message: str) -> str:
        """The line that LAMMPS's error message is about: its number, or its words where it stands there twice."""
        last = message.partition(LAST_LINE)[2].partition("\n")[0]
        words = _without_comment(last).split()
        numbers = [number for number, line in enumerate(self.lines, start=1) if _without_comment(line).split() == words]
        if len(numbers) == 1:
            return f"{self.path}: line {numbers[0]}"
        return f"{self.path}: `{' '.join(words)}`" if words else str(self.path)


def script_with_returns(path: Path, fix: str, empty: Path) -> Script:
    """Read a script, check it, and put the points of return in.

    The fix is taken to be where the script has a line ``fix NAME all external pf/callback 1 1``. Where it has none, up
    to the end or to a ``clear``, which removes all fixes, one is put before the first command that needs forces.
    Behind such commands the reading ends if the calculator has failed.

    Parameters
    ----------
    path : Path
    fix : str
        Name of the fix where the script has none.
    empty : Path
        An empty file.

    Raises
    ------
    UserError
        If the file is missing, breaks a rule, or has neither the fix nor a command that needs forces.
    """
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file; give the path of a LAMMPS input.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as a text ({error}); give the path of a LAMMPS input.") from error
    lines, rules, found = text.splitlines(), Rules({fix}), list(statements(text))
    for statement in found:
        rules.check(statement, f"{path}: line {statement.first}")
    written = {statement.last: statement.external for statement in found if statement.external}
    added = _missing(found)
    if not written and not added:
        raise UserError(
            f"{path}: there is neither a run nor a fix of the bridge in this file; put"
            f" `fix {fix} all external pf/callback 1 1` behind the definition of the box."
        )
    evaluations = {statement.last for statement in found if statement.words[0] in FORCES_NEEDED}
    ends = {statement.first for statement in found if statement.words == ("quit",)}
    made = []
    for number, line in enumerate(lines, start=1):
        if number in added:
            made += [f"fix {fix} all external pf/callback 1 1", *_return(number, empty)]
        # quit would end the process of Python, with what it has not yet written
        made.append(f'jump "{empty}"' if number in ends else line)
        if number in written:
            made += _return(number, empty)
        if number in evaluations:
            made.append(f"""if "${{{FAILED}}} > 0" then 'jump "{empty}"'""")
    fixes = {str(number): name for number, name in (written | dict.fromkeys(added, fix)).items()}
    return Script(path, lines, "\n".join(made) + "\n", fixes)


def _missing(found: list[Statement]) -> set[int]:
    """The lines before which the fix has to be put: one for each part of a script that has none."""
    parts: list[list[Statement]] = [[]]
    for statement in found:
        if statement.words[0] == "clear":
            parts.append([])
        parts[-1].append(statement)
    lines = set()
    for part in parts:
        if not any(statement.external for statement in part):
            lines |= {next((statement.first for statement in part if statement.words[0] in FORCES_NEEDED), 0)}
    return lines - {0}


def label_after(place: int | str) -> str:
    """The label to go on from after a return."""
    return f"assay_after_{place}"


def _return(place: int, empty: Path) -> list[str]:
    return [f"variable {HERE} string {place}", f'jump "{empty}"', f"label {label_after(place)}"]
