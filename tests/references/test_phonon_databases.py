"""Records from a server or a mirror, in both layouts, by the programs that the rules call."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from small_records import FileServer, alexandria_bz2, alexandria_content, mdr_yaml, mdr_zip, metal

from assay.failures import UserError
from assay.phonons.protocol import read_phonopy
from assay.phonons.references import find_reference
from assay.records import file_sha256
from assay.references.archives import unpack
from assay.references.phonon_databases import (
    DATABASES,
    MEMBER,
    Access,
    IndexEntry,
    mdr_id_of,
    parse_listing,
    parse_mdr_index,
)
from assay.transfers import Manners, NotThere

QUICK = Manners(attempts=2, timeout_s=1, pause_s=0, backoff_s=0.01)
TABLE = """# Phonon records

| Materials Project ID | Name | Space group type | URL | data-link |
| --- | --- | --- | --- | --- |
| 30 | Cu | Fm-3m (225) | https://host/datasets/ab12cd34e | [ab12cd34e.zip](https://host/download_all/ab12cd34e.zip) |
| 12623 | BaPdF4 | I4/mcm (140) | https://host/x059cc28j | [x059cc28j.zip](https://host/download_all/x059cc28j.zip) |
"""
COLUMNS = "mp_id,togo_id\nmp-30,ab12cd34e\nmp-12623,x059cc28j\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """The file of copper in each layout."""
    copper = metal()
    text = mdr_yaml(copper, tmp_path_factory.mktemp("made"))
    return {"ab12cd34e.zip": mdr_zip(text), "mp-30.yaml.bz2": alexandria_bz2(alexandria_content(copper))}


@pytest.fixture
def server(files):
    made = FileServer()
    made.files |= {f"/{name}": content for name, content in files.items()}
    yield made
    made.close()


def access(tmp_path, source, **options) -> Access:
    return Access(DATABASES[source], tmp_path / "downloads", manners=QUICK, **options)


def fetch(tmp_path, source: str, *options: str, case: str = "mp-30") -> subprocess.CompletedProcess[str]:
    """Run the program as the rule does."""
    folder = tmp_path / "fetched" / case
    command = [sys.executable, str(ROOT / "workflow/scripts/fetch_phonon_record.py"), "--case", case]
    command += ["--source", source, *options, "--downloads", str(tmp_path / "downloads")]
    command += ["--output", str(folder / "phonopy_params.yaml.xz"), "--record", str(folder / "record.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("source", "level", "options"),
    [("mdr", "PBEsol", ["--mdr-id", "ab12cd34e"]), ("alexandria-pbe", "PBE", []), ("alexandria-pbesol", "PBEsol", [])],
)
def test_a_record_over_http_becomes_a_reference(server, tmp_path, source, level, options):
    run = fetch(tmp_path, source, "--base-url", server.url, *options)
    assert run.returncode == 0, run.stderr
    reference = find_reference(tmp_path / "fetched", "mp-30")
    assert reference.level_of_theory == level
    assert reference.self_check == (None if source == "mdr" else "passed")
    record = json.loads((tmp_path / "fetched/mp-30/record.json").read_text())
    assert record["source"].startswith(server.url)
    assert record["licence"] == "CC BY 4.0"
    assert (record["formula"], record["holds"], record["n_displacements"]) == ("Cu", "forces", 1)
    assert np.isfinite(read_phonopy(reference.path).force_constants).all()


def test_the_id_of_the_mdr_database_comes_from_an_index(server, tmp_path):
    index = tmp_path / "index.csv"
    index.write_text(COLUMNS)
    assert fetch(tmp_path, "mdr", "--base-url", server.url, "--index", str(index)).returncode == 0
    run = fetch(tmp_path, "mdr", "--base-url", server.url, "--index", str(index), case="mp-31")
    assert run.returncode == 1
    assert "mp-31 is not in the index of the MDR database; did you mean 'mp-30'" in run.stderr
    assert not (tmp_path / "fetched/mp-31").exists()


@pytest.mark.parametrize("name", ["mp-30.yaml.bz2", "ab12cd34e.zip"])
@pytest.mark.parametrize("damage", ["truncated", "html", "other"])
def test_what_is_wrong_with_a_download_leaves_no_reference(server, tmp_path, files, name, damage):
    source, options = ("mdr", ["--mdr-id", "ab12cd34e"]) if name.endswith("zip") else ("alexandria-pbe", [])
    content = files[name]
    server.files[f"/{name}"] = {
        "truncated": content[: len(content) // 2],
        "html": b"<html><body>maintenance</body></html>",
        "other": content[:4] + b"not what it seems",
    }[damage]
    run = fetch(tmp_path, source, "--base-url", server.url, *options)
    assert run.returncode == 1
    assert len(run.stderr.strip().splitlines()) == 1 and name in run.stderr
    assert not (tmp_path / "fetched").exists()


def test_an_empty_option_is_none(server, tmp_path):
    options = ["--mdr-id", "--index", "--sha256", "--base-url", server.url, "--mirror"]
    assert fetch(tmp_path, "alexandria-pbe", *options).returncode == 0


def test_a_wrong_pin_is_refused(server, tmp_path):
    run = fetch(tmp_path, "alexandria-pbe", "--base-url", server.url, "--sha256", "0" * 64)
    assert run.returncode == 1 and "phonons.database.checksums pins" in run.stderr


@pytest.mark.parametrize("case", ["mp-30/../../evil", "Cu", "mp-", "../mp-30"])
def test_an_id_that_is_none_is_refused(tmp_path, case):
    run = fetch(tmp_path, "alexandria-pbe", case=case)
    assert run.returncode == 1 and "not an id of the Materials Project" in run.stderr


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("mdr", "ab12cd34e.zip"),
        ("mdr", "phonopy_mp-30.yaml.xz"),
        ("mdr", "mp-30/phonopy_params.yaml.xz"),
        ("alexandria-pbe", "mp-30.yaml.bz2"),
    ],
)
def test_names_that_a_mirror_may_use(tmp_path, files, source, name):
    mirror = tmp_path / "mirror"
    target = mirror / name
    target.parent.mkdir(parents=True)
    if name.endswith(".xz"):
        (tmp_path / "a.zip").write_bytes(files["ab12cd34e.zip"])
        target.write_bytes(lzma.compress(unpack(tmp_path / "a.zip", member=MEMBER, limit_MB=10)))
    else:
        target.write_bytes(files[name])
    (mirror / "mdr_phonondb_ids.csv").write_text(COLUMNS)
    found = access(tmp_path, source, mirror=mirror)
    assert list(found.index()) == ["mp-30"]
    run = fetch(tmp_path, source, "--mirror", str(mirror))
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "fetched/mp-30/record.json").read_text())["source"] == str(target)


def test_what_a_mirror_does_not_hold_is_named(tmp_path):
    with pytest.raises(NotThere, match=r"mp-7 is not in this mirror \(looked for mp-7.yaml.bz2\)"):
        access(tmp_path, "alexandria-pbe", mirror=tmp_path).record_file("mp-7")
    with pytest.raises(UserError, match="there is no folder"):
        Access.from_arguments(
            type("Arguments", (), {"mirror": str(tmp_path / "none"), "source": "mdr"})  # as argparse gives it
        )


def test_both_forms_of_the_index(tmp_path):
    expected = {"mp-30": IndexEntry("ab12cd34e", "Cu"), "mp-12623": IndexEntry("x059cc28j", "BaPdF4")}
    assert parse_mdr_index(TABLE) == expected
    assert {case: entry.mdr_id for case, entry in parse_mdr_index(COLUMNS).items()} == {
        case: entry.mdr_id for case, entry in expected.items()
    }
    assert mdr_id_of("mp-12623", expected, "here") == "x059cc28j"
    assert parse_mdr_index("<html>nothing</html>") == {}


def test_the_index_over_http(server, tmp_path):
    server.files["/README.md"] = TABLE.encode()
    assert list(access(tmp_path, "mdr", base_url=server.url).index()) == ["mp-30", "mp-12623"]
    server.files["/"] = b'<html><a href="mp-30.yaml.bz2">mp-30.yaml.bz2</a> <a href="mp-8.yaml.bz2">mp-8</a></html>'
    assert sorted(access(tmp_path, "alexandria-pbe", base_url=server.url).index()) == ["mp-30", "mp-8"]
    assert parse_listing("<html></html>") == {}


def test_the_program_writes_the_index(server, tmp_path):
    server.files["/README.md"] = TABLE.encode()
    command = [sys.executable, str(ROOT / "workflow/scripts/fetch_mdr_index.py"), "--base-url", server.url, "--mirror"]
    command += ["--downloads", str(tmp_path / "downloads"), "--output", str(tmp_path / "index.csv")]
    subprocess.run(command, check=True, capture_output=True)
    text = (tmp_path / "index.csv").read_text()
    assert text == "mp_id,mdr_id,formula\nmp-30,ab12cd34e,Cu\nmp-12623,x059cc28j,BaPdF4\n"
    assert parse_mdr_index(text) == parse_mdr_index(TABLE)


def test_a_pbesol_file_where_pbe_was_asked_for_is_doubted(server, tmp_path):
    assert "is it PBE?" in fetch(tmp_path, "alexandria-pbe", "--base-url", server.url).stderr
    assert "is it PBE?" not in fetch(tmp_path, "alexandria-pbesol", "--base-url", server.url).stderr


def test_an_index_that_lists_nothing_is_one_sentence(server, tmp_path):
    server.files["/README.md"] = b"<html>moved</html>"
    with pytest.raises(UserError, match=r"README.md: lists no record; look at that page"):
        access(tmp_path, "mdr", base_url=server.url).index()


def test_addresses_are_https_and_the_index_is_pinned():
    for database in DATABASES.values():
        assert database.base_url.startswith("https://") and database.index_url.startswith("https://")
    assert DATABASES["mdr"].file_name("mp-12623", "x059cc28j") == "x059cc28j.zip"


REAL = [
    ("mdr", "mp-149", "Si", 15.287, None),
    ("mdr", "mp-661", "AlN", 25.586, None),
    ("mdr", "mp-1265", "MgO", 18.290, None),
    ("mdr", "mp-2998", "BaTiO3", 22.835, None),
    ("alexandria-pbe", "mp-149", "Si", 15.107, "passed"),
    ("alexandria-pbesol", "mp-1000", "BaTe", 3.4507, "passed"),
]


@pytest.mark.parametrize(("source", "case", "formula", "highest_THz", "check"), REAL)
def test_real_records(shared_data, tmp_path, source, case, formula, highest_THz, check):
    """Maximum frequencies on the 100 Å mesh without NAC, and Alexandria's thermal properties to 2e-4."""
    mirror = shared_data / "phonons" / ("mdr_phonondb" if source == "mdr" else "alexandria")
    if not mirror.is_dir():
        pytest.skip("no real phonon records")
    run = fetch(tmp_path, source, "--mirror", str(mirror), case=case)
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / f"fetched/{case}/record.json").read_text())
    reference = find_reference(tmp_path / "fetched", case)
    assert record["formula"] == formula
    assert record["sha256"] == file_sha256(reference.path)
    assert record["energy_eV"] == (pytest.approx(-43.36303155) if source == "alexandria-pbe" else None)
    assert reference.self_check == check
    if check:
        assert record["self_check"]["deviation_max"] <= 2e-4
        assert record["self_check"]["force_constants_deviation_max_eV_A2"] < 1e-10
    phonopy = read_phonopy(reference.path)
    phonopy.run_mesh(100.0)
    assert phonopy.mesh.frequencies.max() == pytest.approx(highest_THz, abs=0.02)
