from __future__ import annotations

import re

import pytest
import yaml
from conftest import ROOT

from assay.campaign import load_campaign, load_catalogue
from assay.catalogue import catalogue_schema
from assay.failures import REASONS, PotentialFailure, UserError, near_misses
from assay.validation import read_schema, read_yaml, validate, with_defaults

CHAPTERS = ("diatomics", "phonons", "gas", "widom", "adsorption", "speed", "conformance", "training")


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
    learned = ["sevennet-0", "chgnet-0.3.0"]
    assert set(campaign.diatomics.models) == {*learned, *(f"{model}+zbl" for model in learned)}
    assert list(campaign.phonons.models) == list(campaign.speed.models) == learned
    assert list(campaign.gas.models) == [*learned, "co2-trappe-flexible"]
    assert set(campaign.widom.models) == {*learned, "sevennet-0+zbl", "co2-mof74-dft", "uff-trappe"}
    assert list(campaign.adsorption.models) == ["chgnet-0.3.0", "co2-mof74-dft"]
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
    assert list(load_campaign(config).phonons.models) == ["chgnet-0.3.0"]
    config["diatomics"]["elements"] = []
    assert "models: 'sevennet-0' is in none of this campaign's chapters; remove it." in sentence(config)
    config["models"] = [{"sevennet-0": ["diatomic"]}]
    assert "models.0" in sentence(config)


def test_a_campaign_without_chapters_is_refused(config):
    config["diatomics"]["elements"] = config["phonons"]["cases"] = []
    config["speed"] = config["gas"] = config["widom"] = config["adsorption"] = config["conformance"] = {}
    assert "there is nothing to do; give diatomics.elements, phonons.cases, gas.systems" in sentence(config)


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


@pytest.mark.parametrize(
    ("chapter", "keys", "expected"),
    [
        ("gas", {"systems": [{"name": "CO2", "molecule": "CO2.xyz", "count": 2, "box_A": 9}]}, "no file CO2.xyz"),
        ("gas", {"systems": [{"name": "CO2", "count": 2}]}, "gas.systems.0: "),
        ("gas", {"systems": [{"name": "a", "file": "Makefile"}] * 2}, "gas.systems: a is there twice"),
        ("gas", {"frame_interval_fs": 1.5}, "gas.frame_interval_fs: 1.5 fs is not a whole number of time steps"),
        ("gas", {"experiments": "none.yaml"}, "gas.experiments: there is no file none.yaml"),
        ("widom", {"cases": [{"name": "x", "framework": "a.cif", "guest": "Makefile"}]}, "there is no file a.cif"),
        ("widom", {"temperature_K": 299}, "widom.temperature_K: 299 K is not among widom.temperatures_K; add it"),
        ("widom", {"supercell": [1, 1]}, "widom.supercell: [1, 1] is not possible"),
        ("adsorption", {"pressures_bar": [0]}, "adsorption.pressures_bar.0: 0 is less than"),
        (
            "adsorption",
            {"moves": "md+exchange"},
            "adsorption.moves: md+exchange is what LAMMPS does; set `engine: lammps`",
        ),
        (
            "adsorption",
            {"guest": "flexible", "engine": "lammps"},
            "adsorption.guest: LAMMPS exchanges flexible molecules",
        ),
        ("adsorption", {"pressures_bar": [0.1]}, "chgnet-0.3.0.adsorption.pressures_bar: 1 bar is not among"),
    ],
)
def test_wrong_fluids_and_frameworks(config, chapter, keys, expected):
    config[chapter] |= keys
    text = sentence(config)
    assert expected in text
    assert text.startswith("config/config.yaml")


def test_a_model_can_have_settings_of_its_own(config):
    config["models"] = ["sevennet-0", {"chgnet-0.3.0": {"widom": {"insertions": 7}, "gas": {"yardstick": True}}}]
    campaign = load_campaign(config)
    assert list(campaign.phonons.models) == ["sevennet-0"]
    assert campaign.widom.settings_by_model == {"chgnet-0.3.0": {"insertions": 7}}
    assert campaign.gas.settings_by_model == {}
    assert campaign.gas.score_settings["yardstick"] == "chgnet-0.3.0"
    config["models"].append({"sevennet-l3i5": {"gas": {"yardstick": True}}})
    assert "chgnet-0.3.0 and sevennet-l3i5 cannot both be yardstick" in sentence(config)
    config["models"] = [{"sevennet-0": {"widom": {"insertion": 7}}}]
    assert "models.0" in sentence(config)


def test_a_model_can_have_pressures_of_its_own(config):
    chapter = load_campaign(config).adsorption
    assert chapter.cases_by_model() == {
        "chgnet-0.3.0": [f"CO2-in-Mg-MOF-74-298K-{pressure}bar" for pressure in ("0.1", "1")]
    }
    assert chapter.records(["chgnet-0.3.0"]) == ["results/models/chgnet-0.3.0/adsorption/batch-001.json"]
    assert sorted(case for batch in chapter.batches.values() for case in batch) == sorted(chapter.cases)
    config["adsorption"] |= {"engine": "lammps", "batch_size": None}
    assert len(load_campaign(config).adsorption.records(["co2-mof74-dft"])) == 10


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
    config, models = read_schema("config"), catalogue_schema()
    keys = [
        *config["properties"],
        *(key for block in CHAPTERS for key in config["properties"][block]["properties"]),
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
