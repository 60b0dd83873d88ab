"""Locks that the kernel releases: one head to a campaign, one process to a job.

A lock is `flock` on a hidden file that says who holds it. When the process ends, however it ends, the system releases
the lock, so that none is ever stale; who ends well removes the file too. On NFS the same call locks on the server, for
all machines that mount it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from assay.failures import UserError

FIRST_POLL_s, LONGEST_POLL_s = 0.2, 10.0
REMIND_s = 600.0
LOOKS = 3  # a lock that is seen taken may be held for a moment only, by `holder`
# what file systems that keep no locks answer: NFS without its lock daemon, Lustre mounted without `flock`
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

log = logging.getLogger("assay")


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes
    ----------
    host : str
    pid : int
    since : str
        Date and time with the offset from UTC (ISO 8601).
    job : str, optional
        The scheduler's number of the job that it runs in.
    """

    host: str
    pid: int
    since: str
    job: str | None = None

    def __str__(self) -> str:
        scheduled = f", job {self.job} of the scheduler" if self.job else ""
        return f"process {self.pid} on {self.host}{scheduled}, since {self.since.replace('T', ' ')}"


class Taken(Exception):
    """Another process holds the lock.

    Attributes
    ----------
    holder : Holder or None
        Who; None in the moment before it has signed.
    """

    def __init__(self, path: Path, holder: Holder | None) -> None:
        super().__init__(f"{path} is held by {holder or 'another process'}")
        self.holder = holder


@dataclass(frozen=True)
class Lock:
    """A lock that this process holds until `release`, or until it ends.

    Attributes
    ----------
    path : Path
    handle : int or None
        The open file; None where the file system keeps no locks.
    """

    path: Path
    handle: int | None

    def release(self) -> None:
        """Remove the file and give the lock back, in this order: nobody can lock a file that is about to go."""
        if self.handle is not None:
            self.path.unlink(missing_ok=True)
            os.close(self.handle)


def take(path: Path) -> Lock:
    """Take the lock at once.

    Parameters
    ----------
    path : Path
        The lock's file; its folder is made.

    Returns
    -------
    Lock

    Raises
    ------
    Taken
        If another process holds it.
    UserError
        If the file cannot be written.
    """
    path = Path(path)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise UserError(
                f"{path}: cannot write there ({error.strerror}); free the folder or choose another."
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_in_place(handle, path):
                _sign(handle)
                return Lock(path, handle)
        except BlockingIOError:
            holder = _signature(path)
            os.close(handle)
            raise Taken(path, holder) from None
        except OSError as error:
            os.close(handle)
            if error.errno == errno.ESTALE:  # NFS: the holder has just removed the file
                continue
            if error.errno not in _NO_LOCKS:
                raise UserError(f"{path}: cannot be locked ({error.strerror}); mend that and rerun.") from error
            path.unlink(missing_ok=True)
            log.warning("%s: this file system keeps no locks; see to it yourself that nothing runs twice.", path)
            return Lock(path, None)
        os.close(handle)  # the holder removed the file between our opening and locking it


@contextmanager
def held(path: Path, say: Callable[[str], None]) -> Iterator[bool]:
    """Hold a lock; where another process has it, say so now and every ten minutes, and wait.

    Parameters
    ----------
    path : Path
        The lock's file.
    say : callable
        Receives one line at a time.

    Yields
    ------
    bool
        Whether there was somebody to wait for.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    waited, pause_s, next_word = False, FIRST_POLL_s, 0.0
    while True:
        try:
            lock = take(path)
            break
        except Taken as taken:
            waited = True
            if time.monotonic() >= next_word:
                say(f"the same job runs elsewhere ({taken.holder or 'unknown'}); waiting for what it finishes")
                next_word = time.monotonic() + REMIND_s
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_POLL_s)
    try:
        yield waited
    finally:
        lock.release()


def holder(path: Path) -> Holder | None:
    """Who holds the lock now; None where nobody does, or nobody has signed. Locks the file for a moment to find out."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _signature(path)
    except OSError:
        return None
    finally:
        os.close(handle)
    return None


def take_campaign(folder: Path) -> Lock:
    """Take the lock of a campaign for the snakemake that runs it.

    Parameters
    ----------
    folder : Path
        The campaign's results.

    Returns
    -------
    Lock

    Raises
    ------
    UserError
        If another snakemake runs the campaign, with who it is, since when, and what to do.
    """
    for _ in range(LOOKS):
        try:
            return take(campaign_lock(folder))
        except Taken as taken:
            other = taken.holder
        time.sleep(FIRST_POLL_s)
    end = f"end it with `kill {other.pid}` there" if other else "end it"
    raise UserError(
        f"{folder}: another snakemake runs this campaign ({other or 'it has not signed yet'}); wait until it is done or"
        f" {end}, then rerun."
    )


def campaign_lock(folder: Path) -> Path:
    """The file of a campaign's lock."""
    return Path(folder) / ".campaign.lock"


def job_lock(record: Path) -> Path:
    """The file of a job's lock, beside its record."""
    return Path(record).with_name(f".{Path(record).stem}.lock")


def _is_in_place(handle: int, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    opened = os.fstat(handle)
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return False
    return opened.st_nlink > 0 and (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)


def _sign(handle: int) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    signature = Holder(socket.gethostname(), os.getpid(), since, os.environ.get("SLURM_JOB_ID"))
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(signature)).encode(), 0)


def _signature(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(Path(path).read_text()))
    except (OSError, ValueError, TypeError):
        return None
