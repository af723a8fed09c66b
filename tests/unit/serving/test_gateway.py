"""Limits of the server, around an app that answers with the body it got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from seqtag.serving import gateway as module
from seqtag.serving.gateway import Limits, gateway
from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.served_version import ServedVersion
from tests.asgi_client import ask, get, post

LIMITS = Limits(requests=2, body_bytes=10)


@asynccontextmanager
async def no_lifespan(_: Starlette) -> AsyncIterator[None]:
    yield


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def healthy(_: Request) -> Response:
    return PlainTextResponse("healthy")


def app(answer: Any = echo, metrics: ServingMetrics | None = None) -> Starlette:
    routes = [Route("/invocations", answer, methods=["POST"]), Route("/health", healthy)]
    version = ServedVersion("sample", "7", Starlette(routes=routes))
    return gateway(lambda: version, LIMITS, metrics or ServingMetrics(), lifespan=no_lifespan)


def sent(app: Starlette, content: Any) -> httpx.Response:
    return post(app, "/invocations", content=content)


def test_the_version_gets_the_body_and_its_answer_is_passed_on() -> None:
    assert sent(app(), b"0123456789").content == b"0123456789"


def test_the_rest_of_mlflows_api_is_passed_on() -> None:
    assert get(app(), "/health").text == "healthy"
    assert get(app(), "/nothing").status_code == 404


def test_ready_names_the_version() -> None:
    ready = get(app(), "/ready")
    assert ready.json() == {"model_name": "sample", "model_version": "7"}


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"0123"


@pytest.mark.parametrize("content", [b"0123456789a", chunks()], ids=["declared", "in chunks"])
def test_a_body_that_is_too_long_is_refused(content: Any) -> None:
    refused = sent(app(), content)
    assert (refused.status_code, refused.text) == (413, "body is too long: expected at most 10 bytes\n")


def test_a_body_that_is_too_slow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_FOR_BODY", 0.01)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"0"
        await asyncio.sleep(10)

    assert sent(app(), slowly()).status_code == 408


def test_requests_beyond_the_limit_are_refused_and_those_before_are_answered() -> None:
    is_full, may_answer = asyncio.Event(), asyncio.Event()
    waiting = []

    async def answer(request: Request) -> Response:
        waiting.append(request)
        if len(waiting) == LIMITS.requests:
            is_full.set()
        await may_answer.wait()
        return Response(await request.body())

    async def requests(client: httpx.AsyncClient) -> tuple[list[str], httpx.Response]:
        first = [asyncio.create_task(client.post("/invocations", content=b"a")) for _ in range(2)]
        await is_full.wait()
        refused = await client.post("/invocations", content=b"b")
        may_answer.set()
        return [(await each).text for each in first], refused

    answers, refused = ask(app(answer), requests)
    assert answers == ["a", "a"]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_metrics_count_requests_by_their_status() -> None:
    metrics = ServingMetrics()
    server = app(metrics=metrics)
    sent(server, b"a")
    sent(server, b"b")
    sent(server, b"0123456789a")
    found = get(server, "/metrics")
    assert found.headers["content-type"].startswith("text/plain")
    assert 'seqtag_requests_total{status="200"} 2.0' in found.text
    assert 'seqtag_requests_total{status="413"} 1.0' in found.text
    assert "seqtag_request_seconds_count 3.0" in found.text
    assert "process_resident_memory_bytes" in found.text
