"""Activation energies and powers of temperature from diffusion coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.constants import R

from assay.gas.arrhenius import fit_arrhenius

TEMPERATURES_K = np.array([250.0, 300.0, 400.0, 500.0])
ENERGY_KJ_MOL, PREFACTOR_M2_S = 12.0, 3e-7
EXACT = PREFACTOR_M2_S * np.exp(-ENERGY_KJ_MOL * 1000 / (R * TEMPERATURES_K))


@pytest.mark.parametrize("error", [np.nan, 0.01])
def test_exact_values_give_back_their_parameters(error):
    fit = fit_arrhenius(TEMPERATURES_K, EXACT, error * EXACT)
    assert fit.activation_energy_kJ_mol == pytest.approx(ENERGY_KJ_MOL, rel=1e-8)
    assert fit.prefactor_m2_s == pytest.approx(PREFACTOR_M2_S, rel=1e-7)
    assert fit.n_temperatures == 4


@pytest.mark.parametrize("known", [True, False])
def test_errors_cover_the_truth_as_often_as_they_should(known):
    rng = np.random.default_rng(0)
    # normal, and Student's with two degrees of freedom
    limit = 1.96 if known else 4.30
    inside = []
    for _ in range(400):
        noisy = EXACT * np.exp(rng.normal(0, 0.03, len(EXACT)))
        fit = fit_arrhenius(TEMPERATURES_K, noisy, 0.03 * noisy if known else np.nan * noisy)
        inside.append(
            (
                abs(fit.activation_energy_kJ_mol - ENERGY_KJ_MOL) < limit * fit.activation_energy_stderr_kJ_mol,
                abs(np.log(fit.prefactor_m2_s / PREFACTOR_M2_S)) < limit * fit.log_prefactor_stderr,
            )
        )
    assert np.mean(inside, axis=0) == pytest.approx([0.95, 0.95], abs=4 * np.sqrt(0.95 * 0.05 / 400))


def test_a_better_value_weighs_more():
    bent = EXACT.copy()
    bent[-1] *= 1.5
    errors = 0.01 * EXACT
    errors[-1] = EXACT[-1]
    assert fit_arrhenius(TEMPERATURES_K, bent, errors).activation_energy_kJ_mol == pytest.approx(
        ENERGY_KJ_MOL, rel=0.01
    )


def test_a_power_law_has_a_local_activation_energy():
    near = np.array([399.0, 401.0])
    local = fit_arrhenius(near, 1e-9 * near**0.7, [np.nan, np.nan])
    assert local.activation_energy_kJ_mol == pytest.approx(0.7 * R * 400 / 1000, rel=1e-3)


def test_two_temperatures_have_an_error_only_if_the_values_have():
    two = slice(0, 2)
    assert np.isnan(fit_arrhenius(TEMPERATURES_K[two], EXACT[two], [np.nan] * 2).activation_energy_stderr_kJ_mol)
    known = fit_arrhenius(TEMPERATURES_K[two], EXACT[two], 0.02 * EXACT[two])
    expected = 0.02 * np.sqrt(2) * R / 1000 / (1 / 250 - 1 / 300)
    assert known.activation_energy_stderr_kJ_mol == pytest.approx(expected)


def test_values_that_are_missing_are_left_out():
    fit = fit_arrhenius([*TEMPERATURES_K, 600.0], [*EXACT, np.nan], [*(0.01 * EXACT), np.nan])
    assert fit.activation_energy_kJ_mol == pytest.approx(ENERGY_KJ_MOL)
    assert fit.n_temperatures == 4


def test_one_temperature_gives_nothing():
    fit = fit_arrhenius([300.0, 300.0], [1e-9, 2e-9], [1e-10, 1e-10])
    assert np.isnan(fit.activation_energy_kJ_mol)
