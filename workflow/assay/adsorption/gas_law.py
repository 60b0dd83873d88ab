"""The reservoir of a grand-canonical simulation: fugacity and density of a gas at a temperature and a pressure.

Peng and Robinson's cubic equation of state, Ind. Eng. Chem. Fundam. 15, 59 (1976), doi:10.1021/i160057a011. Critical
temperatures and pressures are those of the reference equations of state of each fluid, acentric factors follow from
their vapour pressures. For CO2 at room temperature and up to 20 bar the fugacity is within 1 % of the reference
equation (Span and Wagner, doi:10.1063/1.555991).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import constants

from assay.failures import UserError, near_misses

PA_PER_BAR = constants.bar

ATTRACTION, COVOLUME = 0.457235528921, 0.0777960739039
"""What makes the critical point one of the equation (the paper rounds to 0.45724 and 0.07780)."""

_ONE_ROOT = 1e-6
"""Imaginary parts of the compression factor below this are rounding of a double root."""


@dataclass(frozen=True)
class CriticalPoint:
    """What a cubic equation of state needs to know of a molecule.

    Attributes
    ----------
    temperature_K, pressure_bar : float
        Of the critical point.
    acentric_factor : float
    doi : str or None
        Of the reference equation of state; None where a user gave the numbers.
    """

    temperature_K: float
    pressure_bar: float
    acentric_factor: float
    doi: str | None = None


@dataclass(frozen=True)
class GasState:
    """A gas at a temperature and a pressure.

    Attributes
    ----------
    fugacity_Pa : float
        Pressure of the ideal gas of the same chemical potential.
    fugacity_coefficient : float
        Fugacity over pressure.
    density_mol_m3 : float
    """

    fugacity_Pa: float
    fugacity_coefficient: float
    density_mol_m3: float


CRITICAL_POINTS = {
    "CO2": CriticalPoint(304.1282, 73.773, 0.22394, "10.1063/1.555991"),
    "CH4": CriticalPoint(190.564, 45.992, 0.01142, "10.1063/1.555898"),
    "N2": CriticalPoint(126.192, 33.958, 0.0372, "10.1063/1.1349047"),
    "O2": CriticalPoint(154.581, 50.43, 0.0222, "10.1016/0378-3812(85)87016-3"),
    "H2": CriticalPoint(33.145, 12.964, -0.219, "10.1063/1.3160306"),
    "H2O": CriticalPoint(647.096, 220.64, 0.3443, "10.1063/1.1461829"),
    "Ar": CriticalPoint(150.687, 48.63, -0.00219, "10.1063/1.556037"),
    "Kr": CriticalPoint(209.48, 55.25, -0.00089, "10.1021/je050186n"),
    "Xe": CriticalPoint(289.733, 58.42, 0.00363, "10.1021/je050186n"),
    "CO": CriticalPoint(132.86, 34.94, 0.0497, "10.1021/je050186n"),
    "C2H6": CriticalPoint(305.322, 48.722, 0.0995, "10.1063/1.1859286"),
}
"""By molecular formula (Hill order)."""


def critical_point(formula: str, given: Mapping[str, Any] | None = None) -> CriticalPoint:
    """The critical point of a molecule.

    Parameters
    ----------
    formula : str
        In Hill order, such as ``CO2``.
    given : mapping, optional
        ``temperature_K``, ``pressure_bar``, ``acentric_factor`` of the configuration, which then count.

    Raises
    ------
    UserError
        If nothing is given and the molecule is not in `CRITICAL_POINTS`.
    """
    if given is not None:
        return CriticalPoint(
            *(float(given[name]) for name in ("temperature_K", "pressure_bar", "acentric_factor")),
        )
    if formula not in CRITICAL_POINTS:
        raise UserError(
            f"adsorption: the critical point of {formula} is not known{near_misses(formula, CRITICAL_POINTS)}; give"
            " `critical: {temperature_K, pressure_bar, acentric_factor}` with the guest in the configuration."
        )
    return CRITICAL_POINTS[formula]


def peng_robinson(critical: CriticalPoint, temperature_K: float, pressure_Pa: float) -> GasState:
    """Fugacity and density of a fluid by the equation of state of Peng and Robinson.

    Where the equation has several densities at this pressure, the stable one is taken, which has the least fugacity:
    below the vapour pressure the gas, the least dense.

    Parameters
    ----------
    critical : CriticalPoint
        From `critical_point`.
    temperature_K, pressure_Pa : float
        Both positive.

    Raises
    ------
    ValueError
        If temperature or pressure is not positive.
    """
    if not (temperature_K > 0 and pressure_Pa > 0):
        raise ValueError(f"temperature and pressure have to be positive; got {temperature_K} K and {pressure_Pa} Pa")
    reduced = temperature_K / critical.temperature_K
    omega = critical.acentric_factor
    kappa = 0.37464 + 1.54226 * omega - 0.26992 * omega**2
    alpha = (1 + kappa * (1 - np.sqrt(reduced))) ** 2
    pressure = pressure_Pa / (critical.pressure_bar * PA_PER_BAR)
    attraction = ATTRACTION * alpha * pressure / reduced**2
    covolume = COVOLUME * pressure / reduced
    factors = _compression_factors(attraction, covolume)
    logarithms = [_log_fugacity_coefficient(factor, attraction, covolume) for factor in factors]
    stable = int(np.argmin(logarithms))
    coefficient = float(np.exp(logarithms[stable]))
    density = pressure_Pa / (factors[stable] * constants.R * temperature_K)
    return GasState(coefficient * pressure_Pa, coefficient, float(density))


def _compression_factors(attraction: float, covolume: float) -> np.ndarray:
    """Real roots Z = p / (ρ R T) of the cubic that leave room for the molecules themselves."""
    roots = np.roots(
        [
            1.0,
            covolume - 1,
            attraction - 3 * covolume**2 - 2 * covolume,
            covolume**3 + covolume**2 - attraction * covolume,
        ]
    )
    real = roots.real[np.abs(roots.imag) < _ONE_ROOT]
    return real[real > covolume]


def _log_fugacity_coefficient(factor: float, attraction: float, covolume: float) -> float:
    ratio = (factor + (1 + np.sqrt(2)) * covolume) / (factor + (1 - np.sqrt(2)) * covolume)
    return float(
        factor - 1 - np.log(factor - covolume) - attraction / (2 * np.sqrt(2) * covolume) * np.log(ratio),
    )
