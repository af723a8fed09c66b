"""Monitoring and notifications on a real server: drift starts a retraining, and each notice is sent once."""

import json
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from flows import stack
from flows.services import process_manager
from seqtag.steps import Workspace
from tests.live_services import begin, client_of, corpus, finished, until, until_final, written

pytestmark = pytest.mark.slow


@pytest.fixture
def received() -> Iterator[SimpleNamespace]:
    """Notices that an HTTP receiver was sent."""
    notices: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            notices.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(notices=notices, address=f"json://127.0.0.1:{server.server_port}/notices")
        server.shutdown()


@pytest.fixture
def mailed() -> Iterator[SimpleNamespace]:
    """Mails that a mail server was sent."""
    mails = []

    class Sink:
        async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
            mails.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    port = process_manager.free_port(0)
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield SimpleNamespace(
        mails=mails, address=f"mailto://127.0.0.1:{port}?from=seqtag@example.com&to=team@example.com"
    )
    controller.stop()


def test_drift_starts_a_retraining_and_each_notice_is_sent_once(
    workspace: Workspace, checkout: Path, received, mailed, monkeypatch
) -> None:
    monkeypatch.setenv("SEQTAG_NOTIFY_URL", f"{received.address},{mailed.address}")
    source = checkout / "corpus.jsonl"
    source.write_text(corpus("abcd", n=400))
    written(checkout, "", source='"jsonl"\npath = "corpus.jsonl"')
    url, changes = stack.up(workspace, checkout=checkout)
    assert "+ block people" in changes

    assert until_final(url, begin(url)).state.name == "Promoted"
    assert until_final(url, begin(url)).state.name == "Skipped"
    assert until_final(url, begin(url, "monitor/small")).state.name == "Steady"
    source.write_text(corpus("abef", n=400))
    assert until_final(url, begin(url, "monitor/small")).state.name == "Retrain"
    retrained = until(url, lambda runs: third(finished(runs)))
    assert retrained[0].state.name in ("Promoted", "Held", "Rejected")
    source.write_text('{"tokens": 3}\n')
    failed = until_final(url, begin(url))
    assert failed.state.is_failed()

    with client_of(url) as client:
        keys = {artifact.key for artifact in client.read_latest_artifacts()}
    assert {"drift-small", "retrain-small", "training-small", "scores-small", "data-small"} <= keys
    notices = wait_for(received.notices, 4)
    assert [notice["title"] for notice in notices] == [
        "small: PROMOTE",
        "small: retrain (drift)",
        f"small: {retrained[0].state.message.partition(':')[0]}",
        f"{failed.name}: {failed.state.name}",
    ]
    assert "Report: http://127.0.0.1:" in notices[0]["message"]
    assert f"Dashboard: {url}/runs/flow-run/" in notices[0]["message"]
    assert "corpus.jsonl" in notices[3]["message"]
    # the server notices a missing worker after three heartbeats of 30 seconds
    process_manager.stop(workspace.home, "worker")
    notices = wait_for(received.notices, 5, within=180)
    assert notices[4]["title"] == "no worker is up"
    mails = wait_for(mailed.mails, 5)
    assert {mail.get_content_type() for mail in mails} == {"text/plain"}  # tags are not rendered as HTML
    assert [mail["subject"] for mail in mails] == [notice["title"] for notice in notices]


def third(runs):
    retrainings = [run for run in runs if run.name == "retrain small"]
    return [max(retrainings, key=lambda run: run.expected_start_time)] if len(retrainings) == 3 else []


def wait_for(things: list, n: int, *, within: float = 60) -> list:
    """Wait for `n` items, and fail if more arrive, since those would be repeats."""
    deadline = time.monotonic() + within
    while len(things) < n and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(3)
    assert len(things) == n, things
    return things
