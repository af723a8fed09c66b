"""Limits of the server, around an app that answers with the body it got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
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

LIMITS = Limits(requests=2, body_bytes=60)
BODY = b'{"dataframe_records": [{"tokens": ["a"]}]}'
LONG = BODY + b" " * 60
JSON = {"content-type": "application/json"}


@asynccontextmanager
async def no_lifespan(_: Starlette) -> AsyncIterator[None]:
    yield


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def healthy(_: Request) -> Response:
    return PlainTextResponse("healthy")


def app(answer: Any = echo, metrics: ServingMetrics | None = None) -> Starlette:
    routes = [Route("/invocations", answer, methods=["POST"]), Route("/health", healthy)]
    version = ServedVersion("sample", "7", ("tokens",), Starlette(routes=routes))
    return gateway(lambda: version, LIMITS, metrics or ServingMetrics(), lifespan=no_lifespan)


def sent(app: Starlette, content: Any) -> httpx.Response:
    return post(app, "/invocations", content=content, headers=JSON)


def test_the_version_gets_the_sequences_and_its_answer_is_passed_on() -> None:
    assert sent(app(), BODY).json() == {"dataframe_split": {"columns": ["tokens"], "data": [[["a"]]]}}


@pytest.mark.parametrize("content_type", ["text/csv", "application/vnd.apache.parquet", "text/plain", ""])
def test_anything_but_json_is_refused(content_type: str) -> None:
    refused = post(app(), "/invocations", content=BODY, headers={"content-type": content_type})
    assert (refused.status_code, refused.text) == (415, "expected the content type application/json\n")


def test_an_invalid_body_is_refused_with_the_reason() -> None:
    refused = sent(app(), b'{"inputs": null}')
    assert refused.status_code == 400
    assert refused.text.startswith("expected the key dataframe_records or dataframe_split")


def test_health_checks_are_passed_on_and_nothing_else() -> None:
    assert get(app(), "/health").text == "healthy"
    assert [get(app(), path).status_code for path in ("/nothing", "/docs", "/x/invocations")] == [404] * 3
    assert get(app(), "/invocations").status_code == 405


def test_ready_names_the_version() -> None:
    ready = get(app(), "/ready")
    assert ready.json() == {"model_name": "sample", "model_version": "7"}


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b" " * 30


@pytest.mark.parametrize("content", [LONG, chunks()], ids=["declared", "in chunks"])
def test_a_body_that_is_too_long_is_refused(content: Any) -> None:
    refused = sent(app(), content)
    assert (refused.status_code, refused.text) == (413, "body is too long: expected at most 60 bytes\n")


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

    async def requests(client: httpx.AsyncClient) -> tuple[list[int], httpx.Response]:
        def send() -> Coroutine[Any, Any, httpx.Response]:
            return client.post("/invocations", content=BODY, headers=JSON)

        first = [asyncio.create_task(send()) for _ in range(2)]
        await is_full.wait()
        refused = await send()
        may_answer.set()
        answers = [(await each).status_code for each in first]
        again = await send()
        return [*answers, again.status_code], refused

    answers, refused = ask(app(answer), requests)
    assert answers == [200, 200, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_metrics_count_requests_by_their_status() -> None:
    metrics = ServingMetrics()
    server = app(metrics=metrics)
    sent(server, BODY)
    sent(server, BODY)
    sent(server, LONG)
    found = get(server, "/metrics")
    assert found.headers["content-type"].startswith("text/plain")
    assert 'seqtag_requests_total{status="200"} 2.0' in found.text
    assert 'seqtag_requests_total{status="413"} 1.0' in found.text
    assert "seqtag_request_seconds_count 3.0" in found.text
    assert "process_resident_memory_bytes" in found.text
