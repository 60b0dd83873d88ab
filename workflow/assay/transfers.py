"""One file over HTTP: in several attempts, resumed where the server allows it, limited in size and time.

Who asks (a token) is told to the host that was asked and to no other, and never without encryption.
"""

from __future__ import annotations

import http.client
import random
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import __version__
from assay.failures import UserError
from assay.records import read_json, write_json

USER_AGENT = f"Assay/{__version__} (tests of interatomic potentials; a Snakemake workflow)"
CHUNK_BYTES = 2**16
MEBIBYTE = 2**20
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class NotThere(UserError):
    """The server knows the address, and there is no such file (HTTP 404 or 410), or the mirror does not hold it."""


class Refused(UserError):
    """The server wants to know who asks, or does not give the file to them (HTTP 401 or 403)."""


class Interrupted(UserError):
    """The file could not be had whole this time."""


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
class Keys:
    """How messages name what a person can change.

    Attributes
    ----------
    address, mirror, limit, checksum : str
        Keys of the configuration or of the catalogue: where the file is, what replaces the network, the largest size,
        the pinned checksum.
    """

    address: str
    mirror: str
    limit: str
    checksum: str


def require_scheme(url: str, keys: Keys) -> None:
    """Refuse addresses other than https, or http from this machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in THIS_MACHINE):
        raise UserError(f"{url}: only https is possible (http from this machine alone); correct {keys.address}.")


@dataclass(frozen=True)
class Transfer:
    """One file on its way.

    Attributes
    ----------
    url : str
    part : Path
        Fills, in as many attempts as it takes.
    state : Path
        Says what it is a part of (JSON).
    limit : int
        Largest size (bytes).
    keys : Keys
    authorization : str or None
        Header of that name, for the address's own host.
    manners : Manners
    sleep : callable
    """

    url: str
    part: Path
    state: Path
    limit: int
    keys: Keys
    authorization: str | None
    manners: Manners
    sleep: Callable[[float], None]

    def run(self) -> None:
        """Bring the file; what is here already of the same one is not asked for again.

        Raises
        ------
        NotThere, Refused, Interrupted, UserError
            As of `assay.downloads.obtain`.
        """
        deadline = time.monotonic() + self.manners.limit_s
        self._forget_foreign_part()
        pause = self.manners.backoff_s
        for attempt in range(1, self.manners.attempts + 1):
            try:
                self._request(deadline)
                return
            except _Transient as failure:
                if attempt == self.manners.attempts or time.monotonic() > deadline:
                    raise Interrupted(
                        f"{self.url}: {failure} ({attempt} attempts); try again later, or give the file in"
                        f" {self.keys.mirror}."
                    ) from failure
                self.sleep(max(failure.wait_s, pause * random.uniform(0.5, 1.5)))
                pause = min(2 * pause, self.manners.backoff_max_s)
            finally:
                self.sleep(self.manners.pause_s)

    def _forget_foreign_part(self) -> None:
        """Remove what an earlier start left unless it can be resumed: same address, and a validator to ask with."""
        if self.part.exists():
            known = self._known()
            if known.get("url") != self.url or not known.get("validator"):
                self.part.unlink()
        else:
            self.state.unlink(missing_ok=True)

    def _known(self) -> Mapping[str, Any]:
        return read_json(self.state) if self.state.exists() else {}

    def _request(self, deadline: float) -> None:
        """One request: the whole file, or what is missing of it."""
        have = self.part.stat().st_size if self.part.exists() else 0
        known = self._known()
        request = urllib.request.Request(self.url, headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        if self.authorization:
            request.add_unredirected_header("Authorization", self.authorization)
        if have and known.get("resumable"):
            request.add_header("Range", f"bytes={have}-")
            if known.get("validator"):
                request.add_header("If-Range", known["validator"])
        try:
            with _opener().open(request, timeout=self.manners.timeout_s) as response:
                resumed = response.status == 206 and _range_start(response) == have
                if response.status == 206 and not resumed:
                    self.part.unlink(missing_ok=True)
                    raise _Transient("the server sent another part than was asked for")
                self._receive(response, have if resumed else 0, deadline)
        except urllib.error.HTTPError as error:
            error.close()
            self._explain_status(error)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise UserError(
                    f"{self.url}: the server's certificate is not valid ({reason.verify_message}); mend the machine's"
                    f" certificates or give the file in {self.keys.mirror}."
                ) from error
            raise _Transient("no answer in time" if isinstance(reason, TimeoutError) else f"{reason}") from error

    def _receive(self, response: http.client.HTTPResponse, offset: int, deadline: float) -> None:
        length = response.headers.get("Content-Length")
        total = offset + int(length) if length and length.isdigit() else None
        if total is not None and total > self.limit:
            raise self._too_large()
        etag = response.headers.get("ETag")
        validator = response.headers.get("Last-Modified") if etag is None or etag.startswith("W/") else etag
        resumable = response.headers.get("Accept-Ranges", "").lower() == "bytes" or response.status == 206
        write_json(self.state, {"url": self.url, "validator": validator, "resumable": resumable})
        size = offset
        with open(self.part, "r+b" if offset else "wb") as stream:
            stream.seek(offset)
            while chunk := response.read(CHUNK_BYTES):
                size += len(chunk)
                if size > self.limit:
                    raise self._too_large()
                stream.write(chunk)
                if time.monotonic() > deadline:
                    raise Interrupted(
                        f"{self.url}: still not complete when its time was over ({size} bytes); try again later."
                    )
        if total is not None and size != total:
            raise _Transient(f"the connection ended after {size} of {total} bytes")

    def _explain_status(self, error: urllib.error.HTTPError) -> None:
        """Raise what an HTTP status means."""
        if error.code == 416:  # what is here is longer than what is there
            self.part.unlink(missing_ok=True)
            raise _Transient("the server has no such part") from error
        if error.code in TRANSIENT_STATUS:
            asked = error.headers.get("Retry-After", "")
            wait_s = min(float(asked), 300.0) if asked.isdigit() else 0.0
            raise _Transient(f"HTTP {error.code} {error.reason}", wait_s) from error
        if error.code in (404, 410):
            raise NotThere(
                f"{self.url}: there is no such file (HTTP {error.code}); correct {self.keys.address}."
            ) from error
        kind = Refused if error.code in (401, 403) else UserError
        raise kind(
            f"{self.url}: HTTP {error.code} {error.reason}; correct {self.keys.address}, or give the file in"
            f" {self.keys.mirror}."
        ) from error

    def _too_large(self) -> UserError:
        return UserError(
            f"{self.url}: larger than {self.limit / MEBIBYTE:.4g} MiB; if that is meant, raise {self.keys.limit}."
        )


def _range_start(response: http.client.HTTPResponse) -> int | None:
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit.lower() == "bytes" and start.isdigit() else None


class _OwnHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http; who we are is told to the first host alone."""

    def redirect_request(self, request, stream, code, message, headers, target):
        if request.full_url.startswith("https:") and not target.startswith("https:"):
            raise UserError(f"{request.full_url}: redirects to {target}, which is not https; nothing was fetched.")
        redirected = super().redirect_request(request, stream, code, message, headers, target)
        authorization = request.unredirected_hdrs.get("Authorization")
        if redirected and authorization and redirected.host == request.host:
            redirected.add_unredirected_header("Authorization", authorization)
        return redirected


def _opener() -> urllib.request.OpenerDirector:
    """With the machine's proxies and its certificate authorities."""
    context = ssl.create_default_context()
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _OwnHost())
