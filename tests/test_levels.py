"""Levels of theory side by side: what agrees, what does not, and what can do neither."""

from __future__ import annotations

import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from assay.catalogue import load_catalogue
from assay.levels import COLUMNS, EXPERIMENT, joined, level_columns, levels_agree, summary_levels

LEVELS = ["PBE", "PBE(+U)", "PBE+U", "PBEsol", "r2SCAN", "wB97M-V", "PBE-D3(BJ)", "none", EXPERIMENT, None, ""]


@pytest.mark.parametrize(
    ("model", "reference", "agree"),
    [
        ("PBE", "PBE", True),
        ("PBE(+U)", "PBE", True),
        ("PBE(+U)", "PBE+U", True),
        ("PBE", "PBE + U", True),
        ("r²SCAN", "r2SCAN", True),
        ("ωB97M-V", "wB97M-V", True),
        ("PBE-D3(BJ)", "PBE-D3BJ", True),
        ("PBE(+U)", "PBEsol", False),
        ("r2SCAN", "PBE", False),
        ("SCAN", "r2SCAN", False),
        ("PBE-D3(BJ)", "PBE", False),
        ("wB97M-V", "wB97M-D3(BJ)", False),
        ("DFT-derived (vdW-DF2)", "PBE", False),
        ("none", "PBE", None),
        ("unknown", "PBE", None),
        ("PBE", EXPERIMENT, None),
        (None, "PBE", None),
        ("PBE", None, None),
    ],
)
def test_levels_agree_where_functional_and_dispersion_are_the_same(model, reference, agree):
    assert levels_agree(model, reference) is agree


@given(st.sampled_from(LEVELS), st.sampled_from(LEVELS))
def test_agreement_is_symmetric(one, other):
    assert levels_agree(one, other) is levels_agree(other, one)


@given(st.sampled_from(LEVELS))
def test_a_level_never_disagrees_with_itself(level):
    assert levels_agree(level, level) is not False


def test_a_hubbard_u_on_one_side_is_a_remark():
    columns = level_columns({"level_of_theory": "PBE(+U)"}, "PBE")
    assert tuple(columns) == COLUMNS
    assert columns["levels_remark"] == "+U in the model only"
    assert level_columns({"level_of_theory": "PBE"}, "PBE+U")["levels_remark"] == "+U in the reference only"
    for model, reference in (("PBE(+U)", "PBE+U"), ("PBE(+U)", "PBEsol"), ("PBE(+U)", None), ("PBE", "PBE")):
        assert level_columns({"level_of_theory": model}, reference)["levels_remark"] is None


def test_one_row_that_does_not_agree_makes_a_summary_that_does_not():
    card = {"level_of_theory": "PBE(+U)"}
    rows = pd.DataFrame([level_columns(card, level) for level in ("PBE", None, "PBEsol")])
    found = summary_levels(rows)
    assert found["level_of_theory_reference"] == "PBE, PBEsol"
    assert found["levels_agree"] is False
    assert summary_levels(rows.iloc[:2])["levels_agree"] is True
    assert summary_levels(rows.iloc[1:2])["levels_agree"] is None
    assert summary_levels(rows.iloc[:0]) == dict.fromkeys(COLUMNS)


def test_texts_are_joined_once_each():
    assert joined(["PBE", None, float("nan"), "PBE", "LDA", ""]) == "LDA, PBE"


def test_every_level_of_the_catalogue_is_told_from_the_others():
    known = {entry["level_of_theory"] for entry in load_catalogue(ROOT / "config/models.yaml").values()}
    assert {"PBE(+U)", "r2SCAN", "none"} <= known
    assert levels_agree("PBE(+U)", "r2SCAN") is False
