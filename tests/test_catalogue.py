"""Entries that inherit from others, and where their weights come from."""

import pytest
import yaml
from conftest import ROOT

from assay.campaign import load_campaign
from assay.catalogue import load_catalogue
from assay.failures import UserError
from assay.validation import read_yaml

EMT = load_catalogue(ROOT / "config/models.yaml")["emt"]


def read(folder, **entries):
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump({"emt": EMT, **entries}))
    return load_catalogue(path)


def test_an_entry_has_the_keys_of_its_base_unless_it_has_its_own(tmp_path):
    found = read(tmp_path, walled={"base": "emt", "label": "EMT + ZBL", "corrections": {"zbl": {}}})
    assert found["walled"] == EMT | {"base": "emt", "label": "EMT + ZBL", "corrections": {"zbl": {}}}
    assert found["emt"] == EMT


def test_a_base_may_have_a_base(tmp_path):
    found = read(tmp_path, last={"base": "middle", "colour": "#000000"}, middle={"base": "emt", "label": "middle"})
    assert found["last"] == EMT | {"base": "middle", "label": "middle", "colour": "#000000"}


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"x": {"base": "emr"}}, "x.base: 'emr' is not in the catalogue; did you mean 'emt'?"),
        ({"x": {"base": "x"}}, "x.base: these entries are each other's base: x -> x;"),
        ({"x": {"base": "y"}, "y": {"base": "x"}}, "these entries are each other's base:"),
        ({"x": EMT | {"base": 3}}, "x.base: expected a text, got 3."),
        ({"x": EMT | {"base": "y"}, "y": "emt"}, "y: expected a mapping, got 'emt'."),
        ({"x": {"base": "emt", "corections": {}}}, "x.corections: unknown key; did you mean 'corrections'"),
        (
            {"x": {"base": "emt", "corrections": {"zbl": {"transition": [0, 1]}}}},
            "x.corrections.zbl.transition.0: 0 is",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(tmp_path, entries, sentence):
    with pytest.raises(UserError) as error:
        read(tmp_path, **entries)
    text = str(error.value)
    assert text.startswith(str(tmp_path)) and sentence in text and "\n" not in text


@pytest.mark.parametrize(
    "checkpoint",
    [
        "bundled",
        {"path": "folder"},
        {"url": "https://host/weights.pt", "sha256": "0" * 64, "limit_MB": 10},
        {"hub": {"repo": "owner/name", "file": "weights.pt", "revision": "main"}},
        {"hub": {"repo": "owner/name", "files": ["a", "b"], "revision": "main"}, "sha256": {"a": "0" * 64}},
    ],
)
def test_weights_may_come_in_several_ways(tmp_path, checkpoint):
    assert read(tmp_path, x=EMT | {"checkpoint": checkpoint})["x"]["checkpoint"] == checkpoint


@pytest.mark.parametrize(
    ("checkpoint", "sentence"),
    [
        ("bundeld", "x.checkpoint: 'bundeld' is not possible; did you mean 'bundled'?"),
        ({"path": "a", "sha265": "0"}, "x.checkpoint.sha265: unknown key; did you mean 'sha256'?"),
        ({"path": "a", "url": "https://host/a"}, "is not possible; config/README.md says what is."),
        ({"sha256": "0" * 64}, "is not possible; config/README.md says what is."),
        ({"path": "a", "sha256": {"b": "0" * 64}}, "x.checkpoint.sha256: expected a text"),
        ({"url": "ftp://host/a"}, "x.checkpoint.url: 'ftp://host/a'"),
        ({"hub": {"repo": "owner/name", "file": "a"}}, "x.checkpoint.hub: the key 'revision' is missing"),
        ({"hub": {"repo": "name", "file": "a", "revision": "main"}}, "x.checkpoint.hub.repo: 'name'"),
        ({"hub": {"repo": "owner/name", "revision": "main"}}, "is not possible"),
    ],
)
def test_what_is_wrong_with_weights_is_told(tmp_path, checkpoint, sentence):
    with pytest.raises(UserError) as error:
        read(tmp_path, x=EMT | {"checkpoint": checkpoint})
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_charge_and_spin_change_numbers_and_are_told(monkeypatch):
    monkeypatch.chdir(ROOT)
    campaign = load_campaign(read_yaml(ROOT / "config/config.yaml"))
    model = campaign.models[0]
    campaign.catalogue[model] |= {"charge": -1, "spin_multiplicity": 2}
    campaign.catalogue[model]["loader"] |= {"task": "omol"}
    for told in (campaign.entry(model), campaign.card(model)):
        assert (told["charge"], told["spin_multiplicity"]) == (-1, 2)
    assert campaign.card(model)["head"] == "omol"


def test_a_mirror_that_is_not_there_is_told_at_once(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = read_yaml(ROOT / "config/config.yaml") | {"checkpoints": {"mirror": "nowhere"}}
    with pytest.raises(UserError, match=r"checkpoints.mirror: there is no folder nowhere; correct the path"):
        load_campaign(config)
