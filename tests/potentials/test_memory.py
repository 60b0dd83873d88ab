"""Free memory, control groups, and allocations that fail instead of killing."""

import resource
from pathlib import Path

import numpy as np
import pytest

from assay.potentials import memory


def test_an_allocation_beyond_the_free_memory_fails_and_the_limit_returns(monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(memory, "available_MB", lambda: 200.0)
    with memory.allocations_within_memory():
        if resource.getrlimit(resource.RLIMIT_DATA) == before:
            pytest.skip("this system does not tell how much memory a process has")
        np.ones(1_000_000)
        with pytest.raises(MemoryError):
            np.ones(100_000_000)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_nothing_happens_where_the_system_does_not_tell(monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(memory, "available_MB", lambda: None)
    with memory.allocations_within_memory():
        assert resource.getrlimit(resource.RLIMIT_DATA) == before


def write(folder: Path, **files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_limit_of_a_batch_job_counts(tmp_path):
    root, groups = tmp_path / "cgroup", tmp_path / "self"
    groups.write_text("0::/slurm/job_7/step_0\n")
    full = {"memory__current": "3000000000", "memory__stat": "anon 5\ninactive_file 1000000000\n"}
    write(root / "slurm/job_7/step_0", memory__max="max", **full)
    write(root / "slurm/job_7", memory__max="8000000000", **full)
    assert memory._control_group_rooms_MB(groups, root) == [6000.0]


def test_the_older_control_groups_count_too(tmp_path):
    root, groups = tmp_path / "cgroup", tmp_path / "self"
    groups.write_text("5:cpu:/x\n4:memory:/job\n")
    write(
        root / "memory/job",
        memory__limit_in_bytes="2000000000",
        memory__usage_in_bytes="500000000",
        memory__stat="total_inactive_file 0\n",
    )
    assert memory._control_group_rooms_MB(groups, root) == [1500.0]
