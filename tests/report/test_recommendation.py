"""Which model for my job: ranks, costs, filters and caveats from tables whose answer is known."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from made_up_tables import OVERHEAD_S, PER_ATOM_S, Finished, gas, phonons, run_program, speed, tables, write_tables

from assay.failures import UserError
from assay.report.eligibility import objections
from assay.report.job_words import Job
from assay.report.materials import relevant_cases, untested_elements
from assay.report.quoting import with_error
from assay.report.recommendation import recommend
from assay.report.recommendation_text import as_text
from assay.report.size_costs import BETWEEN, BEYOND, FITTED, MEASURED, choose_system, step_cost

PHONONS = Job(chapters={"phonons": 1.0})


def test_models_are_ranked_by_their_errors_and_failures_come_last():
    found = recommend(tables(), PHONONS)
    assert [one.model for one in found.ranked] == ["near", "middle", "far"]
    # near: 1, 2, 1, 2; middle: 2, 1, 2, 3; far: 3 (failed), 3, 3, 1
    assert [one.score["mean_rank"] for one in found.ranked] == pytest.approx([1.5, 2.0, 2.5])
    # without MgO, which far lacks
    assert [one.score["common"] for one in found.ranked] == pytest.approx([5 / 3, 2.0, 7 / 3])
    near, _, far = found.ranked
    assert near.evidence[0].value == pytest.approx(np.mean([0.2, 0.3, 0.1, 0.5]))
    assert near.evidence[0].stderr == pytest.approx(np.std([0.2, 0.3, 0.1, 0.5], ddof=1) / 2)
    assert (far.evidence[0].n_values, far.evidence[0].n_ok, far.evidence[0].n_total) == (3, 3, 4)
    assert far.evidence[0].against == "PBE"
    assert sum(one.score["first_share"] for one in found.ranked) == pytest.approx(1)


def test_the_material_chooses_the_cases():
    found = recommend(tables(), Job(chapters={"phonons": 1.0}, classes=("oxides",)))
    assert [one.score["mean_rank"] for one in found.ranked] == pytest.approx([1, 2, 3])
    assert any("2 of 4 cases" in note for note in found.notes)
    assert relevant_cases(phonons(), ("Mg", "O"), ())[0] == {"MgO"}
    assert relevant_cases(phonons(), ("Fe",), ()) == (
        set(phonons()["case"]),
        "all cases: none is of this material only",
    )
    assert relevant_cases(phonons(), (), ("halides",))[0] == {"NaCl"}
    assert untested_elements([phonons()], ["Mg", "Fe"], "near") == ["Fe"]
    assert untested_elements([phonons()], ["Mg"], "far") == ["Mg"]


def test_chapters_are_weighted_and_their_criteria_share_the_weight():
    both = recommend(tables(), Job(chapters={"phonons": 3.0, "gas": 1.0}))
    near = next(one for one in both.ranked if one.model == "near")
    weights = {one.label: one.weight for one in near.evidence}
    # only near has a number for self-diffusion, which tells no two models apart
    assert sorted(weights.values()) == pytest.approx([0, 1 / 8, 1 / 8, 3 / 4])
    assert weights["self-diffusion"] == 0
    # phonons 1.5; gas: runs that did not last 1, drift 2
    assert near.score["mean_rank"] == pytest.approx(3 / 4 * 1.5 + 1 / 8 * 1 + 1 / 8 * 2)


def test_a_model_that_lacks_a_chapter_comes_after_those_that_have_all():
    found = recommend(tables(), Job(chapters={"phonons": 1.0, "gas": 1.0}))
    assert found.ranked[-1].model == "far"
    assert found.ranked[-1].score["weight"] == pytest.approx(0.5)
    assert np.isnan(found.ranked[-1].score["first_share"])
    assert "gas: no data." in found.ranked[-1].caveats
    assert "not comparable" in as_text(found, [])


def test_a_model_that_fails_everywhere_comes_last_even_where_others_have_no_number():
    content = tables()
    content["gas"] = pd.concat(
        [
            gas().assign(diffusion_ratio=np.nan, diffusion_ratio_stderr=np.nan),
            pd.DataFrame({"model": ["far"], "case": "CO2-300K", "status": "failed", "reason": "crashed"}),
        ]
    )
    content["phonons"].loc[content["phonons"]["model"] == "far", ["status", "zone_mean_absolute_error_THz"]] = (
        "failed",
        np.nan,
    )
    found = recommend(content, Job(chapters={"phonons": 1.0, "gas": 1.0}))
    assert [one.model for one in found.ranked] == ["near", "middle", "far"]
    assert found.ranked[-1].score["mean_rank"] == pytest.approx(3)


def test_caveats_name_failures_levels_and_what_was_not_measured():
    by_model = {one.model: " ".join(one.caveats) for one in recommend(tables(), PHONONS).ranked}
    assert "1 of 4 cases failed: non_finite (1)" in by_model["far"]
    assert "PBE-D3(BJ) against PBE" in by_model["far"]
    assert "another level" not in by_model["near"]
    gas_caveats = next(
        one for one in recommend(tables(), Job(chapters={"gas": 1.0})).ranked if one.model == "middle"
    ).caveats
    assert "gas: 1 of 10 runs did not last." in gas_caveats
    assert "gas: 1 of 1 cases are too short to tell diffusion." in gas_caveats


@pytest.mark.parametrize(
    ("job", "left"),
    [
        (Job(conservative=True), {"near", "middle"}),
        (Job(dispersion=True), {"far"}),
        (Job(licence="commercial"), {"near"}),
        (Job(licence="mit"), {"near"}),
        (Job(level_of_theory="PBE"), {"near", "far"}),
        (Job(level_of_theory="r2SCAN"), {"middle"}),
        (Job(device="cuda"), {"near", "far"}),
        (Job(elements=("Na",)), {"near", "middle"}),
        (Job(n_atoms=1000, max_s_per_step=0.2), {"middle"}),
    ],
)
def test_filters_leave_models_out_with_reasons(job, left):
    found = recommend(tables(), job)
    assert {one.model for one in found.ranked} == left
    assert set(found.left_out) == {"near", "middle", "far"} - left
    assert all(reasons for reasons in found.left_out.values())


def test_a_licence_that_is_not_known_is_told_apart_from_one_that_forbids():
    assert "forbids" in objections({"licence": "ASL"}, Job(licence="commercial"))[0]
    assert "not known here" in objections({"licence": "Some Licence 1.0"}, Job(licence="commercial"))[0]


def test_costs_follow_the_fit_and_say_where_they_are_extrapolated():
    measured = step_cost(speed(), "middle", 1000, "MgO")
    assert (measured.how, measured.step_s) == (MEASURED, pytest.approx(OVERHEAD_S + 1000 * PER_ATOM_S))
    within = step_cost(speed(), "middle", 3000, "MgO")
    assert (within.how, within.step_s) == (FITTED, pytest.approx(OVERHEAD_S + 3000 * PER_ATOM_S, rel=1e-3))
    beyond = step_cost(speed(), "middle", 100000, "MgO")
    assert (beyond.how, beyond.step_s) == (BEYOND, pytest.approx(OVERHEAD_S + 100000 * PER_ATOM_S, rel=1e-2))
    assert beyond.stderr_s > within.stderr_s > 0


def test_too_few_sizes_for_a_fit_are_joined_by_lines_and_not_extended():
    between = step_cost(speed(), "near", 500, "MgO")
    assert between.how == BETWEEN
    assert 10 * (OVERHEAD_S + 100 * PER_ATOM_S) < between.step_s < 10 * (OVERHEAD_S + 1000 * PER_ATOM_S)
    assert between.ended_at_n_atoms == 10000 and between.ended_with == "out_of_memory"
    assert step_cost(speed(), "near", 5000, "MgO") is None
    assert step_cost(speed(), "far", 100, "MgO") is None
    assert step_cost(speed(), "near", 100, "MgO", device="cuda") is None


def test_speed_can_be_what_matters():
    found = recommend(tables(), Job(chapters={"speed": 1.0}, n_atoms=1000))
    assert [one.model for one in found.ranked] == ["middle", "near"]
    assert found.without_data == ["far"]
    assert found.ranked[0].score["first_share"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("content", "job", "message"),
    [
        ({"phonons": phonons()}, Job(chapters={"gas": 1.0}), "no table gas.csv"),
        ({"phonons": phonons()}, Job(chapters={"phonon": 1.0}), "'phonons'"),
        ({"phonons": phonons()}, Job(licence="MIT"), "catalogue.csv is missing"),
        ({}, Job(), "no table of a chapter"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(content, job, message):
    with pytest.raises(UserError, match=message) as caught:
        recommend(content, job)
    assert "\n" not in str(caught.value)


def test_an_unknown_system_names_those_there_are():
    with pytest.raises(UserError, match="'MgO'"):
        choose_system(speed(), "MgOO")


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (1.3144, 0.3466, "1.31 ± 0.35 eV"),
        (0.5, float("nan"), "0.5 eV"),
        (0.0, 0.1, "0.00 ± 0.10 eV"),
        (1.234e8, 0.2, "1.23e+08 ± 0.2 eV"),
        (123.4, 45.0, "123 ± 45 eV"),
    ],
)
def test_numbers_are_quoted_to_the_digits_that_their_errors_leave(value, stderr, text):
    assert with_error(value, stderr, "eV") == text


def recommend_program(*arguments: object) -> Finished:
    return run_program("recommend", *arguments)


def test_the_program_prints_ranks_with_reasons_and_what_it_did_not_understand(tmp_path):
    results = write_tables(tmp_path, tables())
    run = recommend_program("--results", results, "--job", "phonons of oxides, 1000 atoms, quickly")
    assert run.returncode == 0, run.stderr
    assert "Not understood, and left out: 'quickly'" in run.stdout
    assert "1. Near (near)" in run.stdout and "1.11 s" not in run.stderr
    again = recommend_program("--results", results, "--job", "phonons of oxides, 1000 atoms, quickly")
    assert again.stdout == run.stdout
    for word in (" good", " bad", "better", "worse", "best"):
        assert word not in run.stdout


def test_the_program_speaks_json_and_options_replace_words(tmp_path):
    results = write_tables(tmp_path, {"phonons": phonons(), "gas": gas()})
    run = recommend_program("--results", results, "--job", "phonons", "--chapters", "gas=2", "--json")
    content = json.loads(run.stdout)
    assert content["job"]["chapters"] == {"gas": 2.0}
    assert {one["model"] for one in content["ranked"]} == {"near", "middle"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--job", "frobnicate"],
        ["--chapters", "phonons=-1"],
        ["--elements", "Qq"],
        ["--atoms", "-3"],
        ["--chapters", "x"],
    ],
)
def test_bad_input_ends_with_a_sentence(tmp_path, arguments):
    run = recommend_program("--results", write_tables(tmp_path, tables()), *arguments)
    assert run.returncode == 2
    assert run.stderr.strip() and "Traceback" not in run.stderr


def test_a_folder_without_tables_is_one_sentence(tmp_path):
    run = recommend_program("--results", tmp_path, "--job", "phonons")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "there are no tables" in run.stderr
