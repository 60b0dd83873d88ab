"""Share of the wall time of `run_phonons` that lies outside of model loading and force evaluation.

Runs eight crystals with a model in its built environment (`make environments`), from nothing, and prints where the
time went. Usage: .envs/driver/bin/python benchmarks/phonons_overhead.py [--model sevennet-0]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from assay.campaign import load_campaign
from assay.records import read_json, write_json
from assay.validation import read_yaml

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 0.15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="catalogue name (default: the campaign's models)")
    parser.add_argument("--crystals", type=int, default=8, help="how many crystals (default: 8)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    arguments = parser.parse_args()
    campaign = load_campaign(read_yaml(ROOT / "config/config.yaml"))
    print("model            wall s   load s   forces s   outside s   share   limit")
    for model in arguments.model or campaign.models:
        wall, timings = measure(campaign, model, arguments.crystals, arguments.threads)
        outside = wall - timings["load_s"] - timings["evaluate_s"]
        print(
            f"{model:15s} {wall:7.2f} {timings['load_s']:8.2f} {timings['evaluate_s']:10.2f} {outside:11.2f}"
            f" {outside / wall:7.1%} {LIMIT:7.0%}"
        )
    return 0


def measure(campaign, model: str, crystals: int, threads: int) -> tuple[float, dict[str, float]]:
    """Wall time of the whole program, and the timings in its record."""
    environment = ROOT / ".envs" / campaign.environment(model)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "inputs/batch-000.json"
        scripts = ROOT / "workflow/scripts"
        cases = campaign.config["phonons"]["cases"][:crystals]
        prepare = [sys.executable, scripts / "prepare_phonons.py", *cases]
        prepare += [
            "--structures",
            campaign.config["structures"],
            "--references",
            campaign.config["phonons"]["references"],
            "--seed",
            "0",
            "--index",
            index,
        ]
        prepare += ["--settings", json.dumps(campaign.phonons.run_settings)]
        subprocess.run(prepare, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        write_json(Path(folder) / "model.json", campaign.entry(model))
        record = Path(folder) / "results/batch-000.json"
        run = [sys.executable, scripts / "run_phonons.py", "--python", environment / "bin/python", "--inputs", index]
        run += ["--model", Path(folder) / "model.json", "--lock", environment / "environment.lock", "--record", record]
        start = time.perf_counter()
        subprocess.run([*run, "--threads", str(threads)], check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        content = read_json(record)
        if content["n_ok"] != len(cases):
            raise SystemExit(f"{model}: {content['n_ok']} of {len(cases)} ok: {content['reason']}")
        return wall, content["timings"]


if __name__ == "__main__":
    sys.exit(main())
