"""Curves of pairs with a stub in place of GPAW: spin states, points that do not converge, jobs that come back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from reference_stubs import StubCode

from assay.failures import UserError
from assay.references.curves import well_of_record
from assay.references.gpaw_diatomics import (
    SCHEMES,
    SpinState,
    atomic_moment,
    lowest,
    make_curve,
    pair_distances,
    schemes_at,
    spin_states,
)
from assay.references.gpaw_settings import diatomic_settings

QUICK = diatomic_settings("quick")
DISTANCES = [1.0, 1.1, 1.2, 1.4, 2.0]


def lennard_jones():
    return LennardJones(sigma=1.0, epsilon=1.0, rc=4.0)


def run(folder, code, element="N", settings=QUICK, distances=DISTANCES):
    lines = []
    record = make_curve(
        element,
        settings,
        code,
        workdir=folder / "work",
        output=folder / f"{element}.json",
        say=lines.append,
        distances_A=distances,
    )
    return record, lines


def distance_of(atoms):
    return atoms.get_distance(0, 1) if len(atoms) == 2 else 0.0


@pytest.mark.parametrize("element", "H He Li C N O F Ne Na Mg Si Cl Ar Cu Fe W".split())  # noqa: SIM905
def test_distances_are_many_wide_and_dense_around_the_bond(element):
    distances = pair_distances(element)
    assert len(distances) >= 24
    assert (distances[0], distances[-1]) == (0.5, 6.0)
    assert np.all(np.diff(distances) > 0.005)


@pytest.mark.parametrize("element, moment", [("H", 1), ("He", 0), ("C", 2), ("N", 3), ("O", 2), ("Cu", 1), ("Ar", 0)])
def test_atoms_follow_hund(element, moment):
    assert atomic_moment(element) == moment


@pytest.mark.parametrize("word", ["Sii", "X", "n2"])
def test_an_unknown_element_is_one_sentence(word):
    with pytest.raises(UserError, match=f"element '{word}': no such element"):
        atomic_moment(word)


def test_spin_states_by_element():
    assert spin_states("Ne", all_states=True) == [SpinState(0, 0, polarised=False)]
    assert spin_states("H", all_states=False) == [SpinState(0, 1)]
    assert [state.label for state in spin_states("O", all_states=False)] == ["M0-afm2", "M2", "M4"]
    assert [state.label for state in spin_states("N", all_states=True)] == ["M0-afm3", "M2", "M6"]


def test_the_curve_is_that_of_the_potential(tmp_path):
    record, lines = run(tmp_path, StubCode(lennard_jones), distances=np.arange(1.0, 2.0, 0.05))
    well = well_of_record(record)
    assert well.bond_length_A == pytest.approx(2 ** (1 / 6), abs=1e-3)
    assert well.depth_eV == pytest.approx(1.0, abs=0.02)
    assert len(lines) == 21
    slope = np.gradient(record["energies_eV"], record["distances_A"])
    assert record["forces_eV_A"][8:-1] == pytest.approx(-slope[8:-1], abs=0.2)
    assert json.loads((tmp_path / "N.json").read_text())["distances_A"] == pytest.approx(list(record["distances_A"]))


def test_the_lowest_state_wins_and_all_are_kept(tmp_path):
    record, _ = run(tmp_path, StubCode(lennard_jones), element="O")
    for point in record["points"]:
        assert [candidate["total_moment"] for candidate in point["candidates"]] == [0, 2, 4]
        assert point["energy_eV"] == min(candidate["energy_eV"] for candidate in point["candidates"])
        assert point["magnetic_moment"] == 0


def test_a_converged_candidate_wins_over_a_lower_one_that_is_not():
    candidates = [
        {"energy_eV": -5.0, "converged": False},
        {"energy_eV": -3.0, "converged": True},
        {"energy_eV": None, "converged": False},
    ]
    assert lowest(candidates)["energy_eV"] == -3.0
    assert lowest([candidates[0], candidates[2]])["energy_eV"] == -5.0
    assert lowest([candidates[2]])["energy_eV"] is None


def test_a_point_that_never_converges_is_marked_and_kept(tmp_path):
    code = StubCode(lennard_jones, fails=lambda atoms, eigensolver: abs(distance_of(atoms) - 1.1) < 1e-6)
    record, lines = run(tmp_path, code)
    assert record["converged"] == [True, False, True, True, True]
    point = record["points"][1]
    assert point["distance_A"] == 1.1
    assert point["energy_eV"] == -1.25  # of the last iteration
    assert point["forces_eV_A"] is None
    assert point["candidates"][0]["failed_schemes"] == [SCHEMES[0].name, *(scheme.name for scheme in SCHEMES)]
    assert any("NOT CONVERGED" in line for line in lines)


def test_the_schemes_escalate_and_the_one_that_works_is_kept(tmp_path):
    code = StubCode(
        lennard_jones, fails=lambda atoms, eigensolver: eigensolver == "davidson" and 1.0 < distance_of(atoms) < 1.3
    )
    record, _ = run(tmp_path, code)
    schemes = [point["candidates"][0]["scheme"] for point in record["points"]]
    assert schemes == ["etdm", "etdm", "etdm", "davidson-msr1", "davidson-msr1"]
    continued = [point["candidates"][0]["continued"] for point in record["points"]]
    assert continued == [True, True, False, True, False]


@pytest.mark.parametrize("element, continued", [("N", [True] * 4 + [False]), ("F", [False] * 5)])
def test_only_spherical_atoms_are_continued(tmp_path, element, continued):
    record, _ = run(tmp_path, StubCode(lennard_jones), element=element)
    assert [point["candidates"][0]["continued"] for point in record["points"]] == continued


def test_direct_minimisation_comes_first_for_stretched_open_shells():
    assert [scheme.name for scheme in schemes_at("F", 1.4)] == [scheme.name for scheme in SCHEMES]
    assert [scheme.name for scheme in schemes_at("F", 3.0)] == ["etdm", "davidson-msr1", "davidson-pulay"]
    assert schemes_at("N", 3.0) is SCHEMES


def test_a_runaway_energy_does_not_count_as_converged(tmp_path):
    class Runaway(LennardJones):
        def calculate(self, atoms=None, *arguments, **keywords):
            super().calculate(atoms, *arguments, **keywords)
            if len(atoms) == 2 and atoms.get_distance(0, 1) < 1.15:
                self.results["energy"] -= 2.4e7

    record, _ = run(tmp_path, StubCode(lambda: Runaway(sigma=1.0, epsilon=1.0, rc=4.0)))
    assert record["converged"] == [False, False, True, True, True]
    assert record["energies_eV"][:2] == [None, None]


def test_a_job_that_comes_back_computes_only_what_is_missing(tmp_path):
    first = StubCode(lennard_jones)
    record, _ = run(tmp_path, first)
    (tmp_path / "work/points/M0-afm3-1.200.json").unlink()
    again = StubCode(lennard_jones)
    resumed, _ = run(tmp_path, again)
    assert (first.calculations, again.calculations) == (len(DISTANCES) + 1, 1)
    assert resumed["energies_eV"] == record["energies_eV"]


def test_changed_settings_compute_everything_anew(tmp_path):
    first, again = StubCode(lennard_jones), StubCode(lennard_jones)
    run(tmp_path, first)
    run(tmp_path, again, settings=replace(QUICK, default_cutoff_eV=550.0))
    assert again.calculations == first.calculations


def test_a_closed_shell_is_computed_without_spin(tmp_path):
    code = StubCode(lennard_jones)
    record, _ = run(tmp_path, code, element="Ne")
    assert not any(parameters["spinpol"] for parameters in code.parameters)
    assert {point["magnetic_moment"] for point in record["points"]} == {0.0}


def test_all_points_and_the_atom_share_one_box(tmp_path):
    record, _ = run(tmp_path, StubCode(lennard_jones))
    assert record["settings"]["box_A"] == QUICK.box("N")
    assert max(DISTANCES) < record["settings"]["box_A"][2]
