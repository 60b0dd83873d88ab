"""Systems whose adsorption is known in closed form or published, through the sampling that the chapter uses."""

from __future__ import annotations

import lennard_jones_fluid
import numpy as np
import pytest
from ase import Atoms
from ase.geometry import find_mic
from scipy import constants

from assay.contacts import OVERLAP_FRACTION, Contacts
from assay.hosts import placed
from assay.widom.estimators import EV_IN_KJ_MOL, KB_EV_K, Estimate, estimate_all
from assay.widom.sampling import draw_insertions

T = 298.15
KT = KB_EV_K * T
DENSITY = 900.0
CELL = np.array([[11.0, 0.0, 0.0], [-3.0, 10.0, 0.0], [2.0, 1.0, 9.0]])
"""A triclinic cell (Å) of a host with one atom at its corner."""

SAMPLINGS = ("random", "sobol")


def adsorb(energies: np.ndarray, drawn, sampling: str, **options) -> Estimate:
    replicates = drawn.replicate if sampling == "sobol" else None
    rng = np.random.default_rng(0)
    return estimate_all(energies, [T], DENSITY, replicates=replicates, n_resamples=300, rng=rng, **options)[0]


def distances(drawn) -> np.ndarray:
    """From the host's atom or its nearest image (Å)."""
    return find_mic(drawn.fractional @ CELL, CELL, pbc=True)[1]


def ball(radius: float) -> float:
    """Share of the cell that a ball takes."""
    return 4 / 3 * np.pi * radius**3 / abs(np.linalg.det(CELL))


def mean_factor(found: Estimate) -> tuple[float, float]:
    """Mean Boltzmann factor, K_H ρ R T, and its standard error."""
    scale = DENSITY * constants.R * T
    return found.henry_coefficient_mol_kg_Pa * scale, found.henry_coefficient_stderr_mol_kg_Pa * scale


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("count", [1, 7, 300, 1000])
def test_an_ideal_gas_is_exact(sampling, count):
    drawn = draw_insertions(count, seed=1, path="laws", sampling=sampling)
    found = adsorb(np.zeros(count), drawn, sampling)
    assert found.mu_excess_kJ_mol == 0.0
    assert found.henry_coefficient_mol_kg_Pa == pytest.approx(1 / (DENSITY * constants.R * T), rel=1e-15)
    assert found.heat_of_adsorption_kJ_mol == pytest.approx(constants.R * T / 1000, rel=1e-14)
    if count > 1:
        assert found.mu_excess_stderr_kJ_mol == pytest.approx(0.0, abs=1e-12)
        assert found.henry_coefficient_stderr_mol_kg_Pa == 0.0


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("radius", [1.5, 3.0, 4.4])
def test_hard_spheres_leave_their_accessible_fraction(sampling, radius):
    drawn = draw_insertions(40_000, seed=2, path=f"laws/{radius}", sampling=sampling)
    found = adsorb(np.where(distances(drawn) < radius, np.inf, 0.0), drawn, sampling)
    factor, error = mean_factor(found)
    assert abs(factor - (1 - ball(radius))) < 4 * error
    assert error < 0.005
    assert found.mu_excess_kJ_mol == pytest.approx(-KT * EV_IN_KJ_MOL * np.log(factor))
    # what is left is an ideal gas: it releases RT, however little room there is
    assert found.heat_of_adsorption_kJ_mol == pytest.approx(KT * EV_IN_KJ_MOL)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_rod_between_hard_walls_loses_room_to_its_orientations(sampling):
    """A needle of length 2l with its centre s from a wall fits with probability min(1, s/l): 1 - l/H of the cell."""
    height, half = 9.0, 2.5
    drawn = draw_insertions(40_000, seed=3, path="laws/rod", sampling=sampling)
    needle = Atoms("HH", positions=[[0, 0, -half], [0, 0, half]])
    centres = drawn.fractional * height
    ends = placed(needle, centres, drawn.quaternions)[:, :, 2]
    fits = (ends > 0).all(axis=1) & (ends < height).all(axis=1)
    factor, error = mean_factor(adsorb(np.where(fits, 0.0, np.inf), drawn, sampling))
    assert abs(factor - (1 - half / height)) < 4 * error
    assert error < 0.005


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_square_well_framework(sampling):
    core, rim, depth = 2.0, 4.0, 3 * KT
    drawn = draw_insertions(40_000, seed=4, path="laws/well", sampling=sampling)
    radii = distances(drawn)
    energies = np.select([radii < core, radii < rim], [np.inf, -depth], 0.0)
    found = adsorb(energies, drawn, sampling)
    well = (ball(rim) - ball(core)) * np.exp(3.0)
    expected = 1 - ball(rim) + well
    factor, error = mean_factor(found)
    assert abs(factor - expected) < 4 * error
    assert error < 0.03 * expected
    mu_error = found.mu_excess_stderr_kJ_mol
    assert abs(found.mu_excess_kJ_mol + KT * EV_IN_KJ_MOL * np.log(expected)) < 4 * mu_error
    heat = (KT + depth * well / expected) * EV_IN_KJ_MOL
    assert abs(found.heat_of_adsorption_kJ_mol - heat) < 4 * found.heat_of_adsorption_stderr_kJ_mol
    assert found.heat_of_adsorption_stderr_kJ_mol < 0.05 * heat


