"""The loop over time steps: what the potential is given, what is recorded, how a repeat explodes and others go on."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_potentials import argon, free, make_potential, moving, smooth_lennard_jones, through_potential

from assay.failures import PotentialFailure, UserError
from assay.gas.dynamics import Recorder, Stage, run_stage
from assay.gas.explosions import Limits, closest_distance_A
from assay.gas.forces import APART, TOGETHER, ModelForces
from assay.gas.integrators import VelocityVerlet
from assay.gas.protocol import GasProtocol
from assay.gas.simulation import choose_advanced
from assay.gas.thermostats import Bussi, Langevin


def run(forces, state, n_steps=20, timestep_fs=1.0, limits=None, **options):
    stage = Stage("nve", VelocityVerlet(), n_steps, timestep_fs, **{"look_every": 5, **options})
    recorder, explosions = Recorder(len(state.repeats)), []
    state = run_stage(state, stage, forces, {}, limits=limits or Limits(), recorder=recorder, explosions=explosions)
    return state, recorder.take(), explosions


def test_the_potential_sees_wrapped_positions_and_our_own_stay_as_they_are():
    seen = []

    def law(atoms):
        seen.append(atoms.positions.copy())
        return free(atoms)

    cell = [[5.0, 0, 0], [2.0, 6.0, 0], [-1.0, 1.0, 7.0]]
    start = Atoms("Ar2", [[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]], cell=cell, pbc=True)
    forces = through_potential(law, start)
    far = start.positions + np.array([[1, -2, 3], [400, 50, -7]]) @ np.array(cell)
    given_positions = far[None].copy()
    forces(given_positions)
    np.testing.assert_array_equal(given_positions, far[None])
    inside = seen[0] @ np.linalg.inv(cell)
    assert (inside > -1e-9).all() and (inside < 1 + 1e-9).all()
    np.testing.assert_allclose(
        (seen[0] - far) @ np.linalg.inv(cell), np.rint((seen[0] - far) @ np.linalg.inv(cell)), atol=1e-9
    )


def test_records_have_their_intervals():
    forces = through_potential(smooth_lennard_jones, argon(1), repeats=2)
    state = moving(forces, argon(1), 50.0, repeats=2)
    _, records, _ = run(forces, state, positions_every=10, velocities_every=4)
    assert records["energy_index"].tolist() == [[0, step] for step in range(21)]
    assert records["position_index"][:, 1].tolist() == [0, 10, 20]
    assert records["velocity_index"][:, 1].tolist() == [0, 4, 8, 12, 16, 20]
    assert records["energy"].shape == (21, 2, 2) and records["velocity"].shape == (6, 2, 4, 3)
    np.testing.assert_array_equal(records["position"][-1], state.positions_A)
    np.testing.assert_array_equal(records["energy"][-1, :, 1], state.kinetic_energies_eV)


MARK_A = 0.3


def is_marked(atoms) -> bool:
    """Whether a repeat is the one whose first atom started elsewhere."""
    return abs(atoms.positions[0, 2] - MARK_A) < 1e-9


def at_rest(forces, row: int, repeats: int):
    """Repeats at rest, one of them marked."""
    state = moving(forces, argon(1), 0.0, repeats=repeats)
    state.positions_A[row, 0, 2] += MARK_A
    return state


def grows_hot(atoms):
    """Two atoms of the marked repeat run away from each other faster and faster."""
    push = np.zeros((len(atoms), 3))
    if is_marked(atoms):
        push[:2] = [[1.0, 0, 0], [-1.0, 0, 0]]
    return 0.0, push


def test_a_repeat_that_explodes_stops_and_the_others_go_on():
    forces = through_potential(grows_hot, argon(1), repeats=3)
    state = at_rest(forces, 1, repeats=3)
    state, records, explosions = run(forces, state, n_steps=80, limits=Limits(temperature_K=500.0))
    assert state.repeats.tolist() == [0, 2]
    (explosion,) = explosions
    assert (explosion.repeat, explosion.phase, explosion.cause) == (1, "nve", "temperature")
    lived = np.isfinite(records["energy"]).all(axis=2).sum(axis=0)
    assert lived.tolist() == [81, int(explosion.time_fs) + 1, 81] and 1 < lived[1] < 80
    assert "K" in explosion.message and explosion.record()["cause"] == "temperature"


def test_atoms_that_meet_are_found_through_the_boundary():
    start = Atoms("ArHe", [[0.2, 1.0, 1.0], [9.0, 1.0, 1.0]], cell=[10.0] * 3, pbc=True)
    forces = through_potential(free, start)
    state = moving(forces, start, 0.0)
    state.velocities_A_fs[0, 0] = [-0.021, 0, 0]
    state, _, explosions = run(forces, state, n_steps=100, limits=Limits(closest_A=0.5))
    (explosion,) = explosions
    # 1.2 Å apart at the start: less than 0.5 after 33.3 fs, seen at the next look
    assert (explosion.cause, explosion.time_fs, len(state.repeats)) == ("closest_distance", 35.0, 0)


def test_numbers_that_are_not_finite_end_a_repeat_without_a_record_of_them():
    steps = iter(range(100))

    def law(atoms):
        energy, forces = free(atoms)
        return (np.nan if next(steps) == 4 else energy), forces

    forces = through_potential(law, argon(1))
    _, records, explosions = run(forces, moving(forces, argon(1), 50.0))
    assert explosions[0].cause == "non_finite" and explosions[0].time_fs == 4.0
    assert len(records["energy"]) == 4 and np.isfinite(records["energy"]).all()


@pytest.mark.parametrize("error", [PotentialFailure("out_of_memory", "too many edges"), RuntimeError("no neighbours")])
@pytest.mark.parametrize("advanced", [TOGETHER, APART])
def test_a_potential_that_fails_on_one_repeat_ends_that_one(error, advanced):
    def law(atoms):
        if is_marked(atoms) and atoms.positions[0, 0] > 0.35:
            raise error
        return free(atoms)

    forces = ModelForces(make_potential(law), [argon(1) for _ in range(2)], advanced)
    state = at_rest(forces, 0, repeats=2)
    state.velocities_A_fs[:, 0, 0] = 0.1
    with pytest.raises(type(error)):
        run(forces, state.copy())
    forces.forgiving = True
    state, _, explosions = run(forces, state)
    assert state.repeats.tolist() == [1]
    assert (explosions[0].cause, explosions[0].time_fs) == ("failure", 4.0) and str(error) in explosions[0].message


def test_bad_input_is_never_forgiven():
    def law(atoms):
        raise UserError("mend it")

    forces = ModelForces(make_potential(law), [argon(1)], APART, forgiving=True)
    with pytest.raises(UserError):
        forces(argon(1).positions[None])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n_atoms=st.integers(2, 12))
def test_the_closest_distance_is_that_over_all_images(seed, n_atoms):
    random = np.random.default_rng(seed)
    cell = np.diag(random.uniform(4, 8, 3)) + np.tril(random.uniform(-2, 2, (3, 3)), -1)
    positions = random.uniform(-3, 3, (n_atoms, 3)) @ cell
    _, distances = get_distances(positions, cell=cell, pbc=True)
    expected = distances[np.triu_indices(n_atoms, 1)].min()
    seen = closest_distance_A(positions, cell, 1.5)
    assert seen == pytest.approx(expected) if expected < 1.5 else seen == np.inf


def test_the_faster_way_of_evaluating_is_taken():
    calls = []

    def law(atoms):
        calls.append(len(atoms))
        return free(atoms)

    for batching, expected in (("together", TOGETHER), ("apart", APART)):
        forces = through_potential(law, argon(1), repeats=3)
        assert choose_advanced(forces, batching) is None and forces.advanced == expected
    seconds = choose_advanced(forces, "auto")
    assert set(seconds) == {TOGETHER, APART} and seconds[forces.advanced] == min(seconds.values())
    loops = ModelForces(make_potential(law, native=False), [argon(1)] * 2)
    before = len(calls)
    assert choose_advanced(loops, "auto") is None and loops.advanced == APART and len(calls) == before


def test_stages_follow_the_protocol():
    protocol = GasProtocol.from_settings(
        {"protocol": 1, "timestep_fs": 0.5, "equilibration_ps": 1, "production_ps": 2, "timestep_scan_fs": [2, 0.25]}
    )
    nvt, coarse, fine, nve = protocol.stages(400.0)
    assert [stage.phase for stage in (nvt, coarse, fine, nve)] == ["nvt", "scan-2fs", "scan-0.25fs", "nve"]
    assert [stage.n_steps for stage in (nvt, coarse, fine, nve)] == [2000, 500, 4000, 4000]
    assert nvt.integrator == Langevin(400.0, 100.0) and (nve.positions_every, nve.velocities_every) == (20, 8)
    warm = GasProtocol(equilibration_K=300.0, thermostat="bussi")
    assert warm.stages(400.0)[0].integrator == Bussi(300.0, 100.0)
    assert warm.limits(400.0) == Limits(4000.0, 0.5)


def test_an_interval_between_time_steps_is_told():
    with pytest.raises(
        UserError, match=r"gas.velocity_interval_fs: 4 fs is not a whole number of time steps of 1.5 fs"
    ):
        GasProtocol.from_settings({"timestep_fs": 1.5, "frame_interval_fs": 6.0, "velocity_interval_fs": 4.0})
