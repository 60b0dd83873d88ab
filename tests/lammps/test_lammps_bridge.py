"""The bridge in LAMMPS's environment (`ASSAY_ENVS`, default ``.envs``): equal to LAMMPS's own potentials and to ase."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from assay.runtime import recommended_environment

pytestmark = pytest.mark.models

HERE = Path(__file__).parent
ENVS = Path(os.environ.get("ASSAY_ENVS", HERE.parents[1] / ".envs"))
PYTHON = ENVS / "lammps" / "bin" / "python"


def run(*command, cwd=None, **variables):
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **recommended_environment(threads=1), **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module", autouse=True)
def python():
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} is not built")
    return PYTHON


@pytest.fixture(scope="module")
def report(python):
    found = {}
    for check in ("dynamics", "monte_carlo", "use"):
        done = run(python, HERE / f"check_bridge_{check}.py")
        assert done.returncode == 0, done.stderr[-4000:]
        found |= json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", ["nve", "nve_tilted", "npt", "npt_tilted"])
def test_argon_is_lammps_own(report, case):
    found = report[case]
    assert found["energy"] < 1e-8 and found["forces"] < 1e-8 and found["pressures"] < 1e-8
    assert found["positions_A"] < 1e-6
    assert found["volume"] < 1e-10
    assert (found["volume_change"] > 1e-3) == case.startswith("npt")


@pytest.mark.parametrize("case", ["emt", "emt_turned"])
def test_copper_is_that_of_ase_in_any_orientation(report, case):
    found = report[case]
    assert found["energy"] < 1e-12 and found["forces"] < 1e-12 and found["stress"] < 1e-12
    assert found["cell_A"] < 1e-12 and found["positions_A"] < 1e-12 and found["symbols"]


def test_copper_moves_as_in_ase(report):
    assert report["emt_dynamics"]["positions_A"] < 1e-9
    assert report["emt_dynamics"]["velocities"] < 1e-8


def test_units_real_are_units_metal(report):
    found = report["real_and_metal"]
    assert found["positions_A"] < 1e-5 and found["velocities"] < 1e-4
    assert found["energy"] < 1e-6 and found["pressure"] < 1e-4


@pytest.mark.parametrize("case", ["gas", "gas_tilted", "gas_moving"])
def test_grand_canonical_moves_are_accepted_as_with_lammps_own_potential(report, case):
    native, bridge = report[case]
    assert bridge["counters"] == native["counters"] and bridge["atoms"] == native["atoms"]
    assert bridge["energy_eV"] == pytest.approx(native["energy_eV"], rel=1e-8)
    attempted, accepted = np.array(native["counters"])[[2, 4]], np.array(native["counters"])[[3, 5]]
    assert (accepted > 20).all() and (accepted < attempted).all()


def test_energies_alone_give_the_same_moves(report):
    _, bridge = report["gas"]
    assert bridge["asked"] == ["energy forces stress"]
    assert report["gas_energies"] == bridge | {"asked": ["energy"]}


def test_molecules_are_accepted_as_with_lammps_own_potential(report):
    native, bridge = report["molecules"]
    assert bridge["counters"] == native["counters"] and bridge["molecules"] == native["molecules"]
    assert bridge["energy_kcal_mol"] == pytest.approx(native["energy_kcal_mol"], rel=1e-6)
    assert (np.array(native["counters"])[1::2] > 20).all()


def test_widom_insertions_have_lammps_own_chemical_potential(report):
    native, bridge, energies = report["widom"]
    assert bridge == pytest.approx(native, rel=1e-8) and energies == pytest.approx(native, rel=1e-8)
    assert native[0] != 0


@pytest.mark.parametrize("case", ["ideal_gas", "well"])
def test_atoms_that_do_not_see_each_other_have_their_number(report, case):
    """<N> is beta f times the integral of exp(-beta u), and Poisson-distributed: deletions see the right energy."""
    found = report[case]
    assert abs(found["mean"] - found["expected"]) < 2 * found["stderr"]
    assert found["stderr"] < 0.03 * found["expected"]
    assert found["variance"] == pytest.approx(found["expected"], rel=0.3)
    assert found["deletions"] > 1000


def test_slabs_and_clusters_have_the_energies_of_ase_and_no_pressure(report):
    found = report["not_periodic"]
    assert found["relative"] < 1e-12 and found["no_pressure"]


def test_an_empty_box_can_be_filled(report):
    found = report["empty_box"]
    assert found["energy_eV"] == 0.0 and found["atoms"] == found["symbols"] > 0


def test_calculators_see_order_elements_charges_and_molecules(report):
    found = report["seen"]
    assert found["numbers"] and found["charges"] and found["molecules"] and all(found["periodic"])
    assert found["positions_A"] < 1e-14


def test_an_exception_of_the_calculator_ends_the_run_and_is_raised(report):
    found = report["failures"]
    assert found["traceback"] and found["same"]
    assert found["evaluations"] == 4 and found["last_step"] == 3
    assert found["afterwards"] > 4
    assert found["interrupt"] == "KeyboardInterrupt"


@pytest.mark.parametrize("case", ["1 run 0", "1 run 10", "3 run 10", "1 minimize 0 0 10 10"])
def test_an_exception_ends_a_script(report, case):
    assert report["failures"][f"script {case}"] == "the model fell over"
    assert report["failures"][f"stopped {case}"]


def test_numbers_that_are_none_are_a_failure_of_the_potential(report):
    assert report["failures"]["nan"] == "non_finite"


def test_forces_that_were_not_computed_are_not_zero(report):
    assert report["failures"]["forces_without_forces"] and report["failures"]["pressure_without_forces"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unknown units", ("lj", "metal")),
        ("no box", ("no box yet",)),
        ("other units", ("si", "metal")),
        ("refused", ("fix 1 all nosuchfix", "Unrecognized fix style")),
        ("script refused", ("refused.in: line 8", "Unrecognized fix style")),
        ("after the return", ("refused.in: line 7", "Unknown command")),
        ("unknown mass", ("2.014", "types")),
        ("after clear", ("2.014", "types")),
        ("box too late", ("refused.in: line 2", "before simulation box")),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(report, case, words):
    message = report["refusals"][case]
    assert all(word in message for word in words) and "\n" not in message


def test_scripts_keep_their_loops_jumps_and_includes(report):
    found = report["script"]
    assert found["lines"] == [["3.6", "1"], ["3.6", "2"], ["3.7", "1"], ["3.7", "2"]]
    assert found["energy"] < 1e-10 and found["calls"] == 12


def test_potentials_of_the_catalogue_are_evaluated_directly(report):
    assert report["potential"]["energy"] < 1e-8
    assert report["potential"]["copper"] == "unsupported_element"


COPPER = """units metal
lattice fcc 3.7
region box block 0 2 0 2 0 ${n}
create_box 1 box
create_atoms 1 box
mass 1 63.546
minimize 0 0 1 1
print "$(pe:%.12g)" file energy.txt
"""
ENTRY = {"name": "emt", "package": "classical", "loader": {"kind": "emt"}, "checkpoint": "none"}


def assay_lammps(tmp_path, *words):
    return run(PYTHON, "-m", "assay.lammps", *words, cwd=tmp_path)


def test_the_command_runs_an_input(tmp_path):
    (tmp_path / "in.copper").write_text(COPPER.replace("minimize 0 0 1 1", "run 0"))
    done = assay_lammps(tmp_path, "in.copper", "--entry", json.dumps(ENTRY), "--var", "n", "2")
    assert done.returncode == 0, done.stderr
    atoms = bulk("Cu", a=3.7, cubic=True) * 2
    atoms.calc = EMT()
    assert float((tmp_path / "energy.txt").read_text()) == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    assert "run 0" in (tmp_path / "log.lammps").read_text() and "Loop time" in done.stdout


def test_the_driver_starts_the_potentials_environment(tmp_path):
    """With a catalogue, whose entry names the environment of LAMMPS."""
    root = HERE.parents[1]
    catalogue = (root / "config/models.yaml").read_text()
    entry = catalogue.partition("\nemt:\n")[2].partition("\n\n")[0]
    (tmp_path / "models.yaml").write_text(f"copper:\n{entry}\n  environment: lammps\n")
    (tmp_path / "in.copper").write_text(COPPER)
    words = ("in.copper", "--potential", "copper", "--catalogue", "models.yaml", "--types", "1=Cu", "--log", "none")
    done = run(
        sys.executable, "-m", "assay.lammps", *words, "--var", "n", "2", cwd=tmp_path, ASSAY_ENVS=str(ENVS.resolve())
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "energy.txt").exists() and not (tmp_path / "log.lammps").exists()


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no script", "in.none: there is no such file"),
        ("no entry", "--entry: not readable"),
        ("types", "--types: 'Cu'"),
        ("symbol", "no element has this symbol"),
        ("element", "unsupported_element: emt does not know Mg"),
        ("units", "was told real, the input says metal"),
        ("line", "in.bad: line 7: LAMMPS: "),
        ("ideal gas", "in.ideal: line 7: without the keyword `full_energy`"),
    ],
)
def test_the_commands_errors_are_one_sentence(report, case, words):
    code, told = report["command"][case]
    assert code == "1"
    assert words in told and len(told.strip().splitlines()) == 1


def test_unknown_potentials_are_told_with_near_misses(tmp_path):
    (tmp_path / "in.copper").write_text(COPPER)
    catalogue = HERE.parents[1] / "config/models.yaml"
    words = ("in.copper", "--potential", "emd", "--catalogue", str(catalogue))
    done = run(sys.executable, "-m", "assay.lammps", *words, cwd=tmp_path)
    assert done.returncode == 1 and "did you mean 'emt'" in done.stderr


def test_more_than_one_process_is_refused(tmp_path):
    mpiexec = ENVS / "lammps" / "bin" / "mpiexec"
    if not mpiexec.exists():
        pytest.skip("no mpiexec in LAMMPS's environment")
    (tmp_path / "in.copper").write_text(COPPER)
    words = ("in.copper", "--entry", json.dumps(ENTRY), "--var", "n", "2")
    done = run(mpiexec, "-n", "2", PYTHON, "-m", "assay.lammps", *words, cwd=tmp_path)
    assert done.returncode != 0 and "one process, not in 2" in done.stderr
