"""What inputs are read as, what they must not do, and where LAMMPS is made to return."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.failures import UserError
from assay.lammps.elements import numbers_of_types
from assay.lammps.statements import HERE, Rules, script_with_returns, statements

FIX = "fix ase all external pf/callback 1 1"


def checked(*lines):
    rules = Rules({"assay"})
    for line in lines:
        for statement in statements(line):
            rules.check(statement, "here")


def test_statements_are_joined_and_bare_of_comments():
    text = (
        'units metal # run\n\n  fix 1 all &\n  nve # & \nprint """\nrun 10\n""" file x\nprint "# no comment"\nrun 1\n'
    )
    found = list(statements(text))
    assert [(one.first, one.last) for one in found] == [(1, 1), (3, 4), (5, 7), (8, 8), (9, 9)]
    assert found[1].words == ("fix", "1", "all", "nve")
    assert found[2].words[0] == "print" and found[3].words == ("print", '"#', "no", 'comment"')


@given(
    st.lists(st.sampled_from(["run 1", "fix 1 all &", "nve", "# run", "", 'print """', '"""', "a & b"]), max_size=12)
)
def test_statements_cover_no_line_twice(lines):
    found = list(statements("\n".join(lines)))
    assert all(one.first <= one.last <= len(lines) for one in found)
    assert all(one.last < other.first for one, other in itertools.pairwise(found))


@pytest.mark.parametrize(
    "line",
    [
        "fix mc gas gcmc 1 10 10 1 123 300 0.0 0.5 pressure 10",
        "fix w gas widom 1 10 1 123 300",
        "fix ase gas external pf/callback 1 1",
        "fix ase all external pf/callback 10 10",
        "fix ase all external pf/array 1",
        "fix_modify assay energy no",
        "fix_modify assay virial off",
    ],
)
def test_what_would_be_wrong_in_silence_is_refused(line):
    with pytest.raises(UserError, match=r"^here: ") as told:
        checked(line)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "line",
    [
        "fix mc gas gcmc 1 10 10 1 123 300 0.0 0.5 pressure 10 full_energy",
        FIX,
        "fix_modify thermostat energy no",
        "fix_modify assay energy yes virial yes",
        "run 10",
    ],
)
def test_what_is_right_passes(line):
    checked(line)


def test_overlaps_are_looked_for_no_farther_than_images_are_known():
    trial = "fix mc gas gcmc 1 10 10 1 123 300 0.0 0.5 full_energy overlap_cutoff 3.5"
    pair = "pair_style zero 1.0 nocoeff"
    with pytest.raises(UserError, match=r"comm_modify cutoff 3\.5"):
        checked(pair, trial)
    checked(pair, "comm_modify cutoff 3.5", trial)
    checked("pair_style zero 1.6 nocoeff", trial)
    checked("pair_style lj/cut 10", trial)
    with pytest.raises(UserError, match="within 2 Å"):
        checked(pair, "neighbor 1.0 bin", trial)


def written(tmp_path, text):
    path = tmp_path / "in.script"
    path.write_text(text)
    return script_with_returns(path, "assay", tmp_path / "empty")


def test_lammps_returns_behind_the_fix(tmp_path):
    script = written(tmp_path, f"units metal\n{FIX}\nrun 1\n")
    lines = script.text.splitlines()
    assert lines[1] == FIX and lines[2] == f"variable {HERE} string 2" and lines[3].startswith("jump ")
    assert lines[4].startswith("label ") and lines[5] == "run 1"
    assert script.fixes == {"2": "ase"}


def test_the_fix_is_put_before_the_first_command_that_needs_forces(tmp_path):
    script = written(tmp_path, "units metal\nminimize 0 &\n 0 1 1\nrun 1\n")
    lines = script.text.splitlines()
    assert lines[1] == "fix assay all external pf/callback 1 1" and lines[5:7] == ["minimize 0 &", " 0 1 1"]
    assert script.fixes == {"2": "assay"}


def test_every_part_between_clears_has_the_fix(tmp_path):
    script = written(tmp_path, f"run 1\nrun 1\nclear\nrun 1\n{FIX}\nrun 1\nclear\nclear\nminimize 0 0 1 1\n")
    assert script.fixes == {"1": "assay", "5": "ase", "9": "assay"}


def test_every_fix_is_a_return_and_quit_ends_the_reading(tmp_path):
    script = written(tmp_path, f"{FIX}\nrun 1\nclear\n{FIX}\nrun 1\nquit\n")
    assert script.fixes == {"1": "ase", "4": "ase"}
    lines = script.text.splitlines()
    assert "quit" not in lines and sum(line.startswith("jump ") for line in lines) == 3
    assert sum(line.startswith("if ") for line in lines) == 2


def test_a_script_without_a_place_for_the_fix_is_refused(tmp_path):
    with pytest.raises(UserError, match="neither a run nor a fix"):
        written(tmp_path, "units metal\ninclude other.in\n")
    with pytest.raises(UserError, match="no such file"):
        script_with_returns(tmp_path / "missing.in", "assay", tmp_path / "empty")


def test_errors_are_found_in_the_users_file(tmp_path):
    script = written(tmp_path, f"run 1 # first\n{FIX}\nrun 2\nrun 2\n")
    assert script.where("ERROR: x (src/y.cpp:1)\nLast input line: run 1 # first\n  ^").endswith("in.script: line 1")
    assert script.where("ERROR: x\nLast input line: run 2").endswith("in.script: `run 2`")
    assert script.where("ERROR: x").endswith("in.script")


def test_types_are_told_by_their_masses_or_by_name():
    masses = [0.0, 24.3, 16.0, 1.0, 2.014]
    assert numbers_of_types(4, {4: "H"}, masses).tolist() == [0, 12, 8, 1, 1]
    assert numbers_of_types(1, {1: "Cu"}, None).tolist() == [0, 29]


@pytest.mark.parametrize(
    ("named", "masses", "word"),
    [
        ({}, [0.0, 2.014], "no element"),
        ({}, [0.0, 208.981], "Bi or Po"),
        ({}, None, "types have no masses"),
        ({1: "Cx"}, None, "no element has this symbol"),
        ({2: "C"}, [0.0, 12.0], "1 to 1"),
    ],
)
def test_types_that_cannot_be_told_are_one_sentence(named, masses, word):
    with pytest.raises(UserError, match=word) as told:
        numbers_of_types(1, named, masses)
    assert "\n" not in str(told.value)
