"""Force sets with a stub in place of GPAW: what is written, and what is computed again when a job comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import phonopy
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from phonopy import Phonopy
from reference_stubs import StubCode

from assay.records import file_sha256, plain, read_json
from assay.references.gpaw_code import NotConverged
from assay.references.gpaw_phonons import ForceSet, make_force_set
from assay.references.gpaw_settings import phonon_settings
from assay.structures import Crystal, to_ase, to_phonopy

QUICK = phonon_settings("quick")

COPPER = Crystal(
    case="Cu",
    name="copper (fcc)",
    space_group=225,
    cell=(3.55, 3.55, 3.55, 90, 90, 90),
    sites={"Cu": [[0, 0, 0]]},
    supercell_matrix=np.diag([2, 2, 2]),
    source="a test",
)
HEXAGONAL = Crystal(
    case="Cu-hcp",
    name="copper (hcp)",
    space_group=194,
    cell=(2.5, 2.5, 4.2, 90, 90, 120),
    sites={"Cu": [[1 / 3, 2 / 3, 0.25]]},
    supercell_matrix=np.diag([2, 2, 1]),
    source="a test",
)


def run(crystal, folder, code, settings=QUICK, **options):
    lines = []
    record = make_force_set(
        crystal,
        settings,
        code,
        workdir=folder / "work",
        output=folder / "phonopy_params.yaml.xz",
        record_path=folder / "record.json",
        say=lines.append,
        **options,
    )
    return record, lines


def test_the_file_alone_gives_the_frequencies_of_the_potential(tmp_path):
    record, _ = run(COPPER, tmp_path, StubCode())
    loaded = phonopy.load(tmp_path / "phonopy_params.yaml.xz", log_level=0)
    assert loaded.supercell_energies == pytest.approx([point["energy_eV"] for point in record["displacements"]])
    loaded.run_mesh(30.0)
    found = loaded.mesh.frequencies.max()

    direct = Phonopy(to_phonopy(bulk("Cu", a=record["cell_lengths_A"][0])), supercell_matrix=np.diag([4, 4, 4]))
    direct.generate_displacements(distance=0.01)
    forces = []
    for cell in direct.supercells_with_displacements:
        atoms = to_ase(cell)
        atoms.calc = EMT()
        forces.append(atoms.get_forces())
    direct.forces = np.array(forces)
    direct.produce_force_constants()
    direct.run_mesh(30.0)
    # The supercells differ: 2x2x2 of four atoms and 4x4x4 of one.
    assert found == pytest.approx(direct.mesh.frequencies.max(), rel=0.02)


def test_the_lattice_is_relaxed_to_the_minimum_of_the_potential(tmp_path):
    record, _ = run(COPPER, tmp_path, StubCode())
    assert record["cell_lengths_A"] == pytest.approx([3.59] * 3, abs=0.005)
    assert record["relaxation"]["bulk_modulus_GPa"] == pytest.approx(134, rel=0.05)


def test_a_crystal_with_two_lattice_constants_is_relaxed_by_stress(tmp_path):
    record, _ = run(HEXAGONAL, tmp_path, StubCode())
    assert record["relaxation"]["largest_force_eV_A"] < 1e-3
    assert record["relaxation"]["largest_stress_eV_A3"] < 1e-3
    assert record["relaxation"]["cutoff_eV"] > record["cutoff_eV"]
    a, b, c = record["cell_lengths_A"]
    assert a == pytest.approx(b)
    assert 1.55 < c / a < 1.70


def test_a_job_that_comes_back_computes_nothing_twice(tmp_path):
    first = StubCode()
    run(COPPER, tmp_path, first)
    output = tmp_path / "phonopy_params.yaml.xz"
    before = file_sha256(output)
    (tmp_path / "work/points/displacement001.json").unlink()
    again = StubCode()
    record, lines = run(COPPER, tmp_path, again)
    assert (first.calculations, again.calculations) == (len(lines) - 1, 1)
    assert sum("(found)" in line for line in lines) == len(QUICK.strains)
    assert file_sha256(output) == before == record["sha256"]


def test_a_relaxation_by_stress_resumes_as_well(tmp_path):
    run(HEXAGONAL, tmp_path, StubCode())
    again = StubCode()
    run(HEXAGONAL, tmp_path, again)
    assert again.calculations == 0


@pytest.mark.parametrize(
    "change",
    [{"cutoff_eV": {"Cu": 300.0}}, {"smearing_eV": (0.01, 0.2)}, {"density_convergence": 1e-7}],
    ids=["cut-off", "smearing", "convergence"],
)
def test_a_changed_setting_computes_everything_anew(tmp_path, change):
    first, again = StubCode(), StubCode()
    run(COPPER, tmp_path, first)
    run(COPPER, tmp_path, again, settings=replace(QUICK, **change))
    assert again.calculations == first.calculations


def test_another_mesh_for_supercells_keeps_the_lattice(tmp_path):
    run(COPPER, tmp_path, StubCode())
    again = StubCode()
    run(COPPER, tmp_path, again, settings=replace(QUICK, supercell_kpoint_length_A=(10.7, 60.0)))
    assert again.calculations == 1


def test_the_record_holds_what_a_reader_asks_for(tmp_path):
    record, _ = run(COPPER, tmp_path, StubCode())
    assert read_json(tmp_path / "record.json") == plain(record)
    assert record["level_of_theory"] == "PBE"
    assert record["sha256"] == file_sha256(tmp_path / "phonopy_params.yaml.xz")
    assert record["occupations"]["width_eV"] == 0.1
    assert all(len(point) > 4 and point["drift_eV_A"] < 1e-10 for point in record["displacements"])


def test_a_force_set_without_a_point_is_not_written(tmp_path):
    supercells_fail = StubCode(fails=lambda atoms, eigensolver: len(atoms) > 4)
    with pytest.raises(NotConverged, match="displacement001"):
        run(COPPER, tmp_path, supercells_fail)
    assert not list(tmp_path.glob("phonopy_params*"))
    assert not (tmp_path / "record.json").exists()
    rest = StubCode()
    run(COPPER, tmp_path, rest)
    assert rest.calculations == 1


def test_the_drift_is_subtracted(tmp_path):
    class Drifting(EMT):
        def calculate(self, *arguments, **keywords):
            super().calculate(*arguments, **keywords)
            self.results["forces"] = self.results["forces"] + np.array([0.01, 0, 0])

    job = ForceSet(COPPER, QUICK, StubCode(Drifting), tmp_path, lambda line: None)
    phonon, points = job.displacements(COPPER.atoms())
    assert np.abs(np.mean(points[0]["forces_eV_A"], axis=0)).max() == pytest.approx(0.01)
    assert np.abs(phonon.forces.mean(axis=1)).max() < 1e-12


def test_convergence_tests_change_one_number_each(tmp_path):
    code = StubCode()
    record, _ = run(COPPER, tmp_path, code, convergence_tests=True)
    changes = [test["change"] for test in record["convergence_tests"]]
    assert changes == ["cut-off 400 to 520 eV", "k-points 7x7x7 to 8x8x8"]
    for test in record["convergence_tests"]:
        # The stub knows neither cut-off nor k-points.
        assert test["frequency_max_THz"] == test["frequency_max_base_THz"]
        assert test["atoms"] == 8
