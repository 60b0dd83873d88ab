from __future__ import annotations

import re

import pytest
import yaml
from conftest import ROOT

from assay.campaign import load_campaign, load_catalogue
from assay.failures import REASONS, PotentialFailure, UserError, near_misses
from assay.validation import read_schema, read_yaml, validate, with_defaults


@pytest.fixture
def config(monkeypatch) -> dict:
    monkeypatch.chdir(ROOT)
    return read_yaml(ROOT / "config/config.yaml")


def sentence(config, files=("config/config.yaml",)) -> str:
    with pytest.raises(UserError) as caught:
        load_campaign(config, files)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_shipped_configuration_is_valid(config):
    campaign = load_campaign(config)
    assert campaign.models == ["sevennet-0", "sevennet-0+zbl", "chgnet-0.3.0", "chgnet-0.3.0+zbl"]
    assert campaign.diatomics.models == campaign.models
    assert campaign.phonons.models == ["sevennet-0", "chgnet-0.3.0"]
    assert len(campaign.diatomics.cases) >= 10
    assert len(campaign.config["phonons"]["cases"]) >= 8


def test_all_entries_of_the_catalogue_are_valid():
    assert load_catalogue(ROOT / "config/models.yaml")


def test_unknown_key_names_file_key_and_near_miss(config):
    config["phonons"]["displacment_A"] = 0.02
    assert sentence(config) == (
        "config/config.yaml: phonons.displacment_A: unknown key; did you mean 'displacement_A'?"
    )


def test_unknown_model_names_near_misses(config):
    config["models"] = ["sevenet-0"]
    assert "models: 'sevenet-0' is not in config/models.yaml; did you mean 'sevennet-0'" in sentence(config)


def test_unknown_crystal_names_near_misses(config):
    config["phonons"]["cases"] = ["Sic"]
    assert "phonons.cases: 'Sic' is not in resources/structures/crystals.yaml; did you mean 'Si' or 'SiC'?" in sentence(
        config
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"elements": ["H", "Xx"]}, "diatomics.elements: 'Xx' is not an element; did you mean 'Xe'?"),
        ({"pairs": ["C-Oo"]}, "diatomics.pairs: 'Oo' is not an element"),
        ({"pairs": ["CO"]}, "diatomics.pairs.0: 'CO'"),
        ({"pairs": ["H-H"]}, "diatomics.pairs: H-H is there twice; remove one."),
        ({"pairs": ["C-O", "O-C"]}, "diatomics.pairs: O-C is there twice; remove one."),
        ({"r_max_A": 13.0}, "diatomics.r_max_A: distances go from r_min_A to r_max_A and to half the box at most"),
        ({"elements": "referenced", "references": "config"}, "there is no curve in config; name the elements."),
        ({"radii": 20}, "diatomics.radii"),
        ({"element": ["H"]}, "diatomics.element: unknown key; did you mean 'elements'?"),
    ],
)
def test_wrong_pairs(config, keys, expected):
    config["diatomics"] |= keys
    assert expected in sentence(config)


def test_all_elements_with_a_reference(config):
    config["diatomics"]["elements"] = "referenced"
    shipped = {path.stem for path in (ROOT / "resources/references/diatomics").glob("*.json")}
    assert {case.split("-")[0] for case in load_campaign(config).diatomics.cases} == shipped


def test_a_model_of_no_chapter_is_refused(config):
    config["models"] = ["chgnet-0.3.0", {"sevennet-0": ["diatomics"]}]
    assert load_campaign(config).phonons.models == ["chgnet-0.3.0"]
    config["diatomics"]["elements"] = []
    assert "models: 'sevennet-0' is in none of this campaign's chapters; remove it." in sentence(config)
    config["models"] = [{"sevennet-0": ["diatomic"]}]
    assert "models.0" in sentence(config)


def test_a_campaign_without_chapters_is_refused(config):
    config["diatomics"]["elements"] = config["phonons"]["cases"] = []
    config["speed"] = {}
    assert "there is nothing to do; give diatomics.elements, phonons.cases or speed.systems." in sentence(config)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seed", "one", "seed: expected a whole number, got 'one'."),
        ("models", "chgnet-0.3.0", "models: expected a list, got 'chgnet-0.3.0'."),
        ("device", "gpu", "device: 'gpu' is not possible"),
        ("catalogue", "config/model.yaml", "catalogue: there is no file config/model.yaml; correct the path."),
    ],
)
def test_wrong_values(config, key, value, expected):
    config[key] = value
    assert expected in sentence(config)


def test_missing_key(config):
    del config["seed"]
    assert "the key 'seed' is missing; add it" in sentence(config)


def test_the_message_names_the_file_that_holds_the_value(tmp_path, config):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("phonons: {relax: perhaps}\n")
    config["phonons"]["relax"] = "perhaps"
    assert sentence(config, ["config/config.yaml", overlay]).startswith(f"{overlay}: phonons.relax: 'perhaps'")


def test_a_repeated_key_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("seed: 1\nmodels: []\nseed: 2\n")
    with pytest.raises(UserError, match=r"twice.yaml: line 3: the key 'seed' is there twice"):
        read_yaml(path)


def test_merge_keys_of_yaml_work(tmp_path):
    path = tmp_path / "merge.yaml"
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")
    assert read_yaml(path)["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("name", ["../evil", "a/b", "-x", "a b", "$(touch x)"])
def test_names_of_models_cannot_leave_their_folder(tmp_path, name):
    path = tmp_path / "models.yaml"
    entry = load_catalogue(ROOT / "config/models.yaml")["emt"]
    path.write_text(yaml.safe_dump({name: entry}))
    with pytest.raises(UserError, match=re.escape(repr(name))):
        load_catalogue(path)


def test_wrong_loader_key_is_found_before_any_job(tmp_path):
    path = tmp_path / "models.yaml"
    entry = load_catalogue(ROOT / "config/models.yaml")["sevennet-0"] | {"loader": {"modell": "7net-0"}}
    path.write_text(yaml.safe_dump({"x": entry}))
    with pytest.raises(UserError, match=r"x.loader.modell: unknown key; did you mean 'model'"):
        load_catalogue(path)


def test_defaults_are_valid_themselves():
    schema = read_schema("config")
    filled = with_defaults(
        {"seed": 0, "catalogue": "c", "structures": "s", "models": ["m"], "phonons": {"cases": []}}, schema
    )
    validate(filled, schema, [])
    assert filled["phonons"]["displacement_A"] == 0.01
    assert filled["phonons"]["relax"] is False


def test_every_key_is_explained_in_the_readme():
    text = (ROOT / "config/README.md").read_text()
    config, models = read_schema("config"), read_schema("models")
    keys = [
        *config["properties"],
        *config["properties"]["diatomics"]["properties"],
        *config["properties"]["phonons"]["properties"],
        *config["properties"]["speed"]["properties"],
        *models["additionalProperties"]["properties"],
    ]
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_near_misses_lists_what_is_known_where_nothing_is_near():
    assert near_misses("zzz", ["a", "b"]) == "; known: 'a', 'b'"
    assert near_misses("zzz", []) == "; none is known"


def test_reasons_are_a_fixed_vocabulary():
    assert PotentialFailure("crashed", "x").reason in REASONS
    with pytest.raises(ValueError, match="is not one of"):
        PotentialFailure("bad luck", "x")