def test_the_heat_is_the_slope_of_the_logarithm():
    """Van 't Hoff's equation, Q = -R T² d ln K_H / dT, fixes the sign of the heat and its RT."""
    drawn = draw_insertions(3000, seed=5, path="laws/slope")
    energies = 0.02 * (distances(drawn) - 4.0)
    step = 0.01
    low, middle, high = estimate_all(
        energies, [T - step, T, T + step], DENSITY, n_resamples=5, rng=np.random.default_rng(0)
    )
    slope = (high.henry_log10 - low.henry_log10) * np.log(10) / (2 * step)
    assert middle.heat_of_adsorption_kJ_mol == pytest.approx(-constants.R * T**2 * slope / 1000, rel=1e-5)


@pytest.mark.parametrize(
    ("temperature", "density", "n_points", "published", "finite_size"),
    [
        # Kolafa and Nezbeda 1994, doi:10.1016/0378-3812(94)80001-4, evaluated with teqp 0.23.2; the equation of
        # Thol et al. 2016, doi:10.1063/1.4945000, gives -0.6951 and -0.9236. The change from infinitely many to 108
        # atoms follows from the same equation's derivatives (Siepmann, McDonald and Frenkel, J. Phys.: Condens. Matter
        # 4, 679 (1992)): P'/2N (1 - T/P' - rho T P''/P'^2), P of the density.
        (1.5, 0.1, 200, -0.6968, 0.0011),
        (2.0, 0.4, 600, -0.9307, -0.0165),
    ],
)
def test_the_lennard_jones_fluid_has_its_published_chemical_potential(
    temperature, density, n_points, published, finite_size
):
    """Excess chemical potential of the fluid in units of its well depth, at two reduced state points."""
    rng = np.random.default_rng(6)
    configurations = lennard_jones_fluid.sample(temperature, density, n_replicas=40, n_sweeps=48, every=5, rng=rng)
    reduced = np.hstack(
        [lennard_jones_fluid.insertion_energies(one, density, rng.random((n_points, 3))) for one in configurations]
    )
    depth_eV = KT / temperature
    replicas = np.repeat(np.arange(len(reduced)), reduced.shape[1])
    found = estimate_all(reduced.ravel() * depth_eV, [T], DENSITY, replicates=replicas, rng=rng)[0]
    scale = depth_eV * EV_IN_KJ_MOL
    error = found.mu_excess_stderr_kJ_mol / scale
    assert abs(found.mu_excess_kJ_mol / scale - published - finite_size) < 3 * error
    assert error < 0.03


def planted(radii: np.ndarray, hole_A: float) -> np.ndarray:
    """Lennard-Jones energies (eV) that turn over into a hole of 1.5 eV below some distance."""
    ratio = (3.0 / np.maximum(radii, 0.3)) ** 6
    return np.where(radii < hole_A, -1.5, 4 * 0.005 * (ratio**2 - ratio))


@pytest.mark.parametrize(("hole_A", "flagged"), [(0.8, True), (0.0, False)])
def test_a_planted_hole_is_flagged(hole_A, flagged):
    drawn = draw_insertions(20_000, seed=7, path="laws/hole")
    host, guest = Atoms("O", cell=CELL, pbc=True), Atoms("C", positions=[[0, 0, 0]])
    fractions, closest = Contacts.of(host, guest).closest(placed(guest, drawn.fractional @ CELL, drawn.quaternions))
    assert closest == pytest.approx(distances(drawn))
    found = adsorb(planted(closest, hole_A), drawn, "random", overlaps=fractions < OVERLAP_FRACTION)
    verdict = found.verdict
    assert verdict.hole is flagged and verdict.trusted is not flagged
    sound = adsorb(planted(closest, 0.0), drawn, "random")
    if flagged:
        assert verdict.overlap_share > 0.99
        assert found.henry_coefficient_mol_kg_Pa > 100 * sound.henry_coefficient_mol_kg_Pa
    assert verdict.henry_without_overlaps_mol_kg_Pa == pytest.approx(sound.henry_coefficient_mol_kg_Pa, rel=1e-9)
