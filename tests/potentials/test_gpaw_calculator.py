"""The reference code as a potential: what it asks of GPAW, with a stub in its place, and one real crystal."""

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT

from assay.failures import PotentialFailure, UserError
from assay.potentials import gpaw_calculator, load
from assay.references.gpaw_settings import phonon_settings

ENTRY = {"name": "gpaw-pbe", "package": "gpaw", "loader": {"quality": "quick"}, "checkpoint": "none"}
PYTHON = Path(os.environ.get("ASSAY_ENVS", Path(__file__).parents[2] / ".envs")) / "gpaw" / "bin" / "python"


class Refused(Exception):
    """What the stub raises in place of not converging."""


@pytest.fixture
def asked(monkeypatch):
    """What was asked of the code: parameters and structures; the first schemes may be made to fail."""
    log = SimpleNamespace(parameters=[], structures=[], failing=0)

    class Recorded(EMT):
        def calculate(self, atoms=None, properties=("energy",), system_changes=()):
            log.structures.append(atoms.copy())
            if log.failing:
                log.failing -= 1
                raise Refused
            super().calculate(atoms, properties, system_changes)

        def get_number_of_iterations(self):
            return 1

    def calculator(parameters, log_file):
        log.parameters.append(parameters)
        return Recorded()

    code = SimpleNamespace(
        calculator=calculator, not_converged=lambda error: isinstance(error, Refused), versions=lambda: {"stub": "1"}
    )
    monkeypatch.setattr(gpaw_calculator, "Gpaw", lambda: code)
    return log


def test_a_crystal_gets_the_settings_of_the_references(asked):
    atoms, settings = bulk("Cu"), phonon_settings("quick")
    (result,) = load(ENTRY).evaluate([atoms], ("energy", "forces", "stress"))
    (parameters,) = asked.parameters
    assert parameters["cutoff_eV"] == settings.cutoff(["Cu"])
    assert parameters["kpts"] == {"size": settings.lattice_kpoints(atoms.cell, ["Cu"]), "gamma": True}
    assert parameters["occupations"] == {"name": "fermi-dirac", "width": settings.smearing(["Cu"])}
    assert (parameters["spinpol"], parameters["charge"]) == (False, 0.0)
    assert result.stress_eV_A3.shape == (6,) and result.forces_eV_A.shape == (1, 3)


def test_a_molecule_gets_a_vacuum_and_a_single_point_of_the_zone(asked):
    atoms = molecule("CO")
    (result,) = load({**ENTRY, "loader": {"vacuum_A": 5.0}}).evaluate([atoms], ("energy", "stress"))
    whole = asked.structures[0]
    assert asked.parameters[0]["kpts"]["size"] == (1, 1, 1)
    assert whole.pbc.all() and result.stress_eV_A3 is None
    assert whole.cell.lengths() == pytest.approx(np.ptp(atoms.positions, axis=0) + 5.0)
    assert whole.get_distance(0, 1) == pytest.approx(atoms.get_distance(0, 1))
    assert whole.cell.scaled_positions(whole.positions).mean(axis=0) == pytest.approx([0.5] * 3)


def test_a_slab_is_sampled_along_its_periodic_directions(asked):
    slab = Atoms("Cu", cell=[2.5, 2.5, 0], pbc=(True, True, False))
    load({**ENTRY, "loader": {"kpoint_length_A": 9.0}}).evaluate([slab])
    assert asked.parameters[0]["kpts"]["size"] == (4, 4, 1)


def test_charge_and_spin_of_a_structure_go_before_those_of_the_entry(asked):
    radical = molecule("OH")
    cation = molecule("OH")
    cation.info = {"charge": 1, "spin": 3}
    load({**ENTRY, "spin_multiplicity": 2}).evaluate([radical, cation])
    found = [(each["charge"], each["spinpol"], each["occupations"].get("fixmagmom")) for each in asked.parameters]
    assert found == [(0.0, True, True), (1.0, True, True)]
    moments = [atoms.get_initial_magnetic_moments().sum() for atoms in asked.structures]
    assert set(np.round(moments, 9)) == {1.0, 2.0}


def test_the_next_scheme_takes_over_and_the_last_one_is_a_failure(asked):
    potential = load(ENTRY)
    asked.failing = 1
    potential.evaluate([bulk("Cu")])
    assert [each["eigensolver"]["niter"] for each in asked.parameters] == [2, 3]
    asked.failing = 2
    with pytest.raises(PotentialFailure, match="gpaw-pbe: Cu: self-consistency") as failure:
        potential.evaluate([bulk("Cu")])
    assert failure.value.reason == "error"


def test_it_says_what_it_is(asked):
    potential = load(ENTRY)
    assert potential.batching == {"mode": "loop"} and not potential.extensive
    assert potential.details["package_versions"] == {"stub": "1"}
    with pytest.raises(PotentialFailure, match="Tc"):
        potential.evaluate([Atoms("Tc")])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loader": {"qality": "quick"}}, ["gpaw-pbe.loader.qality", "quality"]),
        ({"loader": {"quality": "qick"}}, ["qick", "quick"]),
    ],
)
def test_a_wrong_entry_is_told_in_one_sentence(asked, change, words):
    with pytest.raises(UserError) as error:
        load({**ENTRY, **change})
    assert all(word in str(error.value) for word in words)


@pytest.mark.gpaw
def test_forces_and_stress_of_silicon_are_derivatives_of_its_energy():
    """Two atoms, few k-points: what is tested is the potential, not the reference."""
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON} is not built")
    code = f"""
import json
from ase.build import bulk
from assay.potentials import load
potential = load({ {**ENTRY, "loader": {"quality": "quick", "kpoint_length_A": 8.0}}!r})
def moved(x):
    atoms = bulk("Si")
    atoms.positions[1, 0] += x
    return atoms
here, left, right = potential.evaluate([moved(0.1), moved(0.09), moved(0.11)], ("energy", "forces", "stress"))
print(json.dumps({{
    "force_eV_A": here.forces_eV_A[1, 0],
    "slope_eV_A": (right.energy_eV - left.energy_eV) / 0.02,
    "net_eV_A": abs(here.forces_eV_A.sum(axis=0)).max(),
    "stress_eV_A3": list(here.stress_eV_A3),
}}))
"""
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["force_eV_A"] == pytest.approx(-report["slope_eV_A"], abs=0.01)
    assert report["force_eV_A"] < -0.3 and report["net_eV_A"] < 0.05
    assert np.isfinite(report["stress_eV_A3"]).all()
