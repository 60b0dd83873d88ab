"""The sign of life of a silent calculation."""

from __future__ import annotations

import logging
import time

from assay.heartbeat import heartbeat
from assay.records import write_json


def test_a_silent_job_says_where_it_is(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = tmp_path / "batch-000.progress"
    with heartbeat(path, lambda: 2, 7, every_s=0.05):
        time.sleep(0.12)
        write_json(path, {"cases": ["a", "b", "c", "d", "e"], "since": time.time() - 720})
        time.sleep(0.12)
        write_json(path, {"cases": [], "since": time.time()})
        time.sleep(0.12)
    said = caplog.messages
    assert "2 of 7 cases done; starting" in said
    assert "2 of 7 cases done; at a, b, c and 2 more for 12 min" in said
    assert said[-1] == "2 of 7 cases done; between cases for 0 min"
    time.sleep(0.1)
    assert caplog.messages == said


def test_a_quick_job_says_nothing(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    with heartbeat(tmp_path / "x.progress", lambda: 0, 1):
        pass
    assert caplog.messages == []
