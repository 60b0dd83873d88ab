"""Which materials a campaign asks for: by name, from a file, or a random sample that is always the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import ROOT
from small_records import FileServer, alexandria_bz2, alexandria_content, metal

from assay.campaign import load_campaign
from assay.failures import UserError
from assay.kinds import UnreadableRecord
from assay.references.cases import database_cases
from assay.references.phonon_databases import IndexEntry
from assay.references.selection import Sample, elements_of, select, visiting_order
from assay.transfers import NotThere
from assay.validation import read_schema, read_yaml, validate, with_defaults

UNKNOWN = IndexEntry(None, None)


class Material:
    """What `select` looks at of a record."""

    def __init__(self, elements, n_atoms_supercell):
        self.elements, self.n_atoms_supercell = set(elements), n_atoms_supercell


MATERIALS = {
    "mp-1": Material(["Na", "Cl"], 64),
    "mp-2": Material(["Cu"], 32),
    "mp-3": Material(["Cu", "Au"], 108),
    "mp-4": Material(["Si"], 64),
    "mp-5": Material(["Ba", "Pd", "F"], 96),
    "mp-6": Material(["O", "U"], 200),
}


def draw(n=1, load=MATERIALS.__getitem__, candidates=None, **filters) -> list[str]:
    candidates = candidates or dict.fromkeys(MATERIALS, UNKNOWN)
    for key in ("elements", "exclude_elements"):
        filters[key] = frozenset(filters.get(key, ()))
    chosen, _ = select(candidates, Sample(n=n, seed=filters.pop("seed", 0), **filters), load, say=lambda line: None)
    return chosen


def test_the_order_depends_on_the_seed_and_on_nothing_else():
    cases = [f"mp-{i}" for i in range(50)]
    order = visiting_order(cases, 3)
    assert sorted(order) == sorted(cases) and order != cases
    assert visiting_order(reversed(cases), 3) == order
    assert visiting_order(cases, 4) != order
    without = [case for case in order if case != "mp-7"]
    assert visiting_order([case for case in cases if case != "mp-7"], 3) == without


def test_orders_are_uniform():
    """Each of ten cases comes first as often as chance has it: 2,000 seeds, 200 each, standard deviation 13."""
    cases = [f"mp-{i}" for i in range(10)]
    first = [visiting_order(cases, seed)[0] for seed in range(2000)]
    assert all(140 < first.count(case) < 260 for case in cases)


def test_a_larger_sample_appends():
    assert draw(n=4)[:2] == draw(n=2)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"max_atoms_supercell": 96}, {"mp-1", "mp-2", "mp-4", "mp-5"}),
        ({"exclude_metals": True}, {"mp-1", "mp-4", "mp-5", "mp-6"}),
        ({"elements": ["Na", "Cl", "Si"]}, {"mp-1", "mp-4"}),
        ({"exclude_elements": ["U", "Au"]}, {"mp-1", "mp-2", "mp-4", "mp-5"}),
        ({"max_atoms_supercell": 64, "exclude_metals": True}, {"mp-1", "mp-4"}),
    ],
)
def test_filters(filters, expected):
    assert set(draw(n=len(expected), **filters)) == expected
    with pytest.raises(UserError, match=rf"only {len(expected)} of 6 pass; lower it, or loosen the filters"):
        draw(n=len(expected) + 1, **filters)


def test_a_formula_in_the_index_saves_the_download():
    assert elements_of("BaPdF4") == {"Ba", "Pd", "F"}
    index = dict.fromkeys(MATERIALS, UNKNOWN) | {"mp-6": IndexEntry(None, "UO2")}
    loaded = []

    def load(case):
        loaded.append(case)
        return MATERIALS[case]

    draw(n=4, load=load, candidates=index, exclude_elements=["U", "Au"])
    assert "mp-6" not in loaded


def test_records_that_cannot_be_used_are_passed_over_and_listed():
    def load(case):
        if case == "mp-1":
            raise NotThere("gone")
        if case == "mp-2":
            raise UnreadableRecord("damaged")
        return MATERIALS[case]

    sample = Sample(n=4, seed=0)
    chosen, visited = select(dict.fromkeys(MATERIALS, UNKNOWN), sample, load, say=lambda line: None)
    assert set(chosen) == {"mp-3", "mp-4", "mp-5", "mp-6"}
    assert {item["why_not"] for item in visited if not item["chosen"]} <= {"unusable: gone", "unusable: damaged"}


def test_a_network_that_fails_ends_the_drawing():
    def load(case):
        raise UserError("no answer")

    with pytest.raises(UserError, match="no answer"):
        draw(load=load)


def test_an_element_that_does_not_exist():
    block = {"n": 1, "seed": 0, "max_atoms_supercell": None, "elements": ["Sl"], "exclude_elements": []}
    with pytest.raises(UserError, match=r"sample.elements: there is no element 'Sl'; did you mean"):
        Sample.from_config(block | {"exclude_metals": False})


# what the configuration asks for -------------------------------------------------------------------------------------


def block(**keys) -> dict:
    schema = read_schema("config")["properties"]["phonons"]["properties"]["database"]
    content = {"source": "mdr"} | keys
    validate(content, schema, [])
    return with_defaults(content, schema)


def test_ids_as_a_list_or_with_ids_of_the_mdr_database():
    assert database_cases(block(ids=["mp-149", "mp-12623"])).cases == ["mp-149", "mp-12623"]
    found = database_cases(block(ids={"mp-12623": "x059cc28j", "mp-149": None}))
    assert (found.cases, found.mdr_ids) == (["mp-12623", "mp-149"], {"mp-12623": "x059cc28j"})


def test_ids_of_a_file(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("mp_id,togo_id\nmp-149,m039k924j\n\nmp-30  # copper\n")
    found = database_cases(block(ids_file=str(path)))
    assert (found.cases, found.mdr_ids) == (["mp-149", "mp-30"], {"mp-149": "m039k924j"})
    assert database_cases(block(source="alexandria-pbe", ids_file=str(path))).mdr_ids == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mp-1\nSi\n", "ids.txt: line 2: expected an id such as mp-149"),
        ("mp-1\nmp-1\n", "ids.txt: line 2: mp-1 is there twice"),
        ("mp-1 ../evil\n", "ids.txt: line 1: expected an id"),
        ("# nothing\n", "ids.txt: holds no ids"),
    ],
)
def test_a_file_of_ids_that_is_wrong(tmp_path, text, expected):
    (tmp_path / "ids.txt").write_text(text)
    with pytest.raises(UserError, match=expected):
        database_cases(block(ids_file=str(tmp_path / "ids.txt")))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, "give one of ids, ids_file, sample; there is none"),
        ({"ids": ["mp-1"], "ids_file": "x"}, "give one of ids, ids_file, sample; there is ids and ids_file"),
        ({"ids": ["mp-1"], "mirror": "nowhere"}, "mirror: there is no folder nowhere; correct the path"),
        ({"ids_file": "nowhere.txt"}, r"ids_file: cannot read nowhere.txt \(No such file or directory\)"),
        ({"source": "alexandria-pbe", "ids": {"mp-1": "ab12cd34e"}}, "mean nothing to alexandria-pbe"),
        ({"ids": ["mp-1"], "checksums": {"mp-2": "0" * 64}}, "checksums: 'mp-2' is not among the materials"),
    ],
)
def test_blocks_that_contradict_themselves(keys, expected):
    with pytest.raises(UserError, match=expected):
        database_cases(block(**keys), ["config/config.yaml"])


@pytest.fixture
def config(monkeypatch) -> dict:
    monkeypatch.chdir(ROOT)
    return read_yaml(ROOT / "config/config.yaml")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"ids": ["Si"]}, "phonons.database.ids: ['Si'] is not possible"),
        ({"ids": ["mp-1/../../x"]}, "phonons.database.ids"),
        ({"source": "materials-project", "ids": ["mp-1"]}, "phonons.database.source: 'materials-project' is not"),
        ({"ids": ["mp-1"], "mirrors": "x"}, "phonons.database.mirrors: unknown key; did you mean 'mirror'?"),
        ({"sample": {"n": 0}}, "phonons.database.sample.n"),
        ({"ids": ["mp-1"], "base_url": "ftp://host"}, "phonons.database.base_url"),
    ],
)
def test_the_schema_refuses(config, keys, expected):
    config["phonons"]["database"] = {"source": "mdr"} | keys
    with pytest.raises(UserError) as caught:
        load_campaign(config, ["config/config.yaml"])
    assert expected in str(caught.value)


def test_every_key_is_explained_in_the_readme():
    text = (ROOT / "config/README.md").read_text()
    properties = read_schema("config")["properties"]["phonons"]["properties"]["database"]["properties"]
    keys = [*properties, *properties["sample"]["properties"], *properties["source"]["enum"]]
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_crystals_of_the_database_follow_those_of_the_file(config):
    config["phonons"] |= {"cases": ["Si", "Al"], "database": {"source": "mdr", "ids": ["mp-12623"]}, "batch_size": 2}
    campaign = load_campaign(config)
    assert campaign.phonons.batches == {"000": ["Si", "Al"], "001": ["mp-12623"]}
    assert campaign.phonons.needs_mdr_index("mp-12623")
    assert campaign.phonons.references("001") == [
        "results/references/phonons/mp-12623/phonopy_params.yaml.xz",
        "results/references/phonons/mp-12623/record.json",
    ]
    config["phonons"]["database"]["ids"] = {"mp-12623": "x059cc28j"}
    assert not load_campaign(config).phonons.needs_mdr_index("mp-12623")
    config["phonons"]["band_figures"] = ["mp-12623", "Si"]
    load_campaign(config)


def test_a_sample_that_has_not_been_drawn_is_said(config, tmp_path, monkeypatch):
    for name in ("config", "resources", "envs"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    config["phonons"] |= {"cases": [], "database": {"source": "mdr", "sample": {"n": 2}}}
    campaign = load_campaign(config)
    assert campaign.tables() and list(campaign.phonons.batches) == ["000"]
    with pytest.raises(UserError, match="run the same command with the target select_materials first"):
        campaign.phonons.references("000")
    selection = {"source": "mdr", "sample": campaign.phonons.database["sample"], "ids": ["mp-2", "mp-1"], "mdr_ids": {}}
    path = tmp_path / "results/references/phonons/selection.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(selection))
    assert load_campaign(config).phonons.cases == ["mp-2", "mp-1"]
    config["phonons"]["database"]["sample"]["seed"] = 5
    assert load_campaign(config).phonons.fetched.awaits_selection


def test_the_program_draws_from_a_server(tmp_path):
    server = FileServer()
    try:
        for case, symbol, a in (("mp-30", "Cu", 3.6), ("mp-134", "Al", 4.0), ("mp-124", "Ag", 4.1)):
            server.files[f"/{case}.yaml.bz2"] = alexandria_bz2(alexandria_content(metal(symbol, a)))
        server.files["/"] = b'<a href="mp-30.yaml.bz2"> <a href="mp-134.yaml.bz2"> <a href="mp-124.yaml.bz2">'
        sample = {"n": 2, "seed": 0, "max_atoms_supercell": 16, "elements": [], "exclude_elements": ["Al"]}
        command = [sys.executable, str(ROOT / "workflow/scripts/select_materials.py"), "--source", "alexandria-pbe"]
        command += ["--base-url", server.url, "--mirror", "--downloads", str(tmp_path / "downloads")]
        command += ["--sample", json.dumps(sample | {"exclude_metals": False}), "--output", str(tmp_path / "s.json")]
        subprocess.run(command, check=True, capture_output=True)
        first = json.loads((tmp_path / "s.json").read_text())
        assert set(first["ids"]) == {"mp-30", "mp-124"}
        asked = len(server.requests)
        subprocess.run(command, check=True, capture_output=True)
        assert json.loads((tmp_path / "s.json").read_text()) == first
        assert len(server.requests) == asked, "what has been fetched is not asked for again"
    finally:
        server.close()
