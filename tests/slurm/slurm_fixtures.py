"""The cluster and the campaigns that the tests look at, as fixtures: each runs once in a session."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, ClusterError, obstacle
from conftest import copy_project
from slurm_campaigns import Head, SlurmCampaign


def pytest_itemcollected(item: pytest.Item) -> None:
    if "cluster" in getattr(item, "fixturenames", ()):
        item.add_marker("slurm")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A SLURM of emulated nodes; the tests are skipped where there can be none."""
    reason = obstacle()
    if reason:
        pytest.skip(reason)
    built = Cluster(Path(tempfile.mkdtemp(prefix="assay-slurm-")))
    try:
        try:
            built.start()
        except ClusterError as error:
            pytest.skip(f"no SLURM here: {error}")
        yield built
    finally:
        built.stop()


@pytest.fixture(scope="session")
def environments(tmp_path_factory) -> Path:
    """A folder of built environments that the campaigns share."""
    project = copy_project(tmp_path_factory.mktemp("environments"))
    subprocess.run(
        [sys.executable, "workflow/scripts/build_environment.py", "envs/classical.yaml", "--prefix=.envs/classical"],
        cwd=project.root,
        check=True,
        timeout=300,
    )
    return project.root / ".envs"


def make_campaign(
    cluster: Cluster, environments: Path, folder: Path, models: list[str], **keys: object
) -> SlurmCampaign:
    """A copy of the project with a configuration of its own."""
    project = copy_project(folder)
    shutil.copy(project.root / "tests/campaign/envs/broken.yaml", project.root / "envs")
    (project.root / ".envs").symlink_to(environments)
    campaign = SlurmCampaign(project, cluster)
    campaign.choose(models, **keys)
    return campaign


@pytest.fixture(scope="session")
def limits_started(cluster, environments, tmp_path_factory) -> Iterator[tuple[SlurmCampaign, Head]]:
    """A campaign whose jobs run into the scheduler's limits; mostly it waits, on a node of its own."""
    folder = tmp_path_factory.mktemp("limits") / "campaign"
    campaign = make_campaign(cluster, environments, folder, ["greedy", "insatiable", "endless"])
    # a minute is the least that SLURM gives; a third one would only make the test longer
    limits = ["slurm_partition=apart", "mem_mb=800*attempt", "runtime=max(1,attempt-1)"]
    head = campaign.start("--set-resources", *(f"run_diatomics:{limit}" for limit in limits))
    yield campaign, head
    campaign.end()


@pytest.fixture(scope="session")
def limits(limits_started) -> tuple[SlurmCampaign, Head]:
    """That campaign when it is done."""
    campaign, head = limits_started
    return campaign, head.wait()


@pytest.fixture(scope="session")
def healthy(cluster, environments, limits_started, tmp_path_factory) -> Iterator[tuple[SlurmCampaign, Head]]:
    """A campaign to which nothing happens, done: a model of the CPU, one of the GPU, one without an environment."""
    folder = tmp_path_factory.mktemp("healthy") / "campaign"
    models = ["emt", "wants-a-gpu", "cannot-be-built"]
    # the GPUs are made up: the scheduler counts them, a program finds none
    campaign = make_campaign(cluster, environments, folder, models, device_fallback="always")
    yield campaign, campaign.run()
    campaign.end()


@pytest.fixture(scope="session")
def troubled(cluster, environments, limits_started, tmp_path_factory) -> Iterator[SlurmCampaign]:
    """A campaign to which everything happens; not started."""
    folder = tmp_path_factory.mktemp("troubled") / "campaign"
    campaign = make_campaign(cluster, environments, folder, ["slow", "slower", "slowest", "wants-a-gpu"])
    yield campaign
    campaign.end()
