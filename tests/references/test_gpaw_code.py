"""GPAW as a code: what its log says, what is said when it is missing, and the order of schemes."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from reference_stubs import StubCode

from assay.failures import UserError
from assay.references.gpaw_code import Gpaw, NotConverged, Scheme, read_iterations, single_point

LOG = """
SCF iterations
|iter     |     time |      energy | eigst |  dens |  magmom |
|---------|----------|-------------|-------|-------|---------|
|iter:   1| 11:53:14 |   -0.710233 | +1.30 |       |  -0.0000|
|iter:   2| 11:53:14 |   -6.202757 | +0.49 | -0.64 |  -0.0000|
|iter:   3| 11:53:17 |   -6.716593c| -9.18c| -4.86c|  +0.0000|

Converged in 3 steps
"""
SECOND_CYCLE = """
|iter:   1| 11:53:18 |   -6.700000 | -1.30 | -1.00 |
|iter:   2| 11:53:19 |   -6.710538c| -1.78 | -2.00 |
"""
SCHEMES = (Scheme("fast", {"name": "davidson"}, {}, 10), Scheme("safe", {"name": "etdm"}, {}, 20))


def test_the_end_of_the_cycle_is_read():
    end = read_iterations(LOG)
    assert end.count == 3
    assert end.energy_eV == -6.716593
    assert end.energy_change_eV == pytest.approx(0.513836)
    assert end.density_residual == pytest.approx(10**-4.86)


def test_only_the_last_cycle_of_a_log_counts():
    end = read_iterations(LOG + SECOND_CYCLE)
    assert (end.count, end.energy_eV) == (2, -6.710538)


def test_a_first_iteration_has_no_change_and_no_residual():
    end = read_iterations("|iter:   1| 11:53:14 |   -0.710233 | +1.30 |       |\n")
    assert math.isinf(end.energy_change_eV)
    assert math.isinf(end.density_residual)


def test_a_log_without_iterations_has_none():
    end = read_iterations("Traceback")
    assert end.count == 0
    assert math.isnan(end.energy_eV)


def test_a_missing_gpaw_is_told_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpaw", None)
    monkeypatch.delitem(sys.modules, "gpaw.cgpaw", raising=False)
    with pytest.raises(UserError, match=r"snakemake \.envs/gpaw/environment\.lock.*apt-get install .*libxc-dev"):
        Gpaw()


def test_the_second_scheme_takes_over(tmp_path):
    code = StubCode(fails=lambda atoms, eigensolver: eigensolver == "davidson")
    point = single_point(bulk("Cu"), code, SCHEMES, {}, log=tmp_path / "logs" / "a.txt")
    assert (point["scheme"], point["failed_schemes"]) == ("safe", ["fast"])
    assert [parameters["maxiter"] for parameters in code.parameters] == [10, 20]


def test_a_point_that_no_scheme_converges_raises(tmp_path):
    code = StubCode(fails=lambda atoms, eigensolver: True)
    with pytest.raises(NotConverged, match=r"\['fast', 'safe'\]"):
        single_point(bulk("Cu"), code, SCHEMES, {}, log=tmp_path / "a.txt")


def test_an_exception_that_is_not_about_convergence_ends_the_job(tmp_path):
    class Broken(EMT):
        def calculate(self, *arguments, **keywords):
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        single_point(bulk("Cu"), StubCode(Broken), SCHEMES, {}, log=tmp_path / "a.txt")


def test_the_stress_is_computed_when_asked_for(tmp_path):
    atoms = bulk("Cu", a=3.7)
    with_stress = single_point(atoms, StubCode(), SCHEMES, {}, log=tmp_path / "a.txt", stress=True)
    without = single_point(atoms, StubCode(), SCHEMES, {}, log=tmp_path / "a.txt")
    assert np.shape(with_stress["stress_eV_A3"]) == (6,)
    assert "stress_eV_A3" not in without
