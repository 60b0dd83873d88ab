"""Runs that are stopped go on as if they had not been, are extended, and begin anew where they have to."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from gcmc_cases import additive, assert_equal_files, cases, left, potential, settings, system, whole_energy
from gcmc_toys import KT, ToyGuests

from assay.adsorption import raw, simulation
from assay.adsorption.checkpoints import FOLDER, HEAD
from assay.adsorption.simulation import simulate
from assay.failures import PotentialFailure, UserError

EVERY = 100


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch):
    monkeypatch.setattr(simulation, "REFRESH_EVERY", {True: EVERY, False: EVERY})


@dataclass
class Killed(Exception):
    """What ends a run in the middle."""

    trial: int


def stop_after(trials: int):
    """A report that kills the run."""

    def report(done, total, seconds, molecules):
        if done >= trials:
            raise Killed(done)

    return report


def run(folder, whole: bool = False, numbers=(1.0, 3.0), identity: str = "1", **options) -> dict:
    own = {key: options.pop(key) for key in ("report", "checkpoint_s") if key in options}
    model = potential() if whole else potential(guests=additive)
    return simulate(
        model, system(), cases(folder, numbers, identity), settings(**options), seed=5, **{"checkpoint_s": 0.0} | own
    )


@pytest.mark.parametrize("whole", [False, True])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, whole):
    run(tmp_path / "whole", whole)
    for trials in (100, 250):
        with pytest.raises(Killed):
            run(tmp_path / "parts", whole, report=stop_after(trials))
    outcomes = run(tmp_path / "parts", whole)
    for case in ("toy-1", "toy-3"):
        assert_equal_files(tmp_path / "whole", tmp_path / "parts", case)
        assert outcomes[case]["observations"]["n_trials"] == 400


def test_a_kill_before_the_first_checkpoint_begins_anew(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path / "parts", report=stop_after(100), checkpoint_s=1e9)
    run(tmp_path / "parts")
    run(tmp_path / "whole")
    assert_equal_files(tmp_path / "whole", tmp_path / "parts")


def test_more_trials_extend_what_is_there(tmp_path):
    run(tmp_path / "long", trials=600)
    run(tmp_path / "grown", trials=300)
    before = left(tmp_path / "grown")[0]["trial"].max()
    seen = []
    run(tmp_path / "grown", trials=600, report=lambda done, *_: seen.append(done))
    assert before == 300 and min(seen) > 300
    assert_equal_files(tmp_path / "long", tmp_path / "grown")


def test_an_extension_that_is_killed_keeps_what_was_there(tmp_path):
    run(tmp_path / "long", trials=600)
    run(tmp_path / "grown", trials=300)
    with pytest.raises(Killed):
        run(tmp_path / "grown", trials=600, report=stop_after(500))
    assert left(tmp_path / "grown")[0]["trial"].max() == 300
    run(tmp_path / "grown", trials=600)
    assert_equal_files(tmp_path / "long", tmp_path / "grown")


def test_fewer_trials_than_are_there_begin_anew(tmp_path):
    run(tmp_path / "cut", trials=600)
    run(tmp_path / "cut", trials=300)
    run(tmp_path / "short", trials=300)
    assert_equal_files(tmp_path / "cut", tmp_path / "short")


def test_a_case_that_was_left_behind_catches_up(tmp_path):
    run(tmp_path / "together")
    run(tmp_path / "apart", numbers=(3.0,), trials=200)
    outcomes = run(tmp_path / "apart")
    assert set(outcomes) == {"toy-1", "toy-3"}
    for case in outcomes:
        assert_equal_files(tmp_path / "together", tmp_path / "apart", case)


def test_how_cases_are_put_together_changes_nothing(tmp_path):
    run(tmp_path / "together", numbers=(0.5, 1.0, 3.0))
    for number in (3.0, 1.0):
        run(tmp_path / "apart", numbers=(number,))
        assert_equal_files(tmp_path / "together", tmp_path / "apart", f"toy-{number:g}")


def test_other_settings_and_damage_begin_anew(tmp_path, caplog):
    run(tmp_path / "fresh")
    for damage in ("identity", "head", "segment"):
        folder = tmp_path / damage
        with pytest.raises(Killed):
            run(folder, report=stop_after(250))
        checkpoint = folder / "toy-3" / FOLDER
        if damage == "head":
            (checkpoint / HEAD).write_bytes(b"no")
        if damage == "segment":
            (checkpoint / "segment-00000.h5").write_bytes(b"no")
        with caplog.at_level(logging.WARNING, "assay"):
            run(folder, identity="2" if damage == "identity" else "1")
        assert "starting from the beginning" in caplog.text
        caplog.clear()
        assert_equal_files(tmp_path / "fresh", folder)


def test_an_extension_of_damaged_files_begins_anew(tmp_path):
    run(tmp_path / "fresh", trials=600)
    run(tmp_path / "hurt", trials=300)
    (tmp_path / "hurt/toy-3/trajectory.h5").write_bytes(b"no")
    run(tmp_path / "hurt", trials=600)
    assert_equal_files(tmp_path / "fresh", tmp_path / "hurt")


def test_whole_structures_and_additive_energies_agree(tmp_path):
    run(tmp_path / "additive", overlap_fraction=0.6)
    outcomes = run(tmp_path / "whole", whole=True, overlap_fraction=0.6)
    for case in outcomes:
        (samples, _), (others, _) = left(tmp_path / "additive", case), left(tmp_path / "whole", case)
        assert np.array_equal(samples["n_molecules"], others["n_molecules"])
        assert samples["energy_eV"] == pytest.approx(others["energy_eV"], abs=1e-9)
    assert outcomes["toy-3"]["observations"]["mode"] == "whole structures"


def test_a_flexible_guest_takes_its_reservoir_along(tmp_path, monkeypatch):
    monkeypatch.setattr("assay.adsorption.reservoir.STEPS_BEFORE", 50)
    monkeypatch.setattr("assay.adsorption.reservoir.STEPS_BETWEEN", 10)

    def springs(atoms: Atoms) -> float:
        ends = atoms.positions[atoms.numbers == 7].reshape(-1, 2, 3)
        lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
        return whole_energy(atoms) + float(500 * KT * ((lengths - 1.1) ** 2).sum())

    def flexible(folder, **options):
        own = settings(guest="flexible", trials=300)
        return simulate(potential(springs), system(), cases(folder), own, seed=5, checkpoint_s=0.0, **options)

    outcomes = flexible(tmp_path / "whole")
    with pytest.raises(Killed):
        flexible(tmp_path / "parts", report=stop_after(150))
    flexible(tmp_path / "parts")
    assert_equal_files(tmp_path / "whole", tmp_path / "parts")
    seen = outcomes["toy-3"]["observations"]
    assert seen["internal_configurations"] > 100 and seen["energy_drift_eV"] < 1e-9
    moves = raw.read_moves(tmp_path / "whole/toy-3" / raw.MOVES_FILE)
    assert moves[moves["move"] == "regrowth"]["accepted"].sum() > 10
    frames = left(tmp_path / "whole")[1].positions_A
    lengths = np.linalg.norm(frames[:, :, 1] - frames[:, :, 0], axis=2)
    assert 0.01 < np.nanstd(lengths) < 0.1


def test_the_observations_of_a_case(tmp_path):
    outcome = run(tmp_path)["toy-3"]
    seen = outcome["observations"]
    assert seen["supercell"] == [1, 1, 1] and seen["n_cells"] == 1 and seen["n_atoms_host"] == 1
    assert seen["volume_A3"] == pytest.approx(720.0) and seen["host_mass_u"] == pytest.approx(12.011)
    assert seen["n_replicas"] == 2 and seen["resume"] == "exact" and seen["engine"] == "assay"
    assert len(seen["max_displacement_A"]) == 2 and seen["seconds_per_trial"] > 0
    moves = raw.read_moves(outcome["files"][1])
    assert moves["attempted"].sum() == 2 * 400
    assert moves[moves["part"] == "equilibration"]["attempted"].sum() == 2 * 100
    samples = raw.read_samples(outcome["files"][0])
    assert samples["trial"].tolist() == list(range(20, 401, 20)) * 2
    assert not (tmp_path / "toy-3" / FOLDER / "segment-00000.h5").exists()


class Hole(ToyGuests):
    """Guests that attract each other without an end when they meet."""

    def __init__(self, host, guest):
        super().__init__(host.cell.lengths(), pair=lambda squares: np.where(squares < 1.0, -20 * KT, 0.0))


def test_a_hole_ends_its_case_and_leaves_the_others(tmp_path):
    outcomes = simulate(potential(guests=Hole), system(), cases(tmp_path, (0.001, 20.0)), settings(trials=6000), seed=5)
    assert outcomes["toy-20"]["reason"] == "unstable" and "molecules are in a volume" in outcomes["toy-20"]["message"]
    assert 0 < outcomes["toy-20"]["observations"]["n_trials"] < 6000
    assert left(tmp_path, "toy-20")[0]["n_molecules"].max() > 5
    assert "reason" not in outcomes["toy-0.001"] and outcomes["toy-0.001"]["observations"]["n_trials"] == 6000
    assert not (tmp_path / "toy-20" / FOLDER).exists()


def test_guests_inside_the_framework_end_their_case(tmp_path):
    def sucked(host, guest):
        return ToyGuests(
            host.cell.lengths(),
            lambda positions: np.where(
                ((positions.mean(axis=1) - host.positions[0]) ** 2).sum(axis=1) < 1.0, -30 * KT, 0.0
            ),
        )

    outcome = simulate(
        potential(guests=sucked), system(), cases(tmp_path, (1.0,)), settings(overlap_fraction=0, trials=6000), seed=5
    )["toy-1"]
    assert outcome["reason"] == "unstable" and "inside the framework" in outcome["message"]
    # where overlaps are rejected the hole is out of reach
    shielded = simulate(
        potential(guests=sucked), system(), cases(tmp_path / "s", (1.0,)), settings(overlap_fraction=0.9), seed=5
    )["toy-1"]
    assert "reason" not in shielded


def test_energies_that_are_often_no_numbers_fail(tmp_path):
    def lost(atoms: Atoms) -> float:
        return np.nan if (atoms.numbers == 7).sum() > 6 else 0.0

    outcomes = simulate(potential(lost), system(), cases(tmp_path, (0.01, 8.0)), settings(), seed=5)
    assert outcomes["toy-8"]["reason"] == "non_finite" and "no finite energy" in outcomes["toy-8"]["message"]
    assert outcomes["toy-8"]["observations"]["n_non_finite"] > 0
    assert "reason" not in outcomes["toy-0.01"]


def test_a_potential_that_breaks_for_one_case_leaves_the_others(tmp_path):
    def narrow(atoms: Atoms) -> float:
        if (atoms.numbers == 7).sum() > 12:
            raise PotentialFailure("out_of_memory", "too many atoms.")
        return 0.0

    outcomes = simulate(potential(narrow), system(), cases(tmp_path, (0.01, 8.0)), settings(), seed=5)
    assert outcomes["toy-8"]["reason"] == "out_of_memory"
    assert "reason" not in outcomes["toy-0.01"] and outcomes["toy-0.01"]["observations"]["n_trials"] == 400


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"moves": "md+exchange"}, r"adsorption\.moves"), ({"guest": "flexible"}, r"adsorption\.guest")],
)
def test_what_this_engine_cannot_do_is_told(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, **changes)
