"""LAMMPS as the engine of the chapter: laws of statistical mechanics in its environment, geometry and texts here."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from conftest import report_of
from scipy.spatial.transform import Rotation

from assay.adsorption.lammps_axes import Axes
from assay.adsorption.lammps_chains import LONGEST_BLOCK, Chain, Conditions, read_chains, write_chains
from assay.adsorption.lammps_script import Dynamics, Moves, molecule_file, thermal_velocities
from assay.adsorption.monte_carlo import ADAPT_EVERY
from assay.adsorption.moves import Shares

HERE = Path(__file__).parent
SKEWED = np.array([[7.1, 0.4, -0.2], [-3.3, 8.4, 1.0], [2.9, -4.0, 6.3]])
CO2 = np.array([[0, 0, 0], [0, 0, 1.16], [0, 0, -1.16]])


@pytest.fixture(scope="module")
def report():
    return report_of(HERE / "check_lammps_engine.py", timeout_s=900)


def has_its_number(found, share):
    """Within two standard errors, which are no more than a share of the number."""
    assert found["stderr"] < share * found["expected"]
    return abs(found["mean"] - found["expected"]) < 2 * found["stderr"]


@pytest.mark.models
@pytest.mark.parametrize("case", ["ideal_gas", "native_ideal_gas"])
def test_an_ideal_gas_has_its_mean_number_and_poissons_variance(report, case):
    found = report[case]
    assert has_its_number(found, 0.07)
    assert found["variance"] == pytest.approx(found["expected"], rel=0.3)
    assert found["least"] == 0


@pytest.mark.models
def test_force_fields_are_lammps_own(report):
    assert report["native_ideal_gas"]["mode"] == "lammps native"


@pytest.mark.models
def test_rigid_molecules_that_are_moved_by_dynamics_are_where_boltzmann_has_them(report):
    found = report["dynamics_in_a_wave"]
    assert has_its_number(found, 0.1)
    assert found["least"] == 0
    assert found["energy_kT"] == pytest.approx(found["expected_energy_kT"], rel=0.07)
    # frames are rounded to 0.001 Å
    assert found["bond_A"] == pytest.approx([1.16, 1.16], abs=0.002)


@pytest.mark.models
def test_molecules_that_are_aligned_by_a_field_have_their_number_and_energy(report):
    found = report["rotors"]
    assert has_its_number(found, 0.07)
    assert found["energy_kT"] == pytest.approx(found["expected_energy_kT"], rel=0.08)


@pytest.mark.models
def test_lammps_prefers_the_templates_orientation_unless_that_is_turned(report):
    found = report["inserted_orientations"]
    assert found["fixed"] == pytest.approx(0.2, abs=4 * found["fixed_stderr"])
    assert abs(found["turned"]) < 0.07
    assert found["fixed_stderr"] < 0.03


@pytest.mark.models
@pytest.mark.parametrize("constant", ["0.3", "2"])
def test_wells_that_hold_one_guest_each_are_filled_as_langmuir_says(report, constant):
    found = report["lattice_gas"][constant]
    assert has_its_number(found, 0.1)
    filled = found["expected"] / 8
    assert found["variance"] == pytest.approx(8 * filled * (1 - filled), rel=0.3)


@pytest.mark.models
def test_the_lennard_jones_fluid_has_its_density(report):
    assert has_its_number(report["lennard_jones"], 0.08)


@pytest.mark.models
def test_the_bridge_makes_the_trials_of_lammps_own_force_field(report):
    native, bridge = report["native_and_bridge"]["native"], report["native_and_bridge"]["bridge"]
    assert native["counts"] == bridge["counts"] and np.min(np.array(native["counts"])[:, 1]) > 2
    assert native["positions_A"] == pytest.approx(np.array(bridge["positions_A"]), abs=1e-9)
    assert native["energy_eV"] == pytest.approx(bridge["energy_eV"], abs=1e-4)


@pytest.mark.models
def test_a_stopped_run_goes_on_and_a_finished_one_is_extended_to_the_last_digit(report):
    found = report["resumed"]
    assert found["stopped"] and found["molecules"] > 1
    assert all(found["same"].values()), found["same"]


@pytest.mark.models
@pytest.mark.parametrize(
    ("case", "kind", "reason", "word"),
    [
        ("flexible", "UserError", "", "engine: assay"),
        ("model", "ZeroDivisionError", "", "the model's own words"),
        ("non_finite", "PotentialFailure", "non_finite", "no finite energy"),
        ("runaway", "PotentialFailure", "unstable", "molecules"),
        ("lammps", "PotentialFailure", "error", "Illegal fix gcmc"),
    ],
)
def test_what_goes_wrong_is_told_in_one_sentence(report, case, kind, reason, word):
    found = report["answers"][case]
    assert found[:2] == [kind, reason]
    assert word in found[2] and "\n" not in found[2]


@pytest.mark.models
def test_overlaps_are_counted_and_not_evaluated(report):
    counted = report["answers"]["counted"]
    assert counted["overlaps"] > 50 and counted["evaluated"] > 500 and counted["non_finite"] == 0
    assert counted["overlaps"] + counted["evaluated"] <= 1500


def molecules(count, seed=0):
    random = np.random.default_rng(seed)
    return CO2 + random.uniform(-30, 30, (count, 1, 3))


def test_molecules_go_to_lammps_and_come_back_whole():
    host = Atoms(cell=SKEWED, pbc=True)
    axes = Axes.of(host)
    there = axes.to_lammps(molecules(50))
    first = there[:, 0] @ axes.to_fractional
    assert (first >= -1e-9).all() and (first < 1 + 1e-9).all()
    back = axes.to_host(there)
    assert back - back[:, :1] == pytest.approx(CO2 + np.zeros((50, 3, 3)), abs=1e-9)
    shifts = (back[:, 0] - molecules(50)[:, 0]) @ np.linalg.inv(SKEWED)
    assert shifts == pytest.approx(np.round(shifts), abs=1e-9)
    assert np.linalg.det(axes.rotation) == pytest.approx(1)
    assert np.abs(np.triu(axes.cell_A, 1)).max() < 1e-9
    assert abs(np.linalg.det(axes.cell_A)) == pytest.approx(abs(np.linalg.det(SKEWED)))


def test_atoms_that_were_wrapped_one_by_one_are_put_together_again():
    axes = Axes.of(Atoms(cell=SKEWED, pbc=True))
    there = axes.to_lammps(molecules(50))
    fractional = there @ axes.to_fractional
    wrapped = (fractional - np.floor(fractional)) @ axes.cell_A
    assert np.abs(wrapped - there).max() > 1
    assert axes.whole(wrapped) == pytest.approx(there, abs=1e-9)
    assert axes.same(wrapped, there, 1e-7) and not axes.same(there, there + 1e-3, 1e-7)


def test_velocities_of_rigid_molecules_are_those_of_the_temperature_and_keep_their_shape():
    masses, kT_eV, count = np.array([12.011, 15.999, 15.999]), 0.025, 20_000
    turns = Rotation.random(count, rng=np.random.default_rng(1)).as_matrix()
    positions = np.einsum("nij,mj->nmi", turns, CO2)
    velocities = thermal_velocities(positions, masses, kT_eV, np.random.default_rng(2))
    drift = np.einsum("m,nmi->ni", masses, velocities) / masses.sum()
    translation = masses.sum() * (drift**2).sum(axis=1) / 2
    kinetic = np.einsum("m,nmi,nmi->n", masses, velocities, velocities) / 2
    assert translation.mean() == pytest.approx(1.5 * kT_eV, rel=0.03)
    # a linear molecule turns about two axes
    assert (kinetic - translation).mean() == pytest.approx(kT_eV, rel=0.03)
    stretch = np.einsum("ni,ni->n", velocities[:, 1] - velocities[:, 0], positions[:, 1] - positions[:, 0])
    assert np.abs(stretch).max() < 1e-12


def test_a_bent_molecule_turns_about_three_axes_and_an_atom_about_none():
    water = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    masses, kT_eV = np.array([15.999, 1.008, 1.008]), 0.025
    velocities = thermal_velocities(np.repeat(water[None], 20_000, axis=0), masses, kT_eV, np.random.default_rng(3))
    kinetic = np.einsum("m,nmi,nmi->n", masses, velocities, velocities) / 2
    assert kinetic.mean() == pytest.approx(3 * kT_eV, rel=0.03)
    velocities = thermal_velocities(np.zeros((20_000, 1, 3)), np.array([39.9]), kT_eV, np.random.default_rng(4))
    assert 39.9 * (velocities**2).sum(axis=(1, 2)).mean() / 2 == pytest.approx(1.5 * kT_eV, rel=0.03)


def conditions(**changes):
    settings = {
        "case": "x",
        "seed": 1,
        "temperature_K": 300.0,
        "fugacity_bar": 1.0,
        "shares": Shares(0.25, 0.25, 0.5, 0.0),
        "trials": 5000,
        "equilibration_trials": 1000,
        "sample_every": 30,
        "frame_every": 70,
    }
    return Conditions(**settings | changes)


@pytest.mark.parametrize("cycle", [None, 12])
def test_blocks_end_where_something_is_to_be_done(cycle):
    dynamics = Dynamics(300.0, 100.0, 1.0) if cycle else None
    given = conditions(dynamics=dynamics, exchanges_per_cycle=cycle or 1)
    ends = [0]
    while ends[-1] < given.trials:
        ends.append(given.block_end(ends[-1]))
    assert ends[-1] == given.trials and max(np.diff(ends)) <= LONGEST_BLOCK
    wanted = set(range(30, 5000, 30)) | set(range(70, 5000, 70)) | {500, 1000, ADAPT_EVERY}
    if cycle:
        wanted |= set(range(cycle, 5000, cycle))
    assert wanted <= set(ends)


def test_the_fugacity_is_told_in_bar():
    facts = {"temperature_K": 298.0, "fugacity_Pa": 9.95e4}
    settings = {
        **{"moves": "mc", "trials": 10, "equilibration_trials": 0, "sample_every": 1, "frame_every": 1},
        "shares": {"translation": 1, "rotation": 1, "exchange": 2},
    }
    found = Conditions.of("x", 1, facts, settings, Atoms("CO2", CO2))
    assert found.fugacity_bar == pytest.approx(0.995) and found.dynamics is None
    assert found.fugacity_bar * units.bar == pytest.approx(9.95e4 * units.Pascal)
    (line,) = Moves(3, 2, 0.25, 298.0, found.fugacity_bar, 1.5, 20.0, 77).commands(0.125)
    assert " gcmc 1 3 2 0 77 298 0.0 1.5 mol " in line and " pressure 0.995" in line
    assert line.endswith("maxangle 20 mcmoves 0 0.75 0.25 full_energy intra_energy 0.125")


def test_molecule_files_count_atoms_from_one():
    text = molecule_file(CO2, [1, 2, 2], [0.7, -0.35, -0.35], [(1, 0, 1), (1, 0, 2)], [(1, 1, 0, 2)])
    lines = text.splitlines()
    assert lines[2:5] == ["3 atoms", "2 bonds", "1 angles"]
    assert lines[lines.index("Bonds") + 2] == "1 1 1 2" and lines[lines.index("Angles") + 2] == "1 1 2 1 3"
    assert lines[lines.index("Charges") + 3] == "2 -0.34999999999999998"


def test_chains_come_back_from_their_checkpoint(tmp_path):
    path = tmp_path / "chains.h5"
    chains = [
        Chain(0, np.zeros((0, 3, 3)), 1.0, 30.0),
        Chain(1, molecules(4), 1.25, 20.0, done=50, energy_eV=-0.3, samples=[(50, 4, -0.3, np.nan, 0)]),
    ]
    write_chains(path, chains, "one")
    assert read_chains(path, "another") is None and read_chains(tmp_path / "none.h5", "one") is None
    found = read_chains(path, "one")
    assert [chain.replica for chain in found] == [0, 1] and len(found[0].positions_A) == 0
    assert np.array_equal(found[1].positions_A, molecules(4)) and found[1].energy_eV == -0.3
    assert found[1].done == 50 and found[1].samples[0][:2] == (50, 4)
    path.write_bytes(b"no HDF5")
    assert read_chains(path, "one") is None
