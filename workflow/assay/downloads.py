"""Files from the network, whole and verified, or not at all.

A download is retried with growing, jittered pauses, resumed where the server allows it, limited in size and time, and
written under its name only when it is complete and of the expected kind. Its SHA-256 is recorded the first time
(``{name}.lock.json`` beside it) and verified ever after. A mirror, a folder of the same files, replaces the network.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.failures import UserError
from assay.kinds import require_kind
from assay.records import file_sha256, read_json, write_json
from assay.transfers import MEBIBYTE, Interrupted, Keys, Manners, Transfer, require_scheme


@dataclass(frozen=True)
class Obtained:
    """A verified file.

    Attributes
    ----------
    path : Path
    source : str
        URL, or path in a mirror.
    sha256 : str
    """

    path: Path
    source: str
    sha256: str


def obtain(
    url: str,
    name: str,
    folder: Path,
    *,
    limit_MB: float,
    keys: Keys,
    sha256: str | None = None,
    authorization: str | None = None,
    keep_part: bool = False,
    manners: Manners | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Obtained:
    """A file from the network, kept in a folder; there already and unchanged, it is not asked for again.

    Parameters
    ----------
    url : str
        https, or http from this machine.
    name : str
        Name in the folder; its suffix says what kind of file is expected.
    folder : Path
    limit_MB : float
        Largest size of the file (MiB).
    keys : Keys
        For messages.
    sha256 : str, optional
        Pinned checksum.
    authorization : str, optional
        Header of that name; sent to the address's own host and to no other that it redirects to.
    keep_part : bool
        Whether what came before an interruption stays, for the next start to go on with.
    manners : Manners, optional
    sleep : callable
        For tests.

    Raises
    ------
    NotThere
        HTTP 404 or 410.
    Refused
        HTTP 401 or 403.
    Interrupted
        The network, the server or the time ended the download.
    UnreadableRecord
        The server sent something else, such as a web page.
    UserError
        All else: one sentence with the URL, the file and the remedy. Nothing is left behind but what `keep_part` keeps.
    """
    manners = manners or Manners()
    path = Path(folder) / name
    _require_plain_name(name)
    require_scheme(url, keys)
    kept = kept_file(path, sha256)
    if kept:
        return kept
    part = path.with_name(f"{name}.part")
    state = path.with_name(f"{name}.part.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        keep = False
        try:
            Transfer(url, part, state, int(limit_MB * MEBIBYTE), keys, authorization, manners, sleep).run()
            with open(part, "rb") as stream:
                require_kind(part, stream.read(1024), name=name, origin=url)
            verified = verify(part, url, path, keys, sha256)
            part.replace(path)
        except Interrupted:
            keep = keep_part
            raise
        finally:
            if not keep:
                part.unlink(missing_ok=True)
                state.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot write there ({error.strerror}); free the folder or choose another.") from error
    return Obtained(path, url, verified)


def kept_file(path: Path, sha256: str | None = None) -> Obtained | None:
    """A file that is there and is the one that was pinned, or else recorded on first use; None for any other."""
    lock = read_lock(path)
    if not path.exists() or not (lock or sha256):
        return None
    found = file_sha256(path)
    expected = sha256.lower() if sha256 else lock["sha256"]
    return Obtained(path, lock["source"] if lock else str(path), found) if found == expected else None


def from_mirror(path: Path, lock: Path, keys: Keys, sha256: str | None = None) -> Obtained:
    """A file of a mirror, read where it lies; its checksum is recorded beside the downloads like that of any other.

    Parameters
    ----------
    path : Path
    lock : Path
        Where a download of that name would lie.
    keys : Keys
        For messages.
    sha256 : str, optional
        Pinned checksum.
    """
    return Obtained(path, str(path), verify(path, str(path), lock, keys, sha256))


def lock_path(path: Path) -> Path:
    """Where the checksum of a download is recorded."""
    return path.with_name(f"{path.name}.lock.json")


def read_lock(path: Path) -> dict[str, Any] | None:
    """What was recorded when a file was first used, if it was."""
    lock = lock_path(path)
    return read_json(lock) if lock.exists() else None


def verify(found: Path, source: str, path: Path, keys: Keys, pinned: str | None = None) -> str:
    """Check a file against its pinned checksum, else against the recorded one, else record it; returns its SHA-256.

    Raises
    ------
    UserError
        If it is another file than before.
    """
    sha256 = file_sha256(found)
    lock = read_lock(path)
    if pinned and sha256 != pinned.lower():
        raise UserError(
            f"{source}: its SHA-256 is {sha256}, but {keys.checksum} pins {pinned};"
            " fetch it from another place, or correct the pin."
        )
    if lock and not pinned and sha256 != lock["sha256"]:
        raise UserError(
            f"{source}: its SHA-256 is {sha256}, but {lock['sha256']} was recorded on first use ({lock_path(path)});"
            " if the new file is right, remove that record."
        )
    if not lock or sha256 != lock["sha256"]:
        size = found.stat().st_size
        today = datetime.now(UTC).date().isoformat()
        write_json(lock_path(path), {"source": source, "sha256": sha256, "size_bytes": size, "recorded": today})
    return sha256


def _require_plain_name(name: str) -> None:
    if name != Path(name).name or name.startswith("."):
        raise UserError(f"{name!r}: not the plain name of a file; correct the id.")
