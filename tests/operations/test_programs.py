"""The programs of workflow/scripts, all of them, as they are started from a command line."""

from __future__ import annotations

import runpy
import sys

import pytest
from conftest import ROOT

PROGRAMS = sorted((ROOT / "workflow/scripts").glob("*.py"))
BAD_INPUT = 2


@pytest.fixture
def ended(monkeypatch, capsys):
    """Exit code and both outputs of a program."""

    def run(program, *arguments):
        monkeypatch.setattr(sys, "argv", [str(program), *arguments])
        with pytest.raises(SystemExit) as exit_of:
            runpy.run_path(str(program), run_name="__main__")
        return exit_of.value.code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_help_explains_itself(ended, program):
    code, shown, _ = ended(program, "--help")
    assert code == 0 and "usage:" in shown and len(shown.splitlines()) > 4


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_an_unknown_option_is_told(ended, program):
    code, _, told = ended(program, "--no-such-option")
    assert code == BAD_INPUT and "usage:" in told
