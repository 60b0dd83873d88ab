"""Second virial coefficients: closed forms of simple pairs, and rigid CO2 against a published integration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import units
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import N_A
from scipy.integrate import quad

from assay.gas.virial import (
    random_orientations,
    second_virial_coefficients,
    zero_density_distribution,
)
from assay.potentials.force_field_files import read_force_field
from assay.potentials.force_fields import pair_energies

ROOT = Path(__file__).resolve().parents[2]
ATOM = np.zeros((1, 3))
SITES = ("O_co2", "C_co2", "O_co2")
TRAPPE, EPM2 = "co2-trappe-flexible", "co2-epm2-flexible"


def distances(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.linalg.norm(here[:, :, None] - there[:, None], axis=3)


def atoms(energy):
    """The pair energy of atoms from a function of their distance."""
    return lambda here, there: energy(distances(here, there)[:, 0, 0])


def carbon_dioxide(model: str):
    """Pair energy and sites of a shipped model of CO2, rigid at the lengths of its bonds."""
    force_field = read_force_field(ROOT / "resources/force_fields" / f"{model}.yaml")
    length = force_field.bonds[0].length_A

    def energy(here, there):
        return pair_energies(force_field, here, there, SITES)

    return energy, np.array([[-length, 0, 0], [0, 0, 0], [length, 0, 0]])


def sphere_cm3_mol(diameter_A: float) -> float:
    return 2 * np.pi / 3 * N_A * (diameter_A * 1e-8) ** 3


def test_hard_spheres():
    hard = atoms(lambda r: np.where(r < 3.0, np.inf, 0.0))
    found = second_virial_coefficients(hard, ATOM, [100.0, 500.0], orientations=2)
    np.testing.assert_allclose(found.b2_cm3_mol, sphere_cm3_mol(3.0), rtol=1e-12)
    np.testing.assert_allclose(found.b2_stderr_cm3_mol, 0.0)
    np.testing.assert_allclose(found.tail_cm3_mol, 0.0)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 0.1), st.floats(1.1, 2.0), st.floats(100, 1000))
def test_square_wells(depth_eV, width, temperature_K):
    well = atoms(lambda r: np.where(r < 3.0, np.inf, np.where(r < 3.0 * width, -depth_eV, 0.0)))
    found = second_virial_coefficients(
        well, ATOM, [temperature_K], panels_A=(0.0, 3.0, 3.0 * width, 40.0), orientations=2
    )
    exact = sphere_cm3_mol(3.0) * (1 - (width**3 - 1) * np.expm1(depth_eV / (units.kB * temperature_K)))
    assert found.b2_cm3_mol[0] == pytest.approx(exact, rel=1e-10, abs=1e-10)


def lennard_jones(r: np.ndarray, epsilon_K: float = 120.0, sigma_A: float = 3.4) -> np.ndarray:
    return 4 * epsilon_K * units.kB * ((sigma_A / r) ** 12 - (sigma_A / r) ** 6)


@pytest.mark.parametrize(("reduced", "published"), [(1.0, -2.5381), (2.0, -0.62763), (5.0, 0.24334), (10.0, 0.46088)])
def test_lennard_jones_against_the_published_table(reduced, published):
    """B2 over that of hard spheres, from Hirschfelder, Curtiss and Bird's table of the Lennard-Jones potential."""
    found = second_virial_coefficients(atoms(lennard_jones), ATOM, [120.0 * reduced], orientations=2)
    assert found.b2_cm3_mol[0] / sphere_cm3_mol(3.4) == pytest.approx(published, abs=2e-4)


def test_beyond_the_last_distance_dispersion_is_integrated():
    short = second_virial_coefficients(
        atoms(lennard_jones), ATOM, [300.0], panels_A=(0, 2, 3, 4, 6, 12), orientations=2
    )
    exact = -2 * np.pi * N_A * 1e-24 * sum(
        quad(lambda r: r**2 * np.expm1(-lennard_jones(r) / (units.kB * 300)), low, high, epsabs=1e-10)[0]
        for low, high in ((0.5, 3), (3, 6), (6, 20), (20, 2000))
    ) + sphere_cm3_mol(0.5)
    assert abs(short.tail_cm3_mol[0]) > 0.5
    assert short.b2_cm3_mol[0] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize(
    ("model", "published"),
    [(TRAPPE, (-166.5, -110.3, -53.5, -25.1)), (EPM2, (-156.5, -104.6, -51.2, -24.1))],
    ids=["TraPPE", "EPM2"],
)
def test_rigid_carbon_dioxide_against_another_integration(model, published):
    """Values of an integration over 40,000 random pairs of orientations per distance, itself good to 1-2 cm³/mol."""
    found = second_virial_coefficients(*carbon_dioxide(model), [250, 300, 400, 500], orientations=1024)
    assert (found.b2_stderr_cm3_mol < 1.5).all()
    assert (np.abs(found.b2_cm3_mol - published) < 3 * found.b2_stderr_cm3_mol + 1.5).all()


@pytest.mark.parametrize(("model", "place", "height"), [(TRAPPE, 4.15, 2.13), (EPM2, 4.20, 2.05)])
def test_the_zero_density_distribution_of_the_carbons(model, place, height):
    distance = np.arange(2.0, 8.0, 0.05)
    found = zero_density_distribution(*carbon_dioxide(model), distance, 300.0, orientations=1024)
    top = int(found.values.argmax())
    assert distance[top] == pytest.approx(place, abs=0.06)
    assert found.values[top] == pytest.approx(height, abs=3 * found.stderr[top] + 0.01)
    assert found.values[0] == pytest.approx(0.0, abs=1e-12)
    assert found.values[-1] == pytest.approx(1.0, abs=0.1)


def test_the_error_shrinks_as_that_of_quasi_random_points():
    energy, sites = carbon_dioxide(TRAPPE)
    coarse, fine = (
        second_virial_coefficients(energy, sites, [300.0], orientations=count, panels_A=(0, 3, 4, 6, 10), scrambles=16)
        for count in (64, 1024)
    )
    assert fine.b2_stderr_cm3_mol[0] < coarse.b2_stderr_cm3_mol[0] / 3
    assert abs(fine.b2_cm3_mol[0] - coarse.b2_cm3_mol[0]) < 4 * coarse.b2_stderr_cm3_mol[0]


def test_orientations_are_uniform_and_independent():
    first, second = random_orientations(4096, 0)
    for rotation in (first, second):
        axes = rotation.apply([0.0, 0.0, 1.0])
        np.testing.assert_allclose(axes.mean(axis=0), 0, atol=0.01)
        np.testing.assert_allclose(axes.T @ axes / 4096, np.eye(3) / 3, atol=0.01)
    assert np.abs(first.apply([1.0, 0, 0]).T @ second.apply([1.0, 0, 0]) / 4096).max() < 0.02


def test_the_same_seed_gives_the_same_number():
    energy, sites = carbon_dioxide(TRAPPE)
    values = [
        second_virial_coefficients(energy, sites, [300.0], orientations=64, seed=seed).b2_cm3_mol[0]
        for seed in (5, 5, 6)
    ]
    assert values[0] == values[1] != values[2]


def test_an_energy_that_is_not_a_number_is_an_error():
    with pytest.raises(ValueError, match="not a number"):
        second_virial_coefficients(atoms(lambda r: np.where(r < 3, np.nan, 0.0)), ATOM, [300.0], orientations=2)
