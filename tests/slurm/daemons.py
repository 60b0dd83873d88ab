"""Processes that outlive the program that starts them, remembered by id and start time in a folder of records."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


def launch(record: Path, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    """Start a program in a session of its own and write its record; its output goes to a log."""
    with open(log, "ab") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, start_new_session=True
        )
    record.write_text(json.dumps({"pid": process.pid, "started": psutil.Process(process.pid).create_time()}))


def running(record: Path) -> psutil.Process | None:
    """The process of a record if it runs; None if it has ended, even where its id has been given to another."""
    if not record.exists():
        return None
    content = json.loads(record.read_text())
    try:
        process = psutil.Process(content["pid"])
        same = process.create_time() == content["started"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def end(records: Sequence[Path], patience_s: float) -> None:
    """End the processes of records together: asked first, unless there is no patience, then killed."""
    left = [process for process in map(running, records) if process]
    if patience_s:
        for process in left:
            process.terminate()
        _, left = psutil.wait_procs(left, timeout=patience_s)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=5)
    for record in records:
        record.unlink(missing_ok=True)
