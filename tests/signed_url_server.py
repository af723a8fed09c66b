"""A file server on 127.0.0.1 that answers signed URLs only, with a signature that tests can change.

from tests.signed_url_server import store  # noqa: F401 - in a conftest.py or a test; then request the fixture
"""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit

import pytest


@dataclass
class Store:
    """Files by path, with `?id=` if there is one, and the signature that the server expects."""

    files: dict[str, bytes] = field(default_factory=dict)
    signature: str = "Zq7+first/day=="
    address: str = ""  # such as http://127.0.0.1:8000
    served: int = 0  # answers with content

    def signed(self, path: str, query: str = "") -> str:
        """Return a URL signed in the style of S3 and Azure: its time changes with the signature."""
        time = f"X-Amz-Date=2026{len(self.signature):04d}&X-Amz-Credential=AKIA%2F2026%2Fs3%2Faws4_request"
        return f"{self.address}/{path}?{query}{time}&sig={quote(self.signature, safe='')}"


@pytest.fixture
def store() -> Iterator[Store]:
    """Start a server that refuses unsigned requests, and HEAD, which a signature for GET does not cover."""
    pytest.importorskip("aiohttp", reason="fsspec reads HTTP through aiohttp")
    store = Store()

    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(403)

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = parse_qs(address.query)
            name = address.path[1:] + "".join(f"?id={number}" for number in asked.get("id", []))
            content = store.files.get(name)
            if asked.get("sig") != [store.signature]:
                return self._answer(403)
            if content is None:
                return self._answer(404)
            store.served += 1
            part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if part is None:
                return self._answer(200, content)
            start, stop = int(part[1]), min(int(part[2]) + 1, len(content))
            where = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
            return self._answer(206, content[start:stop], where)

        def _answer(self, status: int, content: bytes = b"", more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(content)),
                "Accept-Ranges": "bytes",
                **(more or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        store.address = f"http://127.0.0.1:{running.server_port}"
        yield store
        running.shutdown()
        thread.join()
