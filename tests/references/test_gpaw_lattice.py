"""Relaxation of lattices: the equation of state and relaxation by stress, against potentials with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import birchmurnaghan
from ase.units import GPa
from reference_stubs import ROOT

from assay.references.gpaw_code import NotConverged
from assay.references.lattice import fit_equation_of_state, positions_are_fixed, relax_cell, scaled
from assay.structures import load_crystals


def test_fit_recovers_the_parameters_of_its_own_equation():
    volumes = np.linspace(36, 45, 6)
    fit = fit_equation_of_state(volumes, birchmurnaghan(volumes, -10.8, 88.0 * GPa, 4.2, 40.9))
    assert fit.volume_A3 == pytest.approx(40.9, abs=1e-6)
    assert fit.energy_eV == pytest.approx(-10.8, abs=1e-9)
    assert fit.bulk_modulus_GPa == pytest.approx(88.0, abs=1e-4)
    assert fit.rms_eV < 1e-9


def test_fit_refuses_to_extrapolate():
    volumes = np.linspace(44, 50, 6)
    with pytest.raises(ValueError, match="outside of the volumes"):
        fit_equation_of_state(volumes, birchmurnaghan(volumes, -10.8, 88.0 * GPa, 4.2, 40.9))
    with pytest.raises(ValueError, match="five points or more; got 3"):
        fit_equation_of_state(volumes[:3], volumes[:3])


def test_scaled_keeps_fractional_coordinates():
    silicon = bulk("Si", cubic=True)
    longer = scaled(silicon, 1.02)
    assert longer.cell.lengths() == pytest.approx(1.02 * silicon.cell.lengths())
    assert longer.get_scaled_positions() == pytest.approx(silicon.get_scaled_positions())


def test_only_wurtzite_has_an_internal_parameter():
    crystals = load_crystals(ROOT / "resources/structures/crystals.yaml")
    free = [case for case, crystal in crystals.items() if not positions_are_fixed(crystal.atoms())]
    assert free == ["AlN"]


def test_stress_and_equation_of_state_find_the_same_copper():
    volumes, energies = [], []
    for strain in np.linspace(-0.03, 0.03, 7):
        atoms = scaled(bulk("Cu", a=3.6), 1 + strain)
        atoms.calc = EMT()
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy())
    relaxed, steps = relax_cell(bulk("Cu", a=3.65), EMT(), 1e-4)
    assert steps > 0
    assert relaxed.get_volume() == pytest.approx(fit_equation_of_state(volumes, energies).volume_A3, rel=1e-3)


def test_a_relaxation_that_ends_early_says_so(monkeypatch):
    monkeypatch.setattr("assay.references.lattice.MAXIMUM_STEPS", 1)
    with pytest.raises(NotConverged, match="1 steps"):
        relax_cell(bulk("Cu", a=4.0), EMT(), 1e-6)
