"""The pages of docs: every command in them works as it stands, every file and link that they name is there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, copy_project
from made_up_tables import tables, write_tables
from typed_commands import commands, commands_in_sentences, typed

from assay.campaign import CHAPTERS

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHERS = [ROOT / "config/README.md", ROOT / "profiles/README.md", *sorted((ROOT / "resources").rglob("*.md"))]
# its commands need the folders that test_cluster_guide.py makes
COMMANDS = {
    command: f"{page.stem}-{number}"
    for page in PAGES
    if page.name != "running-on-a-cluster.md"
    for number, command in enumerate(commands(page.read_text()))
}
IN_SENTENCES = sorted(
    {command for page in [*PAGES, *OTHERS] for command in commands_in_sentences(page.read_text())}
    # these are linted elsewhere, or plan nothing in a campaign that names no data set
    - {"snakemake --lint", "snakemake datasets"}
)
NOTHING_SELECTED = 5
ENVS = Path(os.environ.get("ASSAY_ENVS", ROOT / ".envs"))
SCRIPT = """units metal
lattice fcc 3.6
region box block 0 1 0 1 0 1
create_box 1 box
create_atoms 1 box
mass 1 63.546
run 0
"""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A clone with built environments, tables of three campaigns, a campaign's file and an input of LAMMPS."""
    root = copy_project(tmp_path_factory.mktemp("docs") / "campaign").root
    for name in ("results", "results_a", "results_b"):
        write_tables(root / name, tables())
    (root / ".envs").symlink_to(ENVS.resolve())
    (root / "in.script").write_text(SCRIPT)
    (root / "my.yaml").write_text("models: [chgnet-0.3.0]\n")
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=COMMANDS.values())
def test_commands_work_as_they_stand(campaign, command):
    if "--potential chgnet" in command and not (ENVS / "chgnet").exists():
        pytest.skip("the environment of CHGNet is not built; run `make environments`")
    run = subprocess.run(typed(command), cwd=campaign, capture_output=True, text=True, check=False)
    assert run.returncode == (NOTHING_SELECTED if "nothing-of-this-name" in command else 0), run.stdout + run.stderr


@pytest.mark.parametrize("command", IN_SENTENCES)
def test_commands_in_sentences_work_too(campaign, command):
    run = subprocess.run(typed(command), cwd=campaign, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_readme_shows_its_commands():
    assert len(commands((ROOT / "README.md").read_text())) > 10


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_files_that_are_named_exist(path):
    names = re.findall(
        r"`?((?:docs|profiles|benchmarks|config|workflow|resources|tests)/[\w./-]+\.\w+)`?", path.read_text()
    )
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", [*PAGES, *OTHERS], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
    assert [name for name in targets if "://" not in name and not (path.parent / name).exists()] == []


def test_every_chapter_has_a_page_with_its_limits_and_sources():
    for chapter in CHAPTERS:
        text = (ROOT / f"docs/protocols/{chapter}.md").read_text()
        assert "## Known limits" in text and f"results/tables/{chapter}.csv" in text, chapter
        if chapter not in ("speed", "conformance"):
            assert "https://doi.org/" in text, chapter


def test_the_citation_has_what_the_format_asks_for():
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= content.keys()


def test_makefile_gives_programs_options_that_they_have():
    calls = re.findall(r"(workflow/scripts/\w+\.py)((?: [^\s$&|]+)*)", (ROOT / "Makefile").read_text())
    assert len(calls) > 3
    for program, arguments in calls:
        for option in re.findall(r"--[a-z-]+", arguments):
            assert f'"{option}"' in (ROOT / program).read_text(), f"{program} {option}"
