"""A server of files on this machine that can be told to fail, to ask who is there, and to send people elsewhere."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WeightsServer:
    """Files over HTTP; the requests that came, with their headers, are in `requests`.

    Attributes
    ----------
    files : dict of str to bytes
        By path.
    token : str or None
        Without it in the header of a request, the answer is 401.
    moved : dict of str to str
        Addresses that paths redirect to.
    cut : set of str
        Paths whose connection ends half way, every time.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.token: str | None = None
        self.moved: dict[str, str] = {}
        self.cut: set[str] = set()
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def headers(self, name: str) -> list[str | None]:
        """A header of all requests, in order."""
        return [headers.get(name) for _, headers in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def empty(self, status, **headers):
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                if outer.token and self.headers.get("Authorization") != f"Bearer {outer.token}":
                    return self.empty(401)
                if self.path in outer.moved:
                    return self.empty(302, Location=outer.moved[self.path])
                if self.path not in outer.files:
                    return self.empty(404)
                content = outer.files[self.path]
                start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - start))
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("ETag", f'"{len(content)}"')
                self.end_headers()
                body = content[start:]
                self.wfile.write(body[: len(body) // 2] if self.path in outer.cut else body)

        return Handler
