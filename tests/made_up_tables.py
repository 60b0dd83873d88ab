"""Tables of a campaign that nobody ran: three models with known errors, failures and times of a step."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import ROOT

CRYSTALS = {"MgO": (0.2, 0.5, 0.9), "NaCl": (0.3, 0.2, 0.8), "Al2O3": (0.1, 0.4, 0.6), "Si": (0.5, 0.6, 0.1)}
"""Errors (THz) of near, middle and far."""

MODELS = ("near", "middle", "far")
OVERHEAD_S, PER_ATOM_S = 0.01, 1e-4
SIZES = (10, 100, 1000, 10000)
LEVELS = {"near": "PBE(+U)", "middle": "r2SCAN", "far": "PBE-D3(BJ)"}


def catalogue() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": MODELS,
            "label": ["Near", "Middle", "Far"],
            "licence": ["MIT", "ASL", "Some Licence 1.0"],
            "level_of_theory": [LEVELS[model] for model in MODELS],
            "forces": ["conservative", "conservative", "direct"],
            "elements": [None, None, "Si O Mg"],
            "dispersion": ["none", "none", "d3bj"],
            "default_devices": ["cuda cpu", "cpu", "cuda cpu"],
        }
    )


def phonons() -> pd.DataFrame:
    rows = [
        {
            "model": model,
            "case": case,
            "status": "ok",
            "reason": None,
            "message": None,
            "formula": case,
            "level_of_theory_model": LEVELS[model],
            "level_of_theory_reference": "PBE",
            "levels_agree": model == "near",
            "frequency_max_THz": 10.0,
            "frequency_max_reference_THz": 10.0,
            "zone_mean_absolute_error_THz": errors[number],
        }
        for number, model in enumerate(MODELS)
        for case, errors in CRYSTALS.items()
    ]
    table = pd.DataFrame(rows)
    failed = (table["model"] == "far") & (table["case"] == "MgO")
    table.loc[failed, ["status", "reason", "message"]] = ["failed", "non_finite", "The forces are not finite."]
    table.loc[failed, "zone_mean_absolute_error_THz"] = np.nan
    return table


def gas() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["near", "middle"],
            "case": "CO2-300K",
            "status": "ok",
            "reason": None,
            "message": None,
            "n_stable": [10, 9],
            "n_repeats": [10, 10],
            "drift_fit_meV_per_atom_ps": [-0.5, 0.1],
            "drift_fit_stderr_meV_per_atom_ps": [0.01, 0.01],
            "timestep_exponent": [2.0, np.nan],
            "diffusion_ratio": [1.1, np.nan],
            "diffusion_ratio_stderr": [0.1, np.nan],
            "diffusion_route": ["displacements", None],
        }
    )


def speed() -> pd.DataFrame:
    rows = []
    for model, factor in {"near": 10.0, "middle": 1.0}.items():
        for size in SIZES:
            ok = not (model == "near" and size == SIZES[-1])
            step = factor * (OVERHEAD_S + PER_ATOM_S * size)
            rows.append(
                {
                    "model": model,
                    "case": f"MgO-{size}",
                    "status": "ok" if ok else "failed",
                    "reason": None if ok else "out_of_memory",
                    "message": None,
                    "ladder": "MgO",
                    "n_atoms": size,
                    "device_asked": "auto",
                    "device": "cpu",
                    "threads": 2,
                    "hardware": "a processor",
                    "step_s": step if ok else np.nan,
                    "step_stderr_s": 0.01 * step if ok else np.nan,
                }
            )
    return pd.DataFrame(rows)


def tables() -> dict[str, pd.DataFrame]:
    """By name, as they are read back from CSV."""
    return {"catalogue": catalogue(), "phonons": phonons(), "gas": gas(), "speed": speed()}


def write_tables(results: Path, content: dict[str, pd.DataFrame]) -> Path:
    """Write tables where a campaign has them; returns the folder of results."""
    folder = results / "tables"
    folder.mkdir(parents=True)
    for name, table in content.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return results


@dataclass(frozen=True)
class Finished:
    """What a program left behind."""

    returncode: int
    stdout: str
    stderr: str


def run_program(name: str, *arguments: object) -> Finished:
    """Run a program of ``workflow/scripts`` within this process, which spares the imports."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"workflow/scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = module.main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse
            code = error.code
    return Finished(code, stdout.getvalue(), stderr.getvalue())
