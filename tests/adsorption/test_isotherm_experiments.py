"""What is published of CO2 in Mg-MOF-74, and files of people's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from assay.adsorption.experiments import read_experiment, read_experiments
from assay.failures import UserError

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "resources/experiments/CO2-isotherms-in-Mg-MOF-74.yaml"
SMALL = {
    "guest": "CO2",
    "host": "MOF",
    "isotherms": [{"name": "A", "temperature_K": 300, "doi": "10.1/a", "points": [[1.0, 4.0], [0.25, 2.0]]}],
}


@pytest.fixture(scope="module")
def experiment():
    return read_experiment(MEASURED)


def written(folder: Path, **changes) -> Path:
    path = folder / "measured.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes))
    return path


def test_the_model_runs_through_the_points_it_was_made_of(experiment):
    """5 to 16 % from 303 K on."""
    for one in experiment.isotherms:
        if one.name == "Mason 2011" and one.temperature_K > 300:
            ratios = [experiment.model.at(p, one.temperature_K) / one.at(p) for p in one.pressures_bar]
            assert np.sqrt(np.mean(np.square(np.array(ratios) - 1))) < 0.17


def test_laboratories_agree_at_ambient_pressure(experiment):
    found = experiment.loading(0.5, 298.15)
    assert 7 < found.low < found.value < found.high < 8 or found.low == pytest.approx(6.89)
    assert found.high / found.low < 1.2 and len(found.dois) == 4
    assert experiment.heat().value == 42 and experiment.metal_distance_A == 2.27


def test_an_isotherm_is_not_extended(experiment):
    assert np.isnan(experiment.loading(1e-4, 298).value) and np.isnan(experiment.loading(50, 298).value)
    assert np.isnan(experiment.loading(0.1, 500).value)


def test_the_published_simulation_of_the_force_field(experiment):
    published = experiment.published("co2-mof74-dft", 298.15)
    assert [published.at(p) for p in (0.01, 0.1, 1.0)] == pytest.approx([1.87, 7.64, 11.91])
    assert experiment.published("uff-trappe", 298) is None and experiment.published("co2-mof74-dft", 313) is None


def test_digitised_points_are_those_of_the_database(experiment, shared_data):
    """Every point that is listed is within 1 % of one in the stored isotherm."""
    files = {
        "10.1039c1ee01720a.isotherm31.json": 293,
        "10.1039c1ee01720a.isotherm33.json": 313,
        "10.1039C3sc51319j.isotherm1.json": 298,
        "10.1002Aic.14467.Isotherm15.json": 298,
    }
    for name, temperature in files.items():
        content = json.loads((shared_data / "mof74/isotherms" / name).read_text())
        stored = np.array([(one["pressure"], one["total_adsorption"]) for one in content["isotherm_data"]])
        doi = content["DOI"].lower()
        (one,) = [o for o in experiment.isotherms if o.doi == doi and o.temperature_K == temperature]
        assert content["temperature"] == temperature
        for pressure, loading in zip(one.pressures_bar, one.loadings_mol_kg, strict=True):
            assert (np.abs(stored / [pressure, loading] - 1).max(axis=1) < 0.01).any()


def test_points_are_joined_on_logarithmic_scales(tmp_path):
    found = read_experiment(written(tmp_path)).loading(0.5, 300.5)
    assert found.value == pytest.approx(np.sqrt(8)) and (found.low, found.high) == (found.value, found.value)
    assert found.dois == ("10.1/a",)


def test_a_system_may_have_no_file(tmp_path):
    found = read_experiments({"a": None, "b": str(written(tmp_path))})
    assert found["a"] is None and found["b"].host == "MOF"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"isotherm": []}, "unknown key 'isotherm'; did you mean 'isotherms'"),
        ({"isotherms": {}}, "isotherms: expected a list"),
        ({"isotherms": [{"name": "A"}]}, r"isotherms\[0\]: the key 'doi' is missing"),
        ({"isotherms": [SMALL["isotherms"][0] | {"points": []}]}, "there are none"),
        (
            {"isotherms": [SMALL["isotherms"][0] | {"points": [[0.0, 1.0]]}]},
            r"points\[0\]: expected a positive pressure",
        ),
        ({"isotherms": [SMALL["isotherms"][0] | {"points": [[1.0, "x"]]}]}, "expected a number; got 'x'"),
        ({"heats_of_adsorption": [{"value_kJ_mol": 40}]}, r"heats_of_adsorption\[0\]: the key 'doi' is missing"),
        ({"langmuir": {"name": "m"}}, "langmuir: the key 'doi' is missing"),
        ({"simulations": SMALL["isotherms"]}, "the key 'model' is missing"),
        ({"metal_distance_A": {"value": 2.0}}, "metal_distance_A: the key 'doi' is missing"),
        (
            {
                "langmuir": {
                    "name": "m",
                    "doi": "d",
                    "sites": [],
                    "pressures_bar": [1],
                    "temperatures_K": [1, 2],
                }
            },
            "langmuir.pressures_bar: expected the lowest and the highest",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path, changes, words):
    with pytest.raises(UserError, match=words) as caught:
        read_experiment(written(tmp_path, **changes))
    assert "measured.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="there is no such file; correct `experiment`"):
        read_experiment(tmp_path / "nowhere.yaml")
