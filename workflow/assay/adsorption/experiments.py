"""What laboratories have measured, and others have simulated: isotherms and heats of adsorption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import constants

from assay.failures import UserError
from assay.published import NOTHING, Reference, list_of, mapping_of, number_of, read_yaml

NEAR_K = 1.0
"""An isotherm stands for temperatures as near as this."""

_KEYS = {"guest", "host", "isotherms", "langmuir", "heats_of_adsorption", "simulations", "metal_distance_A"}
_SOURCE = {"method", "quoted_by"}
_ISOTHERM = {"name", "temperature_K", "doi", "points"}
_LANGMUIR = {"name", "doi", "temperatures_K", "pressures_bar", "sites"}
_SITE = {"capacity_mol_kg", "prefactor_per_Pa", "energy_kJ_mol"}
_HEAT = {"value_kJ_mol", "doi"}


@dataclass(frozen=True)
class Isotherm:
    """Published points at one temperature, by ascending pressure.

    Attributes
    ----------
    name, doi : str
    temperature_K : float
    pressures_bar, loadings_mol_kg : ndarray, shape (n,)
    errors_mol_kg : ndarray, shape (n,)
        NaN where none was published.
    model : str or None
        Of the catalogue, if it is a simulation.
    """

    name: str
    doi: str
    temperature_K: float
    pressures_bar: np.ndarray
    loadings_mol_kg: np.ndarray
    errors_mol_kg: np.ndarray
    model: str | None = None

    def at(self, pressure_bar: float) -> float:
        """Loading (mol/kg) between the points, linear in the logarithms; NaN beyond them."""
        return float(
            np.exp(
                np.interp(
                    np.log(pressure_bar),
                    np.log(self.pressures_bar),
                    np.log(self.loadings_mol_kg),
                    left=np.nan,
                    right=np.nan,
                )
            )
        )


@dataclass(frozen=True)
class Model:
    """A model of measured isotherms: loading = Σ q b p / (1 + b p), b = b0 exp(E/RT).

    Attributes
    ----------
    name, doi : str
    sites : ndarray, shape (k, 3)
        q (mol/kg), b0 (1/Pa), E (kJ/mol).
    temperatures_K, pressures_bar : tuple of float
        Lowest and highest of what it was made from.
    """

    name: str
    doi: str
    sites: np.ndarray
    temperatures_K: tuple[float, float]
    pressures_bar: tuple[float, float]

    def at(self, pressure_bar: float, temperature_K: float) -> float:
        """Loading (mol/kg); NaN where the model does not hold."""
        holds = all(
            low <= value <= high
            for value, (low, high) in ((temperature_K, self.temperatures_K), (pressure_bar, self.pressures_bar))
        )
        if not holds:
            return float("nan")
        capacity, prefactor, energy = self.sites.T
        filled = prefactor * np.exp(1000 * energy / (constants.R * temperature_K)) * pressure_bar * constants.bar
        return float((capacity * filled / (1 + filled)).sum())


@dataclass(frozen=True)
class Experiment:
    """What is published of a guest in a host.

    Attributes
    ----------
    guest, host : str
    isotherms : tuple of Isotherm
        Measured.
    model : Model or None
        Of measured isotherms.
    heats : tuple of (float, str)
        Heat of adsorption (kJ/mol) at low loading, and the DOI of the paper.
    simulations : tuple of Isotherm
    metal_distance_A : float or None
        From the metal to the nearest atom of the guest.
    """

    guest: str
    host: str
    isotherms: tuple[Isotherm, ...] = ()
    model: Model | None = None
    heats: tuple[tuple[float, str], ...] = ()
    simulations: tuple[Isotherm, ...] = ()
    metal_distance_A: float | None = None

    def near(self, temperature_K: float) -> list[Isotherm]:
        """Isotherms that were measured at this temperature, or within `NEAR_K` of it."""
        return [one for one in self.isotherms if abs(one.temperature_K - temperature_K) <= NEAR_K]

    def loading(self, pressure_bar: float, temperature_K: float) -> Reference:
        """Measured loading (mol/kg), of isotherms and their model."""
        found = [(one.at(pressure_bar), one.doi) for one in self.near(temperature_K)]
        if self.model:
            found.append((self.model.at(pressure_bar, temperature_K), self.model.doi))
        return _median([(value, doi) for value, doi in found if np.isfinite(value)])

    def heat(self) -> Reference:
        """Measured heat of adsorption (kJ/mol) at low loading."""
        return _median(self.heats)

    def published(self, model: str, temperature_K: float) -> Isotherm | None:
        """The isotherm that others have simulated with the same model, if there is one."""
        for one in self.simulations:
            if one.model == model and abs(one.temperature_K - temperature_K) <= NEAR_K:
                return one
        return None


def _median(found: Sequence[tuple[float, str]]) -> Reference:
    if not found:
        return NOTHING
    values = [value for value, _ in found]
    dois = tuple(dict.fromkeys(doi for _, doi in found))
    return Reference(float(np.median(values)), min(values), max(values), dois)


def read_experiments(files: Mapping[str, str | None]) -> dict[str, Experiment | None]:
    """What is published of each system; None where there is no file.

    Raises
    ------
    UserError
        As of `read_experiment`.
    """
    return {system: read_experiment(Path(path)) if path else None for system, path in files.items()}


def read_experiment(path: Path) -> Experiment:
    """Read a file of published isotherms; its keys are explained in resources/experiments/README.md.

    Raises
    ------
    UserError
        If the file is missing, or a key is missing, unknown or not a number.
    """
    content = read_yaml(path, "correct `experiment` of the system")
    entry = mapping_of(path, "the file", content, {"guest", "host"}, _KEYS)
    heats = [
        mapping_of(path, f"heats_of_adsorption[{place}]", one, _HEAT, _HEAT | _SOURCE)
        for place, one in enumerate(list_of(path, "heats_of_adsorption", entry.get("heats_of_adsorption", [])))
    ]
    return Experiment(
        guest=str(entry["guest"]),
        host=str(entry["host"]),
        isotherms=_isotherms(path, "isotherms", entry, _ISOTHERM),
        model=_model(path, entry["langmuir"]) if entry.get("langmuir") is not None else None,
        heats=tuple(
            (number_of(path, f"heats_of_adsorption[{place}].value_kJ_mol", one["value_kJ_mol"]), str(one["doi"]))
            for place, one in enumerate(heats)
        ),
        simulations=_isotherms(path, "simulations", entry, _ISOTHERM | {"model"}),
        metal_distance_A=_distance(path, entry.get("metal_distance_A")),
    )


def _distance(path: Path, content: Any) -> float | None:
    if content is None:
        return None
    one = mapping_of(path, "metal_distance_A", content, {"value", "doi"}, {"value", "doi"} | _SOURCE)
    return number_of(path, "metal_distance_A.value", one["value"])


def _isotherms(path: Path, key: str, entry: Mapping[str, Any], needed: set[str]) -> tuple[Isotherm, ...]:
    found = []
    for place, content in enumerate(list_of(path, key, entry.get(key, []))):
        where = f"{key}[{place}]"
        one = mapping_of(path, where, content, needed, needed | _SOURCE)
        points = np.array(
            [_point(path, f"{where}.points[{n}]", point) for n, point in enumerate(_points(path, where, one))]
        )
        points = points[np.argsort(points[:, 0])]
        temperature_K = number_of(path, f"{where}.temperature_K", one["temperature_K"])
        model = str(one["model"]) if "model" in one else None
        found.append(Isotherm(str(one["name"]), str(one["doi"]), temperature_K, *points.T, model=model))
    return tuple(found)


def _points(path: Path, where: str, one: Mapping[str, Any]) -> list[Any]:
    points = list_of(path, f"{where}.points", one["points"])
    if not points:
        raise UserError(f"{path}: {where}.points: there are none; give [pressure (bar), loading (mol/kg)].")
    return points


def _point(path: Path, where: str, content: Any) -> list[float]:
    """Pressure, loading and its error, NaN where there is none."""
    numbers = [number_of(path, where, value) for value in list_of(path, where, content)]
    if len(numbers) not in (2, 3) or min(numbers[:2]) <= 0:
        raise UserError(
            f"{path}: {where}: expected a positive pressure (bar) and loading (mol/kg), and its error if it is known;"
            f" got {content!r}."
        )
    return [*numbers, np.nan][:3]


def _model(path: Path, content: Any) -> Model:
    entry = mapping_of(path, "langmuir", content, _LANGMUIR, _LANGMUIR | _SOURCE)
    ranges = []
    for key in ("temperatures_K", "pressures_bar"):
        limits = list_of(path, f"langmuir.{key}", entry[key])
        if len(limits) != 2:
            raise UserError(f"{path}: langmuir.{key}: expected the lowest and the highest; got {limits!r}.")
        ranges.append(tuple(number_of(path, f"langmuir.{key}", limit) for limit in limits))
    sites = []
    for place, content_of_site in enumerate(list_of(path, "langmuir.sites", entry["sites"])):
        where = f"langmuir.sites[{place}]"
        site = mapping_of(path, where, content_of_site, _SITE, _SITE)
        keys = ("capacity_mol_kg", "prefactor_per_Pa", "energy_kJ_mol")
        sites.append([number_of(path, f"{where}.{key}", site[key]) for key in keys])
    return Model(str(entry["name"]), str(entry["doi"]), np.array(sites), *ranges)
