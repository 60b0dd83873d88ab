"""Trials per second of grand-canonical Monte Carlo: our own engine in lockstep, and LAMMPS's ``fix gcmc``.

CO2 in Mg-MOF-74 at 298 K, in the supercell that the potential's cut-off asks for. A force field runs natively in
LAMMPS, a learned potential through the bridge. Chains begin in an empty host at a fugacity that fills it; the first
trials are not timed. All by one thread; the time is that of the processor, so that a busy machine changes it little.
Without arguments, a force field and CHGNet are measured in their environments
(`ASSAY_ENVS`, default ``.envs``), each in a process of its own:

    python benchmarks/gcmc.py --walkers 1 5 20

With an entry of the catalogue as JSON, that potential is measured in the running interpreter:

    .envs/chgnet/bin/python benchmarks/gcmc.py --entry '{"name": "r2scan", "package": "chgnet", ...}' --trials 10
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

from assay.adsorption.case import Case
from assay.adsorption.lammps_engine import simulate_case
from assay.adsorption.raw import SAMPLES_FILE, read_sample_columns
from assay.adsorption.simulation import simulate
from assay.frameworks import read_framework, read_molecule
from assay.hosts import System, make_system
from assay.potentials import Potential, load
from assay.runtime import recommended_environment

ROOT = Path(__file__).resolve().parents[1]
RESOURCES = ROOT / "resources"
FORCE_FIELD = RESOURCES / "force_fields/co2-mof74-dft.yaml"
TEMPERATURE_K, FUGACITY_PA = 298.0, 1e6
SEED = 1

LAMMPS_TRIALS = 100
"""More are not made by LAMMPS: what they cost has little to do with the guests, since the host is in each of them."""

FORCE_FIELD_TRIALS = {"untimed": 1500, "timed": 500}
MODEL_TRIALS = {"untimed": 10, "timed": 50}
ENTRIES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "lammps",
        {"name": FORCE_FIELD.stem, "package": "classical", "loader": {"kind": "force-field", "file": str(FORCE_FIELD)}},
    ),
    ("chgnet", {"name": "chgnet-0.3.0", "package": "chgnet", "loader": {"model": "0.3.0"}}),
)
"""Environment and entry of what is measured."""


def settings(untimed: int, timed: int, walkers: int) -> dict[str, Any]:
    """As in the chapter's default; samples so far apart that they play no part."""
    return {
        "moves": "mc",
        "guest": "rigid",
        "trials": untimed + timed,
        "equilibration_trials": untimed,
        "replicas": walkers,
        "sample_every": max(timed // 10, 1),
        "frame_every": untimed + timed,
        "supercell": "auto",
        "relax_host": False,
        "relax_fmax_eV_A": 0.01,
        "relax_steps": 0,
        "overlap_fraction": 0.6,
        "shares": {"translation": 1, "rotation": 1, "exchange": 2},
        "max_displacement_A": 1.0,
        "max_rotation_deg": 30.0,
    }


def seconds_per_trial(run: Callable[[int], object], untimed: int, timed: int) -> float:
    """Processor time (s) of one trial of all chains; `run` goes on to so many trials, from where it was left.

    What a run without any trials takes, for its set-up, is taken off.
    """
    spent_s = []
    for trials in (untimed, untimed, untimed + timed):
        start = process_time()
        run(trials)
        spent_s.append(process_time() - start)
    return (spent_s[2] - spent_s[1]) / timed


def mean_molecules(folder: Path, untimed: int) -> float:
    """During the timed trials."""
    samples = read_sample_columns(folder / SAMPLES_FILE)
    return float(samples["n_molecules"][samples["trial"] > untimed].mean())


def own_engine(potential: Potential, system: System, untimed: int, timed: int, walkers: int) -> tuple[float, float]:
    """Processor time (s) of a trial of one chain, and the mean number of molecules."""
    with tempfile.TemporaryDirectory() as name:
        case = Case("benchmark", {"system": "benchmark", **facts(system)}, Path(name), "benchmark")

        def run(trials: int) -> None:
            simulate(potential, system, [case], settings(untimed, timed, walkers) | {"trials": trials}, seed=SEED)

        return seconds_per_trial(run, untimed, timed) / walkers, mean_molecules(case.folder, untimed)


def by_lammps(
    potential: Potential, entry: Mapping[str, Any], system: System, untimed: int, timed: int
) -> tuple[float, float]:
    """The same of one chain by LAMMPS."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "benchmark"

        def run(trials: int) -> None:
            chosen = settings(untimed, timed, 1) | {"trials": trials}
            simulate_case(potential, entry, system, facts(system), chosen, folder, seed=SEED, stream="benchmark")

        return seconds_per_trial(run, untimed, timed), mean_molecules(folder, untimed)


def facts(system: System) -> dict[str, Any]:
    """What a prepared case has."""
    return {"temperature_K": TEMPERATURE_K, "fugacity_Pa": FUGACITY_PA, **system.facts()}


def measure(entry: Mapping[str, Any], walkers: list[int], untimed: int, timed: int) -> None:
    """Print trials per second of both engines, and how many times as fast as LAMMPS ours is."""
    potential = load(entry)
    system = make_system(
        read_framework(RESOURCES / "frameworks/Mg-MOF-74.cif"), read_molecule(RESOURCES / "molecules/CO2.xyz")
    )
    threads = os.environ.get("OMP_NUM_THREADS", "?")
    print(f"{entry['name']}, {threads} threads; {timed} trials of each chain after {untimed}", flush=True)
    print(f"  {'':32s}{'molecules':>10s}{'ms/trial':>10s}{'trials/s':>10s}{'ratio':>8s}")
    reference_s, molecules = by_lammps(potential, entry, system, min(untimed, LAMMPS_TRIALS), min(timed, LAMMPS_TRIALS))
    kind = "native" if potential.guests is not None else "by the bridge"
    rows = [(f"LAMMPS fix gcmc, {kind}", molecules, reference_s)]
    for number in walkers:
        seconds, molecules = own_engine(potential, system, untimed, timed, number)
        rows.append((f"our engine, {number} chains in lockstep", molecules, seconds))
    for label, molecules, seconds in rows:
        print(f"  {label:32s}{molecules:10.1f}{1e3 * seconds:10.3f}{1 / seconds:10.1f}{reference_s / seconds:8.2f}")


def main() -> int:
    """Command line; the exit code is 1 if a potential could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entry", help="a catalogue entry as JSON, for the running interpreter")
    parser.add_argument(
        "--walkers", type=int, nargs="+", default=[1, 5, 20], help="chains in lockstep (default: 1 5 20)"
    )
    parser.add_argument("--untimed", type=int, help="trials of each chain that fill the host")
    parser.add_argument("--trials", type=int, help="trials of each chain that are timed")
    options = parser.parse_args()
    logging.getLogger("assay").setLevel(logging.ERROR)
    if options.entry:
        entry = json.loads(options.entry)
        trials = FORCE_FIELD_TRIALS if entry["loader"].get("kind") == "force-field" else MODEL_TRIALS
        measure(
            entry,
            options.walkers,
            trials["untimed"] if options.untimed is None else options.untimed,
            trials["timed"] if options.trials is None else options.trials,
        )
        return 0
    envs = Path(os.environ.get("ASSAY_ENVS", ROOT / ".envs"))
    failed = 0
    for env, entry in ENTRIES:
        python = envs / env / "bin/python"
        if not python.exists():
            print(f"{entry['name']}: {python} is not built; run `make run` first", file=sys.stderr)
            failed += 1
            continue
        command = [str(python), __file__, "--entry", json.dumps(entry), "--walkers", *map(str, options.walkers)]
        for option, value in (("--untimed", options.untimed), ("--trials", options.trials)):
            command += [] if value is None else [option, str(value)]
        failed += bool(subprocess.run(command, env={**os.environ, **recommended_environment(threads=1)}).returncode)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
