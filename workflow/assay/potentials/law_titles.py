"""The laws that potentials obey, by name: what needs no more than their names need not import what measures them."""

from __future__ import annotations

TITLES = {
    "translation": "translation",
    "rotation": "rotation",
    "inversion": "inversion",
    "permutation": "permutation",
    "wrapping": "wrapping",
    "extensivity": "extensivity",
    "net-force": "net force",
    "force-gradient": "force = -dE/dx",
    "stress-gradient": "stress = dE/dstrain",
    "batch": "batch = single",
    "calculator": "calculator = batch",
    "package": "batch = package",
    "empty-batch": "empty batch",
    "unknown-element": "unsupported element",
}
"""Names as the configuration has them, words as tables have them; `assay.potentials.measured_laws` measures them."""
