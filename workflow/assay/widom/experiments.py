"""What laboratories have measured: Henry coefficients and heats of adsorption with their spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.failures import UserError
from assay.published import NOTHING, Reference, list_of, mapping_of, number_of, read_yaml
from assay.widom.estimators import GAS_CONSTANT_J_MOL_K

NEAR_K = 5.0
"""Values at single temperatures stand for temperatures as near as this, where there is no model of isotherms."""

_KEYS = {"guest", "host", "langmuir", "henry_coefficients", "heats_of_adsorption", "metal_distance_A"}
_LANGMUIR_KEYS = {"doi", "method", "quoted_by", "temperatures_K", "sites"}
_SITE_KEYS = {"capacity_mol_kg", "prefactor_per_Pa", "energy_kJ_mol"}
_SOURCE_KEYS = {"doi", "method", "quoted_by"}


@dataclass(frozen=True)
class Site:
    """One kind of sites of a Langmuir model: loading q b p / (1 + b p) with b = b0 exp(E / RT).

    Attributes
    ----------
    capacity_mol_kg, prefactor_per_Pa, energy_kJ_mol : float
        q, b0, E.
    """

    capacity_mol_kg: float
    prefactor_per_Pa: float
    energy_kJ_mol: float

    def affinity_per_Pa(self, temperature_K: float) -> float:
        """b at a temperature."""
        return self.prefactor_per_Pa * float(np.exp(1000 * self.energy_kJ_mol / GAS_CONSTANT_J_MOL_K / temperature_K))


@dataclass(frozen=True)
class Measured:
    """A published number.

    Attributes
    ----------
    value : float
    doi : str
        Of the paper that measured it.
    temperature_K : float or None
    """

    value: float
    doi: str
    temperature_K: float | None = None


@dataclass(frozen=True)
class Experiment:
    """What has been measured of a guest in a host.

    Attributes
    ----------
    guest, host : str
    sites : tuple of Site
        Langmuir model of isotherms; empty: none.
    range_K : tuple of float
        Temperatures at which it holds.
    isotherms_doi : str or None
    henry_coefficients, heats : tuple of Measured
        In mol/kg/Pa and kJ/mol.
    metal_distance_A : Measured or None
    """

    guest: str
    host: str
    sites: tuple[Site, ...] = ()
    range_K: tuple[float, float] = (0.0, 0.0)
    isotherms_doi: str | None = None
    henry_coefficients: tuple[Measured, ...] = ()
    heats: tuple[Measured, ...] = ()
    metal_distance_A: Measured | None = None

    def loading_mol_kg(self, pressures_Pa: np.ndarray, temperature_K: float) -> np.ndarray:
        """Loading by the Langmuir model."""
        filled = [site.affinity_per_Pa(temperature_K) * np.asarray(pressures_Pa) for site in self.sites]
        return sum(site.capacity_mol_kg * one / (1 + one) for site, one in zip(self.sites, filled, strict=True))

    def model_henry_mol_kg_Pa(self, temperature_K: float) -> float:
        """Slope of the Langmuir model at zero pressure, whatever the temperature."""
        return sum(site.capacity_mol_kg * site.affinity_per_Pa(temperature_K) for site in self.sites)

    def henry(self, temperature_K: float) -> Reference:
        """Henry coefficient (mol/kg/Pa).

        With a Langmuir model: its slope, and the spread of the single values as factors to the model at their own
        temperature. Without one: the median of the values within `NEAR_K`.
        """
        if self.sites:
            low, high = self.range_K
            if not low <= temperature_K <= high:
                return NOTHING
            value = self.model_henry_mol_kg_Pa(temperature_K)
            factors = [one.value / self.model_henry_mol_kg_Pa(one.temperature_K) for one in self.henry_coefficients]
            dois = _unique([self.isotherms_doi, *(one.doi for one in self.henry_coefficients)])
            return Reference(value, value * min([1.0, *factors]), value * max([1.0, *factors]), dois)
        return _spread([one for one in self.henry_coefficients if abs(one.temperature_K - temperature_K) <= NEAR_K])

    def heat(self) -> Reference:
        """Heat of adsorption (kJ/mol) at low loading: the median of what was measured."""
        return _spread(self.heats)


def _spread(measured: list[Measured] | tuple[Measured, ...]) -> Reference:
    if not measured:
        return NOTHING
    values = [one.value for one in measured]
    return Reference(float(np.median(values)), min(values), max(values), _unique([one.doi for one in measured]))


def _unique(dois: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(dois))


def read_experiment(path: Path) -> Experiment:
    """Read a file of measured values; its keys are explained in resources/experiments/README.md.

    Raises
    ------
    UserError
        If the file is missing, or a key is missing, unknown or not a number.
    """
    content = read_yaml(path, "correct `experiment` of the case")
    entry = mapping_of(path, "the file", content, {"guest", "host"}, _KEYS)
    langmuir = entry.get("langmuir")
    model = _langmuir(path, langmuir) if langmuir is not None else {}
    distance = entry.get("metal_distance_A")
    return Experiment(
        guest=str(entry["guest"]),
        host=str(entry["host"]),
        henry_coefficients=_measured(path, entry, "henry_coefficients", "value_mol_kg_Pa", at_temperature=True),
        heats=_measured(path, entry, "heats_of_adsorption", "value_kJ_mol"),
        metal_distance_A=_one(path, "metal_distance_A", distance, "value") if distance is not None else None,
        **model,
    )


def _langmuir(path: Path, content: Any) -> dict[str, Any]:
    entry = mapping_of(path, "langmuir", content, {"doi", "temperatures_K", "sites"}, _LANGMUIR_KEYS)
    limits = entry["temperatures_K"]
    if not isinstance(limits, list) or len(limits) != 2:
        raise UserError(f"{path}: langmuir.temperatures_K: expected the lowest and the highest (K); got {limits!r}.")
    sites = []
    for number, site in enumerate(list_of(path, "langmuir.sites", entry["sites"])):
        where = f"langmuir.sites[{number}]"
        numbers = mapping_of(path, where, site, _SITE_KEYS, _SITE_KEYS)
        sites.append(Site(**{key: number_of(path, f"{where}.{key}", value) for key, value in numbers.items()}))
    low, high = (number_of(path, "langmuir.temperatures_K", limit) for limit in limits)
    return {"sites": tuple(sites), "range_K": (low, high), "isotherms_doi": str(entry["doi"])}


def _measured(
    path: Path, entry: Mapping[str, Any], key: str, value_key: str, *, at_temperature: bool = False
) -> tuple[Measured, ...]:
    content = list_of(path, key, entry.get(key, []))
    return tuple(_one(path, f"{key}[{place}]", one, value_key, at_temperature) for place, one in enumerate(content))


def _one(path: Path, where: str, content: Any, value_key: str, at_temperature: bool = False) -> Measured:
    needed = {value_key, "doi"} | ({"temperature_K"} if at_temperature else set())
    one = mapping_of(path, where, content, needed, needed | _SOURCE_KEYS)
    temperature = number_of(path, f"{where}.temperature_K", one["temperature_K"]) if at_temperature else None
    return Measured(number_of(path, f"{where}.{value_key}", one[value_key]), str(one["doi"]), temperature)
