"""The chapter in the job graph: cases, order, devices, and bad configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.failures import UserError
from assay.speed.plan import speed_chapter
from assay.validation import read_schema, with_defaults

ROOT = Path(__file__).resolve().parents[2]


def chapter(**block):
    config = {
        "structures": str(ROOT / "resources/structures/crystals.yaml"),
        "phonons": {"references": str(ROOT / "resources/references/phonons")},
        "speed": block,
    }
    return speed_chapter(with_defaults(config, read_schema("config")), ["a", "b"], ["my.yaml"])


def test_without_systems_there_is_no_chapter():
    for empty in (chapter(), chapter(systems=[], batch_sizes=[4])):
        assert empty.batches == {}
        assert (empty.cases, empty.inputs(), empty.records(), empty.tables(), empty.figures()) == ([], [], [], [], [])


def test_the_defaults_are_the_published_protocol():
    block = chapter().config
    assert (block["repeats"], block["sizes"][0], block["sizes"][-1]) == (20, 10, 100000)


def test_small_cases_come_first_and_batches_last():
    made = chapter(systems=["helium", "MgO"], sizes=[100, 10], batch_sizes=[1, 4], batch_cell_atoms=16)
    assert made.cases == ["helium-10", "MgO-10", "helium-100", "MgO-100", "batch-1", "batch-4"]
    assert made.plan("000")["batch-4"]["structures"] == 4
    assert made.plan("000")["batch-4"]["system"] == "MgO"
    assert made.records(["a"]) == ["results/models/a/speed/batch-000.json"]
    assert "results/tables/speed_summary.csv" in made.tables()
    assert "results/figures/speed/plane.svg" in made.figures()


def test_one_job_per_device_each_with_cases_of_its_own():
    made = chapter(systems=["helium"], sizes=[10], batch_sizes=[], devices=["cpu", "cuda"])
    assert made.batches == {"000": ["helium-10-cpu"], "001": ["helium-10-cuda"]}
    assert made.plan("000")["helium-10-cpu"] == made.plan("001")["helium-10-cuda"]
    assert [made.devices_of(batch, "cuda,cpu") for batch in made.batches] == ["cpu", "cuda"]
    assert [made.gpus_of(batch, "cuda,cpu") for batch in made.batches] == [0, 1]


def test_auto_is_the_choice_of_the_campaign():
    made = chapter(systems=["helium"])
    assert (made.devices_of("000", "cuda,cpu"), made.gpus_of("000", "cuda,cpu")) == ("cuda,cpu", 1)
    assert (made.devices_of("000", "cpu"), made.gpus_of("000", "cpu")) == ("cpu", 0)


def test_references_are_the_records_that_exist():
    assert [Path(path).parent.name for path in chapter(systems=["helium", "MgO"]).references()] == ["MgO"]
    assert chapter(systems=["helium"]).references() == []


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ({"systems": ["heliun"]}, "speed.systems: 'heliun' is neither helium nor in .*did you mean 'helium'"),
        ({"systems": ["helium"], "batch_system": "MgQ"}, "speed.batch_system: 'MgQ'.*did you mean 'MgO'"),
        ({"systems": ["helium"], "devices": ["auto", "cpu"]}, "speed.devices: auto may be the same device"),
        ({"systems": ["helium"], "accuracy_case": "MgO-1000"}, "'MgO-1000' is not one of the chapter's cases"),
    ],
)
def test_bad_blocks_are_one_sentence(block, sentence):
    with pytest.raises(UserError, match=sentence):
        chapter(**block)


def test_every_key_is_explained():
    text = (ROOT / "config/README.md").read_text()
    section = text.partition("### `speed`")[2].partition("\n## ")[0]
    keys = read_schema("config")["properties"]["speed"]["properties"]
    assert [key for key in keys if f"`{key}`" not in section] == []
