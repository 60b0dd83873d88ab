"""Void fractions against an integral, a closed crystal and a published one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import chemical_symbols
from ase.units import kB
from scipy import constants
from scipy.integrate import quad

from assay.adsorption.pores import CUTOFF_A, TEMPERATURE_K, _mixed, pore_fraction
from assay.adsorption.uff import WELLS
from assay.frameworks import read_framework

ROOT = Path(__file__).resolve().parents[2]


def test_one_atom_takes_the_volume_that_its_well_says():
    edge = 25.0
    host = Atoms("Zn", cell=[edge] * 3, pbc=True)
    epsilon, sigma = (values[0] for values in _mixed(host))

    def missing(r: float) -> float:
        energy = 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)
        return 4 * np.pi * r**2 * (1 - np.exp(-energy / (kB * TEMPERATURE_K)))

    excluded = quad(missing, 0.3, CUTOFF_A, limit=200)[0] + 4 / 3 * np.pi * 0.3**3
    fraction, stderr = pore_fraction(host, seed=1)
    assert fraction == pytest.approx(1 - excluded / edge**3, abs=4 * stderr + 1e-5)
    assert 0 < stderr < 0.002


def test_a_dense_crystal_has_no_pores():
    assert pore_fraction(bulk("Al", cubic=True), seed=1) == (0.0, 0.0)


def test_the_published_pores_of_the_framework():
    """Absolute less excess CO2 at 298 K and 1 bar, 11.9075 - 11.8743 mol/kg in published Monte Carlo, is ρ V_pore."""
    host = read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif")
    density_kg_m3 = host.get_masses().sum() * constants.atomic_mass / (host.get_volume() * 1e-30)
    gas_mol_m3 = 0.995 * 1e5 / (constants.R * 298) * 1.011
    published = (11.9075 - 11.8743) * density_kg_m3 / gas_mol_m3
    fraction, stderr = pore_fraction(host, seed=1)
    assert fraction == pytest.approx(published, abs=0.02)
    assert stderr < 0.003


def test_the_fraction_does_not_depend_on_the_choice_of_the_cell():
    host = read_framework(ROOT / "resources/frameworks/Mg-MOF-74.cif")
    one, two = pore_fraction(host, seed=1), pore_fraction(host.repeat((1, 1, 2)), seed=1)
    assert one[0] == pytest.approx(two[0], abs=4 * np.hypot(one[1], two[1]))
    assert pore_fraction(host, seed=1) == one != pore_fraction(host, seed=2)


def test_wells_are_there_for_all_elements_to_lawrencium():
    assert list(WELLS) == chemical_symbols[1:104]
    assert all(2.0 < distance < 5.0 and 0 < depth < 1 for distance, depth in WELLS.values())
