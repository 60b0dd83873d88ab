"""The clock is right, the device is waited for, and the parts of an evaluation are told apart."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from timed_potentials import FakeDevice, Sleep, make_potential

from assay.failures import PotentialFailure
from assay.potentials import memory
from assay.speed.peaks import PeakMemory
from assay.speed.protocol import TIMES_FILE, measure, read_times, write_times
from assay.speed.systems import Systems, make_systems
from assay.speed.timing import Clock, device_clock, dissected


def gas(count: int, repeats: int = 4) -> Systems:
    return make_systems(f"helium-{count}", count, 1, repeats, seed=1)


@pytest.mark.parametrize("count", [100, 200])
def test_a_potential_that_sleeps_is_measured_within_two_percent(count):
    prepare, forward = Sleep(5e-4), Sleep(1.5e-3)
    found = measure(make_potential(prepare, forward), gas(count, repeats=7), warm_up=1)
    slept = {"neighbour_s": np.array(prepare.slept_s[1:]), "model_s": np.array(forward.slept_s[1:])}
    slept["step_s"] = slept["neighbour_s"] + slept["model_s"]
    for name, nominal in (("neighbour_s", 5e-4), ("model_s", 1.5e-3), ("step_s", 2e-3)):
        assert (slept[name] >= nominal * count).all()
        assert np.median(found.series()[name] / slept[name]) == pytest.approx(1.0, abs=0.02)


def test_an_asynchronous_device_is_waited_for():
    device = FakeDevice()
    potential = make_potential(lambda count: device.order(0.001 * count), lambda count: device.order(0.01 * count))
    found = measure(potential, gas(20), clock=device.clock)
    np.testing.assert_allclose(found.step_s, 0.22)
    np.testing.assert_allclose(found.neighbour_s, 0.02)
    np.testing.assert_allclose(found.model_s, 0.2)


def test_without_waiting_the_work_would_be_missed():
    device = FakeDevice()
    potential = make_potential(lambda count: None, lambda count: device.order(0.01 * count))
    found = measure(potential, gas(20), clock=Clock(now=lambda: device.seconds))
    assert found.step_s.max() == 0.0


def test_the_clock_of_a_gpu_asks_torch_to_wait(monkeypatch):
    waited = []

    class Torch:
        class cuda:
            synchronize = staticmethod(waited.append)

    monkeypatch.setitem(sys.modules, "torch", Torch)
    device_clock("cuda:1").read()
    device_clock("cpu").read()
    assert waited == ["cuda:1"]


def test_a_loop_does_not_show_its_parts():
    found = measure(make_potential(Sleep(0), Sleep(0), native=False), gas(10))
    assert np.isnan(found.neighbour_s).all() and np.isnan(found.model_s).all()
    assert np.isfinite(found.step_s).all()
    assert found.observations()["n_passes"] is None


def test_the_potential_is_itself_again_afterwards():
    potential = make_potential(Sleep(0), Sleep(0))
    prepare, forward = potential.prepare, potential.forward
    with dissected(potential, Clock()):
        assert potential.prepare is not prepare
    assert (potential.prepare, potential.forward) == (prepare, forward)


def test_warm_up_comes_first_and_the_first_repeat_does_not_count(tmp_path):
    device, calls = FakeDevice(), []

    def forward(count):
        calls.append(count)
        device.order(100.0 if len(calls) <= 4 else 1.0)

    found = measure(make_potential(lambda count: None, forward), gas(10, repeats=5), warm_up=3, clock=device.clock)
    assert len(calls) == 8
    assert found.step_s.tolist() == [100.0, 1.0, 1.0, 1.0, 1.0]
    assert found.observations()["step_s"] == 1.0
    assert found.observations()["n_repeats"] == 4
    write_times(tmp_path / TIMES_FILE, found)
    assert read_times(tmp_path / TIMES_FILE)["step_s"].tolist() == [1.0] * 4


def test_every_repeat_is_a_system_that_the_potential_has_not_seen():
    seen = []
    potential = make_potential(lambda count: None, lambda count: None)
    evaluate = potential.evaluate
    potential.evaluate = lambda batch, wanted: seen.append(batch[0].positions.copy()) or evaluate(batch, wanted)
    measure(potential, gas(10, repeats=5), warm_up=1)
    assert len({positions.tobytes() for positions in seen[1:]}) == 5


def test_a_case_that_would_break_the_budget_ends_after_its_first_repeat():
    device = FakeDevice()
    potential = make_potential(lambda count: None, lambda count: device.order(1.0))
    with pytest.raises(PotentialFailure, match="would break the time budget") as caught:
        measure(potential, gas(10, repeats=20), warm_up=2, clock=device.clock, limit_s=10.0)
    assert caught.value.reason == "timeout"
    assert device.seconds == pytest.approx(3.0)


def test_numbers_that_are_not_finite_are_a_failure():
    with pytest.raises(PotentialFailure, match="not finite"):
        measure(make_potential(Sleep(0), Sleep(0), energy=float("nan")), gas(10))


def test_peak_memory_is_that_above_the_idle_state():
    if not memory.reset_peak():
        pytest.skip("this system does not tell the peak")
    held = np.ones(20_000_000)
    watch = PeakMemory.begin("cpu")
    np.ones(40_000_000).sum()
    assert watch.host_MB() == pytest.approx(320, abs=30)
    assert watch.gpu_MB() is None
    assert PeakMemory.begin("cpu").host_MB() < 30
    assert held.sum() > 0


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr("assay.speed.peaks.reset_peak", lambda: False)
    assert PeakMemory.begin("cpu").host_MB() is None
