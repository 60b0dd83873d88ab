"""What the job graph itself costs: planning, scheduling, and starting jobs, without any calculation.

- planning: a dry run of campaigns of growing size (one job of a model per crystal), and of the thesis campaign,
  12 models x 400 crystals x all chapters;
- scheduling: the same jobs through snakemake's scheduler with `--touch`, which runs none of them;
- starting: jobs that do nothing, by the local executor and, where `sbatch` is, by SLURM;
- progress: the time that `status.py` takes.

Times are of the processor (of snakemake and what it starts) and of the clock, in seconds.

Usage: .envs/driver/bin/python benchmarks/orchestration.py [--largest]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from assay.campaign import CHAPTERS

ROOT = Path(__file__).resolve().parents[1]
MODELS = 10
LARGEST_SCHEDULED = 1000
NOTHING = """
rule all:
    input:
        expand("made/{number}", number=range(int(config["jobs"]))),

rule make:
    output:
        "made/{number}",
    shell:
        "touch {output}"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[10, 100, 1000, 10000], help="jobs of models to plan")
    parser.add_argument("--largest", action="store_true", help="plan 50,000 jobs too (minutes, a gigabyte)")
    parser.add_argument("--started", type=int, default=100, help="jobs to start (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = copied(Path(folder) / "project")
        print(f"{'':32s}{'jobs':>8s}{'clock s':>9s}{'CPU s':>8s}{'MiB':>6s}")
        show("import snakemake", 0, timed(project, "-c", "import snakemake.cli"))
        show("parse the Snakefile", 0, timed(project, "-m", "snakemake", "--list-rules"))
        write_thesis(project, models=12, crystals=400)
        show("plan the thesis campaign", planned_jobs(project), timed(project, *dry_run()))
        show("status of the thesis campaign", 0, timed(project, *status()))
        for wanted in [*arguments.jobs, *([50000] if arguments.largest else [])]:
            write_crystals(project, MODELS, max(1, wanted // MODELS))
            show("plan", planned_jobs(project), timed(project, *dry_run()))
            if wanted <= LARGEST_SCHEDULED:
                show("plan and schedule", planned_jobs(project), scheduled(project))
        show("start by the local executor", arguments.started, started(Path(folder) / "local", arguments.started))
        if slurm_answers():
            slurm = ("--executor", "slurm", "--jobs", "50", "--slurm-init-seconds-before-status-checks", "2")
            show("start by SLURM", arguments.started, started(Path(folder) / "slurm", arguments.started, slurm))
        else:
            print("start by SLURM: no SLURM answers here")
    return 0


@dataclass(frozen=True)
class Effort:
    """Time on the clock and of the processor (s), largest memory of a process (MiB)."""

    clock_s: float
    processor_s: float
    memory_MiB: float


def show(what: str, jobs: int, effort: Effort) -> None:
    print(
        f"{what:32s}{jobs or '':>8}{effort.clock_s:9.2f}{effort.processor_s:8.2f}{effort.memory_MiB:6.0f}", flush=True
    )


def timed(folder: Path, *arguments: str) -> Effort:
    """Run the driver's Python once and measure it."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # the largest memory that a parent is told is that of all its children so far: each run gets a parent of its own
    program = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, sys.executable, *arguments]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{' '.join(arguments)}\n{run.stderr[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Effort(time.perf_counter() - start, processor, float(run.stdout))


def snakemake(*arguments: str) -> tuple[str, ...]:
    return ("-m", "snakemake", "--profile", "profiles/local", "--configfile", "large.yaml", *arguments)


def dry_run() -> tuple[str, ...]:
    return snakemake("--dry-run", "--quiet", "all")


def status() -> tuple[str, ...]:
    return ("workflow/scripts/status.py", "--configfile", "large.yaml")


def planned_jobs(project: Path) -> int:
    """How many jobs the campaign has, in the words of a dry run."""
    command = [sys.executable, *snakemake("--dry-run", "--quiet", "rules")]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    lines = [line.split() for line in (run.stdout + run.stderr).splitlines()]
    return next(int(words[1]) for words in lines if words[:1] == ["total"])


def chapters(project: Path) -> list[str]:
    """The chapters of the campaign, by the rules that would run."""
    command = [sys.executable, *snakemake("--dry-run", "--quiet", "rules")]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    rules = {line.split()[0] for line in (run.stdout + run.stderr).splitlines() if line.startswith("run_")}
    return [name for name in CHAPTERS if f"run_{name}" in rules]


def scheduled(project: Path) -> Effort:
    """All jobs through the scheduler, their files being there already."""
    command = [sys.executable, *snakemake("--summary")]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines()[1:]:
        path = project / line.split("\t")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True) if path.name == "bands" else path.touch()
    effort = timed(project, *snakemake("--touch", "--forceall", "--quiet", "all"))
    for folder in ("results", ".snakemake", ".envs"):
        shutil.rmtree(project / folder, ignore_errors=True)
    return effort


def started(folder: Path, jobs: int, executor: Sequence[str] = ("--cores", "2")) -> Effort:
    """Jobs that make an empty file each."""
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text(NOTHING)
    return timed(folder, "-m", "snakemake", *executor, "--quiet", "all", "--config", f"jobs={jobs}")


def slurm_answers() -> bool:
    """Whether there is a SLURM to submit to."""
    if not shutil.which("sbatch"):
        return False
    return subprocess.run(["sinfo"], capture_output=True, timeout=60, check=False).returncode == 0


def copied(project: Path) -> Path:
    """A copy of the project without results."""
    for name in ("config", "envs", "profiles", "resources", "workflow"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "Snakefile", project)
    return project


def write_crystals(project: Path, models: int, crystals: int) -> None:
    """A campaign of copies of one model and one crystal, a job for each pair of them."""
    config = copies(project, models, crystals) | {"diatomics": {"elements": []}, "gas": {"systems": []}}
    config |= {"widom": {"cases": []}, "adsorption": {"systems": []}, "speed": {"systems": []}}
    config["conformance"] = {"laws": []}
    config["phonons"] |= {"batch_size": 1}
    (project / "large.yaml").write_text(yaml.safe_dump(config))


def write_thesis(project: Path, models: int, crystals: int) -> None:
    """The thesis campaign with as many models and crystals: every model through every chapter."""
    thesis = yaml.safe_load((project / "config/thesis.yaml").read_text())
    config = copies(project, models, crystals)
    config["speed"] = {"systems": ["helium"], "batch_system": "helium", "accuracy_case": ""}
    merged = {
        key: {**thesis.get(key, {}), **value} if isinstance(value, dict) else value for key, value in config.items()
    }
    (project / "large.yaml").write_text(yaml.safe_dump(thesis | merged))


def copies(project: Path, models: int, crystals: int) -> dict:
    """The part of a configuration that names the models and the crystals, which are written."""
    entry = yaml.safe_load((project / "config/models.yaml").read_text())["emt"]
    crystal = yaml.safe_load((project / "resources/structures/crystals.yaml").read_text())["Al"]
    names = [f"model-{number}" for number in range(models)]
    cases = [f"crystal-{number}" for number in range(crystals)]
    (project / "models.yaml").write_text(yaml.safe_dump(dict.fromkeys(names, entry)))
    (project / "crystals.yaml").write_text(yaml.safe_dump(dict.fromkeys(cases, crystal)))
    config = {"catalogue": "models.yaml", "structures": "crystals.yaml", "models": names}
    return config | {"phonons": {"cases": cases, "band_figures": []}}


if __name__ == "__main__":
    sys.exit(main())
