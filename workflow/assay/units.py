"""Conversions between the units of the codes and those of the tables (CODATA, through ase)."""

from __future__ import annotations

from ase import units

EV_PER_A3_IN_GPA = 1 / units.GPa
"""1 eV/Å³ in GPa."""
