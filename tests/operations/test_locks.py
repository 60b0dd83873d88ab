"""Locks: one holder at a time, nothing stale after a kill, nothing left after an orderly end."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from assay.failures import UserError
from assay.locks import Taken, campaign_lock, held, holder, job_lock, take, take_campaign

KEEP = """
import sys, time
from pathlib import Path
from assay.locks import take
lock = take(Path(sys.argv[1]))
print("holding", flush=True)
sys.stdin.readline()
lock.release()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / ".job.lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", KEEP, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "holding\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_lock_is_taken_once_and_leaves_nothing(path):
    lock = take(path)
    with pytest.raises(Taken):
        take(path)
    lock.release()
    assert list(path.parent.iterdir()) == []
    take(path).release()


def test_the_holder_signs(path, other):
    with pytest.raises(Taken) as caught:
        take(path)
    assert caught.value.holder == holder(path)
    assert caught.value.holder.pid == other.pid
    assert f"process {other.pid} on {os.uname().nodename}" in str(caught.value)


def test_looking_for_the_holder_takes_nothing(path, other):
    assert holder(path).pid == other.pid
    other.stdin.write("\n")
    other.stdin.flush()
    other.wait()
    assert holder(path) is None
    assert not path.exists()


def test_a_kill_leaves_no_stale_lock(path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert path.exists()  # the file is there, and the signature of the dead
    assert holder(path) is None
    lock = take(path)
    assert holder(path).pid == os.getpid()
    lock.release()
    assert not path.exists()


def test_who_waits_says_so_and_goes_on(path, other):
    said = []
    timer = threading.Timer(0.7, lambda: (other.stdin.write("\n"), other.stdin.flush()))
    timer.start()
    start = time.monotonic()
    with held(path, said.append) as waited:
        assert waited
        assert time.monotonic() - start > 0.5
        assert holder(path).pid == os.getpid()
    assert len(said) == 1
    assert f"process {other.pid}" in said[0]
    assert not path.exists()
    with held(path, said.append) as waited:
        assert not waited


def test_many_processes_are_never_inside_together(tmp_path):
    """Each reads a number, waits, and writes it back plus one: lost updates would show."""
    program = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from assay import locks
        locks.FIRST_POLL_s = locks.LONGEST_POLL_s = 0.002
        folder = Path(sys.argv[1])
        for _ in range(10):
            with locks.held(folder / ".lock", lambda line: None):
                number = int((folder / "number").read_text())
                time.sleep(0.002)
                (folder / "number").write_text(str(number + 1))
    """)
    (tmp_path / "number").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert (tmp_path / "number").read_text() == "40"
    assert [item.name for item in tmp_path.iterdir()] == ["number"]


def test_a_file_removed_before_it_is_locked_does_not_count(path, monkeypatch):
    """Between opening and locking, the holder may remove the file: a lock on what has no name keeps nobody out."""
    flock, removed = fcntl.flock, []

    def lock_late(handle, operation):
        if not removed:
            removed.append(path.unlink())
        return flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    lock = take(path)
    assert path.exists()
    lock.release()


def test_a_file_removed_by_another_machine_is_opened_again(path, monkeypatch):
    flock, stale = fcntl.flock, []

    def lock_on_nfs(handle, operation):
        if not stale:
            stale.append(True)
            raise OSError(errno.ESTALE, "Stale file handle")
        return flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", lock_on_nfs)
    take(path).release()


@pytest.mark.parametrize("answer", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_and_used(path, monkeypatch, caplog, answer):
    def refuse(handle, operation):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = take(path)
    assert "keeps no locks" in caplog.text
    assert holder(path) is None
    lock.release()
    assert not path.exists()


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write there"):
        take(tmp_path / "file" / ".lock")


def test_a_second_head_is_refused_with_who_since_when_and_what_to_do(tmp_path):
    first = take_campaign(tmp_path)
    signature = json.loads(campaign_lock(tmp_path).read_text())
    with pytest.raises(UserError) as caught:
        take_campaign(tmp_path)
    message = str(caught.value)
    assert str(signature["pid"]) in message and signature["since"].replace("T", " ") in message
    assert "wait until it is done or end it with" in message and "then rerun" in message
    first.release()
    take_campaign(tmp_path).release()


def test_a_look_does_not_refuse_a_head(tmp_path):
    """`status` holds the file for a moment while it looks."""
    path = campaign_lock(tmp_path)
    path.touch()
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    threading.Timer(0.3, lambda: os.close(handle)).start()
    take_campaign(tmp_path).release()


def test_batches_of_one_chapter_do_not_lock_each_other(tmp_path):
    first, second = take(job_lock(tmp_path / "batch-000.json")), take(job_lock(tmp_path / "batch-001.json"))
    assert first.path.name.startswith(".")
    first.release()
    second.release()
