"""A temporary S3 bucket for tests, on a server on 127.0.0.1.

from tests.object_store import bucket  # noqa: F401 - in a conftest.py; then request the fixture
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import httpx
import pytest

NAME = "corpora"


@dataclass(frozen=True)
class Bucket:
    """The bucket at s3://corpora; `put` writes an object."""

    client: Any
    server: Any

    def put(self, key: str, text: str) -> None:
        self.client.put_object(Bucket=NAME, Key=key, Body=text.encode())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Start an S3 server, and point the environment variables of s3fs at it."""
    for package in ("s3fs", "boto3", "moto"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'seqtag[dev]'")
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.post(
        f"http://{host}:{port}/moto-api/reset"
    ).raise_for_status()  # moto's objects belong to the process
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ada")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket=NAME)
    yield Bucket(client, server)
    client.close()
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # the next test has another server
    server.stop()
