"""The report's section on conformance."""

from __future__ import annotations

from assay.potentials.law_titles import TITLES
from assay.report.chapter_page import ChapterPage

COLUMNS = (
    *("model", "law", "system", "status", "reason", "quantity", "unit", "value", "tolerance", "value_over_tolerance"),
    *("required", "passed"),
)

PAGE = ChapterPage(
    chapter="conformance",
    title="Conformance",
    protocol=lambda block: (
        f"{len(TITLES) if block['laws'] == 'all' else len(block['laws'])} laws that any potential obeys, on a crystal,"
        " a compound, a cell smaller than any cut-off, a slab and a molecule, none of them symmetric: energies do not"
        " change when a structure is moved, turned, or listed in another order, and grow with its size; forces and"
        " stress are derivatives of the energy; a batch gives what single structures give, and what the package's own"
        " calculator gives."
    ),
    reading=(
        "A tolerance is what rounding of the model's floating-point type may do. A deviation beyond it is a property of"
        " the model that simulations feel: forces that are no derivatives do not conserve energy, and energies that"
        " turn with the structure give torques to free molecules."
    ),
    figures=("laws",),
    tables=("conformance_summary", "conformance"),
    details={"By law and structure": ("conformance", COLUMNS)},
)
