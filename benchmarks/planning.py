"""Time to parse the workflow and to plan a campaign of 12 models x 400 crystals (dry run), in seconds.

Usage: .envs/driver/bin/python benchmarks/planning.py
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=12)
    parser.add_argument("--crystals", type=int, default=400)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for name in ("config", "envs", "profiles", "resources", "workflow"):
            shutil.copytree(ROOT / name, project / name)
        shutil.copy(ROOT / "Snakefile", project)
        write_campaign(project, arguments.models, arguments.crystals)
        print(f"import snakemake        {seconds(project, '-c', 'import snakemake.cli'):6.2f} s")
        print(f"parse the Snakefile     {seconds(project, '-m', 'snakemake', '--list-rules'):6.2f} s")
        plan = ("-m", "snakemake", "--profile", "profiles/local", "--configfile", "large.yaml", "--dry-run", "--quiet")
        print(f"plan {arguments.models} x {arguments.crystals:<15d} {seconds(project, *plan):6.2f} s")
    return 0


def write_campaign(project: Path, models: int, crystals: int) -> None:
    entry = yaml.safe_load((project / "config/models.yaml").read_text())["emt"]
    crystal = yaml.safe_load((project / "resources/structures/crystals.yaml").read_text())["Al"]
    (project / "models.yaml").write_text(yaml.safe_dump({f"model-{i}": entry for i in range(models)}))
    (project / "crystals.yaml").write_text(yaml.safe_dump({f"crystal-{i}": crystal for i in range(crystals)}))
    config = {"catalogue": "models.yaml", "structures": "crystals.yaml"}
    config["models"] = [f"model-{i}" for i in range(models)]
    config["phonons"] = {"cases": [f"crystal-{i}" for i in range(crystals)]}
    config |= {"diatomics": {"elements": []}, "speed": {"systems": []}}
    (project / "large.yaml").write_text(yaml.safe_dump(config))


def seconds(project: Path, *arguments: str) -> float:
    """Best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=project, check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    sys.exit(main())
