"""Estimators on samples whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.widom.estimators import (
    EV_IN_KJ_MOL,
    GAS_CONSTANT_J_MOL_K,
    KB_EV_K,
    MINIMUM_EFFECTIVE,
    contiguous_blocks,
    draw_resamples,
    estimate_all,
)

DENSITY = 900.0
T = 300.0
KT = KB_EV_K * T


def one(energies, temperature_K=T, seed=0, **options):
    rng = np.random.default_rng(seed)
    return estimate_all(np.asarray(energies, float), [temperature_K], DENSITY, rng=rng, **options)[0]


def test_the_constants_agree_with_each_other():
    assert pytest.approx(GAS_CONSTANT_J_MOL_K, rel=1e-15) == KB_EV_K * EV_IN_KJ_MOL * 1000


def test_blocks_are_contiguous_and_of_equal_size():
    blocks = contiguous_blocks(103, 20)
    assert set(np.bincount(blocks)) == {5, 6}
    assert (np.diff(blocks) >= 0).all()
    assert contiguous_blocks(3, 20).tolist() == [0, 1, 2]


def test_two_levels_have_a_closed_form():
    found = one([0.0] * 75 + [-0.1] * 25)
    factor = np.exp(0.1 / KT)
    mean = 0.75 + 0.25 * factor
    assert found.henry_coefficient_mol_kg_Pa == pytest.approx(mean / (DENSITY * GAS_CONSTANT_J_MOL_K * T), rel=1e-12)
    assert found.mu_excess_kJ_mol == pytest.approx(-KT * EV_IN_KJ_MOL * np.log(mean), rel=1e-12)
    heat = (KT + 0.1 * 0.25 * factor / mean) * EV_IN_KJ_MOL
    assert found.heat_of_adsorption_kJ_mol == pytest.approx(heat, rel=1e-12)
    assert found.verdict.n_effective == pytest.approx((75 + 25 * factor) ** 2 / (75 + 25 * factor**2))
    assert found.verdict.top10_share == pytest.approx(10 * factor / (75 + 25 * factor))


def test_one_heavy_attempt_is_an_effective_sample_of_one():
    found = one([-2.0] + [0.0] * 999)
    assert found.verdict.n_effective == pytest.approx(1.0)
    assert found.verdict.top10_share == pytest.approx(1.0)
    assert not found.verdict.trusted


def test_equal_attempts_are_all_effective():
    assert one(np.zeros(40)).verdict.n_effective == 40
    assert one(np.zeros(int(MINIMUM_EFFECTIVE))).verdict.trusted
    assert not one(np.zeros(int(MINIMUM_EFFECTIVE) - 1)).verdict.trusted


def test_infinite_energies_are_attempts_without_weight():
    found = one([0.0, np.inf, np.inf, np.inf])
    assert found.henry_coefficient_mol_kg_Pa * DENSITY * GAS_CONSTANT_J_MOL_K * T == pytest.approx(0.25, rel=1e-14)
    assert found.heat_of_adsorption_kJ_mol == pytest.approx(KT * EV_IN_KJ_MOL)


def test_an_energy_that_is_no_number_weighs_nothing_and_is_no_answer():
    assert one([0.0, np.nan]).henry_coefficient_mol_kg_Pa == one([0.0, np.inf]).henry_coefficient_mol_kg_Pa


def test_nothing_but_infinite_energies():
    found = one([np.inf] * 5)
    assert found.henry_coefficient_mol_kg_Pa == 0.0
    assert found.mu_excess_kJ_mol == np.inf
    assert np.isnan(found.heat_of_adsorption_kJ_mol)
    assert found.verdict.n_effective == 0.0
    assert not found.verdict.trusted and not found.verdict.hole


def test_deep_holes_do_not_overflow():
    energies = np.array([-200.0, 0.0, 1e6, np.inf])
    found = one(energies, overlaps=np.array([True, False, False, True]))
    assert found.henry_coefficient_mol_kg_Pa == np.inf
    expected = (200.0 / KT - np.log(4 * DENSITY * GAS_CONSTANT_J_MOL_K * T)) / np.log(10)
    assert found.henry_log10 == pytest.approx(expected, rel=1e-12)
    assert found.mu_excess_kJ_mol == pytest.approx((-200 + KT * np.log(4)) * EV_IN_KJ_MOL, rel=1e-12)
    # what is left without the hole is not lost in rounding
    assert found.verdict.henry_without_overlaps_mol_kg_Pa == pytest.approx(
        0.25 / (DENSITY * GAS_CONSTANT_J_MOL_K * T), rel=1e-12
    )


def test_no_energies_at_all():
    with pytest.raises(ValueError, match="no insertion energies"):
        one([])


@pytest.mark.parametrize(
    ("energy_eV", "is_hole"),
    [(5.0, False), (0.3, False), (0.05, True), (-0.01, True), (np.inf, False), (np.nan, False)],
)
def test_overlaps_that_carry_weight_or_attract_are_a_hole(energy_eV, is_hole):
    energies = np.concatenate([np.zeros(60), np.full(40, energy_eV)])
    overlaps = np.arange(100) >= 60
    verdict = one(energies, overlaps=overlaps).verdict
    assert verdict.hole is is_hole
    assert verdict.trusted is not is_hole
    if np.isfinite(energy_eV):
        share = 40 * np.exp(-energy_eV / KT) / (60 + 40 * np.exp(-energy_eV / KT))
        assert verdict.overlap_share == pytest.approx(share)


def test_one_attractive_overlap_is_a_hole_even_if_it_weighs_nothing():
    energies = np.concatenate([np.full(1000, -1.0), [-0.001]])
    verdict = one(energies, overlaps=np.arange(1001) == 1000).verdict
    assert verdict.overlap_share < 1e-10 and verdict.hole


def lognormal(n: int, width_kT: float, rng: np.random.Generator) -> np.ndarray:
    return KT * width_kT * rng.standard_normal(n)


def test_errors_of_a_lognormal_sample():
    """Weights exp(s z) have mean exp(s²/2) and relative variance exp(s²) - 1; <E> under the weights is -s² kT."""
    width, n = 1.0, 4000
    relative = np.sqrt((np.exp(width**2) - 1) / n)
    rng = np.random.default_rng(1)
    found = [one(lognormal(n, width, rng), seed=seed, n_resamples=300) for seed in range(40)]
    kT = KT * EV_IN_KJ_MOL
    scale = DENSITY * GAS_CONSTANT_J_MOL_K * T
    assert np.mean([one.mu_excess_stderr_kJ_mol for one in found]) == pytest.approx(kT * relative, rel=0.1)
    assert np.mean([one.henry_log10_stderr for one in found]) == pytest.approx(relative / np.log(10), rel=0.1)
    expected = np.exp(width**2 / 2) * relative
    assert np.mean([one.henry_coefficient_stderr_mol_kg_Pa * scale for one in found]) == pytest.approx(
        expected, rel=0.1
    )
    mu = np.array([one.mu_excess_kJ_mol for one in found])
    heats = np.array([one.heat_of_adsorption_kJ_mol for one in found])
    assert mu.mean() == pytest.approx(-kT * width**2 / 2, abs=4 * kT * relative / np.sqrt(40))
    assert heats.mean() == pytest.approx(kT * (1 + width**2), abs=4 * heats.std() / np.sqrt(40))
    errors = np.mean([one.heat_of_adsorption_stderr_kJ_mol for one in found])
    assert errors == pytest.approx(heats.std(ddof=1), rel=0.35)
    inside = [
        one.henry_coefficient_low_mol_kg_Pa <= np.exp(0.5) / scale <= one.henry_coefficient_high_mol_kg_Pa
        for one in found
    ]
    # 95 % intervals of forty samples: fewer than 33 hits has a probability of 1 in 2000
    assert sum(inside) >= 33


def test_the_bootstrap_draws_whole_groups():
    resamples = draw_resamples(np.array([7, 7, 9, 9, 9]), 500, np.random.default_rng(0))
    assert resamples.groups.tolist() == [0, 0, 1, 1, 1]
    assert (resamples.counts.sum(axis=1) == 2).all()


def test_draws_without_any_weight_are_a_coefficient_of_zero():
    """One attempt of ten has weight: a third of the draws has none, (9/10)^10."""
    found = one([0.0] + [np.inf] * 9)
    assert found.henry_coefficient_low_mol_kg_Pa == 0.0
    assert found.henry_coefficient_high_mol_kg_Pa > found.henry_coefficient_mol_kg_Pa
    assert found.mu_excess_stderr_kJ_mol > 0 and np.isfinite(found.mu_excess_stderr_kJ_mol)


def test_replicates_are_the_blocks_of_quasi_random_points():
    replicates = np.arange(64) % 16
    energies = KT * np.linspace(-1, 1, 64)
    found = one(energies, replicates=replicates)
    means = np.array([np.exp(-energies[replicates == number] / KT).mean() for number in range(16)])
    scale = DENSITY * GAS_CONSTANT_J_MOL_K * T
    assert found.n_blocks == 16
    assert found.henry_coefficient_stderr_mol_kg_Pa * scale == pytest.approx(means.std(ddof=1) / 4, rel=1e-12)


def test_many_attempts_are_resampled_in_groups_with_the_same_error():
    rng = np.random.default_rng(3)
    energies = lognormal(50_000, 0.7, rng)
    relative = np.sqrt((np.exp(0.49) - 1) / 50_000)
    assert one(energies).henry_log10_stderr * np.log(10) == pytest.approx(relative, rel=0.12)


def test_all_temperatures_come_from_the_same_energies_and_draws():
    energies = lognormal(500, 1.0, np.random.default_rng(4))
    both = estimate_all(energies, [250.0, T], DENSITY, rng=np.random.default_rng(0))
    assert both[1] == one(energies)
    assert both[0].verdict.n_effective < both[1].verdict.n_effective


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-1.0, 3.0), min_size=2, max_size=40),
    st.floats(-1.0, 1.0),
    st.floats(150.0, 800.0),
)
def test_a_constant_shifts_the_heat_and_scales_the_coefficient(energies, shift_eV, temperature_K):
    plain = one(energies, temperature_K, n_resamples=20)
    moved = one(np.array(energies) + shift_eV, temperature_K, n_resamples=20)
    scale = shift_eV / (KB_EV_K * temperature_K * np.log(10))
    assert moved.henry_log10 == pytest.approx(plain.henry_log10 - scale, abs=1e-9)
    assert moved.mu_excess_kJ_mol == pytest.approx(plain.mu_excess_kJ_mol + shift_eV * EV_IN_KJ_MOL, abs=1e-8)
    assert moved.heat_of_adsorption_kJ_mol == pytest.approx(
        plain.heat_of_adsorption_kJ_mol - shift_eV * EV_IN_KJ_MOL, abs=1e-7
    )
    assert moved.verdict.n_effective == pytest.approx(plain.verdict.n_effective, rel=1e-9)
    assert moved.mu_excess_stderr_kJ_mol == pytest.approx(plain.mu_excess_stderr_kJ_mol, abs=1e-8)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1.0, 3.0), min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_attempts_does_not_matter_for_the_values(energies, random):
    shuffled = energies.copy()
    random.shuffle(shuffled)
    one_way, other = one(energies, n_resamples=5), one(shuffled, n_resamples=5)
    assert other.henry_log10 == pytest.approx(one_way.henry_log10, abs=1e-10)
    assert other.heat_of_adsorption_kJ_mol == pytest.approx(one_way.heat_of_adsorption_kJ_mol, abs=1e-8)
    assert 1 - 1e-9 <= one_way.verdict.n_effective <= len(energies) * (1 + 1e-9)
