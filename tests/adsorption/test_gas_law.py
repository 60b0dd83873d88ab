"""The equation of state: thermodynamic consistency, limits, and published numbers of CO2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from assay.adsorption.gas_law import CRITICAL_POINTS, CriticalPoint, critical_point, peng_robinson
from assay.failures import UserError

CO2 = CRITICAL_POINTS["CO2"]
T = 298.15
SECOND_VIRIAL_M3_MOL, THIRD_VIRIAL_M6_MOL2 = -122.7e-6, 4.93e-9
"""Of CO2 at 298.15 K, from the reference equation of state, doi:10.1063/1.555991."""


def virial(density_mol_m3: float) -> tuple[float, float]:
    """Pressure (Pa) and fugacity coefficient of CO2 at 298.15 K from three terms of the virial series."""
    second, third = SECOND_VIRIAL_M3_MOL * density_mol_m3, THIRD_VIRIAL_M6_MOL2 * density_mol_m3**2
    factor = 1 + second + third
    coefficient = np.exp(2 * second + 1.5 * third - np.log(factor))
    return factor * density_mol_m3 * constants.R * T, coefficient


@pytest.mark.parametrize(("density_mol_m3", "tolerance"), [(40.5, 0.001), (427.0, 0.006), (1000.0, 0.015)])
def test_carbon_dioxide_agrees_with_measured_virial_coefficients(density_mol_m3, tolerance):
    pressure, coefficient = virial(density_mol_m3)
    state = peng_robinson(CO2, T, pressure)
    assert state.density_mol_m3 == pytest.approx(density_mol_m3, rel=tolerance)
    assert state.fugacity_coefficient == pytest.approx(coefficient, rel=tolerance)
    assert state.fugacity_Pa == pytest.approx(state.fugacity_coefficient * pressure)


def test_at_one_bar_the_fugacity_is_half_a_percent_below_the_pressure():
    assert peng_robinson(CO2, T, 1e5).fugacity_coefficient == pytest.approx(0.995, abs=1e-3)


def test_the_critical_compression_factor_is_that_of_the_equation():
    """Of all molecules 0.307 (doi:10.1021/i160057a011)."""
    for critical in CRITICAL_POINTS.values():
        pressure = critical.pressure_bar * 1e5
        state = peng_robinson(critical, critical.temperature_K * (1 + 1e-9), pressure)
        factor = pressure / (state.density_mol_m3 * constants.R * critical.temperature_K)
        assert factor == pytest.approx(0.307, abs=0.01)


def test_carbon_dioxide_condenses_at_its_vapour_pressure():
    """64.3 bar at 298.15 K; near the critical point the equation's liquid is a tenth too thin."""
    below, above = (peng_robinson(CO2, T, pressure * 1e5).density_mol_m3 for pressure in (63.0, 65.5))
    assert below < 6500 and above == pytest.approx(16150, rel=0.12)


@given(st.floats(240, 600), st.floats(-3, 2))
def test_the_fugacity_is_the_integral_of_the_density(temperature_K, log_pressure_bar):
    """d ln f / dp = 1 / (ρ R T), wherever the phase does not change."""
    pressure = 10**log_pressure_bar * 1e5
    step = 1e-4 * pressure
    low, middle, high = (peng_robinson(CO2, temperature_K, pressure + sign * step) for sign in (-1, 0, 1))
    if high.density_mol_m3 < 1.01 * low.density_mol_m3:
        slope = np.log(high.fugacity_Pa / low.fugacity_Pa) / (2 * step)
        assert slope == pytest.approx(1 / (middle.density_mol_m3 * constants.R * temperature_K), rel=1e-5)


@given(st.sampled_from(sorted(CRITICAL_POINTS)), st.floats(270, 1000))
def test_a_thin_gas_is_ideal(formula, temperature_K):
    state = peng_robinson(CRITICAL_POINTS[formula], temperature_K, 1.0)
    assert state.fugacity_coefficient == pytest.approx(1.0, abs=1e-4)
    assert state.density_mol_m3 == pytest.approx(1.0 / (constants.R * temperature_K), rel=1e-4)


def test_what_the_configuration_gives_counts():
    given_point = {"temperature_K": 300.0, "pressure_bar": 50.0, "acentric_factor": 0.1}
    assert critical_point("CO2", given_point) == CriticalPoint(300.0, 50.0, 0.1)
    assert critical_point("CO2") is CO2


def test_an_unknown_molecule_is_told_with_the_remedy():
    with pytest.raises(UserError, match=r"C7H8 .*critical: \{temperature_K, pressure_bar, acentric_factor\}"):
        critical_point("C7H8")


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="positive"):
        peng_robinson(CO2, 300.0, 0.0)
