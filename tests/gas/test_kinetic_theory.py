"""Kinetic theory against its limits, tabulated collision integrals and values for carbon dioxide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.failures import UserError
from assay.gas.kinetic_theory import (
    contact_value,
    diffusion_integral,
    diffusion_reference,
    dilute_diffusion_m2_s,
    dilute_viscosity_Pa_s,
    enskog_diffusion_m2_s,
    enskog_viscosity_Pa_s,
    is_about,
    molecular_mass_u,
    packing_fraction,
    read_gas,
    scaled_experiment_m2_s,
    viscosity_integral,
)

FILE = Path(__file__).resolve().parents[2] / "resources/experiments/CO2-gas.yaml"
GAS = read_gas(FILE)
ATMOSPHERE_Pa = 101325.0
BOLTZMANN_J_K = 1.380649e-23
SIMULATED_per_A3 = 50 / 25.0**3


def ideal_density_per_A3(temperature_K: float) -> float:
    return ATMOSPHERE_Pa / (BOLTZMANN_J_K * temperature_K) * 1e-30


@pytest.mark.parametrize(
    ("temperature_K", "expected_m2_s"),
    [(273.15, 9.33e-6), (298.15, 1.10e-5), (313.15, 1.21e-5), (350.0, 1.49e-5), (500.0, 2.87e-5)],
)
def test_carbon_dioxide_at_one_atmosphere(temperature_K, expected_m2_s):
    found = dilute_diffusion_m2_s(GAS, temperature_K, ideal_density_per_A3(temperature_K))
    assert found == pytest.approx(expected_m2_s, rel=0.004)


def test_viscosity_of_carbon_dioxide_near_room_temperature():
    # 14.9 µPa s at 298 K
    assert dilute_viscosity_Pa_s(GAS, 298.15) == pytest.approx(14.9e-6, rel=0.02)


@pytest.mark.parametrize(
    ("reduced", "diffusion", "viscosity"),
    # Hirschfelder, Curtiss and Bird's table of the Lennard-Jones integrals
    [(1.0, 1.439, 1.587), (2.0, 1.075, 1.175), (5.0, 0.8422, 0.9269), (10.0, 0.7424, 0.8242)],
)
def test_collision_integrals_are_the_tabulated_ones(reduced, diffusion, viscosity):
    assert diffusion_integral(reduced) == pytest.approx(diffusion, rel=0.005)
    assert viscosity_integral(reduced) == pytest.approx(viscosity, rel=0.005)


@given(st.floats(200, 800), st.floats(1e-9, 1e-7))
def test_enskog_is_chapman_enskog_at_vanishing_density(temperature_K, density_per_A3):
    dilute = dilute_diffusion_m2_s(GAS, temperature_K, density_per_A3)
    assert enskog_diffusion_m2_s(GAS, temperature_K, density_per_A3) == pytest.approx(dilute, rel=1e-4)
    viscosity = dilute_viscosity_Pa_s(GAS, temperature_K)
    assert enskog_viscosity_Pa_s(GAS, temperature_K, density_per_A3) == pytest.approx(viscosity, rel=1e-4)


@given(st.floats(200, 800), st.floats(1e-6, 5e-3), st.floats(1.1, 3.0))
def test_density_times_diffusion_falls_with_density_only_beyond_the_dilute_gas(temperature_K, density_per_A3, factor):
    dilute = [n * dilute_diffusion_m2_s(GAS, temperature_K, n) for n in (density_per_A3, factor * density_per_A3)]
    assert dilute[0] == pytest.approx(dilute[1])
    dense = [n * enskog_diffusion_m2_s(GAS, temperature_K, n) for n in (density_per_A3, factor * density_per_A3)]
    assert dense[1] < dense[0] < dilute[0]


def test_contact_value_begins_with_five_halves_of_the_packing():
    # third virial coefficient of hard spheres: χ = 1 + 5/2 φ + ...
    assert (contact_value(1e-6) - 1) / 1e-6 == pytest.approx(2.5, rel=1e-4)
    assert 0.1 < packing_fraction(GAS, 400.0, SIMULATED_per_A3) < 0.12


@pytest.mark.parametrize(("temperature_K", "measured_m2_s"), [(273.2, 9.70e-6), (298.2, 1.13e-5), (353.2, 1.53e-5)])
def test_experiment_comes_back_at_its_own_density(temperature_K, measured_m2_s):
    found, outside = scaled_experiment_m2_s(GAS, temperature_K, ideal_density_per_A3(temperature_K))
    assert found == pytest.approx(measured_m2_s, rel=0.01) and not outside
    half, _ = scaled_experiment_m2_s(GAS, temperature_K, 2 * ideal_density_per_A3(temperature_K))
    assert half == pytest.approx(found / 2)


def test_experiment_is_not_continued_far():
    assert scaled_experiment_m2_s(GAS, 400.0, 1e-3)[1]
    value, outside = scaled_experiment_m2_s(GAS, 800.0, 1e-3)
    assert np.isnan(value) and outside


def test_the_range_at_the_simulated_density_is_a_hundredth_of_the_number_at_one_bar():
    reference = diffusion_reference(GAS, 400.0, SIMULATED_per_A3)
    low, high = reference.range_m2_s
    assert low == reference.enskog_m2_s == pytest.approx(8.1e-8, rel=0.01)
    assert high == reference.experiment_m2_s == pytest.approx(1.1e-7, rel=0.02)
    assert reference.extrapolated
    without = diffusion_reference(GAS, 800.0, SIMULATED_per_A3)
    assert without.range_m2_s == (without.enskog_m2_s, without.dilute_m2_s)


def test_formulas():
    assert molecular_mass_u("CO2") == pytest.approx(44.009, abs=0.002)
    assert is_about(GAS, "O2C") and not is_about(GAS, "CO") and not is_about(GAS, None)


def test_a_file_that_lacks_a_key_says_which(tmp_path):
    path = tmp_path / "gas.yaml"
    path.write_text("molecule: CO2\nlennard_jones: {sigma_A: 3.9}\n")
    with pytest.raises(UserError, match="self_diffusion"):
        read_gas(path)
    path.write_text("molecule: [")
    with pytest.raises(UserError, match="cannot be read"):
        read_gas(path)
    with pytest.raises(UserError, match="no such file"):
        read_gas(tmp_path / "absent.yaml")
