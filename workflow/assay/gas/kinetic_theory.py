"""Transport in gases by kinetic theory: what diffusion is to be expected at the simulated density.

Dilute gas: Chapman and Enskog's first approximation for Lennard-Jones molecules, with the collision integrals of
Neufeld, Janzen and Aziz (doi:10.1063/1.1678363). Dense gas: Enskog's theory of hard spheres. Their diameter is the one
with which hard spheres diffuse like the Lennard-Jones gas in the dilute limit at the same temperature,
d = σ (Ω(1,1)*)^½, and the pair distribution at contact is that of Carnahan and Starling (doi:10.1063/1.1672048).
Experiments at 1 bar are brought to the simulated density by n D = constant, which holds for dilute gases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from ase.data import atomic_masses, atomic_numbers
from ase.formula import Formula
from ase.units import _amu as ATOMIC_MASS_kg
from ase.units import _k as BOLTZMANN_J_K

from assay.failures import UserError

EXTRAPOLATION = 1.25
"""An experiment is continued by its power law to this factor beyond its lowest and highest temperature."""

_DIFFUSION_INTEGRAL = (1.06036, 0.15610, 0.19300, 0.47635, 1.03587, 1.52996, 1.76474, 3.89411)
_VISCOSITY_INTEGRAL = (1.16145, 0.14874, 0.52487, 0.77320, 2.16178, 2.43787, 0.0, 0.0)


@dataclass(frozen=True)
class Gas:
    """What is known of a gas.

    Attributes
    ----------
    formula : str
    mass_u : float
        Of a molecule.
    sigma_A, epsilon_K : float
        Lennard-Jones parameters of its transport properties.
    pressure_Pa : float
        At which diffusion was measured.
    temperatures_K, diffusion_m2_s : ndarray, shape (n,)
        Measured self-diffusion.
    relative_uncertainty : float
        Of the measured self-diffusion.
    vibrations_per_cm : mapping of str to float
        Measured wavenumbers by mode.
    """

    formula: str
    mass_u: float
    sigma_A: float
    epsilon_K: float
    pressure_Pa: float
    temperatures_K: np.ndarray
    diffusion_m2_s: np.ndarray
    relative_uncertainty: float
    vibrations_per_cm: Mapping[str, float]


@dataclass(frozen=True)
class DiffusionReference:
    """Self-diffusion that kinetic theory and experiment give for one temperature and density (m²/s).

    Attributes
    ----------
    enskog_m2_s, dilute_m2_s, experiment_m2_s : float
        Enskog's theory; Chapman and Enskog's for the dilute gas; experiment scaled by n D = constant (NaN where the
        temperature is too far from those measured).
    extrapolated : bool
        Whether the experiment's temperatures end before this one.
    viscosity_Pa_s : float
        By Enskog's theory.
    """

    enskog_m2_s: float
    dilute_m2_s: float
    experiment_m2_s: float
    extrapolated: bool
    viscosity_Pa_s: float

    @property
    def range_m2_s(self) -> tuple[float, float]:
        """The smallest and the largest of the three: how well the answer is known."""
        values = (self.enskog_m2_s, self.dilute_m2_s, self.experiment_m2_s)
        return float(np.nanmin(values)), float(np.nanmax(values))


def read_gas(path: Path) -> Gas:
    """Read a file such as ``resources/experiments/CO2-gas.yaml``.

    Raises
    ------
    UserError
        If it is missing, not YAML, or lacks a key.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
        potential, diffusion = content["lennard_jones"], content["self_diffusion"]
        vibrations = content["vibrations"]["wavenumbers_per_cm"]
        temperatures, coefficients = np.array(diffusion["values"], dtype=float).T
        return Gas(
            formula=content["molecule"],
            mass_u=molecular_mass_u(content["molecule"]),
            sigma_A=float(potential["sigma_A"]),
            epsilon_K=float(potential["epsilon_K"]),
            pressure_Pa=float(diffusion["pressure_Pa"]),
            temperatures_K=temperatures,
            diffusion_m2_s=coefficients,
            relative_uncertainty=float(diffusion["relative_uncertainty"]),
            vibrations_per_cm={name: float(value) for name, value in vibrations.items()},
        )
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; correct gas.experiments.") from error
    except KeyError as error:
        raise UserError(f"{path}: the key {error} is missing; see resources/experiments/CO2-gas.yaml.") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); see resources/experiments/CO2-gas.yaml.") from error


def molecular_mass_u(formula: str) -> float:
    """Mass of a molecule (u), such as 44.009 for ``CO2``."""
    counts = Formula(formula).count()
    return float(sum(atomic_masses[atomic_numbers[element]] * count for element, count in counts.items()))


def _integral(parameters: tuple[float, ...], reduced_temperature: float) -> float:
    a, b, c, d, e, f, g, h = parameters
    t = reduced_temperature
    return float(a / t**b + c * np.exp(-d * t) + e * np.exp(-f * t) + g * np.exp(-h * t))


def diffusion_integral(reduced_temperature: float) -> float:
    """Reduced collision integral Ω(1,1)* of the Lennard-Jones potential at kT/ε (Neufeld 1972; 0.3 to 100)."""
    return _integral(_DIFFUSION_INTEGRAL, reduced_temperature)


