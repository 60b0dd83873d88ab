"""GPAW as the code that computes references: its calculators, its versions, and what its log says of convergence.

GPAW (doi:10.1063/5.0182685) is imported only when a calculation starts: the rest of the library works without it.
"""

from __future__ import annotations

import importlib
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from ase import Atoms

from assay.failures import UserError

LEVEL_OF_THEORY = "PBE"
VERSIONED = ("gpaw", "gpaw-data", "ase", "numpy", "scipy", "phonopy")
SYSTEM_PACKAGES = "apt-get install g++ libxc-dev libopenblas-dev"

ITERATION = re.compile(r"\|iter:\s*(\d+)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|")
"""A line of the table of self-consistency iterations: number, time, energy, log10 eigenstates, log10 density."""


class NotConverged(Exception):
    """Self-consistency was not reached by any of the schemes."""


@dataclass(frozen=True)
class Scheme:
    """One way to self-consistency.

    Attributes
    ----------
    name : str
        For records and logs.
    eigensolver, mixer : mapping
        As GPAW takes them; always named, since the defaults of GPAW 26.7 diverge for molecules in a box.
    maximum_iterations : int
        Iterations after which the next scheme takes over.
    """

    name: str
    eigensolver: Mapping[str, Any]
    mixer: Mapping[str, Any]
    maximum_iterations: int


@dataclass(frozen=True)
class Iterations:
    """What the log of a self-consistency cycle says about its end.

    Attributes
    ----------
    count : int
        Iterations done.
    energy_eV : float
        Energy of the last iteration relative to GPAW's reference atoms.
    energy_change_eV : float
        Its change from the iteration before.
    density_residual : float
        Integral of the absolute change of the density (electrons per valence electron).
    """

    count: int
    energy_eV: float
    energy_change_eV: float
    density_residual: float


class Code(Protocol):
    """A code that computes energies and forces by self-consistency; GPAW, or a stub in the tests."""

    def calculator(self, parameters: Mapping[str, Any], log: Path) -> Any:
        """An ASE calculator for these parameters, which writes the log."""

    def not_converged(self, error: Exception) -> bool:
        """Whether an exception says that self-consistency was not reached, so that the next scheme may be tried."""

    def iterations(self, log: Path) -> Iterations:
        """How the last self-consistency cycle in a log ended."""

    def versions(self) -> dict[str, str]:
        """Versions of the code and of what it stands on."""


class Gpaw:
    """GPAW behind the protocol `Code`.

    Raises
    ------
    UserError
        If GPAW or its setups are missing, with the command that brings them.
    """

    def __init__(self) -> None:
        self._gpaw = import_gpaw()

    def calculator(self, parameters: Mapping[str, Any], log: Path) -> Any:
        """A GPAW calculator in a basis of plane waves; `parameters` are GPAW's, with `cutoff_eV` for the mode."""
        parameters = dict(parameters)
        mode = self._gpaw.PW(parameters.pop("cutoff_eV"), **parameters.pop("mode_options", {}))
        log.parent.mkdir(parents=True, exist_ok=True)
        return self._gpaw.GPAW(mode=mode, xc=LEVEL_OF_THEORY, txt=str(log), **parameters)

    def not_converged(self, error: Exception) -> bool:
        """GPAW's own error of convergence, or numbers that ran away in the middle of the cycle."""
        ran_away = isinstance(error, ValueError) and "NaN" in str(error)
        return isinstance(error, self._gpaw.ConvergenceError | np.linalg.LinAlgError | FloatingPointError) or ran_away

    def iterations(self, log: Path) -> Iterations:
        """How the last self-consistency cycle in a log of GPAW ended."""
        return read_iterations(log.read_text())

    def versions(self) -> dict[str, str]:
        """Versions of GPAW, its setups, libxc, and the Python packages below it."""
        from gpaw import get_libraries

        installed = {name: metadata.version(name) for name in VERSIONED}
        return {**installed, "libxc": get_libraries()["libxc"], "python": platform.python_version()}


def import_gpaw() -> ModuleType:
    """GPAW, or one sentence about what it lacks.

    Raises
    ------
    UserError
        If GPAW, its compiled part or its setups are missing.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        importlib.import_module("gpaw.cgpaw")
        return importlib.import_module("gpaw")
    except ImportError as error:
        raise UserError(
            f"GPAW cannot be imported ({error}); build its environment with `snakemake .envs/gpaw/environment.lock`"
            f" after `{SYSTEM_PACKAGES}`."
        ) from error


def read_iterations(log_text: str) -> Iterations:
    """The end of the last self-consistency cycle in a log of GPAW; no iterations and NaN if it holds none."""
    cycles: list[list[tuple[float, float]]] = []
    for match in ITERATION.finditer(log_text):
        if int(match[1]) == 1:
            cycles.append([])
        cycles[-1].append((_number(match[3]), _number(match[5])))
    if not cycles:
        return Iterations(0, math.nan, math.nan, math.nan)
    energies, residuals = zip(*cycles[-1], strict=True)
    change = abs(energies[-1] - energies[-2]) if len(energies) > 1 else math.inf
    return Iterations(len(energies), energies[-1], change, 10.0 ** residuals[-1])


def _number(cell: str) -> float:
    text = cell.strip().rstrip("c").strip()
    return float(text) if text else math.inf


def single_point(
    atoms: Atoms,
    code: Code,
    schemes: Iterable[Scheme],
    parameters: Mapping[str, Any],
    *,
    log: Path,
    stress: bool = False,
) -> dict:
    """Energy and forces of one geometry, by the first scheme that converges.

    Parameters
    ----------
    atoms : Atoms
        The geometry; its calculator is replaced.
    code : Code
        What computes.
    schemes : iterable of Scheme
        In the order in which they are tried.
    parameters : mapping
        What the schemes share.
    log : Path
        The log of the code; the scheme's name is added before the suffix.
    stress : bool
        Whether the stress is computed too.

    Returns
    -------
    dict
        ``energy_eV`` (extrapolated to zero smearing), ``forces_eV_A``, ``stress_eV_A3`` (Voigt, if asked for),
        ``scheme``, ``iterations``, ``failed_schemes``.

    Raises
    ------
    NotConverged
        If no scheme reaches self-consistency.
    """
    failed = []
    for scheme in schemes:
        path = log.with_name(f"{log.stem}.{scheme.name}{log.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        atoms = atoms.copy()
        atoms.calc = code.calculator(
            {
                **parameters,
                "eigensolver": dict(scheme.eigensolver),
                "mixer": dict(scheme.mixer),
                "maxiter": scheme.maximum_iterations,
            },
            path,
        )
        try:
            point = {"energy_eV": atoms.get_potential_energy(), "forces_eV_A": atoms.get_forces()}
            if stress:
                point["stress_eV_A3"] = atoms.get_stress()
        except Exception as error:
            if not code.not_converged(error):
                raise
            failed.append(scheme.name)
            continue
        return {
            **point,
            "scheme": scheme.name,
            "iterations": atoms.calc.get_number_of_iterations(),
            "failed_schemes": failed,
        }
    raise NotConverged(f"{log}: none of the schemes {failed} reached self-consistency")
