"""The profile that ships, against the rules: nothing runs on a cluster without limits or under an unknown name."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import yaml
from conftest import ROOT
from snakemake_executor_plugin_slurm.partitions import read_partition_file

PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
BODIES = {
    name: body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", path.read_text(), re.MULTILINE)
}
ON_CLUSTER = [name for name, body in BODIES.items() if "localrule: True" not in body]


@pytest.mark.parametrize("rule", ON_CLUSTER)
def test_memory_and_time_grow_with_each_attempt(rule):
    for name, function in (("mem_mb", "memory_that_grows"), ("runtime", "minutes_that_grow")):
        assert re.search(rf"\b{name}={function}\(", BODIES[rule]), name


@pytest.mark.parametrize("rule", [name for name in ON_CLUSTER if name.startswith("run_")])
def test_jobs_of_models_have_cores_and_know_their_attempt(rule):
    assert rule in PROFILE["set-threads"]
    assert "retries: RETRIES\n" in BODIES[rule]
    assert "attempts_left=attempts_left," in BODIES[rule]
    assert "--attempts-left {resources.attempts_left}" in BODIES[rule]


@pytest.mark.parametrize("rule", ON_CLUSTER)
def test_a_job_does_not_try_again_inside_of_its_own_allocation(rule):
    """A number here would hold in the job's own snakemake too, which has no more memory to give."""
    assert not re.search(r"^    retries: \d", BODIES[rule], re.MULTILINE)


@pytest.mark.parametrize("key", ["set-resources", "set-threads"])
def test_every_rule_that_the_profile_names_exists(key):
    assert set(PROFILE[key]) <= set(BODIES)


def test_the_example_of_partitions_can_be_read():
    partitions = {
        partition.name: partition.limits for partition in read_partition_file(ROOT / PROFILE["slurm-partition-config"])
    }
    assert partitions["cpu"].max_gpu == 0 < partitions["gpu"].max_gpu
    assert partitions["cpu"].max_runtime == 24 * 60


def test_every_entry_is_commented():
    lines = (ROOT / "profiles/slurm/config.yaml").read_text().splitlines()
    keys = {line.partition(":")[0]: (above, line) for above, line in pairwise(lines) if re.match(r"[a-z-]+:", line)}
    assert keys.keys() == PROFILE.keys()
    assert [key for key, (above, line) in keys.items() if "#" not in line and not above.startswith("#")] == []
