"""App of the model server: limits, readiness and metrics around the current version's scoring app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.request_body import Rejection, normalized
from seqtag.serving.served_version import ServedVersion

_SECONDS_FOR_BODY = 10.0
_PASSED_ON = ("/health", "/ping", "/version")


@dataclass(frozen=True)
class Limits:
    """Limits on requests."""

    requests: int  # in progress or queued
    body_bytes: int


def gateway(
    current: Callable[[], ServedVersion],
    limits: Limits,
    metrics: ServingMetrics,
    *,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
) -> Starlette:
    """Return the app: `/invocations` and the health checks of MLflow, `/ready` and `/metrics`.

    Args:
        current: returns the version in service.
    """

    def ready(_: Request) -> Response:
        version = current()
        return JSONResponse({"model_name": version.tagger, "model_version": version.version})

    def metrics_page(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/ready", ready),
        Route("/metrics", metrics_page),
        Mount("/", _Scoring(current, limits, metrics)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


class _Scoring:
    """Routes each request to the version in service once its body is complete."""

    def __init__(self, current: Callable[[], ServedVersion], limits: Limits, metrics: ServingMetrics) -> None:
        self._current, self._limits, self._metrics = current, limits, metrics
        self._n_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] in _PASSED_ON:
            await self._current().app(scope, receive, send)
        elif scope["path"] != "/invocations":
            await PlainTextResponse("not found\n", 404)(scope, receive, send)
        elif scope["method"] != "POST":
            await PlainTextResponse("expected POST\n", 405, {"Allow": "POST"})(scope, receive, send)
        else:
            await self._invocations(scope, receive, self._observed(send))

    async def _invocations(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._body(scope, receive)
            version = self._current()
            body = normalized(body, version.columns)
            if self._n_requests >= self._limits.requests:
                raise Rejection(503, f"more than {self._limits.requests} requests at a time; try again")
        except Rejection as rejection:
            headers = {"Retry-After": "1"} if rejection.status == 503 else {}
            if rejection.status in (408, 413):  # the rest of the body is not read
                headers["Connection"] = "close"
            answer = PlainTextResponse(rejection.reason + "\n", rejection.status, headers)
            await answer(scope, receive, send)
            return
        is_answered = False

        async def send_and_leave(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.body" and not message.get("more_body") and not is_answered:
                is_answered = True
                self._n_requests -= 1  # before the client can send its next request
            await send(message)

        self._n_requests += 1
        try:
            await version.app(_with_length(scope, len(body)), _replay(body, receive), send_and_leave)
        finally:
            self._n_requests -= not is_answered

    def _observed(self, send: Send) -> Send:
        """Return a `send` that counts the answer when it begins."""
        started = time.perf_counter()

        async def send_observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(str(message["status"])).inc()
                self._metrics.seconds.observe(time.perf_counter() - started)
            await send(message)

        return send_observed

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Read a body of JSON.

        Raises:
            Rejection: it is of another type, too long or too slow.
        """
        limit, headers = self._limits.body_bytes, dict(scope["headers"])
        too_long = Rejection(413, f"body is too long: expected at most {limit:,} bytes")
        if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            raise Rejection(415, "expected the content type application/json")
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise too_long
        body = bytearray()
        try:
            async with asyncio.timeout(_SECONDS_FOR_BODY):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Rejection(400, "body is incomplete")
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise too_long
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise Rejection(408, f"body took more than {_SECONDS_FOR_BODY:.0f} s") from None


def _with_length(scope: Scope, n_bytes: int) -> Scope:
    """Return the scope of a request whose body was replaced."""
    replaced = {b"content-length": str(n_bytes).encode(), b"content-type": b"application/json"}
    kept = [header for header in scope["headers"] if header[0] not in replaced]
    return {**scope, "headers": [*kept, *replaced.items()]}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that replays a body."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_replayed() -> Message:
        return messages.pop() if messages else await receive()

    return receive_replayed
