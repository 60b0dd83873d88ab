"""The pages of docs: every command in them works as it stands, every file and link that they name is there."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from conftest import ROOT, copy_project
from typed_commands import typed

from assay.campaign import CHAPTERS

PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "running-on-a-cluster.md")
BLOCKS = [
    pytest.param(block, id=f"{path.relative_to(ROOT / 'docs')}-{number}")
    for path in PAGES
    for number, block in enumerate(re.findall(r"```bash\n(.*?)```", path.read_text(), re.DOTALL))
]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("docs") / "campaign").root


@pytest.mark.parametrize("block", BLOCKS)
def test_commands_work_as_they_stand(campaign, block):
    for line in block.splitlines():
        run = subprocess.run(typed(line), cwd=campaign, capture_output=True, text=True, check=False)
        nothing_selected = 5
        assert run.returncode in (0, nothing_selected if "nothing-of-this-name" in line else 0), run.stdout + run.stderr


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_the_files_that_are_named_exist(path):
    names = re.findall(
        r"`?((?:docs|profiles|benchmarks|config|workflow|resources|tests)/[\w./-]+\.\w+)`?", path.read_text()
    )
    assert [name for name in names if not (ROOT / name).exists()] == []


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
