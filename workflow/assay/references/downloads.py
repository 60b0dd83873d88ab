"""Files from the network, whole and verified, or not at all.

A download is retried with growing, jittered pauses, resumed where the server allows it, limited in size and time, and
written under its name only when it is complete and of the expected kind. Its SHA-256 is recorded the first time
(``{name}.lock.json`` beside it) and verified ever after. A mirror, a folder of the same files, replaces the network.
"""

from __future__ import annotations

import http.client
import random
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay import __version__
from assay.failures import UserError
from assay.records import file_sha256, read_json, write_json
from assay.references.archives import MEBIBYTE, require_kind

USER_AGENT = f"Assay/{__version__} (tests of interatomic potentials; a Snakemake workflow)"
CHUNK_BYTES = 2**16
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class NotThere(UserError):
    """The server knows the address, and there is no such file (HTTP 404 or 410), or the mirror does not hold it."""


class _Transient(Exception):
    """A failure that another attempt may mend; `wait_s` is what the server asked for."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Manners:
    """How a server is treated.

    Attributes
    ----------
    attempts : int
        Requests for one file before giving up.
    timeout_s : float
        Longest silence of the server (s).
    limit_s : float
        Longest time for one file (s).
    pause_s : float
        Rest after each request (s).
    backoff_s, backoff_max_s : float
        First pause before another attempt, and the longest; each is twice the one before, times 0.5 to 1.5.
    """

    attempts: int = 4
    timeout_s: float = 30.0
    limit_s: float = 1800.0
    pause_s: float = 0.5
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0


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
    sha256: str | None = None,
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
    sha256 : str, optional
        Pinned checksum.
    manners : Manners, optional
    sleep : callable
        For tests.

    Raises
    ------
    NotThere
        HTTP 404 or 410.
    UnreadableRecord
        The server sent something else, such as a web page.
    UserError
        All else: one sentence with the URL, the file and the remedy. Nothing is left behind.
    """
    manners = manners or Manners()
    path = Path(folder) / name
    _require_plain_name(name)
    _require_scheme(url)
    lock = read_lock(path)
    if path.exists() and (lock or sha256):
        found = file_sha256(path)
        if found == (sha256.lower() if sha256 else lock["sha256"]):
            return Obtained(path, lock["source"] if lock else url, found)
    part = path.with_name(f"{name}.part")
    state = path.with_name(f"{name}.part.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(url, part, state, int(limit_MB * MEBIBYTE), manners, sleep)
            with open(part, "rb") as stream:
                require_kind(part, stream.read(1024), name=name, origin=url)
            verified = verify(part, url, path, sha256)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
            state.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot write there ({error.strerror}); free the folder or choose another.") from error
    return Obtained(path, url, verified)


def from_mirror(path: Path, lock: Path, sha256: str | None = None) -> Obtained:
    """A file of a mirror, read where it lies; its checksum is recorded beside the downloads like that of any other.

    Parameters
    ----------
    path : Path
    lock : Path
        Where a download of that name would lie.
    sha256 : str, optional
        Pinned checksum.
    """
    return Obtained(path, str(path), verify(path, str(path), lock, sha256))


def lock_path(path: Path) -> Path:
    """Where the checksum of a download is recorded."""
    return path.with_name(f"{path.name}.lock.json")


def read_lock(path: Path) -> dict[str, Any] | None:
    """What was recorded when a file was first used, if it was."""
    lock = lock_path(path)
    return read_json(lock) if lock.exists() else None


def verify(found: Path, source: str, path: Path, pinned: str | None = None) -> str:
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
            f"{source}: its SHA-256 is {sha256}, but phonons.database.checksums pins {pinned};"
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


def _require_scheme(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in THIS_MACHINE):
        raise UserError(
            f"{url}: only https is possible (http from this machine alone); correct phonons.database.base_url."
        )


def _download(url: str, part: Path, state: Path, limit: int, manners: Manners, sleep: Callable[[float], None]) -> None:
    """Fill `part`, in as many attempts as it takes."""
    deadline = time.monotonic() + manners.limit_s
    _forget_foreign_part(url, part, state)
    pause = manners.backoff_s
    for attempt in range(1, manners.attempts + 1):
        try:
            _request(url, part, state, limit, manners.timeout_s, deadline)
            return
        except _Transient as failure:
            if attempt == manners.attempts or time.monotonic() > deadline:
                raise UserError(
                    f"{url}: {failure} ({attempt} attempts); try again later, or give the file in"
                    " phonons.database.mirror."
                ) from failure
            sleep(max(failure.wait_s, pause * random.uniform(0.5, 1.5)))
            pause = min(2 * pause, manners.backoff_max_s)
        finally:
            sleep(manners.pause_s)


def _forget_foreign_part(url: str, part: Path, state: Path) -> None:
    """Remove what a killed process left unless it can be resumed: same address, and a validator to ask with."""
    if part.exists():
        known = read_json(state) if state.exists() else {}
        if known.get("url") != url or not known.get("validator"):
            part.unlink()
    else:
        state.unlink(missing_ok=True)


def _request(url: str, part: Path, state: Path, limit: int, timeout_s: float, deadline: float) -> None:
    """One request: the whole file, or what is missing of it."""
    have = part.stat().st_size if part.exists() else 0
    known = read_json(state) if state.exists() else {}
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if have and known.get("resumable"):
        headers["Range"] = f"bytes={have}-"
        if known.get("validator"):
            headers["If-Range"] = known["validator"]
    try:
        with _opener().open(urllib.request.Request(url, headers=headers), timeout=timeout_s) as response:
            resumed = response.status == 206 and _range_start(response) == have
            if response.status == 206 and not resumed:
                part.unlink(missing_ok=True)
                raise _Transient("the server sent another part than was asked for")
            _receive(url, response, part, state, have if resumed else 0, limit, deadline)
    except urllib.error.HTTPError as error:
        error.close()
        _explain_status(url, error, part)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise UserError(
                f"{url}: the server's certificate is not valid ({reason.verify_message}); mend the machine's"
                " certificates or give the file in phonons.database.mirror."
            ) from error
        raise _Transient("no answer in time" if isinstance(reason, TimeoutError) else f"{reason}") from error


def _receive(
    url: str, response: http.client.HTTPResponse, part: Path, state: Path, offset: int, limit: int, deadline: float
) -> None:
    length = response.headers.get("Content-Length")
    total = offset + int(length) if length and length.isdigit() else None
    if total is not None and total > limit:
        raise _too_large(url, limit)
    etag = response.headers.get("ETag")
    validator = response.headers.get("Last-Modified") if etag is None or etag.startswith("W/") else etag
    resumable = response.headers.get("Accept-Ranges", "").lower() == "bytes" or response.status == 206
    write_json(state, {"url": url, "validator": validator, "resumable": resumable})
    size = offset
    with open(part, "r+b" if offset else "wb") as stream:
        stream.seek(offset)
        while chunk := response.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit:
                raise _too_large(url, limit)
            stream.write(chunk)
            if time.monotonic() > deadline:
                raise UserError(f"{url}: still not complete when its time was over ({size} bytes); try again later.")
    if total is not None and size != total:
        raise _Transient(f"the connection ended after {size} of {total} bytes")


def _range_start(response: http.client.HTTPResponse) -> int | None:
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit.lower() == "bytes" and start.isdigit() else None


def _explain_status(url: str, error: urllib.error.HTTPError, part: Path) -> None:
    """Raise what an HTTP status means."""
    if error.code == 416:  # what is here is longer than what is there
        part.unlink(missing_ok=True)
        raise _Transient("the server has no such part") from error
    if error.code in TRANSIENT_STATUS:
        asked = error.headers.get("Retry-After", "")
        raise _Transient(f"HTTP {error.code} {error.reason}", min(float(asked), 300.0) if asked.isdigit() else 0.0)
    if error.code in (404, 410):
        raise NotThere(
            f"{url}: there is no such file (HTTP {error.code}); check the id, or phonons.database.base_url."
        ) from error
    raise UserError(
        f"{url}: HTTP {error.code} {error.reason}; check the address, or give the file in phonons.database.mirror."
    ) from error


def _too_large(url: str, limit: int) -> UserError:
    return UserError(
        f"{url}: larger than {limit / MEBIBYTE:.4g} MiB; if that is meant, raise phonons.database.max_download_MB."
    )


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http."""

    def redirect_request(self, request, stream, code, message, headers, target):
        if request.full_url.startswith("https:") and not target.startswith("https:"):
            raise UserError(f"{request.full_url}: redirects to {target}, which is not https; nothing was fetched.")
        return super().redirect_request(request, stream, code, message, headers, target)


def _opener() -> urllib.request.OpenerDirector:
    """With the machine's proxies and its certificate authorities."""
    context = ssl.create_default_context()
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoDowngrade())
