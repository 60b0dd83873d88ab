"""Campaigns on the test cluster: snakemake with the profile that ships, and what the scheduler accounted for."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cluster import Cluster
from conftest import Project

CONFIG = "tests/slurm/campaign/config.yaml"
LEFTOVERS = (".partial-*", "*.work", "*.progress", "*.session", ".*.lock")
RUN_LIMIT_s = 420


@dataclass(frozen=True)
class Accounted:
    """What sacct says of a job of the scheduler.

    Attributes
    ----------
    number, state, partition, node : str
    rule, wildcards : str
        Of Snakemake.
    gpus : int
        Asked for.
    cores : int
    memory_MB, minutes : float
        Asked for.
    start, end : datetime or None
    """

    number: str
    state: str
    partition: str
    node: str
    rule: str
    wildcards: str
    gpus: int
    cores: int
    memory_MB: float
    minutes: float
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Running:
    """A job that runs: its number and its node."""

    number: str
    node: str


@dataclass(frozen=True)
class SlurmCampaign:
    """A copy of the project whose campaigns run on a cluster."""

    project: Project
    cluster: Cluster
    heads: list[Head] = field(default_factory=list)

    @property
    def results(self) -> Path:
        return self.project.root / "results"

    def choose(self, models: Sequence[str], **keys: object) -> None:
        """Write the configuration of a campaign of these models."""
        config = yaml.safe_load((self.project.root / CONFIG).read_text()) | {"models": list(models)} | keys
        (self.project.root / "campaign.yaml").write_text(yaml.safe_dump(config))

    def start(self, *options: str) -> Head:
        """Start snakemake with the shipped profile; only the intervals are those of a test."""
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--nocolor"]
        command += ["--slurm-init-seconds-before-status-checks", "2", "--configfile", "campaign.yaml", *options]
        log = self.project.root / f"head-{time.monotonic_ns()}.log"
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                command,
                cwd=self.project.root,
                env=self.cluster.environment | {"OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        self.heads.append(Head(process, log))
        return self.heads[-1]

    def run(self, *options: str) -> Head:
        """Run snakemake to its end."""
        return self.start(*options).wait()

    def end(self) -> None:
        """End every snakemake that was started and still runs."""
        for head in self.heads:
            head.kill()

    def jobs(self, rule: str = "", wildcards: str = "") -> list[Accounted]:
        """Jobs of this campaign in the order of their submission, as sacct has them."""
        columns = "JobIDRaw,State,Partition,NodeList,ReqTRES,TimelimitRaw,Start,End,WorkDir,Comment"
        text = self.cluster.command(
            *("sacct", "--allusers", "--allocations", "--noheader", "--parsable2", "--starttime=now-1day"),
            f"--format={columns}",
        )
        rows = [dict(zip(columns.split(","), line.split("|"), strict=True)) for line in text.splitlines()]
        jobs = [_accounted(row) for row in rows if row["WorkDir"] == str(self.project.root)]
        return [job for job in jobs if rule in ("", job.rule) and job.wildcards.startswith(wildcards)]

    def running(self, rule: str, wildcards: str = "") -> list[Running]:
        """Jobs of a rule that run now."""
        # sacct knows the comment of a job, which tells the rule, only when the job has ended
        text = self.cluster.command("squeue", "--noheader", "--states=RUNNING", "--format=%i|%N|%k|%Z")
        rows = [line.split("|") for line in text.splitlines()]
        return [
            Running(number, node)
            for number, node, comment, folder in rows
            if folder == str(self.project.root) and comment.startswith(f"rule_{rule}_wildcards_{wildcards}")
        ]

    def await_calculation(self, model: str, after: Running | None = None) -> Running:
        """Wait until a model calculates copper in another job than `after`, and return the job."""
        progress = self.results / f"models/{model}/diatomics/batch-000.progress"

        def calculating() -> Running | None:
            others = [job for job in self.running("run_diatomics", f"{model}_") if job != after]
            return others[0] if others and _holds(progress, "Cu-Cu") else None

        return await_that(calculating, f"{model} calculates")

    def table(self) -> pd.DataFrame:
        """The table of pairs of atoms, without what a clock has measured."""
        rows = pd.read_csv(self.results / "tables/diatomics.csv").set_index(["model", "case"])
        return rows.drop(columns=["wall_time_s"])

    def leftovers(self) -> list[Path]:
        """Temporary files anywhere in the campaign."""
        return [path for pattern in LEFTOVERS for path in self.results.rglob(pattern)]

    def results_of(self, *models: str) -> dict[str, tuple[int, int]]:
        """Inode and time of change of the files that the calculations of models have written."""
        paths = [path for model in models for path in (self.results / f"models/{model}/diatomics").rglob("*")]
        files = [path for path in paths if path.is_file()]
        return {str(path.relative_to(self.results)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@dataclass(frozen=True)
class Head:
    """A snakemake that schedules."""

    process: subprocess.Popen
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def returncode(self) -> int | None:
        return self.process.returncode

    def wait(self, limit_s: float = RUN_LIMIT_s) -> Head:
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"snakemake did not end within {limit_s} s:\n{self.text[-4000:]}") from None
        return self

    def kill(self) -> None:
        """End it as a machine that goes down would: with all that it has started here, at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def await_that(ready: Callable[[], object], what: str, limit_s: float = 240):
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.3)
    raise AssertionError(f"not within {limit_s} s: {what}")


@contextmanager
def full_disk(folder: Path, free_bytes: int) -> Iterator[Path]:
    """Mount a small file system on a folder, full but for some bytes; afterwards the folder has what was written.

    Yields
    ------
    Path
        The file that fills it; removing it makes room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"no file system can be mounted here: {mount.stderr.strip()}")
    filler = folder / "filler"
    try:
        filler.write_bytes(b"\0" * (2**20 - free_bytes))
        yield filler
    finally:
        filler.unlink(missing_ok=True)
        kept = folder.with_name(f"{folder.name}-kept")
        shutil.copytree(folder, kept)
        subprocess.run(["umount", str(folder)], check=True)
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        shutil.rmtree(kept)


def _holds(path: Path, word: str) -> bool:
    try:
        return word in path.read_text()
    except FileNotFoundError:
        return False


def _accounted(row: dict[str, str]) -> Accounted:
    asked = dict(item.split("=") for item in row["ReqTRES"].split(",") if item)
    memory = re.fullmatch(r"([\d.]+)([MG]?)", asked.get("mem", "0"))
    rule, _, wildcards = row["Comment"].removeprefix("rule_").partition("_wildcards_")
    return Accounted(
        number=row["JobIDRaw"],
        state=row["State"].split()[0],
        partition=row["Partition"],
        node=row["NodeList"],
        rule=rule,
        wildcards=wildcards,
        gpus=int(asked.get("gres/gpu", 0)),
        cores=int(asked.get("cpu", 0)),
        memory_MB=float(memory[1]) * {"G": 1024, "M": 1, "": 1}[memory[2]],
        minutes=float(row["TimelimitRaw"] or 0),
        start=_moment(row["Start"]),
        end=_moment(row["End"]),
    )


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text[:1].isdigit() else None
