"""Entries that inherit from others."""

import pytest
import yaml
from conftest import ROOT

from assay.catalogue import load_catalogue
from assay.failures import UserError

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
