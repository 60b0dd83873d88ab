"""The process environment of a calculation."""

from __future__ import annotations

import pytest

from assay.failures import UserError
from assay.runtime import parse_host_settings, recommended_environment


def test_every_pool_of_threads_gets_its_share():
    chosen = recommended_environment(3)
    assert {value for name, value in chosen.items() if name.endswith("_NUM_THREADS")} == {"3"}


def test_what_a_gpu_wants_is_set_where_there_may_be_one():
    assert "PYTORCH_CUDA_ALLOC_CONF" not in recommended_environment(1, ["cpu"])
    assert "PYTORCH_CUDA_ALLOC_CONF" in recommended_environment(1, ["cuda", "cpu"])


def test_changes_win():
    changed = recommended_environment(1, changes={"OMP_WAIT_POLICY": "active", "NEW": "1"})
    assert (changed["OMP_WAIT_POLICY"], changed["NEW"]) == ("active", "1")


def test_host_settings_are_read_from_a_command_line():
    assert parse_host_settings("") == {}
    assert parse_host_settings("A=1,B=x=y, C=") == {"A": "1", "B": "x=y", "C": ""}
    with pytest.raises(UserError, match=r"--host-settings: 'A' is not of the form NAME=VALUE"):
        parse_host_settings("A")
