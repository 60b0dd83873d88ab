"""A job in words: what is understood of it, and what is named as not understood."""

from __future__ import annotations

import pytest

from assay.failures import UserError
from assay.report.job_words import VOCABULARY, Job, parse_formula, understand


@pytest.mark.parametrize(
    ("text", "expected", "unknown"),
    [
        ("phonons of oxides, 500 atoms", Job(chapters={"phonons": 1.0}, classes=("oxides",), n_atoms=500), []),
        ("heat of adsorption of CO2", Job(chapters={"widom": 1.0}, elements=("C", "O")), []),
        ("lattice dynamics", Job(chapters={"phonons": 1.0}), []),
        ("molecular dynamics of noble gases", Job(chapters={"gas": 1.0}, classes=("noble gases",)), []),
        ("diffusion on a GPU", Job(chapters={"gas": 1.0}, device="cuda"), []),
        ("cpu or gpu, MgO", Job(elements=("Mg", "O")), []),
        ("1,200 atoms", Job(n_atoms=1200), []),
        ("10k atoms of silicon", Job(n_atoms=10000, elements=("Si",)), []),
        ("50 ms/step, r2SCAN", Job(max_s_per_step=0.05, level_of_theory="r2SCAN"), []),
        ("PBE(+U), must conserve energy", Job(level_of_theory="PBE(+U)", conservative=True), []),
        ("van der Waals, open licence", Job(dispersion=True, licence="open"), []),
        ("Mg-MOF-74", Job(chapters={"widom": 1.0, "adsorption": 1.0}, elements=("Mg",)), ["74"]),
        ("phonons at 300 K, quickly", Job(chapters={"phonons": 1.0}), ["quickly", "300 K"]),
        ("phonons of non-metals", Job(chapters={"phonons": 1.0}), ["non", "metals"]),
        ("In alloys", Job(classes=("metals",)), []),
    ],
)
def test_the_vocabulary(text, expected, unknown):
    assert understand(text) == (expected, unknown)


def test_nothing_understood_is_one_sentence_with_the_nearest_words():
    with pytest.raises(UserError, match="'phonons'"):
        understand("phonnons")


@pytest.mark.parametrize(
    ("formula", "elements"), [("MgAl2O4", ["Mg", "Al", "O"]), ("CO2", ["C", "O"]), ("Xx", []), ("mgo", []), ("A1", [])]
)
def test_formulas(formula, elements):
    assert parse_formula(formula) == elements


def test_every_phrase_of_the_vocabulary_is_understood_by_itself():
    for kind, entries in VOCABULARY.items():
        for entry, phrases in entries.items():
            for phrase in phrases.split(", "):
                job, unknown = understand(phrase.upper())
                assert not unknown, phrase
                said = getattr(job, kind)
                assert said is True or entry == said or set(entry.split()) <= set(said) or entry in said, phrase