def viscosity_integral(reduced_temperature: float) -> float:
    """Reduced collision integral Ω(2,2)* of the Lennard-Jones potential at kT/ε (Neufeld 1972; 0.3 to 100)."""
    return _integral(_VISCOSITY_INTEGRAL, reduced_temperature)


def dilute_diffusion_m2_s(gas: Gas, temperature_K: float, density_per_A3: float) -> float:
    """Self-diffusion of the dilute gas, D = 3/8 (kT/πm)^½ / (n σ² Ω(1,1)*).

    Parameters
    ----------
    gas : Gas
    temperature_K : float
    density_per_A3 : float
        Molecules per Å³.

    Returns
    -------
    float
        In m²/s.
    """
    speed_m_s = np.sqrt(BOLTZMANN_J_K * temperature_K / (np.pi * gas.mass_u * ATOMIC_MASS_kg))
    cross_section_A2 = gas.sigma_A**2 * diffusion_integral(temperature_K / gas.epsilon_K)
    return float(0.375 * speed_m_s / (density_per_A3 * cross_section_A2 * 1e10))


def dilute_viscosity_Pa_s(gas: Gas, temperature_K: float) -> float:
    """Viscosity of the dilute gas, η = 5/16 (π m kT)^½ / (π σ² Ω(2,2)*), whatever its density."""
    momentum = np.sqrt(np.pi * gas.mass_u * ATOMIC_MASS_kg * BOLTZMANN_J_K * temperature_K)
    cross_section_m2 = np.pi * gas.sigma_A**2 * viscosity_integral(temperature_K / gas.epsilon_K) * 1e-20
    return float(0.3125 * momentum / cross_section_m2)


def hard_sphere_diameter_A(gas: Gas, temperature_K: float) -> float:
    """Diameter of the hard spheres that diffuse like the dilute gas at this temperature, σ (Ω(1,1)*)^½."""
    return float(gas.sigma_A * np.sqrt(diffusion_integral(temperature_K / gas.epsilon_K)))


def packing_fraction(gas: Gas, temperature_K: float, density_per_A3: float) -> float:
    """Share of the volume that these hard spheres fill."""
    return float(np.pi / 6 * density_per_A3 * hard_sphere_diameter_A(gas, temperature_K) ** 3)


def contact_value(packing: float) -> float:
    """Pair distribution of hard spheres at contact, (1 - φ/2) / (1 - φ)³ (Carnahan and Starling)."""
    return (1 - packing / 2) / (1 - packing) ** 3


def enskog_diffusion_m2_s(gas: Gas, temperature_K: float, density_per_A3: float) -> float:
    """Self-diffusion of the dense gas: collisions are more frequent by the contact value χ, D = D_dilute / χ."""
    chi = contact_value(packing_fraction(gas, temperature_K, density_per_A3))
    return dilute_diffusion_m2_s(gas, temperature_K, density_per_A3) / chi


def enskog_viscosity_Pa_s(gas: Gas, temperature_K: float, density_per_A3: float) -> float:
    """Viscosity of the dense gas, η_dilute (1/χ + 4/5 y + 0.7615 χ y²) with y = 4 φ (Enskog 1922)."""
    packing = packing_fraction(gas, temperature_K, density_per_A3)
    chi, y = contact_value(packing), 4 * packing
    return dilute_viscosity_Pa_s(gas, temperature_K) * (1 / chi + 0.8 * y + 0.7615 * chi * y**2)


def scaled_experiment_m2_s(gas: Gas, temperature_K: float, density_per_A3: float) -> tuple[float, bool]:
    """Measured self-diffusion, brought to a temperature by its power law and to a density by n D = constant.

    Returns
    -------
    diffusion_m2_s : float
        NaN where the temperature is farther than `EXTRAPOLATION` from those measured.
    extrapolated : bool
        Whether it lies outside of them.
    """
    lowest, highest = gas.temperatures_K.min(), gas.temperatures_K.max()
    outside = not lowest <= temperature_K <= highest
    if not lowest / EXTRAPOLATION <= temperature_K <= highest * EXTRAPOLATION:
        return float("nan"), outside
    measured_per_A3 = gas.pressure_Pa / (BOLTZMANN_J_K * gas.temperatures_K) * 1e-30
    slope, intercept = np.polyfit(np.log(gas.temperatures_K), np.log(measured_per_A3 * gas.diffusion_m2_s), 1)
    return float(np.exp(intercept + slope * np.log(temperature_K)) / density_per_A3), outside


def diffusion_reference(gas: Gas, temperature_K: float, density_per_A3: float) -> DiffusionReference:
    """What kinetic theory and the scaled experiment say at a temperature (K) and a density (molecules per Å³)."""
    experiment, extrapolated = scaled_experiment_m2_s(gas, temperature_K, density_per_A3)
    return DiffusionReference(
        enskog_m2_s=enskog_diffusion_m2_s(gas, temperature_K, density_per_A3),
        dilute_m2_s=dilute_diffusion_m2_s(gas, temperature_K, density_per_A3),
        experiment_m2_s=experiment,
        extrapolated=extrapolated,
        viscosity_Pa_s=enskog_viscosity_Pa_s(gas, temperature_K, density_per_A3),
    )


def is_about(gas: Gas, formula: str | None) -> bool:
    """Whether a molecule's formula, such as ``CO2`` or ``O2C``, is that of this gas; False for None."""
    return bool(formula) and Formula(formula).count() == Formula(gas.formula).count()
