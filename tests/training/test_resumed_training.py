import signal
from pathlib import Path

import pytest
from conftest import report_of

KINDS = ("schnet", "painn")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    return report_of(Path(__file__).with_name("check_training.py"), folder, environment="schnetpack")


@pytest.mark.other_models
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_training_ends_with_the_same_weights(report, kind):
    facts = report[kind]
    assert facts["killed"] == -signal.SIGKILL and facts["left"]
    assert "going on after epoch 2" in facts["said"]
    assert facts["same_weights"] and facts["same_curve"]
    assert facts["epochs"] == [1, 2, 3, 4, 5] and facts["finished"]


@pytest.mark.other_models
@pytest.mark.parametrize("kind", KINDS)
def test_the_written_model_has_the_errors_that_were_told(report, kind):
    facts = report[kind]
    assert facts["elements"] == ["C", "O"]
    assert facts["potential_error_meV_per_atom"] == pytest.approx(facts["test_error_meV_per_atom"], rel=1e-4)
